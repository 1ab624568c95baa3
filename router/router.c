/* Maps users to services, services to upstreams, aliases to databases, host names to addresses.
 * Addresses and the data about servers change under a lock; they are read when a session begins,
 * never for each command. All other data is immutable and read without a lock.
 */
#include "router/router.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/index.h"
#include "base/log.h"
#include "base/resolve.h"

/* CLIENT_LONG_PASSWORD, which MariaDB's greeting does not set: it has capability flags of its own.
 */
#define NOT_MARIADB 1ull

enum { NO_SERVICE = -1 };
/* So long is waited for names; by the probe FIRST_MS, where no address of an upstream is known. */
enum { RESOLVE_MS = 1000, FIRST_MS = 10000 };

/* One `address` of the ini. */
struct endpoint {
    const char *written;
    struct resolve_name *name;     /* NULL: a Unix socket */
    struct resolved_address local; /* the Unix socket's */
    uint64_t look_up;              /* the last one's number; the thread's that resolves */
    bool failed;                   /* it did not resolve, and the log has said so */
};

struct upstream {
    struct text name;
    struct endpoint *endpoints;
    size_t endpoint_count;
    struct router_server server;
};

struct route {
    struct text database, *aliases;
    size_t alias_count, upstream;
};

/* Data that changes at run time is behind a pointer, so that readers can use a const router. */
struct shared {
    pthread_mutex_t lock; /* for the upstreams' servers, and what the log has said of endpoints */
};

struct router {
    struct arena arena;
    struct index users;
    struct route *routes; /* one for each service */
    size_t route_count;
    struct upstream *upstreams;
    size_t upstream_count, default_upstream;
    struct shared *shared;
};

static void add_route(struct router *router, size_t service, const struct config_service *from)
{
    struct route *route = &router->routes[service];

    for (size_t i = 0; i < from->users.count; i++)
        index_add(&router->users, arena_text(&router->arena, from->users.items[i].value),
                  (uint32_t)service);
    if (from->database.line)
        route->database = arena_text(&router->arena, from->database.value);
    route->upstream = from->upstream_index;
    route->alias_count = from->aliases.count;
    route->aliases = arena_take(&router->arena, from->aliases.count * sizeof(*route->aliases));
    for (size_t i = 0; i < from->aliases.count; i++)
        route->aliases[i] = arena_text(&router->arena, from->aliases.items[i].value);
}

static struct resolved_address unix_address(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct resolved_address address = {.length = sizeof(at)};

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    memcpy(&address.at, &at, sizeof(at));
    return address;
}

static void add_upstream(struct router *router, size_t at, const struct config_upstream *from)
{
    struct upstream *upstream = &router->upstreams[at];

    upstream->name = arena_text(&router->arena, from->name);
    upstream->server.lower_case_table_names = -1;
    upstream->endpoint_count = from->addresses.count;
    upstream->endpoints =
        arena_take(&router->arena, upstream->endpoint_count * sizeof(*upstream->endpoints));
    for (size_t i = 0; i < upstream->endpoint_count; i++) {
        const struct config_address *address = &from->addresses.items[i];
        struct endpoint *endpoint = &upstream->endpoints[i];
        *endpoint = (struct endpoint){.written = arena_text(&router->arena, address->written).at};
        if (address->is_unix)
            endpoint->local = unix_address(address->host.at);
        else
            endpoint->name = resolve_name(address->host.at, address->port);
    }
}

static bool same_upstream(const struct upstream *a, const struct upstream *b)
{
    if (!text_equal(a->name, b->name) || a->endpoint_count != b->endpoint_count)
        return false;
    for (size_t i = 0; i < a->endpoint_count; i++) {
        if (strcmp(a->endpoints[i].written, b->endpoints[i].written) != 0)
            return false;
    }
    return true;
}

/* Copies what an older router knows about the same servers. */
static void take_over(struct router *router, const struct router *old)
{
    pthread_mutex_lock(&old->shared->lock);
    for (size_t i = 0; i < router->upstream_count; i++) {
        struct upstream *upstream = &router->upstreams[i];
        for (size_t j = 0; j < old->upstream_count; j++) {
            if (!same_upstream(upstream, &old->upstreams[j]))
                continue;
            upstream->server = old->upstreams[j].server;
            for (size_t k = 0; k < upstream->endpoint_count; k++)
                upstream->endpoints[k].failed = old->upstreams[j].endpoints[k].failed;
        }
    }
    pthread_mutex_unlock(&old->shared->lock);
}

static void begin(const struct upstream *of)
{
    for (size_t i = 0; i < of->endpoint_count; i++) {
        if (of->endpoints[i].name)
            of->endpoints[i].look_up = resolve_begin(of->endpoints[i].name);
    }
}

/* Waits for the names of one upstream. Their older addresses hold while they have no answer. */
static void settle(const struct router *router, const struct upstream *of, int64_t until)
{
    for (size_t i = 0; i < of->endpoint_count; i++) {
        struct endpoint *endpoint = &of->endpoints[i];
        if (!endpoint->name)
            continue;
        const char *why = resolve_wait(endpoint->name, endpoint->look_up, until);
        pthread_mutex_lock(&router->shared->lock);
        const bool failed = endpoint->failed;
        endpoint->failed = why != NULL;
        pthread_mutex_unlock(&router->shared->lock);
        if (why && !failed)
            log_warning("upstream %s: %s does not resolve: %s", of->name.at, endpoint->written,
                        why);
        else if (!why && failed)
            log_notice("upstream %s: %s resolves again", of->name.at, endpoint->written);
    }
}

/* All beside each other. */
static void resolve_all(struct router *router)
{
    const int64_t until = clock_ms() + RESOLVE_MS;

    for (size_t i = 0; i < router->upstream_count; i++)
        begin(&router->upstreams[i]);
    for (size_t i = 0; i < router->upstream_count; i++)
        settle(router, &router->upstreams[i], until);
}

struct router *router_build(const struct config *config, const struct router *old)
{
    struct router *router = memory_take_zeroed(sizeof(*router));

    router->shared = memory_take_zeroed(sizeof(*router->shared));
    pthread_mutex_init(&router->shared->lock, NULL);
    router->route_count = config->service_count;
    router->routes = arena_take(&router->arena, router->route_count * sizeof(*router->routes));
    for (size_t i = 0; i < router->route_count; i++)
        add_route(router, i, &config->services[i]);
    router->upstream_count = config->upstream_count;
    router->default_upstream = config->proxy.default_upstream_index;
    router->upstreams =
        arena_take(&router->arena, router->upstream_count * sizeof(*router->upstreams));
    for (size_t i = 0; i < router->upstream_count; i++)
        add_upstream(router, i, &config->upstreams[i]);
    if (old)
        take_over(router, old);
    resolve_all(router);
    return router;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    pthread_mutex_destroy(&router->shared->lock);
    free(router->shared);
    index_fini(&router->users);
    arena_fini(&router->arena);
    free(router);
}

int router_service(const struct router *router, struct text user)
{
    uint32_t service;

    return index_find(&router->users, user, &service) ? (int)service : NO_SERVICE;
}

static const struct route *route_of(const struct router *router, int service)
{
    return service >= 0 && (size_t)service < router->route_count ? &router->routes[service] : NULL;
}

size_t router_upstream(const struct router *router, int service)
{
    const struct route *route = route_of(router, service);

    return route ? route->upstream : router->default_upstream;
}

struct text router_database(const struct router *router, int service, struct text name, bool fold)
{
    const struct route *route = route_of(router, service);

    if (!route || route->database.length == 0)
        return name;
    if (name.length == 0)
        return route->database;
    for (size_t i = 0; i < route->alias_count; i++) {
        struct text alias = route->aliases[i];
        if (fold ? text_equal_fold(alias, name) : text_equal(alias, name))
            return route->database;
    }
    return name;
}

size_t router_upstream_count(const struct router *router)
{
    return router->upstream_count;
}

const char *router_upstream_name(const struct router *router, size_t upstream)
{
    return router->upstreams[upstream].name.at;
}

static void find_addresses(const struct endpoint *endpoint, struct resolved *found)
{
    if (endpoint->name) {
        resolve_found(endpoint->name, found);
    } else {
        found->addresses[0] = endpoint->local;
        found->count = 1;
    }
}

/* An endpoint that did not resolve counts as one address, so that a session sees the failure. */
static size_t places_of(const struct resolved *found)
{
    return found->count ? found->count : 1;
}

size_t router_address_count(const struct router *router, size_t upstream)
{
    const struct upstream *of = &router->upstreams[upstream];
    struct resolved found;
    size_t count = 0;

    for (size_t i = 0; i < of->endpoint_count; i++) {
        find_addresses(&of->endpoints[i], &found);
        count += places_of(&found);
    }
    return count;
}

bool router_address(const struct router *router, size_t upstream, size_t index,
                    struct router_address *address)
{
    const struct upstream *of = &router->upstreams[upstream];
    struct resolved found;

    *address = (struct router_address){.written = ""};
    for (size_t i = 0; i < of->endpoint_count; i++) {
        find_addresses(&of->endpoints[i], &found);
        if (index >= places_of(&found)) {
            index -= places_of(&found);
            continue;
        }
        address->written = of->endpoints[i].written;
        address->line = i;
        if (found.count == 0)
            return false;
        address->at = found.addresses[index].at;
        address->length = found.addresses[index].length;
        return true;
    }
    return false;
}

bool router_has_names(const struct router *router, size_t upstream)
{
    const struct upstream *of = &router->upstreams[upstream];

    for (size_t i = 0; i < of->endpoint_count; i++) {
        const struct endpoint *endpoint = &of->endpoints[i];
        if (endpoint->name && !resolve_is_address(endpoint->name))
            return true;
    }
    return false;
}

/* Is an address of the upstream known? */
static bool is_found(const struct upstream *of)
{
    struct resolved found = {.count = 0};

    for (size_t i = 0; i < of->endpoint_count && found.count == 0; i++)
        find_addresses(&of->endpoints[i], &found);
    return found.count > 0;
}

void router_resolve(const struct router *router, size_t upstream)
{
    const struct upstream *of = &router->upstreams[upstream];

    begin(of);
    settle(router, of, clock_ms() + (is_found(of) ? RESOLVE_MS : FIRST_MS));
}

void router_server(const struct router *router, size_t upstream, struct router_server *server)
{
    pthread_mutex_lock(&router->shared->lock);
    *server = router->upstreams[upstream].server;
    pthread_mutex_unlock(&router->shared->lock);
}

void router_learn(struct router *router, size_t upstream, const struct router_server *server)
{
    struct router_server *known = &router->upstreams[upstream].server;

    pthread_mutex_lock(&router->shared->lock);
    struct router_server before = *known;
    *known = *server;
    /* A greeting does not have these fields; they stay valid while the server has the same version.
     */
    if (server->lower_case_table_names < 0 && strcmp(before.version, server->version) == 0) {
        known->lower_case_table_names = before.lower_case_table_names;
        known->init_connect = before.init_connect;
    }
    pthread_mutex_unlock(&router->shared->lock);
}

void router_greeting(const struct router *router, struct router_server *server)
{
    const struct upstream *speaker = NULL;
    uint64_t common = UINT64_MAX;

    pthread_mutex_lock(&router->shared->lock);
    if (router->upstream_count && router->upstreams[router->default_upstream].server.known)
        speaker = &router->upstreams[router->default_upstream];
    for (size_t i = 0; i < router->upstream_count; i++) {
        if (!router->upstreams[i].server.known)
            continue;
        speaker = speaker ? speaker : &router->upstreams[i];
        common &= router->upstreams[i].server.capabilities;
    }
    *server = (struct router_server){.lower_case_table_names = -1};
    if (speaker) {
        *server = speaker->server;
        server->capabilities =
            (common & ~NOT_MARIADB) | (speaker->server.capabilities & NOT_MARIADB);
    }
    pthread_mutex_unlock(&router->shared->lock);
}
