/* The tables of the schema `silogate` on an upstream through which the mover and all silogate
 * instances of this upstream work together. All times are by the server's clock. Each call of the
 * mover begins an epoch: what an instance has written for an older epoch does not count.
 *
 * moves      one row for each move: its epoch and phase; written by the mover
 * instances_of_moves
 *            one row for each move and instance: what the instance has done in this epoch; written
 *            by the instance, which also updates `seen` once a second
 * journal    each step of each mover, written before the step is done
 *
 * All of it is written to the binary log, like everything that the mover does: so a replica has its
 * tables at the same place as its source, and also the journal of a move that was not finished.
 * MEMORY tables, or writes that only some accounts can keep out of the log, would stop a replica.
 */
#ifndef MOVE_MEETING_H
#define MOVE_MEETING_H

#include "base/arena.h"
#include "catalogue/connect.h"

enum meeting_phase {
    PHASE_IDLE,      /* no move is running */
    PHASE_ANNOUNCED, /* instances read the tables more often, and write that they are ready */
    PHASE_CLOSED,    /* new transactions on the tables wait; instances write when the last ended */
    PHASE_SWITCHED,  /* the tables are at the other place: instances open the door */
};
enum meeting_state {
    STATE_OPEN,    /* its door is open */
    STATE_READY,   /* it has read the announcement */
    STATE_HELD,    /* its door is closed, some transactions on the tables are still open */
    STATE_DRAINED, /* its door is closed, and no such transaction is open */
    STATE_LEFT,    /* it has opened the door by itself, because the time of the hold was over */
};
const char *meeting_state_name(enum meeting_state state);

struct meeting_move {
    char name[65];
    uint64_t epoch;
    enum meeting_phase phase;
    int64_t hold; /* milliseconds */
    int64_t age;  /* milliseconds since `phase` began, by the server's clock */
    bool in_to;   /* where the tables shall stand */
    bool bare;    /* PHASE_CLOSED, and triggers may be missing: the mover's session has the lock */
};

/* The name of a lock of the server (GET_LOCK) that the mover has from before it drops the first
 * trigger until it has made them again, or has ended. No lock on tables, no backup and no read-only
 * server keeps anybody from taking it or from asking for it (IS_USED_LOCK), as it does with a row.
 * Of one epoch, so that what a dead mover has left in `moves` never counts. */
#define MEETING_BARE(name, epoch)                                                                  \
    "CONCAT('silogate.bare.', LEFT(SHA2(CONCAT(" name ", '#', " epoch "), 256), 32))"

struct meeting_report {
    const char *move, *instance, *policy;
    uint64_t epoch;
    enum meeting_state state;
    bool soon;               /* MariaDB: it fails where it would wait for a lock */
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
    MEETING_GONE = 60000, /* one not seen for this time is gone; between the two it is not known */
};

/* Creates the schema and its tables if they do not exist. */
bool meeting_prepare(struct connection *connection, struct error *error);

/* All moves that a mover was ever called for; at most `room`. */
bool meeting_read(struct connection *connection, struct meeting_move *moves, size_t room,
                  size_t *count, struct error *error);
/* Begins an epoch of the move. It is not announced yet: what the instances read then is written to
 * the journal first. */
bool meeting_begin(struct connection *connection, const char *move, int64_t hold, bool in_to,
                   uint64_t *epoch, struct error *error);
bool meeting_set(struct connection *connection, const char *move, uint64_t epoch,
                 enum meeting_phase phase, struct error *error);

/* Deletes the rows of instances that are gone, and rows older than 400 days. */
void meeting_tidy(struct connection *connection);

bool meeting_report(struct connection *connection, const struct meeting_report *report,
                    struct error *error);
/* The instance ends and has no sessions any more, so no mover need wait until it counts as gone. */
void meeting_leave(struct connection *connection, const char *instance);
/* Those that are not gone, and those that have answered in `epoch` (0: none), however long ago the
 * server's clock says that was: it may be set while a mover waits. Free the arena. */
bool meeting_instances(struct connection *connection, const char *move, uint64_t epoch,
                       struct meeting_instances *instances, struct error *error);

/* Is one of this name among them? */
bool meeting_names(const struct meeting_instances *instances, struct text name);

/* Of the instances before this upstream, those that do not follow the move now, because their file
 * has no section for it any more or not yet; those that have not answered in `epoch` (0: those that
 * were not seen following it for three seconds). Only name, policy and age of each. Free the arena.
 */
bool meeting_others(struct connection *connection, const char *move, uint64_t epoch,
                    struct meeting_instances *others, struct error *error);

/* Are all instances drained in `epoch`, those of meeting_others too, and with this policy? Else
 * `*who` is one that is not. `*now`: the server's clock, in milliseconds since 1970. */
struct meeting_look {
    bool all;
    /* The others are; this one has written nothing in this epoch. Also if there is none at all: the
     * last has ended, and its successor has written nothing. */
    bool unheard;
    char who[129];
    int64_t now;
};
bool meeting_drained(struct connection *connection, const char *move, uint64_t epoch,
                     const char *policy, struct meeting_look *look, struct error *error);

/* The tables that the mover of this epoch moves, as its step MEETING_TABLES has them; free it. NULL
 * with `error`: not known. */
#define MEETING_TABLES "tables"
char *meeting_tables(struct connection *connection, const char *move, uint64_t epoch,
                     struct error *error);

/* Writes a step to the journal that is about to be done, or was done. `detail` may be long: it is
 * what is needed to do the step again or to undo it. */
bool meeting_note(struct connection *connection, const char *move, uint64_t epoch, const char *step,
                  struct text detail, struct error *error);

#endif
