/* One thread: its event loop, its listeners, its clock, and its sessions. The main thread
 * communicates with it through atomics and one ev_async.
 */
#include "proxy/worker.h"
#include "base/clock.h"
#include "protocol/compress.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "proxy/address.h"
#include "proxy/binding.h"
#include "proxy/boundary.h"
#include "proxy/fd_limit.h"
#include "proxy/listeners.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/handshake.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/roll.h"
#include "proxy/session.h"
#include "proxy/transaction.h"

enum { ACCEPTS_A_TURN = 64 };

atomic_uint worker_sessions;

int64_t worker_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void worker_time(struct worker *worker, struct session *session, uint32_t second)
{
    if (second > worker->second + WORKER_SLOTS - 1)
        second = worker->second + WORKER_SLOTS - 1;
    if (second <= worker->second)
        second = worker->second + 1;
    list_remove(&session->timed);
    session->due = second;
    list_add(&worker->slots[second % WORKER_SLOTS], &session->timed);
}

struct service_counters *worker_counters(struct worker *worker, const struct usage *service)
{
    if (!service)
        return &worker->nobody;
    if (service->number >= worker->service_room) {
        unsigned room = service->number + 16;
        size_t size = room * sizeof(struct service_counters *);
        worker->services = memory_resize(worker->services, size);
        for (unsigned i = worker->service_room; i < room; i++)
            worker->services[i] = NULL;
        worker->service_room = room;
    }
    struct service_counters **counters = &worker->services[service->number];
    if (!*counters) {
        *counters = memory_take_zeroed(sizeof(**counters));
        (*counters)->service = service;
    }
    return *counters;
}

static void wake_log_waiters(struct worker *worker)
{
    while (!list_empty(&worker->log_waiting) && violations_ready(worker->records)) {
        struct session *session = LIST_ENTRY(worker->log_waiting.after, struct session, waiting);
        list_remove(&session->waiting);
        session_run(session);
    }
}

/* No file descriptor is left, neither to accept a client nor to refuse it. A listener stays
 * readable meanwhile, and the loop would only spin. */
static void pause_listeners(struct worker *worker)
{
    worker->full = true;
    for (unsigned i = 0; i < worker->listener_count; i++)
        ev_io_stop(worker->loop, &worker->listeners[i].io);
}

static void start_listeners(struct worker *worker)
{
    worker->full = false;
    for (unsigned i = 0; i < worker->listener_count && !worker->drain_begun; i++)
        ev_io_start(worker->loop, &worker->listeners[i].io);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct worker *worker = timer->data;
    struct list_link late;

    (void)loop;
    (void)events;
    worker->second++;
    worker->today = policy_today(time(NULL));
    if (worker->full)
        start_listeners(worker);
    /* All sessions are taken out of the slot first: one with a later deadline is put into another
     * slot, or back into this one. */
    list_init(&late);
    struct list_link *slot = &worker->slots[worker->second % WORKER_SLOTS];
    while (!list_empty(slot)) {
        struct list_link *link = slot->after;
        list_remove(link);
        list_add(&late, link);
    }
    while (!list_empty(&late)) {
        struct session *session = LIST_ENTRY(late.after, struct session, timed);
        list_remove(&session->timed);
        session_due(session);
    }
    abandoned_tick(worker, false);
    violations_tick(worker->records, worker_now());
    if (!list_empty(&worker->held))
        moving_wake(worker); /* a hold ends by itself when its time is over */
    wake_log_waiters(worker);
}

static void on_reap(struct ev_loop *loop, struct ev_prepare *prepare, int events)
{
    struct worker *worker = prepare->data;

    (void)loop;
    (void)events;
    worker->had_handshake = false;
    while (!list_empty(&worker->closed))
        session_free(LIST_ENTRY(worker->closed.after, struct session, all));
}

/* Tells the next sessions to leave at their next boundary, which for most is now. They are spread
 * over time, so that their clients do not all connect elsewhere at the same moment. */
static void on_drain(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct worker *worker = timer->data;
    double spread = (double)atomic_load(&worker->drain_spread) / 1000;
    double gone = clock_seconds() - worker->drain_from;
    size_t due =
        gone >= spread ? SIZE_MAX : (size_t)((double)worker->drain_total * gone / spread) + 1;

    (void)events;
    struct list_link *link = worker->sessions.after;
    while (link != &worker->sessions && worker->drain_told < due) {
        struct session *session = LIST_ENTRY(link, struct session, all);
        link = link->after;
        if (session->leaving || session->state == STATE_LINGER)
            continue;
        worker->drain_told++;
        boundary_leave(session);
    }
    if (due == SIZE_MAX)
        ev_timer_stop(loop, timer);
}

static void begin_drain(struct worker *worker)
{
    worker->drain_begun = true;
    for (unsigned i = 0; i < worker->listener_count; i++) {
        ev_io_stop(worker->loop, &worker->listeners[i].io);
        if (!worker->listeners[i].shared)
            close(worker->listeners[i]
                      .socket); /* clients that still wait in the queue are refused at once */
        worker->listeners[i].socket = -1;
    }
    atomic_store(&worker->deaf, true);
    worker->drain_from = clock_seconds();
    for (struct list_link *link = worker->sessions.after; link != &worker->sessions;
         link = link->after)
        worker->drain_total++;
    ev_timer_start(worker->loop, &worker->drain);
    on_drain(worker->loop, &worker->drain, 0);
}

/* Idle sessions change to the new configuration now, so that the old one can be freed; the others
 * change with their next command. */
static void rebind(struct worker *worker)
{
    struct list_link *after;

    for (struct list_link *link = worker->sessions.after; link != &worker->sessions; link = after) {
        struct session *session = LIST_ENTRY(link, struct session, all);
        after = link->after;
        if (session->state == STATE_COMMAND && !binding_renew(session)) {
            boundary_shut_out(session);
            session_run(session);
        }
    }
}

static void end_sessions(struct worker *worker)
{
    while (!list_empty(&worker->sessions))
        session_close(LIST_ENTRY(worker->sessions.after, struct session, all), CLOSED_DRAIN);
}

static void on_wake(struct ev_loop *loop, struct ev_async *wake, int events)
{
    struct worker *worker = wake->data;
    struct runtime *next = atomic_exchange(&worker->next_runtime, NULL);

    (void)loop;
    (void)events;
    if (next) {
        runtime_drop(worker->runtime);
        worker->runtime = next;
        rebind(worker);
    }
    observe_answer(worker);
    roll_answer(worker);
    moving_wake(worker);
    if (atomic_exchange(&worker->room, false))
        wake_log_waiters(worker);
    if (atomic_load(&worker->accepting) && !worker->accepts) {
        worker->accepts = true;
        start_listeners(worker);
    }
    if (atomic_load(&worker->draining) && !worker->drain_begun)
        begin_drain(worker);
    if (atomic_load(&worker->ending)) {
        end_sessions(worker);
        atomic_store(&worker->ended, true);
    }
    if (atomic_load(&worker->stopping))
        ev_break(worker->loop, EVBREAK_ALL);
}

static void on_accept(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct listener *listener = io->data;
    struct worker *worker = listener->worker;

    (void)loop;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t length = sizeof(from);
        char text[ADDRESS_TEXT];
        int accepted = accept4(listener->socket, (struct sockaddr *)&from, &length,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
            if (errno == EAGAIN)
                return;
            bool full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            if (!full || fd_limit_refuse(worker, io->fd))
                continue; /* a network error of this client only */
            pause_listeners(worker);
            return;
        }
        if (fd_limit_spares(accepted)) {
            fd_limit_turn_away(worker, accepted);
            continue;
        }
        /* Clients that have not logged in yet may take at most twice the limit: they must not use
         * up the machine. */
        int64_t limit = worker->runtime->config->proxy.max_connections.value * 2 + 16;
        if (atomic_fetch_add(&worker_sessions, 1) >= (uint64_t)limit) {
            atomic_fetch_sub(&worker_sessions, 1);
            close(accepted);
            continue;
        }
        address_text(&from, text, sizeof(text));
        session_start(worker, accepted, &from, text_of(text),
                      address_expects_header(worker->runtime->config, &from));
    }
}

/* Accepted sockets inherit these options from their listener (Linux). */
static void set_options(int listener)
{
    const int on = 1;

    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* The worker's own listeners, and those that all workers accept from. */
static void take_listeners(struct worker *worker, const struct open_sockets *sockets)
{
    worker->listeners = memory_take_zeroed((sockets->count + 1) * sizeof(worker->listeners[0]));
    for (size_t i = 0; i < sockets->count; i++) {
        const struct open_socket *from = &sockets->items[i];
        struct listener *listener = &worker->listeners[worker->listener_count];
        if (!from->shared && from->worker != worker->number)
            continue;
        *listener = (struct listener){.worker = worker, .socket = from->fd, .shared = from->shared};
        if (!from->is_unix)
            set_options(listener->socket);
        ev_io_init(&listener->io, on_accept, listener->socket, EV_READ);
        listener->io.data = listener;
        worker->listener_count++;
    }
}

static void *run(void *argument)
{
    struct worker *worker = argument;

    ev_run(worker->loop, 0);
    end_sessions(worker);
    while (!list_empty(&worker->closed))
        session_free(LIST_ENTRY(worker->closed.after, struct session, all));
    abandoned_tick(worker, true);
    gate_pool_fini(&worker->pool);
    ruling_fini(&worker->ruling);
    compress_thread_end();
    return NULL;
}

/* Frees the data of a worker without a thread. */
static void release(struct worker *worker)
{
    for (unsigned i = 0; i < worker->listener_count; i++) {
        if (!worker->listeners[i].shared && worker->listeners[i].socket >= 0)
            close(worker->listeners[i].socket);
    }
    free(worker->listeners);
    ev_loop_destroy(worker->loop);
    fd_limit_fini(worker);
    runtime_drop(atomic_exchange(&worker->next_runtime, NULL));
    runtime_drop(worker->runtime);
    roll_forget(worker);
    for (unsigned i = 0; i < worker->service_room; i++)
        free(worker->services[i]);
    free(worker->services);
    transactions_free(worker->transactions);
    moving_fini(worker);
}

bool worker_start(struct worker *worker, unsigned number, struct runtime *runtime,
                  struct violations *violations, const struct open_sockets *sockets,
                  struct error *error)
{
    worker->number = number;
    worker->runtime = runtime;
    worker->violations = violations;
    worker->records = violations_worker(violations, number);
    worker->transactions = transactions_new();
    worker->today = policy_today(time(NULL));
    worker->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!worker->loop) {
        runtime_drop(runtime);
        return error_set(error, "no event loop: %s", strerror(errno));
    }
    fd_limit_init(worker);
    list_init(&worker->sessions);
    list_init(&worker->closed);
    list_init(&worker->log_waiting);
    list_init(&worker->held);
    list_init(&worker->abandoned);
    list_init(&worker->handshaking);
    for (int i = 0; i < WORKER_SLOTS; i++)
        list_init(&worker->slots[i]);
    ev_async_init(&worker->wake, on_wake);
    worker->wake.data = worker;
    ev_async_start(worker->loop, &worker->wake);
    ev_timer_init(&worker->tick, on_tick, 1., 1.);
    worker->tick.data = worker;
    ev_timer_start(worker->loop, &worker->tick);
    ev_timer_init(&worker->handshake_timer, handshake_next, 0., 0.);
    worker->handshake_timer.data = worker;
    ev_prepare_init(&worker->reap, on_reap);
    worker->reap.data = worker;
    ev_prepare_start(worker->loop, &worker->reap);
    ev_timer_init(&worker->drain, on_drain, 0.1, 0.1);
    worker->drain.data = worker;
    take_listeners(worker, sockets);
    int failed = pthread_create(&worker->thread, NULL, run, worker);
    if (!failed)
        return true;
    for (unsigned i = 0; i < worker->listener_count; i++)
        worker->listeners[i].socket = -1; /* the caller closes them */
    release(worker);
    return error_set(error, "no thread: %s", strerror(failed));
}

void worker_accept(struct worker *worker)
{
    atomic_store(&worker->accepting, true);
    ev_async_send(worker->loop, &worker->wake);
}

void worker_reload(struct worker *worker, struct runtime *runtime)
{
    runtime_drop(atomic_exchange(&worker->next_runtime, runtime));
    ev_async_send(worker->loop, &worker->wake);
}

void worker_drain(struct worker *worker, int64_t milliseconds)
{
    atomic_store(&worker->drain_spread, milliseconds);
    atomic_store(&worker->draining, true);
    ev_async_send(worker->loop, &worker->wake);
}

void worker_end_sessions(struct worker *workers, unsigned count)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};

    for (unsigned i = 0; i < count; i++) {
        atomic_store(&workers[i].ending, true);
        ev_async_send(workers[i].loop, &workers[i].wake);
    }
    for (unsigned i = 0; i < count; i++) {
        while (!atomic_load(&workers[i].ended))
            nanosleep(&millisecond, NULL);
    }
}

void worker_stop(struct worker *worker)
{
    atomic_store(&worker->stopping, true);
    ev_async_send(worker->loop, &worker->wake);
}

void worker_room(void *workers, unsigned number)
{
    struct worker *worker = (struct worker *)workers + number;

    atomic_store(&worker->room, true);
    ev_async_send(worker->loop, &worker->wake);
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    release(worker);
}
