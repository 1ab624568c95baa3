/* The thread of one upstream of a watch. Private to watch.c. */
#ifndef MOVE_LOOKOUT_H
#define MOVE_LOOKOUT_H

#include <pthread.h>
#include <stdatomic.h>

#include "catalogue/connect.h"
#include "move/meeting.h"
#include "move/standing.h"
#include "move/watch.h"

/* The configuration and policy in use; `release(owner)` is called when they are no longer used. */
struct orders {
    const struct config *config;
    const struct policy *policy;
    void (*release)(void *owner);
    void *owner;
};

/* What this instance has done about one move. */
struct taking_part {
    uint64_t epoch;
    enum meeting_state state;
    int64_t until, announced; /* when the door opens by itself; when the move was announced */
    int64_t kept;             /* until when it is closed because triggers may be missing; 0: no */
    int64_t reported;
    bool asked;              /* the workers have been asked who is inside */
    bool blocked;            /* the log says that it is closed for longer than the hold */
    uint64_t unmapped;       /* the count that the journal has */
    int64_t noted;           /* when it was written there */
    char *tables;            /* that the mover moves */
    struct sql_moved *after; /* the names after the switch */
};

struct lookout {
    const struct watch_door *door;
    const struct orders *orders;
    const uint8_t *numbers;    /* the door's number of each move */
    const atomic_bool *ending; /* the process ends, even in the middle of a move */
    size_t upstream;           /* in the configuration */
    pthread_t thread;
    atomic_bool stopping; /* end as soon as no move is running */
    struct connection *connection;
    bool prepared, has_places; /* the shared tables are there; silogate.places is there */
    bool reads_places;         /* it could be read the last time */
    bool told, told_places;    /* the log has said that they cannot be used */
    int64_t refreshed, read;   /* when the catalogue was read, and when the moves */
    struct standing standing;  /* as it was read last, also by a lookout before this one */
    struct taking_part parts[CONFIG_MOVES_MAX];
};

/* The thread's function; its argument is a struct lookout. */
void *lookout_run(void *argument);
/* Is this a move whose tables stand at the upstream? Both are indices in the configuration. */
bool lookout_has(const struct config *config, size_t upstream, size_t move);

#endif
