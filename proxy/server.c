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

#include "base/arena.h"
#include "base/log.h"
#include "proxy/fd_limit.h"
#include "proxy/login/login.h"
#include "proxy/probe.h"
#include "proxy/registry.h"
#include "proxy/show.h"
#include "proxy/worker.h"

enum { LOG_OUTPUTS = 64 };

struct server {
    const char *path;
    struct ev_loop *loop;
    struct ev_signal hangup, terminate, interrupt, reopen;
    struct ev_timer probe, drain;
    struct runtime *runtime;
    struct violations *violations;
    struct worker *workers;
    unsigned worker_count;
    struct show *show;
    struct admin *admin; /* NULL: off */
    int shared[WORKER_LISTENERS];
};

static void log_settings(const struct config *config, struct text *outputs, unsigned *lines,
                         struct violations_settings *settings)
{
    size_t count = config->log.violations.count;

    if (count > LOG_OUTPUTS)
        count = LOG_OUTPUTS;
    for (size_t i = 0; i < count; i++) {
        outputs[i] = config->log.violations.items[i].value;
        lines[i] = config->log.violations.items[i].line;
    }
    *settings = (struct violations_settings){.outputs = outputs,
                                             .lines = lines,
                                             .output_count = count,
                                             .statement = config->log.statement.value,
                                             .repeat = config->log.repeat.value};
}

static bool same_address(const struct config_address *a, const struct config_address *b)
{
    return text_equal(a->written, b->written);
}

/* Names what differs but cannot change without a restart. */
static void tell_what_stays(const struct config *old, const struct config *new)
{
    bool same = old->proxy.listen.count == new->proxy.listen.count;

    for (size_t i = 0; same && i < old->proxy.listen.count; i++)
        same = same_address(&old->proxy.listen.items[i], &new->proxy.listen.items[i]);
    if (!same)
        log_warning("reload: listen differs; it changes with the next restart");
    if (!same_address(&old->proxy.admin, &new->proxy.admin))
        log_warning("reload: admin differs; it changes with the next restart");
    if (!text_equal(old->proxy.admin_token_file.value, new->proxy.admin_token_file.value))
        log_warning("reload: admin_token_file differs; it changes with the next restart");
    if (old->proxy.instance.value != new->proxy.instance.value)
        log_warning("reload: instance differs; it changes with the next restart");
    if (old->proxy.workers.value != new->proxy.workers.value)
        log_warning("reload: workers differs; it changes with the next restart");
}

/* Which certificates are in force, and until when. */
static void tell_certificates(const struct runtime *runtime)
{
    const struct config *config = runtime->config;
    struct tls_certificate certificate;

    if (runtime->tls) {
        tls_server_certificate(runtime->tls, &certificate);
        log_notice("TLS for clients: certificate %s, until %s", certificate.name,
                   certificate.until);
    }
    for (size_t i = 0; i < config->upstream_count; i++)
        if (runtime->tls_clients[i] &&
            tls_client_certificate(runtime->tls_clients[i], &certificate))
            log_notice("TLS for upstream '%s': certificate %s, until %s",
                       config->upstreams[i].name.at, certificate.name, certificate.until);
}

static void on_hangup(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    struct server *server = signal->data;
    struct runtime *runtime = runtime_build(server->path, server->runtime);
    struct violations_settings settings;
    struct error error;

    (void)loop;
    (void)events;
    if (!runtime) {
        log_error("reload: %s has errors; the old configuration stays in force", server->path);
        show_refused(server->show);
        violations_event_reload(server->violations, policy_hash(server->runtime->policy), false,
                                TEXT("the file has errors"));
        return;
    }
    struct text outputs[LOG_OUTPUTS];
    unsigned lines[LOG_OUTPUTS];

    log_settings(runtime->config, outputs, lines, &settings);
    if (!violations_change(server->violations, &settings, &error)) {
        log_error("reload: %s:%u: %s; the old configuration stays in force", server->path,
                  error.line ? error.line : 1, error.text);
        show_refused(server->show);
        violations_event_reload(server->violations, policy_hash(server->runtime->policy), false,
                                TEXT("a violation log cannot be opened"));
        runtime_drop(runtime);
        return;
    }
    tell_what_stays(server->runtime->config, runtime->config);
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_reload(&server->workers[i], runtime_take(runtime));
    runtime_drop(server->runtime);
    server->runtime = runtime;
    show_runtime(server->show, runtime);
    violations_event_reload(server->violations, policy_hash(runtime->policy), true, TEXT(""));
    tell_certificates(runtime);
    log_notice("reload: %s is in force, policy %s", server->path, policy_hash(runtime->policy));
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
    ev_tstamp over = (ev_tstamp)server->runtime->config->proxy.drain_timeout.value / 1000;
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
    const struct config *config = server->runtime->config;

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
    probe_begin(server->runtime, server->violations);
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
    const struct config *config = server->runtime->config;
    struct violations_settings settings;
    struct text outputs[LOG_OUTPUTS];
    unsigned lines[LOG_OUTPUTS];

    registry_begin((unsigned)config->proxy.instance.value);
    unsigned wanted = (unsigned)config->proxy.workers.value;
    if (wanted == 0)
        wanted = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    server->workers = memory_take_zeroed(wanted * sizeof(struct worker));
    log_settings(config, outputs, lines, &settings);
    server->violations = violations_start(&settings, wanted, worker_room, server->workers, error);
    if (!server->violations)
        return false;
    probe_upstreams(server->runtime, server->violations);
    if (!worker_open_shared(config, server->shared, error))
        return false;
    for (unsigned i = 0; i < wanted; i++, server->worker_count++) {
        if (!worker_start(&server->workers[i], i, runtime_take(server->runtime), server->violations,
                          server->shared, error))
            return false;
    }
    server->show = show_new(server->workers, server->worker_count, server->violations);
    show_runtime(server->show, server->runtime);
    struct admin_source source = show_source(server->show);
    return admin_start(config, &source, &server->admin, error);
}

static void stop(struct server *server)
{
    admin_stop(server->admin);
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
    runtime_drop(server->runtime);
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
    server.runtime = runtime_build(path, NULL);
    if (!server.runtime)
        return 2;
    fd_limit_raise(server.runtime->config);
    if (!start(&server, &error)) {
        fprintf(stderr, "%s:%u: %s\n", path, error.line ? error.line : 1, error.text);
        stop(&server); /* what has started already */
        return 2;
    }
    ev_timer_init(&server.probe, on_probe, PROBE_SECONDS, PROBE_SECONDS);
    server.probe.data = &server;
    ev_timer_start(server.loop, &server.probe);
    ev_timer_init(&server.drain, on_drained, 0.1, 0.1);
    server.drain.data = &server;
    for (size_t i = 0; i < server.runtime->config->proxy.listen.count; i++)
        log_notice("listening on %s", server.runtime->config->proxy.listen.items[i].written.at);
    tell_certificates(server.runtime);
    log_notice("silogate %s runs: %u workers, policy %s", SILOGATE_VERSION, server.worker_count,
               policy_hash(server.runtime->policy));
    ev_run(server.loop, 0);
    stop(&server);
    log_notice("stopped");
    return 0;
}
