/* The beginning of a client's connection: its PROXY header, the greeting, and its login packet.
 * Ends when the service is known. Until then no connection to an upstream is opened, unless
 * `greeting = upstream` asks for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/log.h"
#include "protocol/compress.h"
#include "protocol/proxy_header.h"
#include "proxy/address.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

/* The greeting's version and flags as long as no upstream has been reached yet. */
#define UNKNOWN_VERSION "8.0.0-silogate"
#define UNKNOWN_CAPABILITIES                                                                       \
    (CAPABILITY_LONG_PASSWORD | CAPABILITY_FOUND_ROWS | CAPABILITY_LONG_FLAG |                     \
     CAPABILITY_CONNECT_WITH_DB | CAPABILITY_LOCAL_FILES | CAPABILITY_TRANSACTIONS |               \
     CAPABILITY_MULTI_STATEMENTS | CAPABILITY_MULTI_RESULTS | CAPABILITY_PS_MULTI_RESULTS)
#define NEEDED_CAPABILITIES                                                                        \
    (CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH |              \
     CAPABILITY_CONNECT_WITH_DB)

void login_begin(struct session *session, const struct sockaddr_storage *from, struct text client)
{
    struct login_draft *draft = memory_take_zeroed(sizeof(*draft));

    draft->runtime = runtime_take(session->worker->runtime);
    if (client.length >= sizeof(draft->client))
        client.length = sizeof(draft->client) - 1;
    memcpy(draft->client, client.at, client.length);
    draft->source = *from;
    session->draft = draft;
    if (!session->binding)
        login_bind(session, SERVICE_NONE, draft->runtime->config->proxy.default_upstream_index);
}

void login_free(struct session *session)
{
    struct login_draft *draft = session->draft;

    if (!draft)
        return;
    password_forget(draft);
    secure_uncount(draft);
    binding_free(draft->before);
    runtime_drop(draft->runtime);
    free(draft->raw);
    free(draft->attributes);
    free(draft);
    session->draft = NULL;
}

/* The balancer in front says who the client is. */
enum step state_proxy_header(struct session *session)
{
    struct gate *gate = &session->client.gate;
    struct login_draft *draft = session->draft;
    struct proxy_header header;

    switch (proxy_header_read(gate_at(gate), gate_waiting(gate), &header)) {
    case PARSE_MORE:
        return session->client.ended ? session_end(session, CLOSED_PROXY_HEADER) : STEP_WAIT;
    case PARSE_BAD:
        return session_end(session, CLOSED_PROXY_HEADER);
    case PARSE_DONE:
        break;
    }
    gate_drop(gate, &session->worker->pool, header.size);
    if (header.source.ss_family != AF_UNSPEC) {
        draft->source = header.source;
        draft->destination = header.destination;
        address_text(&header.source, draft->client, sizeof(draft->client));
    }
    session_enter(session, STATE_GREET);
    return STEP_AGAIN;
}

/* A PROXY header from a peer that may not send one: otherwise a client could choose its own
 * address. */
static bool starts_like_header(const struct gate *gate)
{
    size_t waiting = gate_waiting(gate);

    return waiting >= 5 &&
           (memcmp(gate_at(gate), "PROXY", 5) == 0 || memcmp(gate_at(gate), "\r\n\r\n\0", 5) == 0);
}

/* Printable bytes, as the servers' own nonces have them. */
static void make_nonce(uint8_t nonce[HANDSHAKE_NONCE])
{
    if (getrandom(nonce, HANDSHAKE_NONCE, 0) != HANDSHAKE_NONCE)
        abort();
    for (int i = 0; i < HANDSHAKE_NONCE; i++)
        nonce[i] = (uint8_t)('!' + (nonce[i] & 63));
}

enum step state_greet(struct session *session)
{
    struct login_draft *draft = session->draft;
    struct router_server server;
    uint8_t packet[512];

    if (draft->runtime->config->proxy.greeting.value == CONFIG_GREETING_UPSTREAM) {
        draft->greeted = GREETED_BY_UPSTREAM;
        session_enter(session, STATE_CONNECT);
        return STEP_AGAIN;
    }
    router_greeting(draft->runtime->router, &server);
    struct greeting greeting = {
        .version = text_of(server.known ? server.version : UNKNOWN_VERSION),
        .thread_id = session->id,
        .capabilities =
            capabilities_allowed(server.known ? server.capabilities : UNKNOWN_CAPABILITIES) |
            NEEDED_CAPABILITIES | COMPRESSION_FLAGS | (draft->runtime->tls ? CAPABILITY_SSL : 0),
        .collation = server.known ? server.collation : 45,
        .status = server.known ? server.status : STATUS_AUTOCOMMIT,
        .plugin =
            text_of(server.known && server.plugin[0] ? server.plugin : "mysql_native_password"),
    };
    make_nonce(greeting.nonce);
    draft->offered = greeting.capabilities;
    size_t size = greeting_write(&greeting, 0, packet, sizeof(packet));
    gate_insert(&session->upstream.gate, &session->worker->pool, packet, size);
    session->client.sequence = 1;
    session_enter(session, STATE_LOGIN);
    return STEP_AGAIN;
}

enum step login_refuse(struct session *session, enum close_reason reason, uint16_t code,
                       const char *sqlstate, const char *format, ...)
{
    char message[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    /* Before its login packet a client does not know of SQLSTATE yet. */
    bool early = session->client.sequence == 0;
    session_error(session, session->client.sequence, code, early ? NULL : sqlstate, "%s", message);
    return session_linger(session, reason);
}

enum step state_login(struct session *session)
{
    struct gate *gate = &session->client.gate;
    struct login_draft *draft = session->draft;
    const uint8_t *bytes = gate_at(gate);
    size_t waiting = gate_waiting(gate);

    if (draft->greeted == GREETED_BY_UPSTREAM && session->upstream.ended)
        return session_end(session, CLOSED_UPSTREAM_GONE);
    if (starts_like_header(gate))
        return session_end(session, CLOSED_PROXY_HEADER);
    if (waiting < PACKET_HEADER || waiting < PACKET_HEADER + bytes_get3(bytes)) {
        if (waiting >= 5 && bytes_get3(bytes) > LOGIN_PACKET_MAX)
            return session_end(session, CLOSED_CLIENT_BAD_LOGIN);
        if (waiting > GATE_BLOCK / 2)
            gate_reserve(gate, &session->worker->pool, PACKET_HEADER + LOGIN_PACKET_MAX);
        return session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
    }
    size_t length = bytes_get3(bytes);
    if (bytes[3] != session->client.sequence)
        return session_end(session, CLOSED_CLIENT_BAD_SEQUENCE);
    session->client.sequence++;
    free(draft->raw); /* of an SSLRequest */
    draft->raw = memory_take(length);
    memcpy(draft->raw, bytes + PACKET_HEADER, length);
    gate_drop(gate, &session->worker->pool, PACKET_HEADER + length);
    struct login *login = &draft->login;
    bool bad = login_read((struct text){(char *)draft->raw, length}, login) != PARSE_DONE;
    if (bad || (login->is_ssl_request &&
                (!(draft->offered & CAPABILITY_SSL) || tls_is(&session->client.stream))))
        return login_refuse(session, CLOSED_CLIENT_BAD_LOGIN, 1043, "08S01", "Bad handshake");
    if (login->is_ssl_request)
        return secure_client(session);
    if (draft->runtime->config->tls.client.value == CONFIG_TLS_REQUIRED &&
        !secure_is(&session->client))
        return login_refuse(
            session, CLOSED_TLS_REQUIRED, 3159, "HY000",
            "Connections using insecure transport are prohibited: silogate asks for "
            "TLS");
    session->capabilities = login->capabilities & draft->offered & ~CAPABILITY_SSL;
    compression_hear(session, login);
    session->max_packet = login->max_packet;
    session->collation = login->collation;
    if (!(session->capabilities & CAPABILITY_PLUGIN_AUTH) && draft->greeted == GREETED_BY_SILOGATE)
        return login_refuse(session, CLOSED_CLIENT_OLD, 1251, "08004",
                            "silogate: this client cannot change its authentication plugin "
                            "(CLIENT_PLUGIN_AUTH); set greeting = upstream in [proxy]");
    return login_route(session);
}
