/* What a running instance of silogate does for moves. There is one thread for each upstream that
 * has [move:] sections and an `account`. It finds out where the tables are, works together with
 * movers, and closes and opens the proxy's door: the point at which new transactions on the tables
 * wait. It calls the proxy only through the functions of struct watch_door.
 */
#ifndef MOVE_WATCH_H
#define MOVE_WATCH_H

#include "config/config.h"
#include "policy/policy.h"
#include "sql/moved.h"

struct watch;

/* The door. Called by the threads of the watch; `moves` is a bit for each. */
struct watch_door {
    void *user;
    /* Where the tables are from now on; takes over the reference. NULL: there are no moves. */
    void (*publish)(void *user, const char *upstream, struct sql_moved *names);
    /* New transactions on the tables wait, for this time at most; 0: they no longer wait. */
    void (*close)(void *user, const char *upstream, uint64_t moves, int64_t milliseconds);
    /* If no session is inside, from now on none gets in, also none that is in a transaction. Else
     * false, and nothing has changed. */
    bool (*seal)(void *user, const char *upstream, uint64_t moves);
    /* The number of sessions inside: those that may hold locks on the tables. */
    unsigned (*inside)(void *user, const char *upstream, uint64_t moves);
    /* Asks who they are; returns at once, the answers take some milliseconds. */
    void (*ask_blockers)(void *user, const char *upstream, uint64_t moves);
    /* Those of the last question who have answered, a line each; cut to `size`. */
    void (*blockers)(void *user, const char *upstream, char *to, size_t size);
    /* Statements that name the move's tables and could not be mapped, since the start; and which, a
     * line each. */
    uint64_t (*unmapped)(void *user, const char *upstream, unsigned move, char *to, size_t size);
    /* Has a statement failed since the last call because a table was not at its place? */
    bool (*missed)(void *user, const char *upstream);
};

struct watch *watch_start(const struct watch_door *door);
/* The configuration and policy from now on, or from the end of a running hold on. `let_go(owner)`
 * is called, by any thread, when they are no longer used. */
void watch_configure(struct watch *watch, const struct config *config, const struct policy *policy,
                     void (*let_go)(void *owner), void *owner);
void watch_stop(struct watch *watch); /* opens all doors */

#endif
