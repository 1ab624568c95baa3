/* silogate report --baseline: a report against what was written down before. */
#ifndef CMD_RATCHET_H
#define CMD_RATCHET_H

#include "report/report.h"

struct ratchet {
    const char *baseline; /* the file; NULL: no ratchet */
    bool fail_on_new, prune;
};

/* Prints what is new and what is stale; the exit status. One line on standard error says why it
 * fails. */
int ratchet_compare(const struct report *report, const struct ratchet *ratchet);

#endif
