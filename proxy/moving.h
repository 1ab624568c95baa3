/* Open moves at one upstream, for the sessions that stand at it: where the tables stand, the door
 * that is closed while they move, and who is inside.
 *
 * A session is inside from the first command on that may lock a table of the move until it is at a
 * boundary again: no transaction, no LOCK TABLES, no answer in flight. At a closed door who is
 * inside, or in any transaction, passes, because others inside may wait for it; all others wait.
 * Once nobody is inside the door is sealed for the moment of the switch, and transactions that come
 * now wait as well: nobody inside can wait for them. Counting and looking at the door are in such
 * an order that nobody slips through: a session counts itself first and looks then, whoever closes
 * or seals does that first and counts then.
 */
#ifndef PROXY_MOVING_H
#define PROXY_MOVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;
struct session;
struct usage;
struct moving;
struct ruling;
struct sql_moved;

/* The open moves that a session is inside of. */
struct moving_inside {
    uint64_t touched;
    uint64_t touched_by;     /* the digest of the statement that keeps it inside; 0: not known */
    struct sql_moved *names; /* with `pinned` */
    uint32_t since;          /* in the worker's seconds */
    bool pinned;             /* LOCK TABLES was sent: until its end names are mapped by `names` */
};

struct moving *moving_new(void);

/* Where the tables stand at the session's upstream; NULL: no moves are open. Until the next call
 * for this upstream by this worker. */
struct sql_moved *moving_names(struct session *session);
void moving_fini(struct worker *worker);

/* The command at hand may lock tables of the moves `touched`. False: it must wait, and is judged
 * again when the door opens. */
bool moving_enter(struct session *session, uint64_t touched);
/* A command was passed: what it locks beyond its transaction, what could not be mapped. */
void moving_passed(struct session *session, const struct ruling *ruling);
/* The command is over. */
void moving_answered(struct session *session);
/* The server knows no table that the names here say it has: the catalogue is to be looked at. A
 * number for moving_looked, which tells whether that was done since; else the session runs again
 * once it is. */
uint32_t moving_look(struct session *session);
bool moving_looked(struct session *session, uint32_t number);
/* The session is over, or begins anew. */
void moving_leave(struct session *session);

/* --- from the worker's own thread, when it is woken --- */
void moving_wake(struct worker *worker);

/* --- from the threads of the watch: see struct watch_door (move/watch.h) --- */
struct moving_door {
    struct worker *workers;
    unsigned worker_count;
};
void moving_publish(void *door, const char *upstream, struct sql_moved *names);
void moving_close(void *door, const char *upstream, uint64_t moves, int64_t milliseconds);
bool moving_seal(void *door, const char *upstream, uint64_t moves);
unsigned moving_inside(void *door, const char *upstream, uint64_t moves);
void moving_blockers(void *door, const char *upstream, uint64_t moves, char *to, size_t size);
uint64_t moving_unmapped(void *door, const char *upstream, unsigned move, char *to, size_t size);
bool moving_missed(void *door, const char *upstream);

#endif
