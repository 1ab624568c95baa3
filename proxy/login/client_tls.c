/* The client's leg: reads whether its first packet is an SSLRequest, and does the TLS handshake
 * after it. The login packet, encrypted or not, is read by login_packet.c.
 */
#include <string.h>

#include "base/log.h"
#include "proxy/login/handshake.h"
#include "proxy/login/login.h"
#include "proxy/login/throttle.h"
#include "proxy/worker.h"

void client_tls_uncount(struct login_draft *draft)
{
    if (draft->is_counted)
        throttle_handshaken(throttle_address(text_of(draft->client)));
    draft->is_counted = false;
}

/* Bytes that follow the SSLRequest in the gate are TLS or an attack: they are given to mbedTLS,
 * and no unencrypted byte is read as a packet (CVE-2021-3935 in pgbouncer). */
static enum step begin(struct session *session)
{
    struct gate *gate = &session->client.gate;
    struct login_draft *draft = session->draft;
    struct text early = {(const char *)gate_at(gate), gate_waiting(gate)};

    /* The client has answered before it can have read all of the greeting. */
    if (gate_leaving(&session->upstream.gate) > 0)
        return session_end(session, CLOSED_CLIENT_BAD_LOGIN);
    if (!throttle_handshake(throttle_address(text_of(draft->client)),
                            draft->runtime->config->tls.handshakes_per_address.value))
        return session_end(session, CLOSED_TLS_LIMIT);
    draft->is_counted = true;
    if (!tls_accept(draft->runtime->tls, &session->client.stream, early))
        return session_end(session, CLOSED_TLS);
    gate_drop(gate, &session->worker->pool, gate_waiting(gate));
    session->client.handshaking = true;
    session_enter(session, STATE_TLS);
    return STEP_AGAIN;
}

enum step state_first_packet(struct session *session)
{
    struct text payload;
    struct login first;
    enum step step;

    if (!login_packet(session, &payload, &step))
        return step;
    if (login_read(payload, &first) != PARSE_DONE || !first.is_ssl_request) {
        session_enter(session, STATE_LOGIN);
        return STEP_AGAIN;
    }
    session->client.sequence++;
    gate_drop(&session->client.gate, &session->worker->pool, PACKET_HEADER + payload.length);
    if (!(session->draft->offered & CAPABILITY_SSL))
        return login_refuse(session, CLOSED_CLIENT_BAD_LOGIN, 1043, "08S01", "Bad handshake");
    return begin(session);
}

enum step state_tls(struct session *session)
{
    struct counters *counters = &session->worker->counters;
    const char *client = session->draft->client;
    struct error why;
    struct stream *stream = &session->client.stream;

    if (handshake_waits(session, stream))
        return STEP_WAIT;
    switch (handshake_step(session->worker, stream, &why)) {
    case TLS_AGAIN:
        return STEP_WAIT;
    case TLS_FAILED:
        counters->tls_failures[COUNTERS_CLIENT][tls_failure(stream)]++;
        log_notice("%s: %s", client, why.text);
        if (tls_failure(stream) >= TLS_FAILURE_EXPIRED && tls_failure(stream) <= TLS_FAILURE_CRL)
            violations_event_login_refused(session->worker->violations, (struct text){NULL, 0},
                                           TEXT(""), text_of(client),
                                           text_of(tls_failure_word(tls_failure(stream))));
        return session_end(session, CLOSED_TLS);
    case TLS_DONE:
        break;
    }
    counters->tls_handshakes++;
    counters->tls_resumed += tls_resumed(stream);
    log_debug("%s: %s %s", client, tls_version(stream), tls_cipher(stream));
    session->client.handshaking = false;
    client_tls_uncount(session->draft);
    session_enter(session, STATE_LOGIN);
    return STEP_AGAIN;
}
