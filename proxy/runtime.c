/* Builds a runtime from proxy.ini: checks everything first. For the main thread. */
#include "proxy/runtime.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/log.h"
#include "proxy/moving.h"
#include "proxy/reload.h"

static _Atomic(struct usage *) usages;

const struct usage *usage_find(const char *kind, struct text name)
{
    size_t kind_length = strlen(kind);

    for (const struct usage *usage = atomic_load(&usages); usage; usage = usage->next) {
        if (strncmp(usage->name, kind, kind_length) == 0 &&
            text_equal(text_of(usage->name + kind_length), name))
            return usage;
    }
    return NULL;
}

/* Only the main thread builds runtimes, so the list needs no lock; others may read it. */
static struct usage *usage_of(const char *kind, struct text name)
{
    size_t kind_length = strlen(kind);
    const struct usage *found = usage_find(kind, name);

    if (found)
        return (struct usage *)(uintptr_t)found;
    struct usage *usage = memory_take_zeroed(sizeof(*usage));
    usage->name = memory_take_zeroed(kind_length + name.length + 1);
    memcpy(usage->name, kind, kind_length);
    memcpy(usage->name + kind_length, name.at, name.length);
    usage->moving = kind[0] == 'u' ? moving_new() : NULL;
    usage->next = atomic_load(&usages);
    usage->number = usage->next ? usage->next->number + 1 : 0;
    atomic_store(&usages, usage);
    return usage;
}

bool usage_take(struct usage *usage, int64_t limit)
{
    unsigned before = atomic_fetch_add(&usage->open, 1);

    if (limit > 0 && before >= (uint64_t)limit) {
        atomic_fetch_sub(&usage->open, 1);
        return false;
    }
    return true;
}

bool usage_has_room(const struct usage *usage, int64_t limit)
{
    return limit <= 0 || atomic_load(&usage->open) < (uint64_t)limit;
}

const struct usage *usage_first(void)
{
    return atomic_load(&usages);
}

static const char *name_of(const struct usage *usage, struct text kind)
{
    return strncmp(usage->name, kind.at, kind.length) == 0 ? usage->name + kind.length : NULL;
}

const char *usage_service(const struct usage *usage)
{
    return name_of(usage, TEXT("service:"));
}

const char *usage_upstream(const struct usage *usage)
{
    return name_of(usage, TEXT("upstream:"));
}

void usage_drop(struct usage *usage)
{
    atomic_fetch_sub(&usage->open, 1);
}

/* Builds the TLS settings of both legs; after an error the rest is NULL. */
static bool build_tls(const struct config *config, struct tls_server **server,
                      struct tls_client **clients, struct rsa_key **password_key,
                      struct config_problems *problems)
{
    bool good = tls_server_build(config, server, problems);

    good = rsa_key_read(config, password_key, problems) && good;
    for (size_t i = 0; i < config->upstream_count; i++)
        good = tls_client_build(&config->upstreams[i], &clients[i], problems) && good;
    return good;
}

static void drop_tls(const struct config *config, struct tls_server *server,
                     struct tls_client **clients, struct rsa_key *password_key)
{
    tls_server_drop(server);
    rsa_key_free(password_key);
    for (size_t i = 0; clients && i < config->upstream_count; i++)
        tls_client_drop(clients[i]);
    free(clients);
}

/* `starts`: nobody is served yet. */
static struct runtime *build(const char *path, const struct runtime *old, bool starts,
                             struct error *first)
{
    struct config_problems problems = {0};
    struct config *config = config_read(path, &problems);
    struct policy *policy =
        config ? policy_build(config, policy_today(time(NULL)), &problems) : NULL;

    struct tls_server *tls = NULL;
    struct rsa_key *password_key = NULL;
    struct tls_client **tls_clients =
        config ? memory_take_zeroed((config->upstream_count + 1) * sizeof(*tls_clients)) : NULL;
    bool good = config && problems.errors == 0 &&
                build_tls(config, &tls, tls_clients, &password_key, &problems) && policy;

    /* The first lines of the log have its format, even if the configuration has errors. */
    if (config && starts)
        reload_own_log(config);
    if (!good || old || !config->proxy.control.host.at)
        (good || !starts ? config_problems_log : config_problems_start)(&problems, path);
    config_problems_first(&problems, path, first);
    config_problems_fini(&problems);
    if (!good) {
        drop_tls(config, tls, tls_clients, password_key);
        policy_free(policy);
        config_free(config);
        return NULL;
    }
    struct runtime *runtime = memory_take_zeroed(sizeof(*runtime));
    atomic_init(&runtime->references, 1);
    runtime->generation = starts ? 1 : old->generation + 1;
    runtime->config = config;
    runtime->policy = policy;
    runtime->tls = tls;
    runtime->tls_clients = tls_clients;
    runtime->password_key = password_key;
    runtime->router = router_build(config, old ? old->router : NULL);
    runtime->service_usages = memory_take((config->service_count + 1) * sizeof(struct usage *));
    for (size_t i = 0; i < config->service_count; i++)
        runtime->service_usages[i] = usage_of("service:", config->services[i].name);
    runtime->upstream_usages = memory_take((config->upstream_count + 1) * sizeof(struct usage *));
    for (size_t i = 0; i < config->upstream_count; i++)
        runtime->upstream_usages[i] = usage_of("upstream:", config->upstreams[i].name);
    return runtime;
}

struct runtime *runtime_build(const char *path, const struct runtime *old, struct error *first)
{
    return build(path, old, !old, first);
}

struct runtime *runtime_again(const char *path, const struct runtime *old, struct error *first)
{
    return build(path, old, true, first);
}

static void set_holds(struct runtime *runtime)
{
    runtime->holds = memory_take_zeroed((runtime->override_count + 1) * sizeof(struct hold));
    for (size_t i = 0; i < runtime->override_count; i++) {
        const struct override *override = &runtime->overrides[i];
        int owner = policy_service(runtime->policy, text_of(override->service));
        if (override->kind == OVERRIDE_HOLD && owner != SERVICE_NONE)
            runtime->holds[runtime->hold_count++] = (struct hold){owner, override->access};
    }
}

static bool check_overrides(const struct policy *policy, const struct override *overrides,
                            size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (policy_service(policy, text_of(overrides[i].service)) == SERVICE_NONE)
            return error_set(error, "there is no [service:%s]; write the name of one",
                             overrides[i].service);
    }
    return true;
}

struct runtime *runtime_override(struct runtime *base, const struct override *overrides,
                                 size_t count, uint32_t generation, struct error *error)
{
    struct config_problems problems = {0};

    if (!check_overrides(base->policy, overrides, count, error))
        return NULL;
    struct config *config = config_override(base->config, overrides, count);
    struct policy *policy = policy_build(config, policy_today(time(NULL)), &problems);
    for (size_t i = 0; !policy && i < problems.count; i++) {
        if (!problems.items[i].warning)
            error_set(error, "%s", problems.items[i].text);
    }
    config_problems_fini(&problems);
    if (!policy) {
        config_free(config);
        return NULL;
    }
    struct runtime *runtime = memory_take(sizeof(*runtime));
    const size_t counted = offsetof(struct runtime, generation);
    /* everything except the reference count, which other threads change */
    memcpy((char *)runtime + counted, (const char *)base + counted, sizeof(*base) - counted);
    atomic_init(&runtime->references, 1);
    runtime->generation = generation;
    runtime->base = runtime_take(base);
    runtime->config = config;
    runtime->policy = policy;
    runtime->overrides = memory_take_zeroed((count + 1) * sizeof(*overrides));
    memcpy(runtime->overrides, overrides, count * sizeof(*overrides));
    runtime->override_count = count;
    set_holds(runtime);
    return runtime;
}

struct runtime *runtime_take(struct runtime *runtime)
{
    atomic_fetch_add(&runtime->references, 1);
    return runtime;
}

void runtime_drop(struct runtime *runtime)
{
    if (!runtime || atomic_fetch_sub(&runtime->references, 1) > 1)
        return;
    struct runtime *base = runtime->base;
    if (base) {
        policy_free(runtime->policy);
        config_free(runtime->config);
        free(runtime->overrides);
        free(runtime->holds);
        free(runtime);
        runtime_drop(base);
        return;
    }
    drop_tls(runtime->config, runtime->tls, runtime->tls_clients, runtime->password_key);
    router_free(runtime->router);
    policy_free(runtime->policy);
    config_free(runtime->config);
    free(runtime->service_usages);
    free(runtime->upstream_usages);
    free(runtime);
}
