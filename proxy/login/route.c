/* Finds the user as the server will read the name, the service, its upstream, and whether it may
 * log in at all. Called after the client's login packet, and by change_user.c.
 */
#include <stdatomic.h>

#include "base/log.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/worker.h"
#include "sql/identifier.h"

void login_bind(struct session *session, int service, size_t upstream)
{
    struct binding *old = session->binding;

    session->binding = binding_new(session->draft->runtime, session->id, service, upstream);
    if (session->draft->greeted == GREETED_BEFORE && !session->draft->before) {
        binding_uncount(old);
        session->draft->before = old;
    } else {
        binding_free(old);
    }
    moving_rights_read(session);
}

/* Counts the session in the max_connections of its service and upstream. Returns the name of the
 * one that is reached, or NULL. */
static const char *count(struct session *session)
{
    const struct config *config = session->binding->runtime->config;

    if (atomic_load(&worker_sessions) > (uint64_t)config->proxy.max_connections.value)
        return "silogate";
    if (session->binding->service_usage)
        worker_counters(session->worker, session->binding->service_usage);
    return binding_count(session->binding);
}

/* Replaces the client's user name by the user that the upstream's server will read. False: that is
 * not certain; it could be a service's user, or one that the policy does not know. */
static bool read_user(struct login_draft *draft)
{
    const struct router *router = draft->runtime->router;
    const struct text written = draft->login.user;
    struct sql_state state = {.dialect = SQL_MYSQL};
    struct router_server server;

    bool good =
        sql_identifier_user(written, SQL_MARIADB, draft->login.collation, &draft->login.user);
    router_server(router, router_upstream(router, router_service(router, draft->login.user)),
                  &server);
    bool known = server.known && sql_state_set_version(&state, text_of(server.version));
    if (known && state.dialect == SQL_MARIADB)
        return good;
    /* The server's dialect is not known: both must read the name as the same user. */
    return (known || good) &&
           sql_identifier_user(written, SQL_MYSQL, draft->login.collation, &draft->login.user);
}

bool login_is_unknown(const struct session *session)
{
    return session->judged && session->binding->service == SERVICE_NONE;
}

void login_record_refused(const struct session *session, struct text reason)
{
    const struct login_draft *draft = session->draft;
    const struct usage *service = session->binding->service_usage;

    violations_event_login_refused(session->worker->violations,
                                   text_of(service ? usage_service(service) : NULL),
                                   draft->login.user, text_of(draft->client), reason);
}

enum step login_route(struct session *session)
{
    struct login_draft *draft = session->draft;
    const struct router *router = draft->runtime->router;
    bool readable = read_user(draft);
    int service = readable ? router_service(router, draft->login.user) : SERVICE_NONE;
    size_t upstream = router_upstream(router, service);

    bool connected = session->upstream.stream.socket >= 0 &&
                     session->binding->upstream_usage == draft->runtime->upstream_usages[upstream];

    login_bind(session, service, upstream);
    session->judged = true;
    if (service == SERVICE_NONE) {
        bool pass = readable && draft->runtime->config->proxy.unknown_user.value == CONFIG_PASS;
        session->judged = !pass;
        if (pass)
            log_warning("user '%.*s' from %s belongs to no service: passed, not judged",
                        TEXT_ARGS(draft->login.user), draft->client);
        else
            login_record_refused(session, TEXT("unknown_user"));
    }
    if (binding_lacks_certificate(session, draft->runtime, service)) {
        login_record_refused(session, TEXT("certificate"));
        return login_refuse(session, CLOSED_LOGIN_CERTIFICATE, 1045, "28000",
                            "Access denied for user '%.*s': the service asks for a client "
                            "certificate of its own name",
                            TEXT_ARGS(draft->login.user));
    }
    const char *full = count(session);
    if (full)
        return login_refuse(session, CLOSED_LIMIT, 1040, "08004",
                            "Too many connections: max_connections of %s is reached", full);
    if (connected)
        return draft->greeted == GREETED_BEFORE ? login_send_change(session)
                                                : upstream_tls_begin(session);
    session_drop_upstream(session);
    binding_free(draft->before);
    draft->before = NULL;
    draft->address_index = draft->address_line = 0;
    session_enter(session, STATE_CONNECT);
    return STEP_AGAIN;
}
