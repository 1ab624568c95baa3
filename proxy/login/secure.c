/* TLS on both legs: when it is asked for, and the two states in which a handshake goes on. While it
 * does, its side is neither filled nor flushed (side->handshaking): the socket is mbedTLS's alone.
 * Called by greet.c behind an SSLRequest and by connect.c behind an upstream's greeting.
 */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/login/throttle.h"
#include "proxy/worker.h"

#define X(name, word, sentence) +1
_Static_assert(0 TLS_FAILURES(X) <= COUNTERS_TLS_FAILURES, "counters.tls_failures is too small");
#undef X

static const double handshake_pause_most = 0.02; /* seconds */

bool secure_is(const struct side *side)
{
    return side->stream.socket >= 0 && (side->is_unix || tls_is(&side->stream));
}

/* What follows the SSLRequest in the gate is TLS or an attack: it is handed to mbedTLS, and nothing
 * that came unencrypted is ever read as a packet (CVE-2021-3935 in pgbouncer). */
enum step secure_client(struct session *session)
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

void secure_uncount(struct login_draft *draft)
{
    if (draft->is_counted)
        throttle_handshaken(throttle_address(text_of(draft->client)));
    draft->is_counted = false;
}

static uint64_t traffic(const struct worker *worker)
{
    return worker->counters.forwarded + worker->counters.answered;
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void start_handshake_timer(struct worker *worker)
{
    /* A timer counts from the loop's time, which stood still meanwhile. */
    double left = worker->handshake_after - seconds() + ev_time() - ev_now(worker->loop);
    double most = 3 * handshake_pause_most;

    ev_timer_stop(worker->loop, &worker->handshake_timer);
    ev_timer_set(&worker->handshake_timer, left < 0 ? 0 : left > most ? most : left, 0);
    ev_timer_start(worker->loop, &worker->handshake_timer);
}

void secure_next_handshake(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct worker *worker = timer->data;

    (void)loop;
    (void)events;
    if (list_empty(&worker->handshaking))
        return;
    struct session *session = LIST_ENTRY(worker->handshaking.after, struct session, waiting);
    list_remove(&session->waiting);
    worker->handshake_after = 0; /* it is its turn */
    session_run(session);
    if (!list_empty(&worker->handshaking))
        start_handshake_timer(worker);
}

/* One handshake step may take milliseconds. So a turn of the loop does one step, and where other
 * sessions had events since the last step, the next one waits for as long as that step took:
 * handshakes never take more than half of the worker's time. Bytes that were read ahead cause no
 * second event, so their sessions are run first. */
static bool is_others_turn(struct session *session, const struct stream *stream)
{
    struct worker *worker = session->worker;

    if (session->waiting.after)
        return true;
    if (stream_pending(stream))
        return false;
    if (worker->had_handshake) /* the socket that was not read wakes it again */
        return true;
    if (traffic(worker) == worker->traffic_seen || seconds() >= worker->handshake_after)
        return false;
    if (list_empty(&worker->handshaking))
        start_handshake_timer(worker);
    list_add(&worker->handshaking, &session->waiting);
    return true;
}

static enum tls_step handshake_step(struct worker *worker, struct stream *stream, struct error *why)
{
    double start = seconds();
    enum tls_step step = tls_handshake(stream, why);
    double took = seconds() - start;

    worker->had_handshake = true;
    worker->traffic_seen = traffic(worker);
    worker->handshake_after =
        start + took + (took < handshake_pause_most ? took : handshake_pause_most);
    return step;
}

enum step state_tls(struct session *session)
{
    struct counters *counters = &session->worker->counters;
    const char *client = session->draft->client;
    struct error why;
    struct stream *stream = &session->client.stream;

    if (is_others_turn(session, stream))
        return STEP_WAIT;
    switch (handshake_step(session->worker, stream, &why)) {
    case TLS_AGAIN:
        return STEP_WAIT;
    case TLS_FAILED:
        counters->tls_failures[COUNTERS_CLIENT][tls_failure(stream)]++;
        log_notice("%s: %s", client, why.text);
        if (tls_failure(stream) >= TLS_FAILURE_EXPIRED && tls_failure(stream) <= TLS_FAILURE_CRL)
            violations_event_login_refused(session->worker->violations, TEXT(""), text_of(client),
                                           text_of(tls_failure_word(tls_failure(stream))));
        return session_end(session, CLOSED_TLS);
    case TLS_DONE:
        break;
    }
    counters->tls_handshakes++;
    counters->tls_resumed += tls_resumed(stream);
    log_debug("%s: %s %s", client, tls_version(stream), tls_cipher(stream));
    session->client.handshaking = false;
    secure_uncount(session->draft);
    session_enter(session, STATE_LOGIN);
    return STEP_AGAIN;
}

/* Does this login's service ask for a certificate that the client has not shown? */
bool secure_lacks_certificate(const struct session *session)
{
    const struct config *config = session->draft->runtime->config;
    struct text name = session->binding->service < 0
                           ? (struct text){0}
                           : config->services[session->binding->service].certificate_name.value;

    return name.length > 0 && !tls_has_name(&session->client.stream, name);
}

static const struct config_upstream *upstream_of(const struct session *session)
{
    return &session->draft->runtime->config->upstreams[session->binding->upstream];
}

static enum step refuse_upstream(struct session *session, const char *why)
{
    struct text name = upstream_of(session)->name;

    session->draft->exchange =
        EXCHANGE_OVER; /* nothing more is sent to a server whose TLS has failed */
    log_warning("upstream '%.*s': %s", TEXT_ARGS(name), why);
    return login_refuse(session, CLOSED_UPSTREAM_TLS, 2026, "HY000",
                        "SSL connection error: upstream '%.*s': %s", TEXT_ARGS(name), why);
}

/* The address that connect.c has connected to. */
static const struct config_address *address_of(const struct session *session)
{
    return &upstream_of(session)->addresses.items[session->draft->address_index - 1];
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

enum step secure_upstream(struct session *session)
{
    const struct login_draft *draft = session->draft;
    bool offered = draft->server.leg & CAPABILITY_SSL;
    struct tls_client *client = draft->runtime->tls_clients[session->binding->upstream];
    bool demanded = upstream_of(session)->tls.value > CONFIG_TLS_PREFERRED;

    /* A Unix socket counts as secure, unless the ini insists on TLS. */
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
    if (session->draft->exchange == EXCHANGE_TLS && is_others_turn(session, stream))
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
