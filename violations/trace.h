/* From which place in a service's code a statement comes: the tags that sqlcommenter and similar
 * tools write into a comment at the end of the statement, as
 * route='%2Fbills',traceparent='00-..-01'. Only the keys below are read, and never the text of a
 * literal.
 */
#ifndef VIOLATIONS_TRACE_H
#define VIOLATIONS_TRACE_H

#include <stdint.h>

#include "base/json.h"
#include "base/text.h"
#include "sql/state.h"

/* The keys, named as in the record. traceparent and tracestate differ from request to request; the
 * others identify the place in the code. */
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
    /* `at` NULL: there is no such tag; the texts point into `bytes` */
    struct text values[TRACE_KEY_COUNT];
    size_t length;
    char bytes[1536];
};

/* Fills `trace` from the comment at the end of `text`, if there is one. */
void trace_read(struct trace *trace, struct text text, const struct sql_state *state);
/* Sets traceparent if `value` has its form. */
void trace_set_parent(struct trace *trace, struct text value);
/* A hash of the keys that identify the place in the code. */
uint64_t trace_hash(const struct trace *trace, uint64_t seed);
/* Writes the field of the record: an object, or null. */
void trace_write(const struct trace *trace, struct json *json);

#endif
