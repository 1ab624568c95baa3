/* The parts of silogate test: policy tests, coverage of rules, and the what-if. */
#ifndef CMD_TEST_H
#define CMD_TEST_H

#include <stdint.h>
#include <stdio.h>

#include "learn/offline.h"

/* Which lines of a policy have decided a verdict. */
struct coverage {
    const struct offline *offline;
    bool touched[UINT16_MAX + 1];
};

/* Notes the rule that decided about each object of a statement, and the owner's pattern for it. */
void coverage_note(struct coverage *coverage, const struct offline_session *session,
                   const struct offline_part *part);
/* Prints the owns, reads, grants and edges that no test has used. */
void coverage_tell(const struct coverage *coverage, FILE *to);

/* Prints which violations of the logs the policy `next` would treat differently from `before`. True
 * if something that was let through would be blocked. `*good` is false if a log cannot be read. */
bool what_if(const struct offline *before, const struct offline *next, char **logs, bool *good);

#endif
