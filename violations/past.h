/* What violation logs tell of the time before this process: for the pages' ranges of time, which
 * would begin anew with each restart.
 */
#ifndef VIOLATIONS_PAST_H
#define VIOLATIONS_PAST_H

#include "violations/summary.h"

/* Adds what the log at `path`, and the one that rotation has left at PATH.1, hold of the thirty
 * days before `until` (microseconds), of each at most the last 16 MiB: when it was, with totals of
 * 0, since these count from the start of the process. What is no plain file is left out. */
void past_read(struct summary *to, const char *path, int64_t until);

#endif
