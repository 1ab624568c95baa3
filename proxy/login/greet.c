/* The beginning of a client's connection: its PROXY header, and silogate's own greeting. A
 * connection to an upstream is opened only when the service is known, or with `greeting =
 * upstream`.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "protocol/compress.h"
#include "protocol/proxy_header.h"
#include "proxy/address.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

/* The greeting's version and flags before any upstream has been reached. */
#define UNKNOWN_VERSION "8.0.0-silogate"
#define UNKNOWN_CAPABILITIES                                                                       \
    (CAPABILITY_LONG_PASSWORD | CAPABILITY_FOUND_ROWS | CAPABILITY_LONG_FLAG |                     \
     CAPABILITY_CONNECT_WITH_DB | CAPABILITY_LOCAL_FILES | CAPABILITY_TRANSACTIONS |               \
     CAPABILITY_MULTI_STATEMENTS | CAPABILITY_MULTI_RESULTS | CAPABILITY_PS_MULTI_RESULTS)
#define NEEDED_CAPABILITIES                                                                        \
    (CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH |              \
     CAPABILITY_CONNECT_WITH_DB)

/* Reads the client's address from the load balancer's PROXY header. */
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

/* Printable bytes, as in the servers' own nonces. */
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
    greeting.capabilities &= ~login_withheld(draft);
    make_nonce(greeting.nonce);
    draft->offered = greeting.capabilities;
    size_t size = greeting_write(&greeting, 0, packet, sizeof(packet));
    gate_insert(&session->upstream.gate, &session->worker->pool, packet, size);
    session->client.sequence = 1;
    session_enter(session, STATE_FIRST_PACKET);
    return STEP_AGAIN;
}
