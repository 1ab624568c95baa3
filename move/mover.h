/* The mover: `silogate move`. Plans, refuses, prepares, switches under one bounded hold of all
 * instances, checks. One order a process.
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
    bool dry_run;              /* nothing is changed: it is printed what would be */
    bool accept_unmapped;      /* statements were seen that cannot be mapped */
    int64_t unused_for; /* milliseconds: MOVE_FINISH only where no alias was used for so long */
    FILE *out;
};

/* True: done, or there was nothing to do. False: refused or given up, the tables stand where they
 * stood, and `out` has said why; or `error` where the server could not be asked. */
bool mover_run(const struct move_order *order, struct error *error);

#endif
