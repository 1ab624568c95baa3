/* The mover: `silogate move`. It plans the move, looks for reasons to refuse it, prepares it, moves
 * the tables while all instances hold new transactions for a bounded time, and checks the result.
 * One order for each process.
 */
#ifndef MOVE_MOVER_H
#define MOVE_MOVER_H

#include <stdio.h>

#include "config/config.h"
#include "policy/policy.h"

enum move_what {
    MOVE_THERE,
    MOVE_BACK,
    MOVE_FINISH, /* the aliases are dropped */
    MOVE_STATUS,
};

struct move_order {
    const struct config *config;
    const struct policy *policy;
    unsigned move; /* index into config->moves */
    enum move_what what;
    const char *defaults_file; /* NULL: the upstream's account */
    bool dry_run;              /* changes nothing, and prints what would be changed */
    bool accept_unmapped;      /* go on although statements were seen that cannot be mapped, or a
                                  trigger of another table names what will not be there */
    int64_t unused_for;        /* milliseconds: MOVE_FINISH needs aliases unused for so long */
    FILE *out;
};

/* True: done, or there was nothing to do. False: refused or given up; the tables are where they
 * were, and `out` says why, or `error` if the server could not be asked. */
bool mover_run(const struct move_order *order, struct error *error);

#endif
