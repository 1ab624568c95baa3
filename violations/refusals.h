/* Refused logins. Anyone who can connect can cause them, so only the first few of a reason and an
 * address are written one by one; the others of the period become one record. Rehearsals of moves
 * are counted in the same way, with the service instead of the address. Protected by the lock of
 * struct violations.
 */
#ifndef VIOLATIONS_REFUSALS_H
#define VIOLATIONS_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { REFUSALS_KINDS = 64, REFUSALS_TOLD = 10 };

/* One reason and address (without the port). */
struct refusal_kind {
    uint64_t hash; /* 0: the entry is free */
    unsigned told; /* in this period */
    uint64_t count;
    /* microseconds; `first` and `last` of the refusals that are only counted */
    int64_t start, first, last;
    char client[72], reason[64];
};

struct refusals {
    struct refusal_kind kinds[REFUSALS_KINDS];
};

/* Counts one more. True: it must be written as a record of its own. */
bool refusals_add(struct refusals *refusals, struct text client, struct text reason, int64_t now,
                  int64_t period);
/* Returns the next entry whose period is over, or with `all` the next that has counted something,
 * and frees it. False if there is none. */
bool refusals_take(struct refusals *refusals, int64_t now, int64_t period, bool all,
                   struct refusal_kind *taken);

#endif
