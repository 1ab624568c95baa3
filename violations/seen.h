/* The violating queries that a worker has seen, for the dashboard: a bounded table in which the
 * rare make room for new ones. Used by its worker alone; allocates nothing after seen_new.
 */
#ifndef VIOLATIONS_SEEN_H
#define VIOLATIONS_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "violations/violations.h"

enum { SEEN_SETS = 128, SEEN_WAYS = 8 };

struct seen;

struct seen *seen_new(void);
void seen_free(struct seen *seen);

/* One more of `key`. False where it is not there (any more). */
bool seen_again(struct seen *seen, uint64_t key, int64_t now);
/* A place for `key`, zeroed, with a count of one, for the caller to fill. */
struct violations_seen *seen_put(struct seen *seen, uint64_t key, int64_t now);
/* The most frequent and the latest. */
void seen_copy(const struct seen *seen, struct violations_recent *to);

#endif
