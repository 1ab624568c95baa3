/* What an instance of silogate does about moves while it runs: a thread for each upstream that has
 * [move:] sections and an `account` asks where the tables stand, meets movers, and closes and opens
 * the door that the proxy keeps. It knows the proxy only by the functions it is given.
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
    /* Where the tables stand from now on; takes over the reference. NULL: no moves are open. */
    void (*publish)(void *user, const char *upstream, struct sql_moved *names);
    /* New transactions on the tables wait, for so long at most; 0: they wait no more. */
    void (*close)(void *user, const char *upstream, uint64_t moves, int64_t milliseconds);
    /* Where nobody is inside, from now on nobody gets in, out of a transaction neither; else false,
     * and nothing has changed. */
    bool (*seal)(void *user, const char *upstream, uint64_t moves);
    /* Sessions that may hold locks on the tables. */
    unsigned (*inside)(void *user, const char *upstream, uint64_t moves);
    /* Who they are, a line each; cut to `size`. */
    void (*blockers)(void *user, const char *upstream, uint64_t moves, char *to, size_t size);
    /* Statements that name the move's tables and could not be mapped, since the start; and which, a
     * line each. */
    uint64_t (*unmapped)(void *user, const char *upstream, unsigned move, char *to, size_t size);
    /* Has somebody met a table that is not there? Asked and forgotten. */
    bool (*missed)(void *user, const char *upstream);
};

struct watch *watch_start(const struct watch_door *door);
/* What is in force from now on, or once the hold that goes on is over. `let_go(owner)` is called,
 * by any thread, when it is not looked at any more. */
void watch_configure(struct watch *watch, const struct config *config, const struct policy *policy,
                     void (*let_go)(void *owner), void *owner);
void watch_stop(struct watch *watch); /* opens all doors */

#endif
