/* One thread: its loop, its listeners, its clock, and the sessions that live on it. The main thread
 * talks to it through three atomics and one ev_async.
 */
#include "proxy/worker.h"
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
#include "base/listen.h"
#include "base/log.h"
#include "proxy/address.h"
#include "proxy/binding.h"
#include "proxy/boundary.h"
#include "proxy/fd_limit.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/roll.h"
#include "proxy/session.h"

enum { BACKLOG = 4096, ACCEPTS_A_TURN = 64 };

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

static void unpark(struct worker *worker)
{
    while (!list_empty(&worker->parked) && violations_ready(worker->records)) {
        struct session *session = LIST_ENTRY(worker->parked.after, struct session, parked);
        list_remove(&session->parked);
        session_run(session);
    }
}

/* Nobody can be accepted or refused. A listener stays readable, and the loop would do nothing else.
 */
static void rest_listeners(struct worker *worker)
{
    worker->full = true;
    for (unsigned i = 0; i < worker->listener_count; i++)
        ev_io_stop(worker->loop, &worker->listeners[i].io);
}

static void wake_listeners(struct worker *worker)
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
        wake_listeners(worker);
    /* The slot is taken as a whole: a session that is not due yet goes back into one. */
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
    unpark(worker);
}

static void on_reap(struct ev_loop *loop, struct ev_prepare *prepare, int events)
{
    struct worker *worker = prepare->data;

    (void)loop;
    (void)events;
    worker->handshook = false;
    while (!list_empty(&worker->closed))
        session_free(LIST_ENTRY(worker->closed.after, struct session, all));
}

/* Every session may stop at its next command, or at once where it is idle outside a transaction. */
static void begin_drain(struct worker *worker)
{
    worker->drain_begun = true;
    for (unsigned i = 0; i < worker->listener_count; i++) {
        ev_io_stop(worker->loop, &worker->listeners[i].io);
        if (!worker->listeners[i].is_unix)
            close(worker->listeners[i].socket); /* what waits to be accepted is refused at once */
        worker->listeners[i].socket = -1;
    }
    struct list_link *link = worker->sessions.after;
    while (link != &worker->sessions) {
        struct session *session = LIST_ENTRY(link, struct session, all);
        link = link->after;
        boundary_leave(session);
    }
}

/* Sessions that are idle leave the old configuration now, so that it can go: the others do so with
 * their next command. */
static void rebind(struct worker *worker)
{
    for (struct list_link *link = worker->sessions.after; link != &worker->sessions;
         link = link->after) {
        struct session *session = LIST_ENTRY(link, struct session, all);
        if (session->state == STATE_COMMAND)
            binding_renew(session);
    }
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
        unpark(worker);
    if (atomic_load(&worker->draining) && !worker->drain_begun)
        begin_drain(worker);
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
        int on = 1;
        int accepted = accept4(listener->socket, (struct sockaddr *)&from, &length,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
            if (errno == EAGAIN)
                return;
            bool full = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            if (!full || fd_limit_refuse(worker, io->fd))
                continue; /* the network's errors are that one client's */
            rest_listeners(worker);
            return;
        }
        /* Clients that have not logged in yet must not fill the machine: twice the limit, no more.
         */
        int64_t limit = worker->runtime->config->proxy.max_connections.value * 2 + 16;
        if (atomic_fetch_add(&worker_sessions, 1) >= (uint64_t)limit) {
            atomic_fetch_sub(&worker_sessions, 1);
            close(accepted);
            continue;
        }
        if (!listener->is_unix) {
            setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            setsockopt(accepted, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        }
        address_text(&from, text, sizeof(text));
        session_start(worker, accepted, text_of(text),
                      address_expects_header(worker->runtime->config, &from));
    }
}

static bool refuse(const struct config_address *address, const struct error *why,
                   struct error *error)
{
    return error_at(error, address->line, "listen = %s: %s; write another address or path",
                    address->written.at, why->text);
}

bool worker_open_shared(const struct config *config, int *sockets, struct error *error)
{
    struct error why;

    if (config->proxy.listen.count > WORKER_LISTENERS)
        return error_at(error, config->proxy.listen.items[WORKER_LISTENERS].line,
                        "more than %d lines of listen; take some out", WORKER_LISTENERS);
    for (size_t i = 0; i < config->proxy.listen.count; i++) {
        const struct config_address *address = &config->proxy.listen.items[i];
        sockets[i] = address->is_unix ? listen_unix(address->host.at, 0777, BACKLOG, &why) : -1;
        if (address->is_unix ? sockets[i] < 0
                             : !listen_tcp_free(address->host.at, address->port, &why))
            return refuse(address, &why, error);
    }
    return true;
}

static bool open_listeners(struct worker *worker, const int *shared, struct error *error)
{
    const struct config *config = worker->runtime->config;
    struct error why;

    for (size_t i = 0; i < config->proxy.listen.count; i++) {
        struct listener *listener = &worker->listeners[worker->listener_count];
        const struct config_address *address = &config->proxy.listen.items[i];

        listener->worker = worker;
        listener->is_unix = address->is_unix;
        listener->socket = shared[i];
        if (!address->is_unix)
            listener->socket = listen_tcp(address->host.at, address->port, BACKLOG, true, &why);
        if (listener->socket < 0)
            return refuse(address, &why, error);
        ev_io_init(&listener->io, on_accept, listener->socket, EV_READ);
        listener->io.data = listener;
        ev_io_start(worker->loop, &listener->io);
        worker->listener_count++;
    }
    return true;
}

static void *run(void *argument)
{
    struct worker *worker = argument;

    ev_run(worker->loop, 0);
    while (!list_empty(&worker->sessions))
        session_close(LIST_ENTRY(worker->sessions.after, struct session, all), CLOSED_DRAIN);
    while (!list_empty(&worker->closed))
        session_free(LIST_ENTRY(worker->closed.after, struct session, all));
    abandoned_tick(worker, true);
    gate_pool_fini(&worker->pool);
    ruling_fini(&worker->ruling);
    compress_thread_end();
    return NULL;
}

/* What a worker holds that has no thread, or none any more. */
static void release(struct worker *worker)
{
    for (unsigned i = 0; i < worker->listener_count; i++) {
        if (!worker->listeners[i].is_unix && worker->listeners[i].socket >= 0)
            close(worker->listeners[i].socket);
    }
    ev_loop_destroy(worker->loop);
    fd_limit_fini(worker);
    runtime_drop(atomic_exchange(&worker->next_runtime, NULL));
    runtime_drop(worker->runtime);
    roll_forget(worker);
    for (unsigned i = 0; i < worker->service_room; i++)
        free(worker->services[i]);
    free(worker->services);
    moving_fini(worker);
}

bool worker_start(struct worker *worker, unsigned number, struct runtime *runtime,
                  struct violations *violations, const int *shared, struct error *error)
{
    worker->number = number;
    worker->runtime = runtime;
    worker->violations = violations;
    worker->records = violations_worker(violations, number);
    worker->today = policy_today(time(NULL));
    worker->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!worker->loop) {
        runtime_drop(runtime);
        return error_set(error, "no event loop: %s", strerror(errno));
    }
    fd_limit_init(worker);
    list_init(&worker->sessions);
    list_init(&worker->closed);
    list_init(&worker->parked);
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
    ev_timer_init(&worker->rest, secure_rested, 0., 0.);
    worker->rest.data = worker;
    ev_prepare_init(&worker->reap, on_reap);
    worker->reap.data = worker;
    ev_prepare_start(worker->loop, &worker->reap);
    bool fine = open_listeners(worker, shared, error);
    int failed = fine ? pthread_create(&worker->thread, NULL, run, worker) : 0;
    if (failed)
        fine = error_set(error, "no thread: %s", strerror(failed));
    if (!fine)
        release(worker);
    return fine;
}

void worker_reload(struct worker *worker, struct runtime *runtime)
{
    runtime_drop(atomic_exchange(&worker->next_runtime, runtime));
    ev_async_send(worker->loop, &worker->wake);
}

void worker_drain(struct worker *worker)
{
    atomic_store(&worker->draining, true);
    ev_async_send(worker->loop, &worker->wake);
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
