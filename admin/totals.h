/* Counters that go on over an upgrade. Prometheus takes a counter that has become smaller for one
 * that began at 0 anew: what a silogate had counted since it was last asked, and what its sessions
 * do after it was taken over from, would be in nobody's sum. So the youngest generation shows the
 * sum of all, those that have ended too. Works on the text of /metrics as page_metrics writes it.
 */
#ifndef ADMIN_TOTALS_H
#define ADMIN_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes `own` with what the other texts have added to it: counters, histograms, and how many
 * sessions are open. Series that only the others have come last in their metric. Everything else
 * is as `own` says. `counters`: only counters and histograms are written, with no words of help;
 * that is what stays of a generation that has ended. */
void totals_write(FILE *to, const char *own, char *const *others, size_t count, bool counters);
/* Writes what is to be added to this text of a process that has ended: the sessions that it still
 * had are over, and the commands on their way have failed. */
void totals_end(FILE *to, const char *text);

#endif
