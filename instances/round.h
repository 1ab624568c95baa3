/* One look at the meeting point, on a connection that is there: both directions. Private to
 * instances/. */
#ifndef INSTANCES_ROUND_H
#define INSTANCES_ROUND_H

#include "instances/meet.h"

struct round {
    const char *upstream, *self; /* names: of the upstream, of this instance */
    const struct meet_proxy *proxy;
    struct connection *connection;
    struct instance_state state; /* of this one, as it was last */
    struct override_news rows[STORE_OVERRIDES_MAX];
    struct instance instances[INSTANCES_MAX]; /* what there is */
    size_t count;
    bool mailbox;     /* the table for questions is there; */
    int64_t prepared; /* when that was tried */

    /* What was told last: */
    uint64_t beaten_overrides;
    int64_t beaten, differ;
    bool beaten_draining, told_differ;
};

/* A connection was opened anew. */
void round_begin(struct round *round);
bool round_run(struct round *round, struct error *error);

int64_t monotonic_ms(void);

#endif
