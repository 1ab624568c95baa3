/* The thread of one upstream of a watch. Nobody but watch.c includes this. */
#ifndef MOVE_LOOKOUT_H
#define MOVE_LOOKOUT_H

#include <pthread.h>
#include <stdatomic.h>

#include "catalogue/connect.h"
#include "move/meeting.h"
#include "move/watch.h"

/* What is in force, and whom to tell when it is not looked at any more. */
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
    int64_t until, announced; /* of the door; of the announcement */
    int64_t reported;
    uint64_t unmapped;       /* as the journal has it */
    int64_t noted;           /* there */
    struct sql_moved *after; /* the names once it is switched */
};

struct lookout {
    const struct watch_door *door;
    const char *instance;
    const struct orders *orders;
    const uint8_t *numbers;    /* by which the door knows the moves */
    const atomic_bool *ending; /* of the process: even in the middle of a move */
    size_t upstream;           /* in the configuration */
    pthread_t thread;
    atomic_bool stopping; /* once no move is under way */
    struct connection *connection;
    bool told; /* that the upstream cannot be asked */
    int64_t refreshed;
    struct taking_part parts[CONFIG_MOVES_MAX];
};

/* The thread's function; its argument is a struct lookout. */
void *lookout_run(void *argument);
/* Is this a move whose tables stand at the upstream? Both are indices in the configuration. */
bool lookout_has(const struct config *config, size_t upstream, size_t move);

#endif
