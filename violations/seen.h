/* The violations that a worker has seen, for the pages and the metrics: edges, and queries in a
 * table of a fixed size in which new queries replace rare ones. Used only by its worker; allocates
 * nothing after seen_new. 8,192 queries of about 2.6 KiB and 8,192 edges of 0.75 KiB: at most 27
 * MiB, of which the system allocates only what is used.
 */
#ifndef VIOLATIONS_SEEN_H
#define VIOLATIONS_SEEN_H

#include "violations/summary.h"

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen *seen);

/* Counts `count` more of `key`, also on its edges; NULL if it is not in the table (any more). */
struct summary_query *seen_again(struct seen *seen, uint64_t key, int64_t now, uint64_t count);
/* A zeroed entry for `key`. The caller fills it and calls seen_edge for each edge; then seen_again
 * counts it. */
struct summary_query *seen_put(struct seen *seen, uint64_t key, int64_t now);
/* The query also stands on the edge between these two names. */
void seen_edge(struct seen *seen, struct summary_query *query, struct text service,
               struct text owner);

/* Copies the next part. */
void seen_copy(const struct seen *seen, struct summary_slice *slice);

#endif
