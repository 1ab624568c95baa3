/* What the pages show of a violating query, taken from its first occurrence. Only for this room. */
#ifndef VIOLATIONS_DESCRIBE_H
#define VIOLATIONS_DESCRIBE_H

#include "violations/seen.h"
#include "violations/trace.h"
#include "violations/violations.h"

struct description {
    const struct violations_session *session;
    const struct violations_statement *statement;
    const struct trace *trace;
    struct text shown; /* the normalized statement; `at` NULL if it must not be shown */
    uint64_t id, digest;
};

/* Fills a query of seen_put, and the edges on which it stands. */
void describe_query(struct seen *seen, struct summary_query *query,
                    const struct description *description);
/* Adds a place from which it is sent: "node via mysql2 /bills/:id". */
void describe_caller(struct summary_query *query, const struct violations_session *session,
                     const struct trace *trace);

#endif
