/* Makes and replaces bindings. Only this file combines an index into a configuration with that
 * configuration.
 */
#include "proxy/binding.h"

#include <stdlib.h>

#include "base/arena.h"
#include "judge/ruling.h"
#include "proxy/branches.h"
#include "proxy/registry.h"
#include "proxy/runtime.h"
#include "proxy/seek.h"
#include "proxy/transaction.h"
#include "proxy/worker.h"

static bool find_thread(const struct binding *binding, uint64_t id, uint32_t *thread)
{
    return registry_find(id, binding->service_usage, binding->upstream_usage, thread) ||
           seek_find(binding, id, thread);
}

static bool find_branch(const struct binding *binding, struct text xid)
{
    return branches_find(&(struct branch_owner){binding->service_usage, binding->upstream_usage},
                         xid, binding->session);
}

/* Is it the command's last step with this identifier? */
static bool is_last(const struct change *change, const struct xa_step *step)
{
    for (const struct xa_step *later = change->xa; later != step; later = later->next) {
        if (text_equal(later->xid, step->xid))
            return false;
    }
    return true;
}

/* XA_RBROLLBACK, XA_RBTIMEOUT, XA_RBDEADLOCK: errors that say that the transaction has ended. */
static bool is_rolled_back(uint16_t error)
{
    return error == 1402 || error == 1613 || error == 1614;
}

bool binding_note_xa(const struct binding *binding, const struct change *change, bool good,
                     uint16_t error)
{
    const struct branch_owner owner = {binding->service_usage, binding->upstream_usage};
    const struct xa_step *whole = change_xa(change);

    if (!change || !change->xa || !owner.service)
        return false;
    if (change->xa_count > RULING_XA)
        branches_forget(&owner);
    /* A failed statement, or one of several, may have ended its XA transaction even so.
     */
    for (const struct xa_step *step = change->xa; step; step = step->next) {
        if (step->xa != SQL_XA_PREPARES && (good || !whole || is_rolled_back(error)))
            branches_remove(&owner, step->xid);
        /* The server allows no second transaction with the same identifier. */
        if (good && is_last(change, step) &&
            (step->xa == SQL_XA_STARTS || step->xa == SQL_XA_PREPARES))
            branches_replace(&owner, step->xid);
    }
    if (!whole || whole->xa != SQL_XA_PREPARES || !whole->written.at || !good)
        return false;
    branches_add(&owner, whole->xid, binding->session);
    return true;
}

struct binding *binding_new(struct runtime *runtime, uint32_t session, int service, size_t upstream)
{
    struct binding *binding = memory_take(sizeof(*binding));

    *binding = (struct binding){
        .policy = runtime->policy,
        .router = runtime->router,
        .upstream_name = runtime->config->upstreams[upstream].name.at,
        .session = session,
        .service = (int16_t)service,
        .upstream = (uint16_t)upstream,
        .find_thread = find_thread,
        .is_over = registry_is_over,
        .find_branch = find_branch,
        .runtime = runtime_take(runtime),
        .service_usage = service == SERVICE_NONE ? NULL : runtime->service_usages[service],
        .upstream_usage = runtime->upstream_usages[upstream],
    };
    return binding;
}

void binding_uncount(struct binding *binding)
{
    if (binding->service_counted)
        usage_drop(binding->service_usage);
    if (binding->upstream_counted)
        usage_drop(binding->upstream_usage);
    binding->service_counted = binding->upstream_counted = false;
}

void binding_free(struct binding *binding)
{
    if (!binding)
        return;
    binding_uncount(binding);
    runtime_drop(binding->runtime);
    free(binding);
}

const char *binding_count(struct binding *binding)
{
    const struct config *config = binding->runtime->config;

    binding->upstream_counted = usage_take(
        binding->upstream_usage, config->upstreams[binding->upstream].max_connections.value);
    if (!binding->upstream_counted)
        return "this upstream";
    if (binding->service == SERVICE_NONE)
        return NULL;
    if (!usage_has_room(binding->service_usage,
                        config->services[binding->service].max_connections.value))
        return "this service";
    return NULL;
}

bool binding_enter(struct binding *binding)
{
    const struct config *config = binding->runtime->config;

    if (binding->service == SERVICE_NONE)
        return true;
    binding->service_counted = usage_take(binding->service_usage,
                                          config->services[binding->service].max_connections.value);
    return binding->service_counted;
}

/* The index in the runtime of the upstream with this usage. */
static uint16_t upstream_in(const struct runtime *runtime, const struct usage *upstream)
{
    for (size_t i = 0; i < runtime->config->upstream_count; i++) {
        if (runtime->upstream_usages[i] == upstream)
            return (uint16_t)i;
    }
    return UPSTREAM_GONE;
}

bool binding_lacks_certificate(const struct session *session, const struct runtime *runtime,
                               int service)
{
    struct text name = {0};

    if (service != SERVICE_NONE)
        name = runtime->config->services[service].certificate_name.value;
    return name.length > 0 && !tls_has_name(&session->client.stream, name);
}

/* Would this configuration have let the session's user in, as it is? */
static bool may_stay(const struct session *session, const struct runtime *runtime, int service)
{
    if (!session->judged)
        return service == SERVICE_NONE && runtime->config->proxy.unknown_user.value == CONFIG_PASS;
    return service == SERVICE_NONE ||
           runtime->service_usages[service] == session->binding->service_usage ||
           !binding_lacks_certificate(session, runtime, service);
}

bool binding_renew(struct session *session)
{
    struct runtime *runtime = session->worker->runtime;
    struct binding *old = session->binding;
    int service = router_service(runtime->router, session->identity->user);

    if (!may_stay(session, runtime, service))
        return false;
    struct binding *binding = memory_take(sizeof(*binding));
    *binding = *old;
    binding->runtime = runtime_take(runtime);
    binding->policy = runtime->policy;
    binding->router = runtime->router;
    binding->upstream = upstream_in(runtime, old->upstream_usage);
    binding->upstream_name = usage_upstream(old->upstream_usage);
    old->upstream_counted = false; /* the new one is, in the same usage */
    binding->service = (int16_t)service;
    binding->service_usage = service == SERVICE_NONE ? NULL : runtime->service_usages[service];
    binding->service_counted = service != SERVICE_NONE;
    if (binding->service_usage)
        usage_take(binding->service_usage, 0);
    transaction_drop(session);
    owners_rebind(&session->belief.written, old->policy, binding->policy);
    owners_rebind(&session->used, old->policy, binding->policy);
    session->binding = binding;
    if (session->registered && old->service_usage != binding->service_usage) {
        registry_remove(session->id);
        registry_add(&(struct registry_entry){.id = session->id,
                                              .thread = session->thread,
                                              .service = binding->service_usage,
                                              .upstream = binding->upstream_usage});
    }
    binding_free(old);
    return true;
}
