/* The main thread: starts the workers, waits for signals, reloads, drains, and once in a while
 * looks after the upstreams (probe.c). It touches no session.
 */
#include "proxy/server.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/control.h"
#include "base/arena.h"
#include "base/log.h"
#include "proxy/desk.h"
#include "proxy/fd_limit.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/probe.h"
#include "proxy/registry.h"
#include "proxy/reload.h"
#include "proxy/roll.h"
#include "proxy/show.h"
#include "proxy/steer.h"
#include "proxy/worker.h"

struct server {
    const char *path;
    struct ev_loop *loop;
    struct ev_signal hangup, terminate, interrupt, reopen;
    struct ev_timer probe, drain;
    struct steer steer; /* what is in force */
    struct desk desk;
    struct violations *violations;
    struct worker *workers;
    unsigned worker_count;
    struct show *show;
    struct moving_door door;
    struct admin *admin;     /* NULL: off */
    struct control *control; /* NULL: off */
    int shared[WORKER_LISTENERS];
};

static const struct server_follower *follower; /* NULL: nobody follows moves */

void server_follow(const struct server_follower *who)
{
    follower = who;
}

/* steer's: from now on this one is in force. */
static void put_in_force(void *context, struct runtime *runtime)
{
    struct server *server = context;

    for (unsigned i = 0; i < server->worker_count; i++)
        worker_reload(&server->workers[i], runtime_take(runtime));
    show_runtime(server->show, runtime);
    if (follower)
        follower->configure(runtime);
}

static bool reload(struct server *server, struct error *why)
{
    return reload_run(server->path, &server->steer, server->violations, server->show, why);
}

static void on_hangup(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    struct error why;

    (void)loop;
    (void)events;
    reload(signal->data, &why);
}

/* What the control socket's thread asks for: each of these runs on the main thread. */
struct ordered {
    struct server *server;
    struct override *override, *list;
    struct runtime *runtime;
    size_t count;
    struct text id, who;
    struct error *why;
    bool fine;
};

static void order_override(void *argument)
{
    struct ordered *ordered = argument;

    ordered->fine = steer_add(&ordered->server->steer, ordered->override, ordered->why);
}

static void order_undo(void *argument)
{
    struct ordered *ordered = argument;

    ordered->fine = steer_undo(&ordered->server->steer, ordered->id, ordered->who);
    if (!ordered->fine)
        error_set(ordered->why, "no override of this id is in force");
}

static void order_list(void *argument)
{
    struct ordered *ordered = argument;
    const struct steer *steer = &ordered->server->steer;

    ordered->count = steer->count;
    memcpy(ordered->list, steer->list, steer->count * sizeof(*steer->list));
}

static void order_runtime(void *argument)
{
    struct ordered *ordered = argument;

    ordered->runtime = runtime_take(ordered->server->steer.current);
}

static void order_reload(void *argument)
{
    struct ordered *ordered = argument;

    ordered->fine = reload(ordered->server, ordered->why);
}

static bool order(struct ordered *ordered, void (*work)(void *argument))
{
    if (!desk_call(&ordered->server->desk, work, ordered) && ordered->why)
        return error_set(ordered->why, "silogate is coming to its end");
    return ordered->fine;
}

static bool control_override(void *context, struct override *override, struct error *why)
{
    return order(&(struct ordered){.server = context, .override = override, .why = why},
                 order_override);
}

static bool control_undo(void *context, struct text id, struct text who, struct error *why)
{
    return order(&(struct ordered){.server = context, .id = id, .who = who, .why = why},
                 order_undo);
}

static size_t control_overrides(void *context, struct override *list)
{
    struct ordered ordered = {.server = context, .list = list};

    order(&ordered, order_list);
    return ordered.count;
}

static bool control_reload(void *context, struct error *why)
{
    return order(&(struct ordered){.server = context, .why = why}, order_reload);
}

static struct control_session *control_sessions(void *context, const struct control_filter *filter,
                                                size_t *count, unsigned *late)
{
    struct server *server = context;

    return roll_sessions(server->workers, server->worker_count, filter, count, late);
}

static bool control_end(void *context, uint32_t id, bool query, struct error *why)
{
    struct server *server = context;

    if (query) {
        error_set(why, "--query needs an account on the upstream");
        why->line = 1;
        return false;
    }
    return roll_end(server->workers, server->worker_count, id) ||
           error_set(why, "there is no session %u here", (unsigned)id);
}

static size_t control_leave(void *context, struct text service)
{
    struct server *server = context;

    return roll_leave(server->workers, server->worker_count, service);
}

static char *control_record(void *context, struct text id)
{
    struct ordered ordered = {.server = context};
    struct reload_log log;
    char *found = NULL;

    order(&ordered, order_runtime);
    if (!ordered.runtime)
        return NULL;
    reload_log_settings(ordered.runtime->config, &log);
    found = violations_find(log.outputs, log.settings.output_count, id);
    runtime_drop(ordered.runtime);
    return found;
}

static void on_reopen(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    struct server *server = signal->data;

    (void)loop;
    (void)events;
    violations_reopen(server->violations);
    log_notice("the violation logs are opened anew");
}

static void on_drained(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct server *server = timer->data;
    ev_tstamp over = (ev_tstamp)server->steer.base->config->proxy.drain_timeout.value / 1000;
    static ev_tstamp waited;

    (void)events;
    waited += timer->repeat;
    if (atomic_load(&worker_sessions) == 0 || waited >= over) {
        if (waited >= over)
            log_warning("drain_timeout is over: %u sessions are closed",
                        atomic_load(&worker_sessions));
        ev_break(loop, EVBREAK_ALL);
    }
}

/* The workers have been told to stop listening: nobody is to be found behind the paths any more. */
static void close_unix(struct server *server)
{
    const struct config *config = server->steer.base->config;

    for (size_t i = 0; i < config->proxy.listen.count; i++) {
        if (config->proxy.listen.items[i].is_unix)
            unlink(config->proxy.listen.items[i].host.at);
    }
}

static void on_terminate(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    struct server *server = signal->data;

    (void)events;
    if (ev_is_active(&server->drain)) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    log_notice("draining: %u sessions", atomic_load(&worker_sessions));
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_drain(&server->workers[i]);
    show_draining(server->show);
    close_unix(server);
    ev_timer_start(loop, &server->drain);
}

static void on_probe(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct server *server = timer->data;

    (void)loop;
    (void)events;
    probe_begin(server->steer.current, server->violations);
}

static void watch_signal(struct server *server, struct ev_signal *watcher, int number,
                         void (*callback)(struct ev_loop *, struct ev_signal *, int))
{
    ev_signal_init(watcher, callback, number);
    watcher->data = server;
    ev_signal_start(server->loop, watcher);
}

static bool start(struct server *server, struct error *error)
{
    const struct config *config = server->steer.base->config;
    struct reload_log log;

    registry_begin((unsigned)config->proxy.instance.value);
    unsigned wanted = (unsigned)config->proxy.workers.value;
    if (wanted == 0)
        wanted = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    server->workers = memory_take_zeroed(wanted * sizeof(struct worker));
    reload_log_settings(config, &log);
    server->violations =
        violations_start(&log.settings, wanted, worker_room, server->workers, error);
    if (!server->violations)
        return false;
    server->steer.violations = server->violations;
    probe_upstreams(server->steer.current, server->violations);
    if (!worker_open_shared(config, server->shared, error))
        return false;
    for (unsigned i = 0; i < wanted; i++, server->worker_count++) {
        if (!worker_start(&server->workers[i], i, runtime_take(server->steer.current),
                          server->violations, server->shared, error))
            return false;
    }
    server->show = show_new(server->workers, server->worker_count, server->violations);
    show_runtime(server->show, server->steer.current);
    server->door = (struct moving_door){server->workers, server->worker_count};
    if (follower) {
        follower->start(&server->door);
        follower->configure(server->steer.current);
    }
    struct admin_source source = show_source(server->show);
    const struct control_source orders = {
        .context = server,
        .sessions = control_sessions,
        .end = control_end,
        .leave = control_leave,
        .override = control_override,
        .undo = control_undo,
        .overrides = control_overrides,
        .reload = control_reload,
        .record = control_record,
    };
    return admin_start(config, &source, &server->admin, error) &&
           control_start(config, &orders, &server->control, error);
}

static void stop(struct server *server)
{
    desk_close(&server->desk);
    control_stop(server->control);
    admin_stop(server->admin);
    if (follower)
        follower->stop();
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_stop(&server->workers[i]);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_join(&server->workers[i]);
    show_free(server->show);
    probe_end();
    password_end();
    if (server->violations)
        violations_stop(server->violations);
    free(server->workers);
    steer_fini(&server->steer);
    desk_fini(&server->desk);
}

int server_run(const char *path)
{
    struct server server = {.path = path};
    struct error error;

    signal(SIGPIPE, SIG_IGN);
    server.loop = ev_default_loop(EVFLAG_NOENV);
    watch_signal(&server, &server.hangup, SIGHUP, on_hangup);
    watch_signal(&server, &server.terminate, SIGTERM, on_terminate);
    watch_signal(&server, &server.interrupt, SIGINT, on_terminate);
    watch_signal(&server, &server.reopen, SIGUSR1, on_reopen);
    struct runtime *runtime = runtime_build(path, NULL, &error);
    if (!runtime)
        return 2;
    steer_init(&server.steer, server.loop, runtime, put_in_force, &server);
    desk_init(&server.desk, server.loop);
    fd_limit_raise(runtime->config);
    if (!start(&server, &error)) {
        struct config_place place = config_place(&runtime->config->files, error.line);
        fprintf(stderr, "%s:%u: %s\n", place.file, place.line ? place.line : 1, error.text);
        stop(&server); /* what has started already */
        return 2;
    }
    ev_timer_init(&server.probe, on_probe, PROBE_SECONDS, PROBE_SECONDS);
    server.probe.data = &server;
    ev_timer_start(server.loop, &server.probe);
    ev_timer_init(&server.drain, on_drained, 0.1, 0.1);
    server.drain.data = &server;
    for (size_t i = 0; i < runtime->config->proxy.listen.count; i++)
        log_notice("listening on %s", runtime->config->proxy.listen.items[i].written.at);
    reload_tell_certificates(runtime);
    log_notice("silogate %s runs: %u workers, policy %s", SILOGATE_VERSION, server.worker_count,
               policy_hash(runtime->policy));
    ev_run(server.loop, 0);
    stop(&server);
    log_notice("stopped");
    return 0;
}
