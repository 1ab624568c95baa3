/* Collects the workers' numbers for admin/: each worker copies its own, and the asking thread adds
 * them up. If a worker answers too late, its answer is used at the next request; until then it
 * keeps the memory that it writes to.
 */
#include "proxy/observe.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/admin.h"
#include "base/arena.h"
#include "proxy/binding.h"
#include "proxy/session.h"
#include "proxy/worker.h"

enum { LOOK_TRIES = 500 };

/* A worker's counts of violations, joined from its slices. */
struct gathered {
    struct summary_edge *edges;
    struct summary_query *queries;
    size_t edge_count, edge_room, query_count, query_room;
    uint64_t forgotten;
    struct summary_edge all;
};

/* One worker as the asking thread sees it. */
struct watched {
    struct observation *shown, *spare; /* spare NULL: the worker has it */
    struct gathered seen, coming;
    bool goes_on; /* more slices follow */
    struct counters counters;
    struct service_counters *services;
    unsigned service_count;
};

struct observer {
    struct worker *workers;
    unsigned count;
    /* by the number of the usage; the last one is for users without a service */
    struct admin_service *services;
    struct summary summary;
    size_t room;
    struct watched watched[];
};

void observe_delay(struct counters *counters, double seconds)
{
    uint64_t bound = COUNTERS_DELAY_LEAST;
    unsigned at = 0;

    if (seconds < 0) /* the clock was set */
        seconds = 0;
    for (; at < COUNTERS_DELAYS && seconds * 1e6 > (double)bound; at++)
        bound *= 2;
    counters->delays[at]++;
    counters->delay_sum += seconds;
}

void observe_latency(const struct session *session)
{
    const struct binding *binding = session->binding;
    struct worker *worker = session->worker;
    struct service_counters *counters =
        worker_counters(worker, binding ? binding->service_usage : NULL);
    /* The loop's clock does not change within a turn, and follows the machine's clock. */
    double seconds = ev_now(worker->loop) - session->request.forwarded_at;
    uint64_t times = seconds > 0 ? (uint64_t)(seconds * 1e6) / COUNTERS_LATENCY_LEAST : 0;
    unsigned at = times ? 64 - (unsigned)__builtin_clzll(times) : 0;

    counters->latencies[at < COUNTERS_LATENCIES ? at : COUNTERS_LATENCIES]++;
    counters->latency_sum += seconds > 0 ? seconds : 0;
}

void observe_allowed(struct service_counters *counters, const struct usage *owner)
{
    unsigned at = owner ? 0 : COUNTERS_EDGES;

    while (at < COUNTERS_EDGES && counters->edges[at].owner && counters->edges[at].owner != owner)
        at++;
    if (at < COUNTERS_EDGES)
        counters->edges[at].owner = owner;
    counters->edges[at].allowed++;
}

static enum counters_doing doing(const struct session *session)
{
    if (session->state == STATE_LINGER)
        return DOING_CLOSING;
    if (!session->logged_in)
        return DOING_LOGIN;
    if (session->state != STATE_COMMAND || session_owes(session))
        return DOING_ACTIVE;
    if (session->waiting.after)
        return DOING_WAITING;
    return session->belief.in_transaction ? DOING_IDLE_IN_TRANSACTION : DOING_IDLE;
}

static void count_doings(struct worker *worker)
{
    memset(worker->counters.doing, 0, sizeof(worker->counters.doing));
    for (struct list_link *link = worker->sessions.after; link != &worker->sessions;
         link = link->after)
        worker->counters.doing[doing(LIST_ENTRY(link, struct session, all))]++;
}

static void add_service(struct observation *to, const struct service_counters *counters)
{
    if (to->count == to->room) {
        to->room = to->room * 2 + 8;
        to->services = memory_resize(to->services, to->room * sizeof(to->services[0]));
    }
    to->services[to->count++] = *counters;
}

void observe_answer(struct worker *worker)
{
    struct observation *to = atomic_exchange(&worker->observed.asked, NULL);

    if (!to)
        return;
    if (to->wants_counters) {
        count_doings(worker);
        to->counters = worker->counters;
        to->count = 0;
        add_service(to, &worker->nobody);
        for (unsigned i = 0; i < worker->service_room; i++) {
            if (worker->services[i])
                add_service(to, worker->services[i]);
        }
    }
    violations_seen(worker->records, &to->slice);
    atomic_store(&worker->observed.answered, to);
}

struct observer *observer_new(struct worker *workers, unsigned count)
{
    struct observer *observer =
        memory_take_zeroed(sizeof(*observer) + count * sizeof(observer->watched[0]));

    observer->workers = workers;
    observer->count = count;
    for (unsigned i = 0; i < count; i++) {
        observer->watched[i].shown = memory_take_zeroed(sizeof(struct observation));
        observer->watched[i].spare = memory_take_zeroed(sizeof(struct observation));
    }
    return observer;
}

static void free_observation(struct observation *observation)
{
    if (observation)
        free(observation->services);
    free(observation);
}

static void free_gathered(struct gathered *gathered)
{
    free(gathered->edges);
    free(gathered->queries);
}

void observer_free(struct observer *observer)
{
    for (unsigned i = 0; observer && i < observer->count; i++) {
        struct observed *observed = &observer->workers[i].observed;
        struct watched *watched = &observer->watched[i];
        free_observation(watched->shown);
        free_observation(watched->spare);
        free_gathered(&watched->seen);
        free_gathered(&watched->coming);
        free(watched->services);
        free_observation(atomic_exchange(&observed->asked, NULL));
        free_observation(atomic_exchange(&observed->answered, NULL));
    }
    if (observer) {
        free(observer->services);
        summary_fini(&observer->summary);
    }
    free(observer);
}

static bool take_answer(struct observer *observer, unsigned i)
{
    struct watched *watched = &observer->watched[i];
    struct observation *answer = atomic_exchange(&observer->workers[i].observed.answered, NULL);

    if (!answer)
        return false;
    watched->spare = watched->shown;
    watched->shown = answer;
    return true;
}

/* Asks a worker for its first slice, or for the one after the last. */
static void ask(struct observer *observer, unsigned i, bool anew, bool queries)
{
    struct watched *watched = &observer->watched[i];
    struct worker *worker = &observer->workers[i];

    watched->goes_on = false;
    take_answer(observer, i); /* an answer that came too late for the last request */
    if (!watched->spare)
        return;
    struct summary_slice *slice = &watched->spare->slice;
    slice->edge = anew ? 0 : watched->shown->slice.edge;
    slice->query = anew ? 0 : watched->shown->slice.query;
    slice->wants_queries = queries;
    watched->spare->wants_counters = anew;
    atomic_store(&worker->observed.asked, watched->spare);
    watched->spare = NULL;
    watched->goes_on = true;
    ev_async_send(worker->loop, &worker->wake);
}

static unsigned wait_for_all(struct observer *observer)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};
    const struct timespec moment = {.tv_nsec = 20000};
    unsigned late = 0;

    for (int tries = 0; tries < LOOK_TRIES; tries++) {
        late = 0;
        for (unsigned i = 0; i < observer->count; i++)
            late += !observer->watched[i].spare && !take_answer(observer, i);
        if (late == 0)
            break;
        nanosleep(tries < 50 ? &moment : &millisecond, NULL);
    }
    return late;
}

static void *room_for(void *items, size_t count, size_t *room, size_t size)
{
    if (count <= *room)
        return items;
    *room = count * 2;
    return memory_resize(items, *room * size);
}

/* Appends a slice to those before it. */
static void gather(struct gathered *to, const struct summary_slice *slice)
{
    to->edges = room_for(to->edges, to->edge_count + slice->edge_count, &to->edge_room,
                         sizeof(to->edges[0]));
    to->queries = room_for(to->queries, to->query_count + slice->query_count, &to->query_room,
                           sizeof(to->queries[0]));
    if (slice->edge_count > 0)
        memcpy(to->edges + to->edge_count, slice->edges, slice->edge_count * sizeof(to->edges[0]));
    if (slice->query_count > 0)
        memcpy(to->queries + to->query_count, slice->queries,
               slice->query_count * sizeof(to->queries[0]));
    to->edge_count += slice->edge_count;
    to->query_count += slice->query_count;
    to->forgotten = slice->forgotten;
    /* The first slice is taken at the same moment as the counters. */
    if (slice->edge == slice->edge_count)
        to->all = slice->all;
}

/* The first slice comes with the counters, which were taken at the same moment as its edges.
 */
static void keep_counters(struct watched *watched)
{
    const struct observation *shown = watched->shown;

    watched->counters = shown->counters;
    watched->service_count = shown->count;
    watched->services =
        memory_resize(watched->services, (shown->count + 1) * sizeof(*shown->services));
    if (shown->count > 0)
        memcpy(watched->services, shown->services, shown->count * sizeof(*shown->services));
    watched->coming.edge_count = watched->coming.query_count = 0;
}

/* Takes the slice that a worker has sent. True: more slices follow. */
static bool take_slice(struct watched *watched, bool anew)
{
    if (!watched->goes_on || !watched->spare)
        return false; /* it was not asked, or it is late */
    if (anew)
        keep_counters(watched);
    gather(&watched->coming, &watched->shown->slice);
    if (watched->shown->slice.more)
        return true;
    struct gathered before = watched->seen;
    watched->seen = watched->coming;
    watched->coming = before;
    return false;
}

static unsigned ask_all(struct observer *observer, bool queries)
{
    unsigned late = 0;
    bool more = true;

    for (unsigned i = 0; i < observer->count; i++)
        observer->watched[i].goes_on = true;
    for (bool anew = true; more && late == 0; anew = false) {
        more = false;
        for (unsigned i = 0; i < observer->count; i++) {
            if (anew || observer->watched[i].goes_on)
                ask(observer, i, anew, queries);
        }
        late = wait_for_all(observer);
        for (unsigned i = 0; i < observer->count; i++) {
            observer->watched[i].goes_on = take_slice(&observer->watched[i], anew);
            more |= observer->watched[i].goes_on;
        }
    }
    return late;
}

static void add_counters(struct counters *sum, const struct counters *one)
{
    double delay_sum = sum->delay_sum + one->delay_sum;
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)one;

    /* All members are 64-bit integers, except the last one. */
    for (size_t i = 0; i < offsetof(struct counters, delay_sum) / sizeof(*to); i++)
        to[i] += from[i];
    sum->delay_sum = delay_sum;
}

/* Adds statements in mode off, which are no violations and so not in the workers' summaries. */
static void add_allowed(struct summary *summary, const struct service_counters *one)
{
    struct text service = one->service ? text_of(usage_service(one->service)) : TEXT("");

    for (unsigned e = 0; e <= COUNTERS_EDGES; e++) {
        const struct edge_counters *from = &one->edges[e];
        if (from->allowed == 0)
            continue;
        struct text owner =
            from->owner ? text_of(usage_service(from->owner)) : TEXT(SUMMARY_OTHERS);
        summary_edge(summary, service, owner)->allowed += from->allowed;
    }
}

static void add_statements(struct admin_service *to, const struct service_counters *one)
{
    for (unsigned r = 0; r < REASON_COUNT; r++) {
        for (unsigned a = 0; a < COUNTERS_ACTIONS; a++)
            to->statements[r][a] += one->statements[r][a];
    }
    for (unsigned i = 0; i <= COUNTERS_LATENCIES; i++)
        to->latencies[i] += one->latencies[i];
    to->latency_sum += one->latency_sum;
    to->unmapped += one->unmapped;
    to->overlong += one->overlong;
}

/* Makes an entry for each service that has ever existed, by the number of its usage, and one for
 * users without a service. */
static uint32_t begin_services(struct observer *observer)
{
    const struct usage *first = usage_first();
    uint32_t nobody = first ? first->number + 1 : 0;

    if (observer->room < nobody + 1) {
        observer->room = nobody + 1;
        observer->services =
            memory_resize(observer->services, observer->room * sizeof(observer->services[0]));
    }
    memset(observer->services, 0, (nobody + 1) * sizeof(observer->services[0]));
    for (const struct usage *usage = first; usage; usage = usage->next) {
        struct admin_service *service = &observer->services[usage->number];
        service->name = text_of(usage_service(usage));
        service->sessions = atomic_load(&usage->open);
    }
    observer->services[nobody].name = TEXT("");
    return nobody;
}

/* Removes the entries of usages that belong to no service. */
static void pack_services(struct observer *observer, struct admin_view *view, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (observer->services[i].name.at)
            observer->services[view->service_count++] = observer->services[i];
    }
}

void observer_look(struct observer *observer, struct admin_view *view, bool queries,
                   const struct summary *past)
{
    view->workers = observer->count;
    view->service_count = 0;
    view->counters = (struct counters){0};
    view->late = ask_all(observer, queries);
    uint32_t nobody = begin_services(observer);
    summary_clear(&observer->summary);
    for (unsigned i = 0; i < observer->count; i++) {
        const struct watched *watched = &observer->watched[i];
        const struct gathered *seen = &watched->seen;
        add_counters(&view->counters, &watched->counters);
        summary_add(&observer->summary, seen->edges, seen->edge_count, seen->queries,
                    seen->query_count);
        summary_add_all(&observer->summary, &seen->all);
        observer->summary.forgotten += seen->forgotten;
        for (unsigned s = 0; s < watched->service_count; s++) {
            const struct service_counters *one = &watched->services[s];
            add_statements(&observer->services[one->service ? one->service->number : nobody], one);
            add_allowed(&observer->summary, one);
        }
    }
    summary_add(&observer->summary, past->edges, past->edge_count, past->queries,
                queries ? past->query_count : 0);
    summary_add_all(&observer->summary, &past->all);
    pack_services(observer, view, nobody + 1);
    view->services = observer->services;
    view->summary = &observer->summary;
}
