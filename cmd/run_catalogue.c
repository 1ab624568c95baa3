/* A thread that reads the catalogue of each upstream with an account at the start, after each
 * reload and every [upstream] catalogue: the views, routines, triggers, events and foreign keys
 * that `silogate audit` finds, for the pages, the API and the metrics. Workers and sessions never
 * wait for it; the amount that it keeps is bounded (admin/crossings.h), and it holds no locks on
 * the server.
 */
#include "cmd/run_catalogue.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include "admin/crossings.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalogue/audit.h"
#include "proxy/runtime.h"

enum { CONNECT_MS = 2000, STATEMENT_MS = 30000, RETRY_MS = 60000, UPSTREAMS = CROSSING_SETS };

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct runtime *runtime; /* in force; protected by the lock */
    int socket;              /* of the open connection; -1: none; protected by the lock */
    bool started, stopping, anew;
} reading = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .socket = -1};

/* State of one upstream, by its index in the runtime in force. */
struct turn {
    int64_t next; /* ms, monotonic */
    bool failed;
};

static bool stopped(void)
{
    pthread_mutex_lock(&reading.lock);
    bool stop = reading.stopping || reading.anew;
    pthread_mutex_unlock(&reading.lock);
    return stop;
}

static void set_socket(int socket)
{
    pthread_mutex_lock(&reading.lock);
    reading.socket = socket;
    pthread_mutex_unlock(&reading.lock);
}

static void add_finding(struct crossings *set, const struct config *config,
                        const struct audit_finding *finding)
{
    for (size_t i = 0; i < finding->touch_count; i++) {
        const struct audit_touch *touch = &finding->touches[i];
        int owner = touch->verdict.owner;
        struct crossing one = {
            .finding = text_of(audit_kind_name(finding->kind)),
            .schema = finding->schema,
            .name = finding->name,
            .on_schema = finding->on_schema,
            .on = finding->on,
            .parent_schema = finding->parent_schema,
            .parent = finding->parent,
            .event = finding->event,
            .service = finding->owner >= 0 ? config->services[finding->owner].name : TEXT(""),
            .owner = owner >= 0 ? config->services[owner].name : TEXT(""),
            .to_schema = touch->schema,
            .to = touch->name,
            .access = touch->access,
            .action = (uint8_t)touch->verdict.action,
            .reason = (uint8_t)touch->verdict.reason,
            .crosses = owner >= 0 && owner != finding->owner,
        };
        if (owner >= 0)
            crossings_add(set, &one);
    }
}

static bool read_one(struct runtime *runtime, size_t upstream, struct error *error)
{
    const struct config *config = runtime->config;
    const struct connection_options options = {.upstream = &config->upstreams[upstream],
                                               .program = "silogate run",
                                               .connect_timeout = CONNECT_MS,
                                               .statement_timeout = STATEMENT_MS};
    struct audit audit;
    struct timespec now;
    struct connection *connection = connection_open(&options, error);

    if (!connection)
        return false;
    set_socket(connection_socket(connection));
    audit_init(&audit, config, runtime->policy, policy_today(time(NULL)));
    audit.stopped = stopped;
    bool good = audit_read_edges(&audit, upstream, connection, error);
    set_socket(-1);
    connection_close(connection);
    if (good) {
        clock_gettime(CLOCK_REALTIME, &now);
        struct crossings *set = crossings_new(config->upstreams[upstream].name,
                                              now.tv_sec * 1000000 + now.tv_nsec / 1000);
        for (size_t i = 0; i < audit.finding_count; i++)
            add_finding(set, config, &audit.findings[i]);
        crossings_publish(set);
    }
    audit_fini(&audit);
    return good;
}

/* Reads the catalogues that are due; returns the milliseconds until the next is due. */
static int64_t look_around(struct runtime *runtime, struct turn *turns)
{
    int64_t wait = INT64_C(86400000);

    for (size_t i = 0; i < runtime->config->upstream_count && i < UPSTREAMS; i++) {
        const struct config_upstream *upstream = &runtime->config->upstreams[i];
        struct error error = {.line = 0};
        if (!upstream->account.line || upstream->catalogue.value <= 0) {
            crossings_forget(upstream->name);
            continue;
        }
        if (clock_ms() >= turns[i].next) {
            bool good = read_one(runtime, i, &error);
            if (!good && stopped())
                return 0;
            if (!good && !turns[i].failed)
                log_warning("what crosses inside [upstream:%s] cannot be read: %s",
                            upstream->name.at, error.text);
            else if (good && turns[i].failed)
                log_notice("what crosses inside [upstream:%s] is read again", upstream->name.at);
            turns[i].failed = !good;
            turns[i].next = clock_ms() + (good || upstream->catalogue.value < RETRY_MS
                                              ? upstream->catalogue.value
                                              : RETRY_MS);
        }
        int64_t until = turns[i].next - clock_ms();
        wait = until < wait ? until : wait;
    }
    return wait < 1 ? 1 : wait;
}

/* Removes the sets of upstreams that a reload has removed. */
static void forget_others(const struct config *config)
{
    struct crossings *sets[CROSSING_SETS];
    size_t count = crossings_take(sets, CROSSING_SETS);

    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t u = 0; u < config->upstream_count; u++)
            known |= text_equal(config->upstreams[u].name, sets[i]->upstream);
        if (!known)
            crossings_forget(sets[i]->upstream);
        crossings_drop(sets[i]);
    }
}

static void *run(void *nothing)
{
    struct turn turns[UPSTREAMS] = {{0}};

    pthread_mutex_lock(&reading.lock);
    while (!reading.stopping) {
        struct runtime *runtime = reading.runtime ? runtime_take(reading.runtime) : NULL;
        int64_t wait = RETRY_MS;
        for (size_t i = 0; reading.anew && i < UPSTREAMS; i++)
            turns[i].next = 0;
        bool anew = reading.anew;
        reading.anew = false;
        pthread_mutex_unlock(&reading.lock);
        if (runtime) {
            if (anew)
                forget_others(runtime->config);
            wait = look_around(runtime, turns);
            runtime_drop(runtime);
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)(wait / 1000) + 1;
        pthread_mutex_lock(&reading.lock);
        while (!reading.stopping && !reading.anew &&
               pthread_cond_timedwait(&reading.changed, &reading.lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock(&reading.lock);
    connection_leave_thread();
    return nothing;
}

void run_catalogue_start(void)
{
    sigset_t all, before;

    sigfillset(&all); /* only the main thread handles signals */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    reading.started = pthread_create(&reading.thread, NULL, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!reading.started)
        log_error("no thread to read what crosses inside the upstreams");
}

void run_catalogue_configure(struct runtime *runtime)
{
    pthread_mutex_lock(&reading.lock);
    struct runtime *old = reading.runtime;
    reading.runtime = runtime_take(runtime);
    reading.anew = true;
    pthread_cond_signal(&reading.changed);
    pthread_mutex_unlock(&reading.lock);
    if (old)
        runtime_drop(old);
}

void run_catalogue_stop(void)
{
    pthread_mutex_lock(&reading.lock);
    reading.stopping = true;
    if (reading.socket >= 0)
        shutdown(reading.socket, SHUT_RDWR);
    pthread_cond_signal(&reading.changed);
    pthread_mutex_unlock(&reading.lock);
    if (reading.started)
        pthread_join(reading.thread, NULL);
    if (reading.runtime)
        runtime_drop(reading.runtime);
    reading.runtime = NULL;
}
