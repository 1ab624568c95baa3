/* Where the mover and all silogate instances before one upstream meet: tables of the schema
 * `silogate` on that upstream. The server's clock is everybody's. A call of the mover is an epoch:
 * what an instance says of an older one does not count.
 *
 * moves      one row a move: its epoch and phase; the mover writes it
 * instances_of_moves
 *            one row a move and instance: what the instance has done about the epoch; it writes it,
 *            and `seen` once a second
 * journal    each step of each mover, before it is done
 *
 * All of it goes into the binary log, as everything that the mover does: a replica has the tables
 * where its source has them and knows of a move that was not finished. Tables in memory, or writes
 * that one account can keep out of the log and another cannot, would stop it.
 */
#ifndef MOVE_MEETING_H
#define MOVE_MEETING_H

#include "base/arena.h"
#include "catalogue/connect.h"

enum meeting_phase {
    PHASE_IDLE,      /* nothing is going on */
    PHASE_ANNOUNCED, /* instances look closely, and say that they are ready */
    PHASE_CLOSED,    /* new transactions on the tables wait; instances say when the last is out */
    PHASE_SWITCHED,  /* the tables stand at the other place: instances open the door */
};
const char *meeting_phase_name(enum meeting_phase phase);

enum meeting_state {
    STATE_OPEN,    /* its door is open */
    STATE_READY,   /* it has seen the announcement */
    STATE_HELD,    /* its door is closed, somebody is still inside */
    STATE_DRAINED, /* nobody is inside */
    STATE_LEFT,    /* it has opened the door by itself, because the time was over */
};
const char *meeting_state_name(enum meeting_state state);

struct meeting_move {
    char name[65];
    uint64_t epoch;
    enum meeting_phase phase;
    int64_t hold; /* milliseconds */
    bool in_to;   /* where the tables shall stand */
};

struct meeting_report {
    const char *move, *instance, *policy;
    uint64_t epoch;
    enum meeting_state state;
    unsigned inside;         /* sessions */
    const char *blockers;    /* a line each */
    uint64_t unmapped;       /* statements since the instance's start */
    const char *unmapped_by; /* a line each: digest, how often, why */
};

struct meeting_instance {
    struct text name, policy, blockers, unmapped_by;
    uint64_t epoch, unmapped;
    enum meeting_state state;
    unsigned inside;
    int64_t age; /* milliseconds since it was seen */
};
struct meeting_instances {
    struct meeting_instance *items;
    size_t count;
    struct arena arena;
};

enum {
    MEETING_LIVE = 3000,  /* an instance seen within this time takes part */
    MEETING_GONE = 60000, /* one not seen for this time is gone; between, nobody knows */
};

/* Makes the schema and its tables where they are not there. */
bool meeting_prepare(struct connection *connection, struct error *error);

/* All moves that somebody has called; at most `room`. */
bool meeting_read(struct connection *connection, struct meeting_move *moves, size_t room,
                  size_t *count, struct error *error);
/* Begins an epoch of the move. */
bool meeting_announce(struct connection *connection, const char *move, int64_t hold, bool in_to,
                      uint64_t *epoch, struct error *error);
bool meeting_set(struct connection *connection, const char *move, uint64_t epoch,
                 enum meeting_phase phase, struct error *error);

/* Takes out instances that are gone, and what is older than 400 days. */
void meeting_tidy(struct connection *connection);

bool meeting_report(struct connection *connection, const struct meeting_report *report,
                    struct error *error);
/* The instance ends, and has no sessions any more: nobody need wait until it counts as gone. */
void meeting_leave(struct connection *connection, const char *instance);
/* Those that are not gone. Free the arena. */
bool meeting_instances(struct connection *connection, const char *move,
                       struct meeting_instances *instances, struct error *error);

/* A step that is about to be done, or was done. `detail` may be long: what is needed to do it again
 * or to undo it. */
bool meeting_note(struct connection *connection, const char *move, uint64_t epoch, const char *step,
                  struct text detail, struct error *error);

#endif
