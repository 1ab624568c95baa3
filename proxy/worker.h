/* One thread with one event loop, its listeners and its sessions. No lock is taken on the path of
 * a command.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "judge/ruling.h"
#include "proxy/gate.h"
#include "proxy/observe.h"
#include "proxy/runtime.h"
#include "violations/violations.h"

enum { WORKER_SLOTS = 256 };

struct open_sockets;

struct session;
struct roll_question;

struct listener {
    struct ev_io io;
    struct worker *worker;
    int socket;
    bool shared; /* the main thread closes it */
};

/* This worker's reference to the names of open moves at one upstream. */
struct worker_names {
    struct sql_moved *moved;
    unsigned generation;
};

struct worker {
    unsigned number;
    pthread_t thread;
    struct ev_loop *loop;
    struct runtime *runtime;
    _Atomic(struct runtime *) next_runtime;       /* set by the main thread */
    atomic_bool draining, ending, stopping, room; /* likewise */
    atomic_bool accepting;                        /* likewise */
    bool accepts, drain_begun;
    _Atomic int64_t drain_spread; /* milliseconds */
    double drain_from;            /* in monotonic seconds */
    size_t drain_total, drain_told;
    struct ev_timer drain; /* runs until all sessions were told to leave */
    struct ev_async wake;
    struct ev_timer tick; /* once a second */
    struct ev_prepare reap;
    atomic_bool deaf;  /* it accepts no more clients */
    atomic_bool ended; /* and has no more sessions */
    struct listener *listeners;
    unsigned listener_count;
    bool full; /* no descriptors are left: the listeners are paused until the next tick */
    int spare; /* a reserved descriptor; -1: it is in use */
    uint32_t refused_last; /* when the log said so; 0: never */

    struct list_link sessions, closed, log_waiting;
    struct list_link abandoned; /* logins whose clients have gone */
    unsigned abandoned_count;
    struct list_link slots[WORKER_SLOTS]; /* sessions by the second in which they are checked */
    uint32_t second;                      /* monotonic, since the worker's start */
    int32_t today;
    struct gate_pool pool;
    struct violations *violations;
    struct violations_worker *records;
    bool had_handshake;              /* a TLS handshake step was done in this turn of the loop */
    struct list_link handshaking;    /* sessions whose handshakes wait for other sessions */
    struct ev_timer handshake_timer; /* until the first of them continues */
    double handshake_after;          /* the time of that, in monotonic seconds */
    uint64_t traffic_seen;           /* the number of commands and answers at the last step */
    struct counters counters;
    struct service_counters nobody;     /* statements of users without a service */
    struct service_counters **services; /* by the number of the usage; NULL: none yet */
    unsigned service_room;
    struct observed observed;
    _Atomic(struct roll_question *) question; /* from the control socket's thread */
    struct ruling ruling;                     /* on the present command */
    struct transactions *transactions;
    struct list_link held;      /* sessions whose command waits for a move */
    atomic_bool tells;          /* must it list the sessions inside of a move? */
    struct worker_names *names; /* by the number of the upstream's usage */
    unsigned names_room;
};

/* All sessions of all workers, for [proxy] max_connections. */
extern atomic_uint worker_sessions;

/* Starts the thread, which is going to accept from its own and the shared ones of `sockets`. Takes
 * over a reference to `runtime`. */
bool worker_start(struct worker *worker, unsigned number, struct runtime *runtime,
                  struct violations *violations, const struct open_sockets *sockets,
                  struct error *error);

/* From the main thread: */
void worker_accept(struct worker *worker); /* it accepts clients from now on */
void worker_reload(struct worker *worker, struct runtime *runtime); /* takes over a reference */
/* Accepts no more clients; sessions are told to leave, one after the other, over `milliseconds`. */
void worker_drain(struct worker *worker, int64_t milliseconds);
/* Closes the remaining sessions of all workers and waits until it is done: from then on nothing
 * that is counted changes. After worker_drain. */
void worker_end_sessions(struct worker *workers, unsigned count);
void worker_stop(struct worker *worker); /* closes the remaining sessions and ends the thread */
void worker_room(void *workers, unsigned number); /* violations_start's `room` */
void worker_join(struct worker *worker);

/* Checks `session` again in `second`, or earlier. */
void worker_time(struct worker *worker, struct session *session, uint32_t second);

/* The counters of a service on this worker; NULL: of users without a service. Allocates at the
 * first call, which is at a login. */
struct service_counters *worker_counters(struct worker *worker, const struct usage *service);

/* The wall clock in microseconds. */
int64_t worker_now(void);

#endif
