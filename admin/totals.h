/* Counters that continue over an upgrade. If a counter becomes smaller, Prometheus takes it for one
 * that restarted at 0. It would lose what the old process counted since the last scrape and what
 * its remaining sessions still count. So the youngest generation shows the sum of all generations,
 * also of those that have ended. Works on the text of /metrics as page_metrics writes it.
 */
#ifndef ADMIN_TOTALS_H
#define ADMIN_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes `own` with the values of the other texts added: counters, histograms, and the numbers of
 * open sessions. Series that only the others have come last in their metric. Everything else is as
 * in `own`. `counters`: write only counters and histograms, without HELP lines; this is what is
 * kept of a generation that has ended. */
void totals_write(FILE *to, const char *own, char *const *others, size_t count, bool counters);
/* Writes the counts to add to this text after its process has ended: its open sessions count as
 * closed, and its commands without an answer as failed. */
void totals_end(FILE *to, const char *text);

#endif
