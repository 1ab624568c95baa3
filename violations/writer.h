/* What the workers' part, the events and the writer share. Only for this room. */
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

/* How the writer sleeps, which decides how it must be woken after something was put into a queue.
 */
enum writer_sleep { WRITER_AWAKE, WRITER_DOZES, WRITER_SLEEPS };

struct violations_worker {
    struct violations *violations;
    struct queue *queue;
    struct fold *fold;
    struct seen *seen;
    char *line; /* RECORD_SIZE bytes in which a record is formatted */
    char *normalized;
    unsigned number;
    bool gave_up_waiting; /* the spill is long and the writer makes no progress */
    uint64_t last_id, seed, last_digest;
    atomic_uint_fast64_t added, lost;
};

/* The events that anyone who can connect, or a service, can cause in any number. */
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

    pthread_mutex_t lock; /* protects what a reload has prepared, and the adding of events */
    struct output *offered;
    bool has_offered;
    uint64_t event_id;
    uint64_t events_left_out[EVENT_FLOODS]; /* and not written yet */
    struct refusals refusals, rehearsals;
    struct queue events;

    struct output *outputs;                               /* used only by the writer's thread */
    uint64_t gone_written, gone_failures, gone_shortened; /* counts of outputs that are closed */
    bool paused; /* the backlog is so long that nothing is taken from the queues */
    atomic_uint_fast64_t written, failures, backlog, shortened;
    atomic_bool failing;

    unsigned worker_count;
    struct violations_worker workers[];
};

/* Puts the sums of refused logins whose period is over, or with `all` every sum, into the queue of
 * events. About once a second, on the writer's thread. */
void events_tick(struct violations *violations, bool all);

/* To be called after something was put into `queue`. */
void writer_wake(struct violations *violations, const struct queue *queue);

/* An id that is unique among all workers (events count as one more) and over restarts:
 * milliseconds, worker, counter.
 */
uint64_t writer_id(uint64_t *last, unsigned number, int64_t now);

/* The workers' part of violations_start and violations_stop. */
void worker_init(struct violations_worker *worker, struct violations *violations, unsigned number);
void worker_fini(struct violations_worker *worker);
/* Writes everything that is open. */
void worker_close_all(struct violations_worker *worker);
/* The open slot with this key; if its period is over, a new one is started. NULL: it is the first
 * of its kind.
 */
struct fold_slot *worker_find(struct violations_worker *worker, const struct fold_key *key,
                              int64_t now, int64_t repeat);
/* Opens a slot. `head`: the line as far as `count`; it must fit into FOLD_LINE and stay valid. */
void worker_open(struct violations_worker *worker, const struct fold_key *key, uint64_t id,
                 struct text head, int64_t now);
/* Counts one more violation of an open slot. */
void worker_count(struct fold_slot *slot, int64_t now);
/* Writes a line with this `count`. */
void worker_put(struct violations_worker *worker, struct text line, uint64_t count);
/* Reads eight bytes at a time; `at` NULL and an empty text have different hashes. */
uint64_t worker_hash(struct text t, uint64_t seed);

#endif
