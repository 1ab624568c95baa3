/* Maps users to services, services to upstreams, aliases to databases, host names to addresses.
 * Addresses and the data about servers change under a lock; they are read when a session begins,
 * never for each command. All other data is immutable and read without a lock.
 */
#include "router/router.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/index.h"
#include "base/log.h"
#include "router/resolve.h"

/* CLIENT_LONG_PASSWORD, which MariaDB's greeting does not set: it has capability flags of its own.
 */
#define NOT_MARIADB 1ull

enum { NO_SERVICE = -1 };
/* A start and a reload wait so long for names. */
enum { RESOLVE_MS = 1000 };

/* One `address` of the ini and what it resolves to. */
struct endpoint {
    const char *host, *written;
    uint16_t port;
    bool is_unix, failed;        /* failed: it did not resolve, and the log has said so */
    struct resolving *resolving; /* only while the router is built */
    struct resolved found;
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
    pthread_mutex_t lock; /* for the endpoints' addresses and the upstreams' servers */
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
        upstream->endpoints[i] = (struct endpoint){
            .host = arena_text(&router->arena, address->host).at,
            .written = arena_text(&router->arena, address->written).at,
            .port = address->port,
            .is_unix = address->is_unix,
        };
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

/* Copies what an older router knows about the same servers and their addresses. */
static void take_over(struct router *router, const struct router *old)
{
    pthread_mutex_lock(&old->shared->lock);
    for (size_t i = 0; i < router->upstream_count; i++) {
        struct upstream *upstream = &router->upstreams[i];
        for (size_t j = 0; j < old->upstream_count; j++) {
            if (!same_upstream(upstream, &old->upstreams[j]))
                continue;
            upstream->server = old->upstreams[j].server;
            for (size_t k = 0; k < upstream->endpoint_count; k++) {
                struct endpoint *endpoint = &upstream->endpoints[k],
                                *known = &old->upstreams[j].endpoints[k];
                endpoint->found = known->found;
                endpoint->failed = known->failed;
            }
        }
    }
    pthread_mutex_unlock(&old->shared->lock);
}

static void settle(const struct router *router, size_t upstream, struct endpoint *endpoint,
                   const char *why, const struct resolved *found)
{
    if (why && !endpoint->failed)
        log_warning("upstream %s: %s does not resolve: %s", router->upstreams[upstream].name.at,
                    endpoint->written, why);
    pthread_mutex_lock(&router->shared->lock);
    endpoint->failed = why != NULL;
    if (!why) /* else the older addresses stay */
        endpoint->found = *found;
    pthread_mutex_unlock(&router->shared->lock);
}

static void add_unix(struct endpoint *endpoint)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", endpoint->host);
    memcpy(&endpoint->found.addresses[0].at, &at, sizeof(at));
    endpoint->found.addresses[0].length = sizeof(at);
    endpoint->found.count = 1;
}

/* All beside each other. Those that have no answer in time keep what is known of them, and are
 * resolved by the probe. */
static void resolve_all(struct router *router)
{
    const int64_t until = clock_ms() + RESOLVE_MS;

    for (size_t i = 0; i < router->upstream_count; i++) {
        for (size_t j = 0; j < router->upstreams[i].endpoint_count; j++) {
            struct endpoint *endpoint = &router->upstreams[i].endpoints[j];
            if (endpoint->is_unix)
                add_unix(endpoint);
            else
                endpoint->resolving = resolve_begin(endpoint->host, endpoint->port);
        }
    }
    for (size_t i = 0; i < router->upstream_count; i++) {
        for (size_t j = 0; j < router->upstreams[i].endpoint_count; j++) {
            struct endpoint *endpoint = &router->upstreams[i].endpoints[j];
            struct resolved found;
            if (endpoint->is_unix)
                continue;
            settle(router, i, endpoint, resolve_end(endpoint->resolving, until, &found), &found);
            endpoint->resolving = NULL;
        }
    }
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

/* An endpoint that did not resolve counts as one address, so that a session sees the failure. */
static size_t address_count_of(const struct endpoint *endpoint)
{
    return endpoint->found.count ? endpoint->found.count : 1;
}

size_t router_address_count(const struct router *router, size_t upstream)
{
    const struct upstream *of = &router->upstreams[upstream];
    size_t count = 0;

    pthread_mutex_lock(&router->shared->lock);
    for (size_t i = 0; i < of->endpoint_count; i++)
        count += address_count_of(&of->endpoints[i]);
    pthread_mutex_unlock(&router->shared->lock);
    return count;
}

bool router_address(const struct router *router, size_t upstream, size_t index,
                    struct router_address *address)
{
    const struct upstream *of = &router->upstreams[upstream];
    bool found = false;

    *address = (struct router_address){.written = ""};
    pthread_mutex_lock(&router->shared->lock);
    for (size_t i = 0; i < of->endpoint_count; i++) {
        const struct endpoint *endpoint = &of->endpoints[i];
        if (index >= address_count_of(endpoint)) {
            index -= address_count_of(endpoint);
            continue;
        }
        found = endpoint->found.count > 0;
        if (found)
            *address = endpoint->found.addresses[index];
        address->written = endpoint->written;
        break;
    }
    pthread_mutex_unlock(&router->shared->lock);
    return found;
}

bool router_has_names(const struct router *router, size_t upstream)
{
    const struct upstream *of = &router->upstreams[upstream];

    for (size_t i = 0; i < of->endpoint_count; i++) {
        const struct endpoint *endpoint = &of->endpoints[i];
        struct in6_addr address;
        if (!endpoint->is_unix && inet_pton(AF_INET, endpoint->host, &address) != 1 &&
            inet_pton(AF_INET6, endpoint->host, &address) != 1)
            return true;
    }
    return false;
}

void router_resolve(const struct router *router, size_t upstream)
{
    const struct upstream *of = &router->upstreams[upstream];

    for (size_t i = 0; i < of->endpoint_count; i++) {
        struct endpoint *endpoint = &of->endpoints[i];
        struct resolved found;
        if (!endpoint->is_unix)
            settle(router, upstream, endpoint, resolve_name(endpoint->host, endpoint->port, &found),
                   &found);
    }
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
