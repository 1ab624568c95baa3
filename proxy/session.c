/* The start of a session, the driver of its states, which events of its sockets are watched, and
 * its end. states.c changes the state; what happens in a state is in the state's own file:
 *
 *   login/greet.c         PROXY_HEADER GREET         silogate's greeting
 *   login/client_tls.c    FIRST_PACKET TLS           TLS with the client, if it wants it
 *   login/login_packet.c  LOGIN                      user and service
 *   login/connect.c       CONNECT UPSTREAM_GREETING  to the upstream of the service
 *   login/upstream_tls.c  UPSTREAM_TLS
 *   login/auth.c          AUTH KEY DELAY             the login, relayed
 *   login/compression.c   COMPRESS                   if a leg is compressed from here on
 *   command.c             COMMAND                    cut, judge; follow.c: pass, block or wait
 *   pass.c                PASS                       the allowed command is sent
 *   answer.c              ANSWER INFILE              the way back
 *   relay.c               PROVE                      is the answer complete?
 *   ask.c                 ASK                        silogate's own query
 *   again.c               LOOK                       has a table moved without our knowing?
 *   seek.c                SEEK                       a KILL of another instance's session
 *   renew.c               RENEW                      a statement is prepared again
 *
 *   client ----> client.gate ----> judged ----> upstream
 *   client <---- upstream.gate <-- tracked <--- upstream
 *
 * On an event, the session reads its socket once, runs the states until they wait, writes the
 * passed bytes, and derives from gates and flags which events to watch next. Nothing else reads or
 * writes its sockets, or starts or stops a watcher.
 */
#include "proxy/session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/log.h"
#include "proxy/again.h"
#include "proxy/binding.h"
#include "proxy/branches.h"
#include "proxy/compressed.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/observe.h"
#include "proxy/registry.h"
#include "proxy/renew.h"
#include "proxy/seek.h"
#include "proxy/transaction.h"
#include "proxy/worker.h"

enum step session_end(struct session *session, enum close_reason reason)
{
    session->close_reason = reason;
    return STEP_CLOSE;
}

void session_error(struct session *session, uint8_t sequence, uint16_t code, const char *sqlstate,
                   const char *format, ...)
{
    char message[480];
    uint8_t packet[512];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof(message))
        length = sizeof(message) - 1;
    size_t size = packet_error(packet, sizeof(packet), sequence, code, sqlstate,
                               (struct text){message, (size_t)length});
    gate_insert(&session->upstream.gate, &session->worker->pool, packet, size);
}

bool session_speaks(struct session *session, uint8_t frame)
{
    struct stream *stream = &session->client.stream;

    if (!stream->layer)
        return true;
    if (gate_leaving(&session->upstream.gate) > 0 && !session->client.ended)
        return false;
    if (gate_waiting(&session->client.gate) > 0)
        stream_turn(stream);
    else
        compressed_count(stream, frame);
    return true;
}

bool session_owes(const struct session *session)
{
    const struct side *client = &session->client;

    return !client->broken && !client->handshaking && gate_leaving(&session->upstream.gate) > 0;
}

/* What the session has at its upstream ends with that connection, however long the client reads. */
static void leave_upstream(struct session *session, enum close_reason reason)
{
    session_drop_upstream(session);
    if (session->state == STATE_LINGER) /* it has left already */
        return;
    if (reason == CLOSED_UPSTREAM_GONE && session->binding)
        health_doubt(session->binding->upstream_usage);
    moving_leave(session);
    session_leave_branches(session);
}

enum step session_linger(struct session *session, enum close_reason reason)
{
    const int on = 1;

    session->close_reason = reason;
    leave_upstream(session, reason);
    /* The kernel keeps the last packet until shutdown(SHUT_WR), for 200 ms at most, and sends the
     * end of the stream with it: a pool that takes the connection again, after the error in that
     * packet, sees the end. */
    setsockopt(session->client.stream.socket, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
    session_enter(session, STATE_LINGER);
    return STEP_AGAIN;
}

/* If a socket is closed with unread bytes, the kernel sends a reset, and the client may lose the
 * last packet. So the session sends all that the client is owed, however slowly it reads, and then
 * reads for a short time, until the client has closed. A client that has closed its sending side
 * may read what it is owed. */
enum step state_linger(struct session *session)
{
    struct side *client = &session->client;

    gate_drop(&client->gate, &session->worker->pool, gate_waiting(&client->gate));
    session->yield = session_owes(session);
    if (session->yield)
        return STEP_WAIT;
    if (client->ended)
        return STEP_CLOSE;
    if (!session->shut) {
        shutdown(client->stream.socket, SHUT_WR);
        session->shut = true;
        session_enter(session, STATE_LINGER); /* its short time begins */
    }
    return STEP_WAIT;
}

/* Reads from the socket. */
static void fill(struct session *session, struct side *side)
{
    if (side->ended || side->handshaking || !gate_has_room(&side->gate))
        return;
    ssize_t got = gate_fill(&side->gate, &session->worker->pool, &side->stream);
    session->worker->counters.received[side == &session->upstream] += got > 0 ? (uint64_t)got : 0;
    side->ended = got == STREAM_END || got == STREAM_FAILED;
    if (got > 0)
        session_moves(session);
}

/* Writes the passed bytes of `from` to `to`. */
static void flush(struct session *session, struct side *from, struct side *to)
{
    if (to->stream.socket < 0 || to->broken || to->handshaking || session->state == STATE_CONNECT)
        return;
    const size_t leaving = gate_leaving(&from->gate);
    const bool waited = to->wants_write;
    ssize_t put = gate_flush(&from->gate, &session->worker->pool, &to->stream);
    session->worker->counters.sent[to == &session->upstream] += leaving - gate_leaving(&from->gate);
    to->wants_write = put == STREAM_AGAIN;
    if (waited && gate_leaving(&from->gate) < leaving)
        session_sends(session);
    if (put == STREAM_FAILED)
        to->broken = true;
}

/* If a client goes away before its answer is complete, the server must notice it: silogate shuts
 * down the sending side of the upstream's connection after everything that the client has sent. A
 * server that waits in GET_LOCK, SLEEP or for a lock notices this and gives up. The answer is
 * still read and relayed, for clients that have only stopped sending. */
static void pass_end(struct session *session)
{
    struct side *upstream = &session->upstream;
    const struct gate *gate = &session->client.gate;

    if (!session->client.ended || upstream->shut || upstream->stream.socket < 0 ||
        upstream->handshaking || session->state != STATE_ANSWER || gate_waiting(gate) > 0 ||
        gate_leaving(gate) > 0)
        return;
    upstream->shut = true;
    stream_shut(&upstream->stream);
}

static void watch(struct session *session, struct side *side)
{
    int events = 0;

    if (side->stream.socket < 0)
        return;
    if (session->state == STATE_CONNECT && side == &session->upstream) {
        events = EV_WRITE;
    } else if (side->handshaking && session->waiting.after) {
        events = 0; /* worker->handshake_timer continues it */
    } else if (side->handshaking) {
        events = stream_wants_write(&side->stream, false) ? EV_WRITE : EV_READ;
    } else {
        if (!side->ended && gate_has_room(&side->gate))
            events = EV_READ | (stream_wants_write(&side->stream, false) ? EV_WRITE : 0);
        if (side->wants_write)
            events |= stream_wants_write(&side->stream, true) ? EV_WRITE : EV_READ;
        /* The socket is writable, so the session continues in the loop's next turn, after all
         * others. */
        else if (session->yield && side == &session->client)
            events |= EV_WRITE;
    }
    if (ev_is_active(&side->io) && (side->io.events & (EV_READ | EV_WRITE)) == events)
        return;
    ev_io_stop(session->worker->loop, &side->io);
    ev_io_set(&side->io, side->stream.socket, events);
    if (events)
        ev_io_start(session->worker->loop, &side->io);
}

/* TLS may have decrypted bytes, for which the socket causes no event. */
static void announce(struct session *session, struct side *side)
{
    if (side->stream.socket >= 0 && !side->handshaking && stream_pending(&side->stream) &&
        gate_has_room(&side->gate))
        ev_feed_event(session->worker->loop, &side->io, EV_READ);
}

void session_run(struct session *session)
{
    enum step step;

    do {
        session->yield = session->draining = false;
        do {
            step = session_step(session);
        } while (step == STEP_AGAIN);
        flush(session, &session->upstream, &session->client);
        flush(session, &session->client, &session->upstream);
    } while (session->draining && gate_leaving(&session->client.gate) == 0);
    if (session->client.ended)
        pass_end(session);
    if (step == STEP_CLOSE && session->state != STATE_LINGER && session_owes(session)) {
        session_linger(session, session->close_reason);
        step = session_step(session);
    }
    if (step == STEP_CLOSE)
        session_close(session, session->close_reason);
    else if (session->client.broken)
        session_close(session,
                      session->state == STATE_LINGER ? session->close_reason : CLOSED_CLIENT_LOST);
    else {
        watch(session, &session->client);
        watch(session, &session->upstream);
        announce(session, &session->client);
        announce(session, &session->upstream);
    }
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct session *session = io->data;
    struct side *side = io == &session->client.io ? &session->client : &session->upstream;

    uint64_t before = session->worker->counters.forwarded;

    if (session->state != STATE_CONNECT || side == &session->client) {
        if (events & EV_WRITE)
            flush(session, side == &session->client ? &session->upstream : &session->client, side);
        fill(session, side);
    }
    session_run(session);
    uint64_t after = session->worker->counters.forwarded;
    if (before != after && after % COUNTERS_SAMPLED_ONE_IN == 0)
        observe_delay(&session->worker->counters, ev_time() - ev_now(loop));
}

void session_watch(struct session *session, struct side *side, int socket, bool is_unix)
{
    side->stream = (struct stream){.kind = &stream_plain, .socket = socket};
    side->ended = side->broken = side->wants_write = side->handshaking = side->shut = false;
    side->sequence = 0;
    side->is_unix = is_unix;
    ev_io_init(&side->io, on_io, socket, EV_READ);
    side->io.data = session;
}

void session_start(struct worker *worker, int socket, const struct sockaddr_storage *from,
                   struct text client, bool expects_header)
{
    struct session *session = memory_take_zeroed(sizeof(*session));

    session->worker = worker;
    session->began = worker->second;
    session->leaving = worker->drain_begun;
    session->id = registry_id();
    session->due = UINT32_MAX;
    session->judged = true;
    session->upstream.stream.socket = -1;
    session->upstream.stream.kind = &stream_plain;
    session_watch(session, &session->client, socket, from->ss_family == AF_UNIX);
    list_add(&worker->sessions, &session->all);
    worker->counters.sessions_accepted++;
    worker->counters.sessions_open++;
    login_begin(session, from, client);
    session_enter(session, expects_header ? STATE_PROXY_HEADER : STATE_GREET);
    session_run(session);
}

void session_answered(struct session *session)
{
    session->request.in_flight = false;
    session->worker->counters.answered++;
    again_forget(session);
    moving_answered(session);
}

static void drop_side(struct session *session, struct side *side)
{
    if (side->stream.socket < 0)
        return;
    ev_io_stop(session->worker->loop, &side->io);
    stream_close(&side->stream);
    if (side->handshaking)
        list_remove(&session->waiting);
    side->ended = true;
    side->wants_write = side->handshaking = false;
}

void session_leave_branches(struct session *session)
{
    if (session->held.branches)
        branches_leave(session->id);
    session->held.branches = false;
}

void session_drop_upstream(struct session *session)
{
    abandoned_begin(session);
    if (session->request.in_flight)
        stream_shut(&session->upstream.stream); /* as pass_end does */
    drop_side(session, &session->upstream);
    /* the bytes were for this upstream connection only */
    gate_forget(&session->client.gate, &session->worker->pool);
}

void session_close(struct session *session, enum close_reason reason)
{
    struct worker *worker = session->worker;

    drop_side(session, &session->client);
    leave_upstream(session, reason);
    gate_release(&session->client.gate, &worker->pool);
    gate_release(&session->upstream.gate, &worker->pool);
    if (session->registered)
        registry_remove(session->id);
    login_free(session);
    renew_forget(session);
    again_forget(session);
    ruling_drop_change(&worker->ruling, session->request.change);
    seek_forget(session);
    transaction_drop(session);
    belief_forget(&session->belief);
    binding_free(session->binding);
    session->request.change = NULL;
    session->binding = NULL;
    list_remove(&session->all);
    list_remove(&session->waiting);
    list_remove(&session->timed);
    list_add(&worker->closed, &session->all);
    worker->counters.sessions_open--;
    worker->counters.closed[reason]++;
    worker->counters.failed += session->request.in_flight;
    atomic_fetch_sub(&worker_sessions, 1);
    if (session->refused)
        log_debug("session %u closed in state %s: %s; its last refusal is violation %016llx",
                  session->id, session_state_name(session->state), close_reason_sentence(reason),
                  (unsigned long long)session->refused);
    else
        log_debug("session %u closed in state %s: %s", session->id,
                  session_state_name(session->state), close_reason_sentence(reason));
}

void session_free(struct session *session)
{
    list_remove(&session->all);
    free(session->identity);
    free(session);
}
