/* Where in a service's code a statement comes from: the tags that sqlcommenter and its like leave
 * in a comment at the end of it, as route='%2Fbills',traceparent='00-..-01'. Only the keys below
 * are looked at, and nothing that stands in a literal.
 */
#ifndef VIOLATIONS_TRACE_H
#define VIOLATIONS_TRACE_H

#include <stdint.h>

#include "base/json.h"
#include "base/text.h"
#include "sql/state.h"

/* The keys, as they are called in the record; traceparent and tracestate differ from one request to
 * the next, the rest says which place in the code it is. */
#define TRACE_KEYS(K)                                                                              \
    K(TRACE_TRACEPARENT, "traceparent")                                                            \
    K(TRACE_TRACESTATE, "tracestate")                                                              \
    K(TRACE_APPLICATION, "application")                                                            \
    K(TRACE_FRAMEWORK, "framework")                                                                \
    K(TRACE_CONTROLLER, "controller")                                                              \
    K(TRACE_ACTION, "action")                                                                      \
    K(TRACE_ROUTE, "route")                                                                        \
    K(TRACE_JOB, "job")                                                                            \
    K(TRACE_DRIVER, "db_driver")

enum trace_key {
#define K(symbol, name) symbol,
    TRACE_KEYS(K)
#undef K
        TRACE_KEY_COUNT
};

struct trace {
    struct text values[TRACE_KEY_COUNT]; /* `at` NULL: not there; they point into `bytes` */
    size_t length;
    char bytes[1536];
};

/* Fills `trace` from the comment that ends `text`, where there is one. */
void trace_read(struct trace *trace, struct text text, const struct sql_state *state);
/* Sets traceparent, where `value` looks like one. */
void trace_set_parent(struct trace *trace, struct text value);
/* A hash of what says which place in the code it is. */
uint64_t trace_hash(const struct trace *trace, uint64_t seed);
/* The record's field: an object, or null. */
void trace_write(const struct trace *trace, struct json *json);

#endif
