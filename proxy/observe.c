/* Numbers on their way from the workers to admin/: copied by each worker, added up by the asking
 * thread. An answer that is late is waited for by the next question; its place is nobody else's
 * until then.
 */
#include "proxy/observe.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/admin.h"
#include "base/arena.h"
#include "proxy/worker.h"

enum { LOOK_TRIES = 500 };

/* One worker as the asking thread sees it. */
struct watched {
    struct observation *shown, *spare; /* spare NULL: it is with the worker */
};

struct observer {
    struct worker *workers;
    unsigned count;
    struct admin_service *services; /* by the number of the usage, then of nobody */
    struct admin_edge *edges;
    const struct violations_recent **recents; /* by worker */
    size_t room, edge_room;
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

void observe_edge(struct service_counters *counters, const struct usage *owner, unsigned action)
{
    unsigned at = 0;

    while (at < COUNTERS_EDGES && counters->edges[at].owner && counters->edges[at].owner != owner)
        at++;
    if (at < COUNTERS_EDGES)
        counters->edges[at].owner = owner;
    counters->edges[at].statements[action]++;
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
    to->counters = worker->counters;
    to->count = 0;
    add_service(to, &worker->nobody);
    for (unsigned i = 0; i < worker->service_room; i++) {
        if (worker->services[i])
            add_service(to, worker->services[i]);
    }
    if (to->wants_recent)
        violations_recent(worker->records, to->recent);
    atomic_store(&worker->observed.answered, to);
}

struct observer *observer_new(struct worker *workers, unsigned count)
{
    struct observer *observer =
        memory_take_zeroed(sizeof(*observer) + count * sizeof(observer->watched[0]));

    observer->workers = workers;
    observer->count = count;
    observer->recents = memory_take_zeroed(count * sizeof(observer->recents[0]));
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
    if (observation)
        free(observation->recent);
    free(observation);
}

void observer_free(struct observer *observer)
{
    for (unsigned i = 0; observer && i < observer->count; i++) {
        struct observed *observed = &observer->workers[i].observed;
        free_observation(observer->watched[i].shown);
        free_observation(observer->watched[i].spare);
        free_observation(atomic_exchange(&observed->asked, NULL));
        free_observation(atomic_exchange(&observed->answered, NULL));
    }
    if (observer) {
        free(observer->services);
        free(observer->edges);
        free(observer->recents);
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

static void ask(struct observer *observer, unsigned i, bool recent)
{
    struct watched *watched = &observer->watched[i];
    struct worker *worker = &observer->workers[i];

    take_answer(observer, i); /* one that came too late for the last look */
    if (!watched->spare)
        return;
    watched->spare->wants_recent = recent;
    if (recent && !watched->spare->recent)
        watched->spare->recent = memory_take_zeroed(sizeof(struct violations_recent));
    atomic_store(&worker->observed.asked, watched->spare);
    watched->spare = NULL;
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

static void add_counters(struct counters *sum, const struct counters *one)
{
    double delay_sum = sum->delay_sum + one->delay_sum;
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)one;

    /* All of it is 64-bit words, but for the last one. */
    for (size_t i = 0; i < offsetof(struct counters, delay_sum) / sizeof(*to); i++)
        to[i] += from[i];
    sum->delay_sum = delay_sum;
}

static struct admin_edge *edge_of(struct observer *observer, struct admin_view *view,
                                  uint32_t service, uint32_t owner)
{
    for (size_t i = 0; i < view->edge_count; i++) {
        if (observer->edges[i].service == service && observer->edges[i].owner == owner)
            return &observer->edges[i];
    }
    if (view->edge_count == observer->edge_room) {
        observer->edge_room = observer->edge_room * 2 + 16;
        observer->edges =
            memory_resize(observer->edges, observer->edge_room * sizeof(observer->edges[0]));
    }
    struct admin_edge *edge = &observer->edges[view->edge_count++];
    *edge = (struct admin_edge){.service = service, .owner = owner};
    return edge;
}

static void add_edges(struct observer *observer, struct admin_view *view,
                      const struct service_counters *one, uint32_t service)
{
    for (unsigned e = 0; e <= COUNTERS_EDGES; e++) {
        const struct edge_counters *from = &one->edges[e];
        uint32_t owner = from->owner ? from->owner->number : ADMIN_OTHERS;
        if (from->statements[VERDICT_ALLOW] + from->statements[VERDICT_LOG] +
                from->statements[VERDICT_BLOCK] ==
            0)
            continue;
        struct admin_edge *edge = edge_of(observer, view, service, owner);
        for (unsigned a = 0; a < COUNTERS_ACTIONS; a++)
            edge->statements[a] += from->statements[a];
    }
}

static void add_statements(struct admin_service *to, const struct service_counters *one)
{
    for (unsigned r = 0; r < REASON_COUNT; r++) {
        for (unsigned a = 0; a < COUNTERS_ACTIONS; a++)
            to->statements[r][a] += one->statements[r][a];
    }
}

/* A place for each service there ever was, by the number of its usage, and one for nobody. */
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

/* Takes out the places of usages that are no service's. */
static void pack_services(struct observer *observer, struct admin_view *view, uint32_t count)
{
    uint32_t *moved = memory_take(count * sizeof(*moved));

    for (uint32_t i = 0; i < count; i++) {
        moved[i] = (uint32_t)view->service_count;
        if (observer->services[i].name.at)
            observer->services[view->service_count++] = observer->services[i];
    }
    for (size_t i = 0; i < view->edge_count; i++) {
        observer->edges[i].service = moved[observer->edges[i].service];
        if (observer->edges[i].owner != ADMIN_OTHERS)
            observer->edges[i].owner = moved[observer->edges[i].owner];
    }
    free(moved);
}

void observer_look(struct observer *observer, struct admin_view *view, bool recent)
{
    view->workers = observer->count;
    view->edge_count = view->service_count = view->recent_count = 0;
    view->counters = (struct counters){0};
    for (unsigned i = 0; i < observer->count; i++)
        ask(observer, i, recent);
    view->late = wait_for_all(observer);
    uint32_t nobody = begin_services(observer);
    for (unsigned i = 0; i < observer->count; i++) {
        const struct observation *shown = observer->watched[i].shown;
        add_counters(&view->counters, &shown->counters);
        if (recent && shown->recent)
            observer->recents[view->recent_count++] = shown->recent;
        for (unsigned s = 0; s < shown->count; s++) {
            const struct service_counters *one = &shown->services[s];
            uint32_t at = one->service ? one->service->number : nobody;
            add_statements(&observer->services[at], one);
            add_edges(observer, view, one, at);
        }
    }
    pack_services(observer, view, nobody + 1);
    view->services = observer->services;
    view->edges = observer->edges;
    view->recents = observer->recents;
}
