/* The data of a login in progress (struct login_draft) and what all its steps use: its beginning
 * and end, reading the client's packet before its service is known, and refusing a login.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

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
    client_tls_uncount(draft);
    binding_free(draft->before);
    runtime_drop(draft->runtime);
    free(draft->raw);
    free(draft->attributes);
    free(draft);
    session->draft = NULL;
}

void login_set_plugin(struct login_draft *draft, struct text plugin)
{
    size_t length = plugin.length < sizeof(draft->plugin) ? plugin.length : 0;

    memset(draft->plugin, 0, sizeof(draft->plugin));
    if (length > 0)
        memcpy(draft->plugin, plugin.at, length);
}

/* A PROXY header from a peer that may not send one: otherwise a client could choose its own
 * address. */
static bool starts_like_header(const struct gate *gate)
{
    size_t waiting = gate_waiting(gate);

    return waiting >= 5 &&
           (memcmp(gate_at(gate), "PROXY", 5) == 0 || memcmp(gate_at(gate), "\r\n\r\n\0", 5) == 0);
}

bool login_packet(struct session *session, struct text *payload, enum step *step)
{
    struct gate *gate = &session->client.gate;
    const uint8_t *bytes = gate_at(gate);
    size_t waiting = gate_waiting(gate);

    if (session->draft->greeted == GREETED_BY_UPSTREAM && session->upstream.ended) {
        *step = session_end(session, CLOSED_UPSTREAM_GONE);
        return false;
    }
    if (starts_like_header(gate)) {
        *step = session_end(session, CLOSED_PROXY_HEADER);
        return false;
    }
    if (waiting < PACKET_HEADER || waiting < PACKET_HEADER + bytes_get3(bytes)) {
        if (waiting >= 5 && bytes_get3(bytes) > LOGIN_PACKET_MAX) {
            *step = session_end(session, CLOSED_CLIENT_BAD_LOGIN);
            return false;
        }
        if (waiting > GATE_BLOCK / 2)
            gate_reserve(gate, &session->worker->pool, PACKET_HEADER + LOGIN_PACKET_MAX);
        *step = session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
        return false;
    }
    if (bytes[3] != session->client.sequence) {
        *step = session_end(session, CLOSED_CLIENT_BAD_SEQUENCE);
        return false;
    }
    *payload = (struct text){(const char *)bytes + PACKET_HEADER, bytes_get3(bytes)};
    return true;
}

enum step login_refuse(struct session *session, enum close_reason reason, uint16_t code,
                       const char *sqlstate, const char *format, ...)
{
    char message[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    /* Before the login packet an ERR packet has no SQLSTATE. */
    bool early = session->client.sequence == 0;
    session_error(session, session->client.sequence, code, early ? NULL : sqlstate, "%s", message);
    return session_linger(session, reason);
}
