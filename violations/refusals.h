/* Refused logins, which whoever can connect can cause: the first of a reason and an address are
 * written one by one, the others of a period as one record. Rehearsals of moves are kept likewise,
 * by the service in the address's place. Under violations' lock.
 */
#ifndef VIOLATIONS_REFUSALS_H
#define VIOLATIONS_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { REFUSALS_KINDS = 64, REFUSALS_TOLD = 10 };

/* One reason and address (without the port). */
struct refusal_kind {
    uint64_t hash; /* 0: free */
    unsigned told; /* in this period */
    uint64_t count;
    int64_t start, first, last; /* microseconds; the latter two of those that are counted */
    char client[72], reason[64];
};

struct refusals {
    struct refusal_kind kinds[REFUSALS_KINDS];
};

/* One more. True: it is to be written by itself. */
bool refusals_add(struct refusals *refusals, struct text client, struct text reason, int64_t now,
                  int64_t period);
/* The next kind that is over, or with `all` that has something to tell; it is free then. False
 * where there is none. */
bool refusals_take(struct refusals *refusals, int64_t now, int64_t period, bool all,
                   struct refusal_kind *taken);

#endif
