/* The main thread: starts the workers, waits for signals, reloads, drains (drain.c), runs the
 * calls of `silogate ctl` (orders.c), and from time to time probes the upstreams (probe.c). It
 * never touches a session.
 */
#include "proxy/server.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/listen.h"
#include "base/log.h"
#include "proxy/branches.h"
#include "proxy/fd_limit.h"
#include "proxy/generations.h"
#include "proxy/ini_path.h"
#include "proxy/kin.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/notify.h"
#include "proxy/orphans.h"
#include "proxy/probe.h"
#include "proxy/registry.h"
#include "proxy/reload.h"
#include "proxy/running.h"
#include "proxy/start.h"

enum { KEY_WAIT_MS = 5000 };

static const struct server_follower *follower; /* NULL: there is no watch for moves */

void server_follow(const struct server_follower *who)
{
    follower = who;
}

/* For struct steer: puts this runtime into force. */
static void put_in_force(void *context, struct runtime *runtime)
{
    struct server *server = context;

    for (unsigned i = 0; i < server->worker_count; i++)
        worker_reload(&server->workers[i], runtime_take(runtime));
    show_runtime(server->show, runtime);
    if (follower)
        follower->configure(runtime);
    if (meeting)
        meeting->configure(runtime);
}

bool server_reload(struct server *server, struct error *why)
{
    if (!server->handed_over)
        notify_reloading();
    char path[PATH_MAX];
    /* one that drains reads what the newest one reads, which may have been started with another */
    const bool another = server->handed_over && ini_path_get(server->ini_path, path);
    older_begin(server);
    bool fine = reload_run(another ? path : server->path, &server->steer, server->violations,
                           server->show, why);
    older_reload(server, fine); /* for the sessions of older generations too */
    if (!server->handed_over)
        notify("READY=1\nMAINPID=%ld\nSTATUS=%s%s, policy %s", (long)getpid(),
               server->terminated ? "draining" : "serving",
               fine ? "" : ", the last reload was refused",
               policy_hash(server->steer.current->policy));
    return fine;
}

static void on_hangup(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    struct server *server = signal->data;
    struct error why;

    (void)loop;
    (void)events;
    if (!server->giving) {
        server_reload(server, &why);
        return;
    }
    server->reload_due = true;
    log_notice("reload: a successor is starting; whoever serves then reads the file again");
}

static void on_reopen(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    struct server *server = signal->data;

    (void)loop;
    (void)events;
    violations_reopen(server->violations);
    if (!server->handed_over) /* older generations write them too */
        generations_signal(&server->inherited, SIGUSR1);
    log_notice("the violation logs are opened anew");
}

static void on_upgrade(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    struct server *server = signal->data;

    (void)events;
    if (server->terminated)
        log_warning("SIGUSR2: this silogate drains already");
    else if (!server->control)
        log_warning("SIGUSR2: without `[proxy] control` no other can take over");
    else if (getpid() == 1)
        log_warning("SIGUSR2: this is process 1 of a container, which would end with it: start "
                    "another container, with a `control` of its own");
    else
        successor_start(&server->successor, loop);
}

static void watch_control(struct server *server)
{
    if (!server->control || server->terminated || server->lost_control ||
        listen_is_there(control_at(server->control)))
        return;
    server->lost_control = true;
    log_error("control: the path %s has vanished: `silogate ctl` and a takeover cannot reach this "
              "silogate any more; restart it",
              control_at(server->control));
}

static void on_probe(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct server *server = timer->data;

    (void)loop;
    (void)events;
    if (!server->handed_over)
        notify_again();
    watch_control(server);
    probe_tick(server->steer.current, server->violations);
    generations_forget(&server->inherited, server->control ? control_at(server->control) : NULL);
    if (server->young) /* SIGUSR1 may have been sent to the predecessor a moment too late */
        violations_reopen(server->violations);
    server->young = false;
    if (server->ledger && !server->handed_over)
        ledger_fold(server->ledger);
    older_look(server);
}

static void watch_signal(struct server *server, struct ev_signal *watcher, int number,
                         void (*callback)(struct ev_loop *, struct ev_signal *, int))
{
    ev_signal_init(watcher, callback, number);
    ev_set_priority(watcher, EV_MAXPRI); /* before a successor that says at once that it serves */
    watcher->data = server;
    ev_signal_start(server->loop, watcher);
}

/* The file may have been changed since it was read at the start, and the predecessor may have
 * accepted the change; from now on it accepts none (server->giving there). */
static bool read_again(struct server *server, struct error *error)
{
    struct runtime *old = server->steer.base;
    struct error why;
    struct runtime *runtime = runtime_again(server->path, old, &why);
    struct reload_log log;

    if (!runtime)
        return error_set(error, "the file was read again during the start, and has errors: %s",
                         why.text);
    const struct config *before = old->config, *now = runtime->config;
    if (!text_equal(before->proxy.control.written, now->proxy.control.written) ||
        before->proxy.workers.value != now->proxy.workers.value ||
        before->proxy.instance.value != now->proxy.instance.value) {
        runtime_drop(runtime);
        return error_at(error, before->proxy.control.line,
                        "control, workers or instance was changed during the start; start again");
    }
    steer_fini(&server->steer);
    steer_init(&server->steer, server->loop, runtime, put_in_force, server);
    server->steer.violations = server->violations;
    reload_log_settings(runtime->config, &log);
    if (!violations_change(server->violations, &log.settings, error))
        return false;
    if (server->inherited.channel >= 0 && !show_upstream_up(runtime))
        probe_first(runtime, server->violations, true); /* it may name others */
    return true;
}

static void inherit_ledger(struct server *server)
{
    const int fd = takeover_take(&server->inherited, INHERITED_LEDGER);

    server->ledger = ledger_inherit(fd);
    if (fd >= 0 && !server->ledger)
        log_warning("what the silogate that ran before has counted cannot be read by this one: "
                    "/metrics begins at 0");
}

/* Only where another goes on serving with them they are worth more than a start. */
static bool inherit_overrides(struct server *server, bool runs, struct error *error)
{
    struct error why;

    if (steer_restore(&server->steer, takeover_take(&server->inherited, INHERITED_BOARD),
                      takeover_take(&server->inherited, INHERITED_OVER), &why))
        return true;
    if (runs)
        return error_set(error, "the silogate that runs goes on: %s; end it first", why.text);
    log_error("the overrides of the silogate that ran before are lost: %s", why.text);
    return true;
}

static bool goes_on(const struct server *server, struct error *error)
{
    return !start_is_ended() ||
           error_set(error, "ended by a signal before it served%s",
                     server->inherited.channel >= 0 ? "; the silogate that runs goes on" : "");
}

/* Looks for a running silogate to take over from. It is only asked if this one's configuration is
 * valid and an upstream is up: otherwise its clients are better served by it. */
static bool find_predecessor(struct server *server, struct error *error)
{
    const struct config *config = server->steer.base->config;

    if (!config->proxy.control.host.at)
        return true;
    server->turn = takeover_turn(config->proxy.control.host.at);
    if (!takeover_ask(config->proxy.control.host.at, &server->inherited, error)) {
        if (goes_on(server, error))
            error->line = config->proxy.control.line;
        return false;
    }
    const bool runs = server->inherited.channel >= 0;
    const bool follows =
        runs || orphans_adopt(config->proxy.control.host.at, &server->inherited) > 0;
    if (follows &&
        !registry_succeed(server->inherited.last_id, generations_taken(&server->inherited)))
        return error_set(error,
                         "%d older silogates drain, which take all ranges of session ids; "
                         "end one first",
                         REGISTRY_GENERATIONS);
    if (!read_again(server, error) || !goes_on(server, error))
        return false;
    config = server->steer.base->config;
    if (runs && !show_upstream_up(server->steer.base))
        return error_set(error, "no upstream is up; the silogate that runs goes on");
    if (runs)
        password_wait(KEY_WAIT_MS);
    const int64_t drain = config->proxy.drain_timeout.value;
    generations_make_room(&server->inherited,
                          drain < GENERATIONS_WAIT_MS ? drain : GENERATIONS_WAIT_MS);
    server->ini_path = takeover_take(&server->inherited, INHERITED_PATH);
    if (runs) /* behind a kill -9 numbers begin anew, as Prometheus takes them */
        inherit_ledger(server);
    return inherit_overrides(server, runs, error);
}

/* What may take long, and is done before a predecessor has to wait: the logs are opened, the
 * upstreams are probed. */
static bool prepare(struct server *server, struct error *error)
{
    const struct config *config = server->steer.base->config;
    struct reload_log log;

    registry_begin((unsigned)config->proxy.instance.value);
    if (config->proxy.instance.line)
        branches_close(); /* there are other instances before the same servers */
    server->wanted = (unsigned)config->proxy.workers.value;
    if (server->wanted == 0)
        server->wanted = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    server->workers = memory_take_zeroed(server->wanted * sizeof(struct worker));
    reload_log_settings(config, &log);
    server->violations =
        violations_start(&log.settings, server->wanted, worker_room, server->workers, error);
    if (!server->violations)
        return false;
    server->steer.violations = server->violations;
    const char *control = config->proxy.control.host.at;
    probe_first(server->steer.current, server->violations, control && listen_is_there(control));
    return goes_on(server, error);
}

static bool start(struct server *server, struct error *error)
{
    if (!prepare(server, error) || !find_predecessor(server, error))
        return false;
    const struct config *config = server->steer.base->config;
    const unsigned wanted = server->wanted;
    if (!listeners_open(config, wanted, &server->inherited, &server->sockets, error))
        return false;
    if (follower)
        moving_expect(config);
    for (unsigned i = 0; i < wanted; i++, server->worker_count++) {
        if (!worker_start(&server->workers[i], i, runtime_take(server->steer.current),
                          server->violations, &server->sockets, error))
            return false;
    }
    server->show = show_new(server->workers, server->worker_count, server->violations);
    show_runtime(server->show, server->steer.current);
    show_ledger(server->show, server->ledger);
    if (!config->proxy.admin.host.at)
        show_counts_only(server->show);
    server->door = (struct moving_door){server->workers, server->worker_count};
    if (follower) {
        follower->start(&server->door, server->violations);
        follower->configure(server->steer.current);
    }
    if (meeting) {
        meeting->start(server);
        meeting->configure(server->steer.current);
        show_meeting(server->show, meeting->instances, meeting->meetings);
    }
    struct admin_source source = show_source(server->show);
    const struct control_source orders = orders_source(server);
    struct inherited *inherited = &server->inherited;
    return admin_start(config, &source,
                       listeners_take(inherited, INHERITED_ADMIN, &config->proxy.admin),
                       &server->admin, error) &&
           control_start(config, &orders,
                         listeners_take(inherited, INHERITED_CONTROL, &config->proxy.control),
                         &server->control, error);
}

/* Everything listens, or the start has failed: the next start may continue. */
static void end_turn(struct server *server)
{
    if (server->turn >= 0)
        close(server->turn);
    server->turn = -1;
}

/* True: this thread is the only one that is left. */
static bool stop(struct server *server)
{
    drain_counts(server, true);
    end_turn(server);
    takeover_close(&server->inherited);
    desk_close(&server->desk);
    kin_stop();
    control_stop(server->control);
    admin_stop(server->admin);
    if (meeting)
        meeting->stop();
    if (follower)
        follower->stop();
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_stop(&server->workers[i]);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_join(&server->workers[i]);
    show_free(server->show);
    ledger_free(server->ledger);
    const bool alone = probe_end();
    password_end();
    if (server->violations)
        violations_stop(server->violations);
    free(server->workers);
    listeners_close(&server->sockets, true);
    free(server->inherited.items);
    if (server->ini_path >= 0)
        close(server->ini_path);
    steer_fini(&server->steer);
    desk_fini(&server->desk);
    return alone;
}

/* See probe_end. */
static int leave(bool alone, int status)
{
    if (alone)
        return status;
    log_end();
    _exit(status);
}

void server_library(char *to, size_t size)
{
    snprintf(to, size, "%d.%d", ev_version_major(), ev_version_minor());
}

/* Ends what was already started. */
static int fail(struct server *server, const struct error *error)
{
    const struct config_place place = config_place(&server->steer.base->config->files, error->line);

    log_start(LOG_LEVEL_ERROR, "%s:%u: %s", place.file, place.line ? place.line : 1, error->text);
    admin_let_go(server->admin); /* their paths may belong to another running process */
    control_let_go(server->control, false);
    listeners_undo(&server->sockets);
    return leave(stop(server), 2);
}

static const struct open_sockets *opened; /* by a start that is not over; else NULL */

/* libev would abort. It happens where an event loop is made: at the start. */
static void on_loop_error(const char *what)
{
    log_start(LOG_LEVEL_ERROR, "%s: %s; see to the limit of open files", what, strerror(errno));
    if (opened)
        listeners_undo(opened);
    _exit(2);
}

/* Nothing can fail any more. */
static void accept_clients(struct server *server)
{
    const struct runtime *runtime = server->steer.base;

    listeners_begin(&server->sockets);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_accept(&server->workers[i]);
    for (size_t i = 0; i < runtime->config->proxy.listen.count; i++)
        log_notice("listening on %s", runtime->config->proxy.listen.items[i].written.at);
    reload_tell_certificates(runtime);
    log_notice("silogate %s runs: %u workers, policy %s", SILOGATE_VERSION, server->worker_count,
               policy_hash(runtime->policy));
}

int server_run(const char *path)
{
    struct server server = {.path = path, .inherited.channel = -1, .ini_path = -1, .turn = -1};
    struct error error;

    signal(SIGPIPE, SIG_IGN);
    start_begins();
    log_begin();
    if (!takeover_systemd(&server.inherited, &error)) {
        log_start(LOG_LEVEL_ERROR, "%s", error.text);
        return 2;
    }
    ev_set_syserr_cb(on_loop_error);
    server.loop = ev_default_loop(EVFLAG_NOENV);
    watch_signal(&server, &server.hangup, SIGHUP, on_hangup);
    watch_signal(&server, &server.terminate, SIGTERM, drain_on_signal);
    watch_signal(&server, &server.interrupt, SIGINT, drain_on_signal);
    watch_signal(&server, &server.reopen, SIGUSR1, on_reopen);
    watch_signal(&server, &server.upgrade, SIGUSR2, on_upgrade);
    successor_init(&server.successor, path);
    struct runtime *runtime = runtime_build(path, NULL, &error);
    if (!runtime) {
        free(server.inherited.items);
        return 2;
    }
    steer_init(&server.steer, server.loop, runtime, put_in_force, &server);
    desk_init(&server.desk, server.loop);
    fd_limit_raise(runtime->config);
    error.line = 0;
    opened = &server.sockets;
    if (!start(&server, &error))
        return fail(&server, &error);
    ev_timer_init(&server.probe, on_probe, 1., 1.);
    server.probe.data = &server;
    ev_timer_start(server.loop, &server.probe);
    drain_init(&server);
    runtime = server.steer.base;
    server.young = server.inherited.channel >= 0;
    if (!goes_on(&server, &error) || !takeover_ready(&server.inherited, &error))
        return fail(&server, &error);
    accept_clients(&server);
    opened = NULL;
    start_is_over();
    if (server.young) /* SIGUSR1 may have come to the predecessor meanwhile */
        violations_reopen(server.violations);
    kin_start(&server);
    steer_lead(&server.steer);
    older_lead(&server);
    show_leads(server.show);
    end_turn(&server);
    notify("READY=1\nMAINPID=%ld\nSTATUS=policy %s", (long)getpid(), policy_hash(runtime->policy));
    if (server.inherited.reload)
        server_reload(&server, &error);
    ev_run(server.loop, 0);
    const bool alone = stop(&server);
    log_notice("stopped");
    return leave(alone, 0);
}
