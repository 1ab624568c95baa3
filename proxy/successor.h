/* Starts the silogate that takes over from this one (takeover.h), on SIGUSR2: the program at the
 * path from which this one was started, which an upgrade may have replaced, with the same
 * configuration file. It is this one's child, so it has its environment, its limits and, under
 * systemd, its unit.
 */
#ifndef PROXY_SUCCESSOR_H
#define PROXY_SUCCESSOR_H

#include <ev.h>
#include <stdbool.h>

struct successor {
    const char *path; /* of the configuration */
    char program[4096];
    struct ev_child ended;
    bool starting; /* one was started and has not ended */
    bool serves;   /* it, or another one, has taken over: its end does not matter any more */
};

/* At the start, while the program's path still names this program. */
void successor_init(struct successor *successor, const char *path);
/* On the default loop. The result is logged; nothing changes for this silogate until the successor
 * serves. */
void successor_start(struct successor *successor, struct ev_loop *loop);

#endif
