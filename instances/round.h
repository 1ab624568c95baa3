/* One round of an instance over the shared tables, on an open connection: it writes its own state
 * and reads that of the others. Private to instances/. */
#ifndef INSTANCES_ROUND_H
#define INSTANCES_ROUND_H

#include "instances/meet.h"

struct round {
    const char *upstream; /* its name */
    const struct meet_proxy *proxy;
    struct connection *connection;
    struct instance_state state; /* of this instance, as last read from the proxy */
    struct override_news rows[OVERRIDES_MAX + STORE_NEWS_MAX];
    char ids[OVERRIDES_CLOSED_MAX][OVERRIDE_ID]; /* of those over that were written */
    struct instance instances[INSTANCES_MAX];    /* all that were alive within the last minute */
    size_t count;
    bool full;        /* more overrides are in the table than an instance can have in force */
    bool mailbox;     /* the table `sought` exists */
    int64_t prepared; /* when its creation was last tried */

    /* What was last written to the tables or the log: */
    uint64_t beaten_overrides;
    int64_t beaten, differ, tidied;
    bool beaten_draining, told_differ, told_full;
};

/* To be called when the connection was opened anew. */
void round_begin(struct round *round);
/* Writes and reads once. False with `error`: the server has refused a statement or cannot be
 * reached; the caller closes the connection. */
bool round_run(struct round *round, struct error *error);

#endif
