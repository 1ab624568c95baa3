/* The parts of silogate test: policy tests, which rules they touch, and the what-if. */
#ifndef CMD_TEST_H
#define CMD_TEST_H

#include <stdint.h>
#include <stdio.h>

#include "learn/offline.h"

/* Which lines of a policy have decided something. */
struct coverage {
    const struct offline *offline;
    bool touched[UINT16_MAX + 1];
};

/* Notes what decided about each object of a statement, and the owner's own pattern. */
void coverage_note(struct coverage *coverage, const struct offline_session *session,
                   const struct offline_part *part);
/* What owns, reads, grants and edges no test has touched. */
void coverage_tell(const struct coverage *coverage, FILE *to);

/* What of the logs' violations the policy `next` would treat otherwise than `before`. True where
 * something that went through would be blocked; `*good` false where a log cannot be read. */
bool what_if(const struct offline *before, const struct offline *next, char **logs, bool *good);

#endif
