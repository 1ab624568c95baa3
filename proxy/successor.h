/* Starts the silogate that takes over from this one (takeover.h), as SIGUSR2 asks for: the program
 * at the path that this one was started from, which an upgrade has replaced meanwhile, with the
 * same file. It is this one's child, so it has its environment, its limits and, under systemd, its
 * unit.
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
    bool serves;   /* it, or another, has taken over: its end is none of this one's business */
};

/* At the start, while the program's path still names this program. */
void successor_init(struct successor *successor, const char *path);
/* On the default loop. Says in the log what comes of it; nothing changes for this silogate until
 * the successor serves. */
void successor_start(struct successor *successor, struct ev_loop *loop);

#endif
