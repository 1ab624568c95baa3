/* Connects to the upstream: tries its addresses in order, then reads the greeting. The router
 * keeps what it contains, for silogate's own greetings.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "protocol/compress.h"
#include "protocol/proxy_header.h"
#include "proxy/binding.h"
#include "proxy/fd_limit.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

/* Flags that do not change the protocol after the login: it does no harm if the client believes
 * that the server has them. */
#define HARMLESS                                                                                   \
    (CAPABILITY_LONG_PASSWORD | CAPABILITY_LONG_FLAG | CAPABILITY_ODBC | CAPABILITY_IGNORE_SPACE | \
     CAPABILITY_INTERACTIVE | CAPABILITY_IGNORE_SIGPIPE | CAPABILITY_TRANSACTIONS |                \
     CAPABILITY_RESERVED | CAPABILITY_CAN_HANDLE_EXPIRED_PASSWORDS | CAPABILITY_CONNECT_WITH_DB |  \
     CAPABILITY_FOUND_ROWS)

static const char *upstream_name(const struct session *session)
{
    return router_upstream_name(session->draft->runtime->router, session->binding->upstream);
}

/* The present address, or the last one. */
static const char *asked(const struct session *session)
{
    const struct runtime *runtime = session->draft->runtime;
    const struct config_addresses *all =
        &runtime->config->upstreams[session->binding->upstream].addresses;

    return all->items[session->draft->address_line].written.at;
}

/* Updates the upstream's health at once, without waiting for the next probe. */
static void seen(struct session *session, bool up, const char *why)
{
    health_seen(session->binding->upstream_usage, session->worker->violations, asked(session), up,
                why);
}

static enum step give_up(struct session *session)
{
    const char *why = session->draft->why[0] ? session->draft->why : "no address resolves";

    seen(session, false, why);
    return login_refuse(session, CLOSED_UPSTREAM_REFUSED, 2003, "HY000",
                        "Can't connect to MySQL server on '%s' (%s)", upstream_name(session), why);
}

/* The address to which the client has connected: only the PROXY header to the upstream needs it. */
static void find_destination(struct session *session)
{
    struct login_draft *draft = session->draft;
    const struct config_upstream *upstream =
        &draft->runtime->config->upstreams[session->binding->upstream];
    socklen_t length = sizeof(draft->destination);

    if (upstream->proxy_protocol.value != CONFIG_PROXY_OFF &&
        draft->destination.ss_family == AF_UNSPEC)
        getsockname(session->client.stream.socket, (struct sockaddr *)&draft->destination, &length);
}

/* Starts to connect to the next address. False: there is none left. */
static bool open_next(struct session *session)
{
    struct login_draft *draft = session->draft;
    const struct router *router = draft->runtime->router;
    struct router_address address;

    while (draft->address_index < router_address_count(router, session->binding->upstream)) {
        const bool found =
            router_address(router, session->binding->upstream, draft->address_index++, &address);
        draft->address_line = address.line;
        if (!found)
            continue;
        int opened = socket(address.at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd_limit_spares(opened)) {
            close(opened);
            opened = -1;
            errno = EMFILE;
        }
        if (opened >= 0 && (connect(opened, (struct sockaddr *)&address.at, address.length) == 0 ||
                            errno == EINPROGRESS)) {
            session_watch(session, &session->upstream, opened, address.at.ss_family == AF_UNIX);
            find_destination(session);
            draft->exchange = EXCHANGE_OPENED;
            return true;
        }
        snprintf(draft->why, sizeof(draft->why), "%s: %s", address.written, strerror(errno));
        if (opened >= 0)
            close(opened);
    }
    return false;
}

void connect_header(const struct session *session, struct gate *out)
{
    const struct login_draft *draft = session->draft;
    const struct config_upstream *upstream =
        &draft->runtime->config->upstreams[session->binding->upstream];
    const struct sockaddr *source = (const struct sockaddr *)&draft->source;
    const struct sockaddr *destination = (const struct sockaddr *)&draft->destination;
    uint8_t bytes[PROXY_HEADER_WRITTEN];
    size_t size;

    if (upstream->proxy_protocol.value == CONFIG_PROXY_OFF)
        return;
    if (upstream->proxy_protocol.value == CONFIG_PROXY_V1)
        size = proxy_header_write_v1(source, destination, bytes, sizeof(bytes));
    else
        size = proxy_header_write_v2(source, destination, bytes, sizeof(bytes));
    gate_insert(out, &session->worker->pool, bytes, size);
}

void connect_late(struct session *session)
{
    snprintf(session->draft->why, sizeof(session->draft->why), "connect_timeout");
    session_drop_upstream(session);
    gate_drop(&session->upstream.gate, &session->worker->pool,
              gate_waiting(&session->upstream.gate));
    session_enter(session, STATE_CONNECT);
}

enum step state_connect(struct session *session)
{
    struct login_draft *draft = session->draft;
    int error = 0;
    socklen_t length = sizeof(error);

    if (session->client.ended)
        return session_end(session, CLOSED_CLIENT_GONE);
    if (session->upstream.stream.socket < 0) {
        session_enter(session, STATE_CONNECT); /* each address gets the whole connect_timeout */
        return open_next(session) ? STEP_AGAIN : give_up(session);
    }
    struct pollfd ready = {.fd = session->upstream.stream.socket, .events = POLLOUT};
    if (poll(&ready, 1, 0) == 0)
        return STEP_WAIT;
    if (ready.revents & (POLLERR | POLLHUP))
        getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) {
        snprintf(draft->why, sizeof(draft->why), "%s", strerror(error));
        draft->exchange = EXCHANGE_NONE;
        session_drop_upstream(session);
        return STEP_AGAIN;
    }
    connect_header(session, &session->client.gate);
    int on = 1;
    setsockopt(ready.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(ready.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    session_enter(session, STATE_UPSTREAM_GREETING);
    return STEP_AGAIN;
}

capabilities_t login_withheld(const struct login_draft *draft)
{
    return draft->runtime->config->move_count > 0 ? CAPABILITY_MARIADB_CACHE_METADATA : 0;
}

void login_learn(struct router *router, size_t upstream, const struct greeting *greeting)
{
    struct router_server server = {.known = true,
                                   .capabilities = greeting->capabilities,
                                   .collation = greeting->collation,
                                   .status = greeting->status,
                                   .lower_case_table_names = -1};

    snprintf(server.version, sizeof(server.version), "%.*s", TEXT_ARGS(greeting->version));
    snprintf(server.plugin, sizeof(server.plugin), "%.*s", TEXT_ARGS(greeting->plugin));
    router_learn(router, upstream, &server);
}

/* greeting = upstream: relays the greeting to the client, without the capabilities that silogate
 * does not support.
 */
static enum step greet_client(struct session *session, struct greeting *greeting)
{
    uint8_t packet[512];

    greeting->capabilities = capabilities_allowed(greeting->capabilities) | COMPRESSION_FLAGS |
                             (session->draft->runtime->tls ? CAPABILITY_SSL : 0);
    greeting->capabilities &= ~login_withheld(session->draft);
    session->draft->offered = greeting->capabilities;
    size_t size = greeting_write(greeting, 0, packet, sizeof(packet));
    if (size == 0)
        return session_end(session, CLOSED_UPSTREAM_GREETING);
    gate_insert(&session->upstream.gate, &session->worker->pool, packet, size);
    session->client.sequence = 1;
    session_enter(session, STATE_FIRST_PACKET);
    return STEP_AGAIN;
}

static enum step greeting_refused(struct session *session, struct text payload)
{
    uint16_t code = payload.length >= 3 ? bytes_get2((const uint8_t *)payload.at + 1) : 1043;
    struct text message = payload.length > 3 ? (struct text){payload.at + 3, payload.length - 3}
                                             : TEXT("the upstream's greeting was no greeting");
    char copy[300];

    session->draft->exchange = EXCHANGE_OVER;
    if (message.length > 6 && message.at[0] == '#')
        message = (struct text){message.at + 6, message.length - 6};
    snprintf(copy, sizeof(copy), "%.*s", TEXT_ARGS(message));
    if (code == 1040)
        health_full(session->binding->upstream_usage, session->worker->violations, asked(session));
    else
        seen(session, false, copy);
    return login_refuse(session, CLOSED_UPSTREAM_GREETING, code, code == 1040 ? "08004" : "HY000",
                        "%s", copy);
}

/* Keeps what the login needs from the server's greeting. */
static void keep_greeting(struct session *session, const struct greeting *greeting)
{
    struct login_draft *draft = session->draft;

    login_learn(draft->runtime->router, session->binding->upstream, greeting);
    seen(session, true, "");
    draft->exchange = EXCHANGE_GREETED;
    draft->server.thread = greeting->thread_id;
    memcpy(draft->nonce, greeting->nonce, sizeof(draft->nonce));
    draft->server.capabilities = capabilities_allowed(greeting->capabilities);
    draft->server.leg = greeting->capabilities & (CAPABILITY_SSL | COMPRESSION_FLAGS);
    snprintf(draft->server.version, sizeof(draft->server.version), "%.*s",
             TEXT_ARGS(greeting->version));
}

/* The client has already sent its login packet: continues, unless it uses a capability that this
 * server does not have. */
static enum step go_on(struct session *session)
{
    struct login_draft *draft = session->draft;

    if (draft->greeted == GREETED_BY_UPSTREAM)
        draft->greeted = GREETED_BY_ANOTHER;
    if (session->capabilities & ~draft->server.capabilities & ~(capabilities_t)HARMLESS)
        return login_refuse(session, CLOSED_UPSTREAM_GREETING, 1043, "08S01",
                            "silogate: the upstream '%s' has changed; connect again",
                            upstream_name(session));
    return upstream_tls_begin(session);
}

enum step state_upstream_greeting(struct session *session)
{
    struct gate *gate = &session->upstream.gate;
    struct login_draft *draft = session->draft;
    const uint8_t *bytes = gate_at(gate);
    size_t waiting = gate_waiting(gate);
    struct greeting greeting;

    if (waiting < PACKET_HEADER || waiting < PACKET_HEADER + bytes_get3(bytes)) {
        if (!session->upstream.ended && waiting < 2048)
            return session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
        snprintf(draft->why, sizeof(draft->why), "it closed the connection without a greeting");
        gate_drop(gate, &session->worker->pool, waiting);
        session_drop_upstream(session);
        session_enter(session, STATE_CONNECT);
        return STEP_AGAIN;
    }
    size_t length = bytes_get3(bytes);
    struct text payload = {(const char *)bytes + PACKET_HEADER, length};
    if (length > 0 && bytes[PACKET_HEADER] == 0xff)
        return greeting_refused(session, payload);
    draft->exchange = EXCHANGE_OVER;
    if (greeting_read(payload, &greeting) != PARSE_DONE) {
        seen(session, false, "its greeting cannot be read");
        return login_refuse(session, CLOSED_UPSTREAM_GREETING, 2003, "HY000",
                            "the upstream '%s' does not speak MySQL", upstream_name(session));
    }
    session->upstream.sequence = (uint8_t)(bytes[3] + 1);
    keep_greeting(session, &greeting);
    if (draft->greeted == GREETED_BY_UPSTREAM && session->client.sequence == 0) {
        uint8_t copy[256]; /* because the greeting's texts point into the bytes that are dropped */
        struct text version = {draft->server.version, strlen(draft->server.version)};
        size_t plugin = greeting.plugin.length < sizeof(copy) ? greeting.plugin.length : 0;
        memcpy(copy, greeting.plugin.at, plugin);
        greeting.plugin = (struct text){(char *)copy, plugin};
        greeting.version = version;
        gate_drop(gate, &session->worker->pool, PACKET_HEADER + length);
        return greet_client(session, &greeting);
    }
    gate_drop(gate, &session->worker->pool, PACKET_HEADER + length);
    return go_on(session);
}
