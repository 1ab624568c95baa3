/* silogate report --baseline: compares a report with an earlier one. */
#ifndef CMD_RATCHET_H
#define CMD_RATCHET_H

#include "report/report.h"

struct ratchet {
    const char *baseline; /* the file; NULL: no ratchet */
    bool fail_on_new, prune;
};

/* Prints what is new and what is stale; returns the exit status. If it fails, one line on standard
 * error gives the reason. */
int ratchet_compare(const struct report *report, const struct ratchet *ratchet);

#endif
