/* Open moves at one upstream, for the sessions that use it: where the tables are, the door that is
 * closed while they move, and which sessions are inside.
 *
 * A session is inside from its first command that may lock a table of the move until it is at a
 * boundary again: no transaction, no LOCK TABLES, no answer in flight. While the door is closed,
 * commands pass if their session is inside or in any transaction, because others inside may wait
 * for it; all others wait. When nobody is inside, the door is sealed for the moment of the switch:
 * then sessions in a transaction wait too, because nobody inside can be waiting for them. The
 * order of steps prevents races: a session first counts itself as inside and then checks the door;
 * closing or sealing first changes the door and then reads the count.
 */
#ifndef PROXY_MOVING_H
#define PROXY_MOVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct worker;
struct session;
struct usage;
struct moving;
struct ruling;
struct sql_moved;

/* The open moves in which a session is inside. */
struct moving_inside {
    uint64_t touched;
    uint64_t touched_by;     /* the digest of the statement that keeps it inside; 0: not known */
    struct sql_moved *names; /* with `pinned` */
    uint64_t places;         /* sql_moved_places of moving_rights_read */
    uint64_t renewed_for;    /* with `renewed`: likewise */
    uint32_t since;          /* in seconds of the worker's clock */
    uint32_t warned_by;      /* the statement whose PREPARE has left the warnings; 0: none has */
    bool warned;             /* the client may ask for warnings or an error */
    bool missed;  /* the last statement failed, because it had to be prepared again and was not */
    bool tried;   /* a statement could not be prepared again before the present command */
    bool renewed; /* no statement has to be prepared again: see renew_due */
    bool pinned;  /* LOCK TABLES is in force: until its end names are mapped by `names` */
};

struct moving *moving_new(void);

/* Where the tables are at the session's upstream; NULL: no moves are open. Valid until this
 * worker's next call for this upstream. */
struct sql_moved *moving_names(struct session *session);
/* The server looks up, from here on, what the session may do in its current database. */
void moving_rights_read(struct session *session);
/* Have tables moved since, and do some stand in that database? */
bool moving_outdates_rights(const struct session *session, const struct ruling *ruling);
void moving_fini(struct worker *worker);
/* Before the first session: where the tables of the moves in `config` are is not known yet. */
void moving_expect(const struct config *config);
/* The upstream is up. The first time, if nobody has looked where the tables are, the first
 * statements wait for that from now on. By any thread; NULL: it has no moves. */
void moving_reached(struct moving *moving);

enum moving_entry {
    MOVING_ENTERED,
    MOVING_HELD,    /* it must wait, and is judged again when the door opens */
    MOVING_OUTDATED /* the tables may have moved since it was judged: judge it again, now */
};

/* The present command was judged without names. Are they still to come, after the start? It waits
 * for three seconds at most (the server may not let silogate's account in). */
enum moving_entry moving_await(struct session *session);
/* The present command may lock tables of the moves in ruling->touched. No move of them ends from
 * here until moving_answered, so the names by which it was judged stay valid. */
enum moving_entry moving_enter(struct session *session, const struct ruling *ruling);
/* A command was passed: notes what it locks beyond its transaction, and what could not be mapped.
 */
void moving_passed(struct session *session, const struct ruling *ruling);
/* The command is over. */
void moving_answered(struct session *session);
/* It is known now that no transaction is open: leaves the moves, if nothing else holds it. */
void moving_settle(struct session *session);
/* The server does not have a table at the place that is known here: asks for a read of the
 * catalogue. Returns a number for moving_looked, which tells whether it was read since; if not,
 * the session is run again when it was. */
uint32_t moving_look(struct session *session);
/* The table was not known at all, and may not exist: then the catalogue is read once a second at
 * most. */
bool moving_may_look(struct session *session);
bool moving_looked(struct session *session, uint32_t number);
/* The session has ended, or is reset. */
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
void moving_ask_blockers(void *door, const char *upstream, uint64_t moves);
void moving_blockers(void *door, const char *upstream, char *to, size_t size);
uint64_t moving_unmapped(void *door, const char *upstream, unsigned move, char *to, size_t size);
bool moving_missed(void *door, const char *upstream);

#endif
