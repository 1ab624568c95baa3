/* The upstream's leg: decides whether it is encrypted, and does the TLS handshake, after the
 * server's greeting and before the login packet.
 */
#include "base/log.h"
#include "proxy/binding.h"
#include "proxy/login/handshake.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

static const struct config_upstream *upstream_of(const struct session *session)
{
    return &session->draft->runtime->config->upstreams[session->binding->upstream];
}

static enum step refuse_upstream(struct session *session, const char *why)
{
    struct text name = upstream_of(session)->name;

    /* nothing more is sent to a server after a failed TLS handshake */
    session->draft->exchange = EXCHANGE_OVER;
    log_warning("upstream '%.*s': %s", TEXT_ARGS(name), why);
    return login_refuse(session, CLOSED_UPSTREAM_TLS, 2026, "HY000",
                        "SSL connection error: upstream '%.*s': %s", TEXT_ARGS(name), why);
}

/* The address that connect.c has connected to. */
static const struct config_address *address_of(const struct session *session)
{
    return &upstream_of(session)->addresses.items[session->draft->address_line];
}

static enum step handshake_upstream(struct session *session, struct tls_client *client)
{
    struct side *side = &session->upstream;
    struct login login = login_for_upstream(session);
    uint8_t packet[64];
    size_t size;

    login.capabilities |= CAPABILITY_SSL;
    size = ssl_request_write(&login, side->sequence++, packet, sizeof(packet));
    /* Nothing was written to this socket before: 36 bytes fit, or it is broken. */
    if (stream_write(&side->stream, packet, size) != (ssize_t)size)
        return refuse_upstream(session, "the connection broke");
    if (!tls_connect(client, &side->stream, address_of(session)->host.at))
        return refuse_upstream(session, "no memory");
    side->handshaking = true;
    session_enter(session, STATE_UPSTREAM_TLS);
    return STEP_AGAIN;
}

enum step upstream_tls_begin(struct session *session)
{
    const struct login_draft *draft = session->draft;
    bool offered = draft->server.leg & CAPABILITY_SSL;
    struct tls_client *client = draft->runtime->tls_clients[session->binding->upstream];
    bool demanded = upstream_of(session)->tls.value > CONFIG_TLS_PREFERRED;

    /* A Unix socket counts as secure, unless the ini requires TLS. */
    if (!client || (!demanded && (!offered || address_of(session)->is_unix)))
        return login_send(session);
    if (!offered)
        return refuse_upstream(session, "TLS: the server does not offer it");
    return handshake_upstream(session, client);
}

enum step state_upstream_tls(struct session *session)
{
    struct stream *stream = &session->upstream.stream;
    struct error why;

    if (session->client.ended)
        return session_end(session, CLOSED_CLIENT_GONE);
    /* The first step sends the ClientHello, which the server waits for. */
    if (session->draft->exchange == EXCHANGE_TLS && handshake_waits(session, stream))
        return STEP_WAIT;
    session->draft->exchange = EXCHANGE_TLS;
    switch (handshake_step(session->worker, stream, &why)) {
    case TLS_AGAIN:
        return STEP_WAIT;
    case TLS_FAILED:
        session->worker->counters.tls_failures[COUNTERS_UPSTREAM][tls_failure(stream)]++;
        return refuse_upstream(session, why.text);
    case TLS_DONE:
        break;
    }
    session->upstream.handshaking = false;
    return login_send(session);
}
