/* What the workers' end, the events and the writer share inside this room. */
#ifndef VIOLATIONS_WRITER_H
#define VIOLATIONS_WRITER_H

#include <pthread.h>
#include <stdatomic.h>

#include "violations/fold.h"
#include "violations/output.h"
#include "violations/queue.h"
#include "violations/refusals.h"
#include "violations/seen.h"
#include "violations/violations.h"

/* How far the writer has gone to sleep: who puts something into a queue wakes it accordingly. */
enum writer_sleep { WRITER_AWAKE, WRITER_DOZES, WRITER_SLEEPS };

struct violations_worker {
    struct violations *violations;
    struct queue *queue;
    struct fold *fold;
    struct seen *seen;
    char *line; /* RECORD_SIZE bytes: a record is formatted here */
    char *normalized;
    unsigned number;
    bool gave_up_waiting; /* the spill is long and the writer is stuck */
    uint64_t last_id, seed, last_digest;
    atomic_uint_fast64_t added, lost;
};

/* The events that whoever can connect, or a service, can cause in any number. */
enum event_flood {
    EVENT_LOGIN_REFUSED,
    EVENT_REHEARSAL,
    EVENT_UNEXPLAINED,
    EVENT_FLOODS,
    EVENT_RARE = EVENT_FLOODS /* all others */
};

struct violations {
    pthread_t thread;
    int wake;         /* an eventfd */
    atomic_int sleep; /* enum writer_sleep */
    void (*room)(void *context, unsigned worker);
    void *context;
    atomic_int statement;       /* enum config_statement */
    atomic_int_fast64_t repeat; /* microseconds */
    atomic_bool reopen, stopping;

    pthread_mutex_t lock; /* over what a reload offers and over the events' end */
    struct output *offered;
    bool has_offered;
    uint64_t event_id;
    uint64_t events_left_out[EVENT_FLOODS]; /* to be added to the next one of the same kind */
    struct refusals refusals, rehearsals;
    struct queue events;

    struct output *outputs;                               /* the writer's */
    uint64_t gone_written, gone_failures, gone_shortened; /* of outputs that are closed */
    bool paused; /* the backlog is so long that the queues are left alone */
    atomic_uint_fast64_t written, failures, backlog, shortened;
    atomic_bool failing;

    unsigned worker_count;
    struct violations_worker workers[];
};

/* Sums of refused logins whose period is over, or all that there are, into the events' queue. About
 * once a second, on the writer's thread. */
void events_tick(struct violations *violations, bool all);

/* To be called after something was put into `queue`. */
void writer_wake(struct violations *violations, const struct queue *queue);

/* Unique among all workers (the events are one more) and restarts: milliseconds, worker, counter.
 */
uint64_t writer_id(uint64_t *last, unsigned number, int64_t now);

/* The workers' end: what violations_start and violations_stop do of it. */
void worker_init(struct violations_worker *worker, struct violations *violations, unsigned number);
void worker_fini(struct violations_worker *worker);
/* Writes out all that is open. */
void worker_close_all(struct violations_worker *worker);
/* The slot of what is open under this key, its period renewed where it is over; NULL: it is news.
 */
struct fold_slot *worker_find(struct violations_worker *worker, const struct fold_key *key,
                              int64_t now, int64_t repeat);
/* Opens a slot: `head` is the line up to `count`, and stays valid. It must fit into FOLD_LINE. */
void worker_open(struct violations_worker *worker, const struct fold_key *key, uint64_t id,
                 struct text head, int64_t now);
/* One more of what is open. */
void worker_count(struct fold_slot *slot, int64_t now);
/* A line that tells of `count`. */
void worker_put(struct violations_worker *worker, struct text line, uint64_t count);
/* Eight bytes at a time; text that is none and empty text differ. */
uint64_t worker_hash(struct text t, uint64_t seed);

#endif
