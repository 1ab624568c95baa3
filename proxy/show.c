/* Collects what admin/ shows: the workers' numbers, the runtime in force, the upstreams, the
 * certificates, the violation log. The main thread sets the runtime, admin's thread reads it; the
 * only lock here is between these two, and no worker takes it.
 */
#include "proxy/show.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "proxy/ledger.h"
#include "proxy/session.h"
#include "proxy/worker.h"
#include "violations/past.h"

enum { LOOK_MILLISECONDS = 50, LEADS_TRIES = 5000 };

struct show {
    struct observer *observer;
    struct violations *violations;
    pthread_mutex_t lock;    /* for the next members */
    struct runtime *runtime; /* in force */
    atomic_bool draining, refused_last, leads;
    struct ledger *ledger; /* NULL: this one has taken over from nobody */
    atomic_uint_fast64_t accepted, refused;
    atomic_int_fast64_t reloaded, reloaded_well; /* when */

    size_t (*instances)(struct instance *list,
                        size_t room); /* NULL: there is no communication with other instances */
    size_t (*meetings)(struct meeting *list, size_t room);

    /* Used by admin's thread only: */
    struct runtime *shown; /* of the view */
    struct admin_view view;
    struct timespec looked;
    bool has_queries, has_past;
    int64_t started;
    struct summary past;
    struct instance others[ADMIN_INSTANCES];
    struct meeting met[ADMIN_MEETINGS];
    struct crossings *crossings[CROSSING_SETS];
};

struct show *show_new(struct worker *workers, unsigned count, struct violations *violations)
{
    struct show *show = memory_take_zeroed(sizeof(*show));

    show->observer = observer_new(workers, count);
    show->violations = violations;
    show->started = worker_now();
    atomic_store(&show->reloaded, show->started);
    atomic_store(&show->reloaded_well, show->started);
    pthread_mutex_init(&show->lock, NULL);
    return show;
}

static void drop_crossings(struct show *show)
{
    for (size_t i = 0; i < show->view.crossing_sets; i++)
        crossings_drop(show->crossings[i]);
    show->view.crossing_sets = 0;
}

void show_free(struct show *show)
{
    if (!show)
        return;
    observer_free(show->observer);
    summary_fini(&show->past);
    runtime_drop(show->runtime);
    runtime_drop(show->shown);
    drop_crossings(show);
    free(show->view.upstreams);
    free(show->view.certificates);
    pthread_mutex_destroy(&show->lock);
    free(show);
}

void show_runtime(struct show *show, struct runtime *runtime)
{
    pthread_mutex_lock(&show->lock);
    struct runtime *before = show->runtime;
    show->runtime = runtime_take(runtime);
    pthread_mutex_unlock(&show->lock);
    runtime_drop(before);
}

void show_reload(struct show *show, bool accepted)
{
    atomic_fetch_add(accepted ? &show->accepted : &show->refused, 1);
    atomic_store(&show->refused_last, !accepted);
    atomic_store(&show->reloaded, worker_now());
    if (accepted)
        atomic_store(&show->reloaded_well, worker_now());
}

void show_draining(struct show *show)
{
    atomic_store(&show->draining, true);
}

void show_meeting(struct show *show, size_t (*instances)(struct instance *list, size_t room),
                  size_t (*meetings)(struct meeting *list, size_t room))
{
    show->instances = instances;
    show->meetings = meetings;
}

void show_ledger(struct show *show, struct ledger *ledger)
{
    show->ledger = ledger;
}

void show_anew(struct show *show)
{
    show->looked = (struct timespec){0};
}

void show_leads(struct show *show)
{
    atomic_store(&show->leads, true);
}

static size_t older(void *context, char **texts, size_t room)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};
    struct show *show = context;

    for (int tries = 0; show->ledger && tries < LEADS_TRIES && !atomic_load(&show->leads); tries++)
        nanosleep(&millisecond, NULL);
    return show->ledger ? ledger_read(show->ledger, texts, room) : 0;
}

static void look_at_instances(struct show *show, struct admin_view *view)
{
    view->instances = show->others;
    view->meetings = show->met;
    view->instance_count = show->instances ? show->instances(show->others, ADMIN_INSTANCES) : 0;
    view->meeting_count = show->meetings ? show->meetings(show->met, ADMIN_MEETINGS) : 0;
}

static void look_at_crossings(struct show *show, struct admin_view *view)
{
    drop_crossings(show);
    view->crossings = show->crossings;
    view->crossing_sets = crossings_take(show->crossings, CROSSING_SETS);
}

static struct runtime *take_runtime(struct show *show)
{
    pthread_mutex_lock(&show->lock);
    struct runtime *runtime = runtime_take(show->runtime);
    pthread_mutex_unlock(&show->lock);
    return runtime;
}

bool show_upstream_up(const struct runtime *runtime)
{
    bool up = false;

    for (size_t i = 0; i < runtime->config->upstream_count; i++)
        up |= health_is(runtime->upstream_usages[i], HEALTH_UP);
    return up;
}

static const char *unready(void *context)
{
    struct show *show = context;
    struct runtime *runtime = take_runtime(show);
    bool up = show_upstream_up(runtime);

    runtime_drop(runtime);
    if (atomic_load(&show->draining))
        return "draining: no new clients are taken";
    return up ? NULL : "no upstream is up";
}

static void look_at_upstreams(struct admin_view *view, const struct runtime *runtime)
{
    view->upstream_count = runtime->config->upstream_count;
    view->upstreams =
        memory_resize(view->upstreams, (view->upstream_count + 1) * sizeof(view->upstreams[0]));
    for (size_t i = 0; i < view->upstream_count; i++) {
        const struct usage *usage = runtime->upstream_usages[i];
        struct admin_upstream *upstream = &view->upstreams[i];
        struct router_server server;

        router_server(runtime->router, i, &server);
        *upstream = (struct admin_upstream){
            .name = runtime->config->upstreams[i].name,
            .known = !health_is(usage, HEALTH_UNKNOWN),
            .up = health_is(usage, HEALTH_UP),
            .has_account = runtime->config->upstreams[i].account.line > 0,
            .account_refused = atomic_load(&usage->health.account) == HEALTH_ACCOUNT_REFUSED,
            .refusals = atomic_load(&usage->health.refusals),
            .sessions = atomic_load(&usage->open),
            .threads_told = atomic_load(&usage->threads_told) == 1,
            .threads_ours = atomic_load(&usage->threads_ours),
            .threads_excepted = atomic_load(&usage->threads_excepted),
            .threads_past = atomic_load(&usage->threads_past),
            .witness = runtime->config->upstreams[i].witness.value > 0,
            .unexplained = atomic_load(&usage->unexplained),
            .unexplained_now = atomic_load(&usage->unexplained_now)};
        if (server.known)
            memcpy(upstream->version, server.version, sizeof(upstream->version));
    }
}

static void add_certificate(struct admin_view *view, const struct tls_certificate *certificate,
                            struct text upstream, struct text file)
{
    struct admin_certificate *to = &view->certificates[view->certificate_count++];

    *to = (struct admin_certificate){.upstream = upstream,
                                     .file = file,
                                     .days_left = tls_days_left(certificate, view->now / 1000000)};
    memcpy(to->until, certificate->until, sizeof(to->until));
}

static void look_at_certificates(struct admin_view *view, const struct runtime *runtime)
{
    const struct config *config = runtime->config;
    struct tls_certificate certificate;

    view->certificate_count = 0;
    view->certificates = memory_resize(view->certificates, (config->upstream_count + 1) *
                                                               sizeof(view->certificates[0]));
    if (runtime->tls) {
        tls_server_certificate(runtime->tls, &certificate);
        if (!certificate.is_self_made) /* silogate's own certificate: nobody has to renew it */
            add_certificate(view, &certificate, TEXT(""), config->tls.certificate.value);
    }
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (runtime->tls_clients[i] &&
            tls_client_certificate(runtime->tls_clients[i], &certificate))
            add_certificate(view, &certificate, config->upstreams[i].name,
                            config->upstreams[i].certificate.value);
    }
}

/* Marks the services that are in the configuration in force. */
static void mark_configured(struct admin_view *view)
{
    for (size_t i = 0; i < view->service_count; i++) {
        struct admin_service *service = &view->services[i];
        service->configured =
            service->name.length > 0 && policy_service(view->policy, service->name) != SERVICE_NONE;
    }
}

/* Requests within a short time share one view: they must not keep the workers busy. */
static bool looked_just_now(struct show *show, bool queries)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t since =
        (now.tv_sec - show->looked.tv_sec) * 1000 + (now.tv_nsec - show->looked.tv_nsec) / 1000000;
    if (show->shown && since < LOOK_MILLISECONDS && (!queries || show->has_queries))
        return true;
    show->looked = now;
    return false;
}

/* Once: reads the logs for the time before this process. */
static void read_past(struct show *show)
{
    const struct config_list *paths = &show->shown->config->log.violations;

    for (size_t i = 0; i < paths->count && !show->has_past; i++) {
        if (!text_equal(paths->items[i].value, TEXT("stdout")) &&
            !text_equal(paths->items[i].value, TEXT("syslog"))) {
            past_read(&show->past, paths->items[i].value.at, show->started);
            show->has_past = true; /* the other logs have the same records */
        }
    }
    show->has_past = true;
}

static const struct admin_view *look(void *context, bool queries)
{
    struct show *show = context;
    struct admin_view *view = &show->view;

    if (looked_just_now(show, queries))
        return view;
    runtime_drop(show->shown);
    show->shown = take_runtime(show);
    view->now = worker_now();
    view->config = show->shown->config;
    view->policy = show->shown->policy;
    view->router = show->shown->router;
    view->overrides = show->shown->overrides;
    view->override_count = show->shown->override_count;
    view->draining = atomic_load(&show->draining);
    view->reloads_accepted = atomic_load(&show->accepted);
    view->reloads_refused = atomic_load(&show->refused);
    view->last_reload = atomic_load(&show->reloaded);
    view->last_good_reload = atomic_load(&show->reloaded_well);
    view->last_reload_refused = atomic_load(&show->refused_last);
    read_past(show);
    observer_look(show->observer, view, queries, &show->past);
    show->has_queries = queries;
    mark_configured(view);
    look_at_upstreams(view, show->shown);
    look_at_certificates(view, show->shown);
    look_at_instances(show, view);
    look_at_crossings(show, view);
    violations_counters(show->violations, &view->log);
    return view;
}

static const char *reason_name(unsigned reason)
{
    return reason < CLOSE_REASONS ? close_reason_name((enum close_reason)reason) : NULL;
}

static const char *tls_word(unsigned failure)
{
#define X(name, word, sentence) TLS_FAILURE_##name,
    static const enum tls_failure failures[] = {TLS_FAILURES(X)};
#undef X

    return failure > TLS_FAILURE_NONE && failure < sizeof(failures) / sizeof(failures[0])
               ? tls_failure_word((enum tls_failure)failure)
               : NULL;
}

void show_counts_only(struct show *show)
{
    show->has_past = true;
}

struct admin_source show_source(struct show *show)
{
    return (struct admin_source){
        .context = show,
        .look = look,
        .unready = unready,
        .close_reason = reason_name,
        .tls_failure = tls_word,
        .older = older,
    };
}
