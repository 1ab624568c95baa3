/* What the pages show of a violating query, out of its first occurrence. Internal to the room. */
#ifndef VIOLATIONS_DESCRIBE_H
#define VIOLATIONS_DESCRIBE_H

#include "violations/seen.h"
#include "violations/trace.h"
#include "violations/violations.h"

struct description {
    const struct violations_session *session;
    const struct violations_statement *statement;
    const struct trace *trace;
    struct text shown; /* the normalized statement; none where it is not to be shown */
    uint64_t id, digest;
};

/* Fills a query of seen_put, with the edges it stands on. */
void describe_query(struct seen *seen, struct summary_query *query,
                    const struct description *description);
/* It comes from here too: "node via mysql2 /bills/:id". */
void describe_caller(struct summary_query *query, const struct violations_session *session,
                     const struct trace *trace);

#endif
