/* The login packet for the upstream's server: the client's own, with the database of the service
 * there, and with a plugin that no server has, unless the client has answered this server's own
 * greeting. Called after the upstream's greeting, or after its TLS handshake.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "judge/judge.h"
#include "protocol/compress.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

enum { ANSWER_MOST = 250 };

struct text login_initial_db(const struct session *session)
{
    const struct login_draft *draft = session->draft;
    const struct binding *binding = session->binding;
    struct router_server server;

    router_server(binding->router, binding->upstream, &server);
    return router_database(binding->router, binding->service, draft->login.database,
                           server.lower_case_table_names > 0);
}

struct text login_home(const struct session *session)
{
    return router_database(session->binding->router, session->binding->service,
                           (struct text){NULL, 0}, false);
}

/* The SQL state at the session's start, as far as it is known before the login. */
static struct sql_state first_state(const struct session *session)
{
    struct sql_state state = {.dialect = SQL_MYSQL};
    struct router_server server;

    router_server(session->binding->router, session->binding->upstream, &server);
    sql_state_set_version(&state, text_of(server.version));
    state.lower_case_table_names = server.lower_case_table_names > 0;
    state.charset =
        (uint8_t)sql_charset_of_handshake((enum sql_dialect)state.dialect, session->collation);
    /* A server that does not know the number takes its own default, in which ASCII is ASCII. */
    if (state.charset == SQL_CHARSET_UNKNOWN && !sql_collation_is_swe7(session->collation))
        state.charset = SQL_SINGLE_BYTE;
    return state;
}

bool login_is_refused(struct session *session, struct text database)
{
    struct ruling *ruling = &session->worker->ruling;
    struct sql_state state;

    if (!session->judged || session->binding->service == SERVICE_NONE || database.length == 0)
        return false;
    ruling_begin(ruling, session->worker->today);
    state = first_state(session);
    judge_initial_db(&state, session->binding, database, ruling);
    return ruling->outcome == RULING_REFUSE;
}

/* The client's answer can be used only if it has got the server's own nonce, that is, if the
 * server's greeting was relayed; and it may be relayed only if it is not the password itself. No
 * answer is longer than ANSWER_MOST: before a longer one MariaDB looks for the database at a wrong
 * place. */
static bool answer_is_good(const struct session *session)
{
    const struct login_draft *draft = session->draft;

    return draft->greeted == GREETED_BY_UPSTREAM && draft->login.auth.length <= ANSWER_MOST &&
           (!(session->capabilities & CAPABILITY_PLUGIN_AUTH) ||
            password_is_proof(draft->login.plugin));
}

/* Sets compression of the upstream's leg, if the ini wants it and the server supports it. */
static void say_compression(struct session *session, struct login *login)
{
    const struct login_draft *draft = session->draft;
    const struct config_upstream *upstream =
        &draft->runtime->config->upstreams[session->binding->upstream];
    capabilities_t wanted = 0;

    if (upstream->compression.value == CONFIG_COMPRESSION_ZLIB)
        wanted = CAPABILITY_COMPRESS;
    else if (upstream->compression.value == CONFIG_COMPRESSION_ZSTD)
        wanted = CAPABILITY_ZSTD_COMPRESSION_ALGORITHM;
    if (wanted & ~draft->server.leg)
        log_debug("upstream '%s' does not offer its compression", upstream->name.at);
    login->capabilities |= wanted & draft->server.leg;
    login->zstd_level = COMPRESS_ZSTD_LEVEL;
    session->upstream.compression = (uint8_t)compression_of(login->capabilities);
}

struct login login_for_upstream(struct session *session)
{
    const struct login_draft *draft = session->draft;
    struct login login = draft->login;

    login.database = login_initial_db(session);
    if (login_is_refused(session, draft->login.database))
        login.database = login_home(session);
    login.capabilities = session->capabilities & draft->server.capabilities;
    login.capabilities &= ~CAPABILITY_CONNECT_WITH_DB;
    if (login.database.length > 0)
        login.capabilities |= CAPABILITY_CONNECT_WITH_DB;
    if (!answer_is_good(session)) {
        login.auth = (struct text){NULL, 0};
        login.plugin = TEXT(LOGIN_NO_PLUGIN);
        login.capabilities |= CAPABILITY_PLUGIN_AUTH;
    }
    /* After the login the flag only changes COM_CHANGE_USER, which login_send_change writes by the
     * same rule. */
    login.capabilities |= draft->server.capabilities & CAPABILITY_CONNECT_ATTRS;
    login.attributes = login_attributes(session);
    say_compression(session, &login);
    if (tls_is(&session->upstream.stream))
        login.capabilities |= CAPABILITY_SSL;
    return login;
}

enum step login_send(struct session *session)
{
    struct login_draft *draft = session->draft;
    struct login login = login_for_upstream(session);
    size_t room = LOGIN_PACKET_MAX + 1024;
    uint8_t *packet = memory_take(room);

    session->has_attributes = login.capabilities & CAPABILITY_CONNECT_ATTRS;
    if (answer_is_good(session)) {
        draft->proof = PROOF_GIVEN;
        login_set_plugin(draft, login.plugin);
        if (login_is_unknown(session))
            login.auth = TEXT("no service owns them");
    }
    size_t size = login_write(&login, session->upstream.sequence++, packet, room);
    if (size == 0) {
        free(packet);
        return session_end(session, CLOSED_CLIENT_BAD_LOGIN);
    }
    gate_insert(&session->client.gate, &session->worker->pool, packet, size);
    free(packet);
    draft->exchange = EXCHANGE_SENT;
    session_enter(session, STATE_AUTH);
    return STEP_AGAIN;
}
