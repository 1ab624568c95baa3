/* What a worker has seen of violations, for the pages and the metrics: edges, and the queries in a
 * bounded table in which the rare make room for new ones. Used by its worker alone; allocates
 * nothing after seen_new. 8,192 queries of about 2.6 KiB and 8,192 edges of 0.75 KiB: at most 27
 * MiB, and only as much of it as is used.
 */
#ifndef VIOLATIONS_SEEN_H
#define VIOLATIONS_SEEN_H

#include "violations/summary.h"

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen *seen);

/* `count` more of `key`, on its edges too; NULL where it is not there (any more). */
struct summary_query *seen_again(struct seen *seen, uint64_t key, int64_t now, uint64_t count);
/* A place for `key`, zeroed, for the caller to fill with seen_edge and all the rest; then
 * seen_again counts it. */
struct summary_query *seen_put(struct seen *seen, uint64_t key, int64_t now);
/* The query stands on the edge of these two names too. */
void seen_edge(struct seen *seen, struct summary_query *query, struct text service,
               struct text owner);

/* Copies the next part. */
void seen_copy(const struct seen *seen, struct summary_slice *slice);

#endif
