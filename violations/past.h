/* What violation logs say about the time before this process started: without it the pages' ranges
 * of time would be empty after each restart.
 */
#ifndef VIOLATIONS_PAST_H
#define VIOLATIONS_PAST_H

#include "violations/summary.h"

/* Adds what the log at `path`, and its rotated predecessor PATH.1, hold of the thirty days before
 * `until` (microseconds), at most the last 16 MiB of each. Only the times are counted: the totals
 * stay 0, because they count from the start of the process. A path that is not a regular file is
 * ignored. */
void past_read(struct summary *to, const char *path, int64_t until);

#endif
