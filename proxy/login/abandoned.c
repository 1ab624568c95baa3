/* Completes logins whose client has gone. Owns the upstream's connection from the end of the
 * session until the server has refused the login or closed, or connect_timeout is over. After the
 * session's end it sends no bytes of the client.
 *
 *   (connecting) -> greeting -> (TLS) -> nobody_login -> each question: nobody_answer -> ERR
 */
#include "proxy/login/abandoned.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/log.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

enum { ABANDONED_IN = 2048 };

struct abandoned {
    struct list_link all;
    struct worker *worker;
    struct stream stream;
    struct ev_io io;
    struct gate out;
    uint8_t in[ABANDONED_IN];
    size_t got;
    enum exchange exchange;
    bool connecting, handshaking;
    uint8_t sequence;                 /* of the next packet to the server */
    capabilities_t offered, promised; /* promised: in the SSLRequest */
    char plugin[64];
    uint32_t deadline;
};

size_t nobody_login(capabilities_t offered, capabilities_t capabilities, uint8_t sequence,
                    uint8_t *to, size_t size)
{
    struct login login = {.capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION |
                                          CAPABILITY_PLUGIN_AUTH |
                                          (offered & CAPABILITY_LONG_PASSWORD),
                          .max_packet = PACKET_MAX,
                          .collation = 45,
                          .user = TEXT("silogate_nobody"),
                          .auth = TEXT("................nobody"),
                          .plugin = TEXT("mysql_native_password")};

    login.auth.length = HANDSHAKE_NONCE;
    if (capabilities)
        login.capabilities = capabilities;
    return login_write(&login, sequence, to, size);
}

/* The server also counts an answer of a length that its plugin does not expect as a broken
 * handshake. */
size_t nobody_answer(struct text plugin, uint8_t sequence, uint8_t *to)
{
    size_t length = 1; /* a NUL: an empty password */

    if (text_equal(plugin, TEXT("mysql_native_password")))
        length = HANDSHAKE_NONCE;
    else if (text_equal(plugin, TEXT("client_ed25519")))
        length = 64;
    memset(to, length == 1 ? 0 : 'x', PACKET_HEADER + length);
    bytes_put3(to, (uint32_t)length);
    to[3] = sequence;
    return PACKET_HEADER + length;
}

static void end(struct abandoned *abandoned)
{
    struct worker *worker = abandoned->worker;

    ev_io_stop(worker->loop, &abandoned->io);
    stream_close(&abandoned->stream);
    gate_release(&abandoned->out, &worker->pool);
    list_remove(&abandoned->all);
    worker->abandoned_count--;
    atomic_fetch_sub(&worker_sessions, 1);
    free(abandoned);
}

static void say(struct abandoned *abandoned, const uint8_t *packet, size_t size)
{
    gate_insert(&abandoned->out, &abandoned->worker->pool, packet, size);
}

static void log_on(struct abandoned *abandoned)
{
    uint8_t packet[ABANDONED_PACKET];

    say(abandoned, packet,
        nobody_login(abandoned->offered, abandoned->promised, abandoned->sequence, packet,
                     sizeof(packet)));
    abandoned->exchange = EXCHANGE_SENT;
}

static void answer(struct abandoned *abandoned)
{
    uint8_t packet[ABANDONED_PACKET];

    say(abandoned, packet, nobody_answer(text_of(abandoned->plugin), abandoned->sequence, packet));
}

/* Handles one whole packet from the server. False: the login is over. */
static bool hear(struct abandoned *abandoned, struct text payload)
{
    uint8_t first = payload.length > 0 ? (uint8_t)payload.at[0] : 0xff;
    struct auth_switch request;
    struct greeting greeting;

    if (first == 0xff)
        return false;
    if (abandoned->exchange == EXCHANGE_OPENED) {
        if (greeting_read(payload, &greeting) != PARSE_DONE)
            return false;
        abandoned->offered = greeting.capabilities;
        log_on(abandoned);
        return true;
    }
    switch (first) {
    case 0xfe: /* AuthSwitchRequest */
    case 0x02: /* AuthNextFactor: has the plugin at the same offset */
        if (auth_switch_read(payload, &request) == PARSE_DONE &&
            request.plugin.length < sizeof(abandoned->plugin)) {
            memset(abandoned->plugin, 0, sizeof(abandoned->plugin));
            memcpy(abandoned->plugin, request.plugin.at, request.plugin.length);
        }
        answer(abandoned);
        return true;
    case 0x01: /* AuthMoreData; 3 is caching_sha2_password's "fast authentication succeeded" */
        if (payload.length != 2 || payload.at[1] != 3)
            answer(abandoned);
        return true;
    default: /* OK: an account without a password */
        return false;
    }
}

/* Handles all whole packets in the buffer. False: the login is over. */
static bool hear_all(struct abandoned *abandoned)
{
    while (abandoned->got >= PACKET_HEADER) {
        size_t size = PACKET_HEADER + bytes_get3(abandoned->in);
        if (size > sizeof(abandoned->in))
            return false;
        if (abandoned->got < size)
            return true;
        abandoned->sequence = (uint8_t)(abandoned->in[3] + 1);
        struct text payload = {(const char *)abandoned->in + PACKET_HEADER, size - PACKET_HEADER};
        if (!hear(abandoned, payload))
            return false;
        abandoned->got -= size;
        memmove(abandoned->in, abandoned->in + size, abandoned->got);
    }
    return true;
}

/* True: there is more to wait for. */
static bool go_on(struct abandoned *abandoned, int events)
{
    struct error why;

    if (abandoned->connecting && !(events & EV_WRITE))
        return true;
    abandoned->connecting = false;
    if (abandoned->handshaking) {
        enum tls_step step = tls_handshake(&abandoned->stream, &why);
        if (step != TLS_DONE)
            return step == TLS_AGAIN;
        abandoned->handshaking = false;
        log_on(abandoned);
    }
    do {
        ssize_t got = 0;
        if (abandoned->got < sizeof(abandoned->in))
            got = stream_read(&abandoned->stream, abandoned->in + abandoned->got,
                              sizeof(abandoned->in) - abandoned->got);
        if (got == STREAM_END || got == STREAM_FAILED)
            return false;
        abandoned->got += got > 0 ? (size_t)got : 0;
        if (!hear_all(abandoned))
            return false;
    } while (stream_pending(&abandoned->stream));
    return gate_flush(&abandoned->out, &abandoned->worker->pool, &abandoned->stream) !=
           STREAM_FAILED;
}

static void watch(struct abandoned *abandoned)
{
    int events = EV_READ;

    if (abandoned->connecting)
        events = EV_WRITE;
    else if (abandoned->handshaking)
        events = stream_wants_write(&abandoned->stream, false) ? EV_WRITE : EV_READ;
    else if (gate_leaving(&abandoned->out) > 0)
        events |= EV_WRITE;
    ev_io_stop(abandoned->worker->loop, &abandoned->io);
    ev_io_set(&abandoned->io, abandoned->stream.socket, events);
    ev_io_start(abandoned->worker->loop, &abandoned->io);
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct abandoned *abandoned = io->data;

    (void)loop;
    if (go_on(abandoned, events))
        watch(abandoned);
    else
        end(abandoned);
}

static bool is_unfinished(const struct session *session)
{
    const struct side *upstream = &session->upstream;

    return session->draft && session->draft->exchange != EXCHANGE_NONE &&
           session->draft->exchange != EXCHANGE_OVER && upstream->stream.socket >= 0 &&
           !upstream->ended && !upstream->broken &&
           gate_waiting(&session->upstream.gate) <= ABANDONED_IN;
}

/* Copies the bytes of the dialogue that are still in the session's gates. */
static void take_bytes(struct abandoned *abandoned, struct session *session)
{
    struct gate *out = &session->client.gate, *in = &session->upstream.gate;
    struct gate_pool *pool = &session->worker->pool;

    if (gate_leaving(out) > 0)
        gate_insert(&abandoned->out, pool, out->bytes + out->sent, gate_leaving(out));
    abandoned->out.secret = out->secret;
    gate_forget(out, pool);
    abandoned->got = gate_waiting(in);
    if (abandoned->got > 0)
        memcpy(abandoned->in, gate_at(in), abandoned->got);
    gate_drop(in, pool, abandoned->got);
}

void abandoned_begin(struct session *session)
{
    struct worker *worker = session->worker;
    const struct login_draft *draft = session->draft;

    if (!is_unfinished(session) || worker->abandoned_count >= ABANDONED_MAX)
        return;
    struct abandoned *abandoned = memory_take_zeroed(sizeof(*abandoned));
    abandoned->worker = worker;
    abandoned->stream = session->upstream.stream;
    abandoned->exchange = draft->exchange;
    abandoned->connecting = session->state == STATE_CONNECT;
    abandoned->handshaking = session->upstream.handshaking;
    abandoned->sequence = session->upstream.sequence;
    abandoned->offered = draft->server.capabilities;
    if (tls_is(&abandoned->stream))
        abandoned->promised = login_for_upstream(session).capabilities | CAPABILITY_SSL;
    memcpy(abandoned->plugin, draft->plugin, sizeof(abandoned->plugin));
    abandoned->deadline =
        worker->second + 1 + (uint32_t)(draft->runtime->config->proxy.connect_timeout.value / 1000);
    take_bytes(abandoned, session);
    if (abandoned->connecting)
        connect_header(session, &abandoned->out);
    ev_io_stop(worker->loop, &session->upstream.io);
    session->upstream.stream = (struct stream){.kind = &stream_plain, .socket = -1};
    session->upstream.ended = true;
    session->upstream.wants_write = session->upstream.handshaking = false;
    list_add(&worker->abandoned, &abandoned->all);
    worker->abandoned_count++;
    worker->counters.abandoned++;
    atomic_fetch_add(&worker_sessions, 1);
    ev_io_init(&abandoned->io, on_io, abandoned->stream.socket, EV_READ);
    abandoned->io.data = abandoned;
    if (!abandoned->connecting && !abandoned->handshaking && abandoned->got < PACKET_HEADER) {
        if (abandoned->exchange == EXCHANGE_GREETED)
            log_on(abandoned);
        else if (abandoned->exchange == EXCHANGE_ASKED)
            answer(abandoned);
    }
    on_io(worker->loop, &abandoned->io, 0);
}

void abandoned_tick(struct worker *worker, bool all)
{
    struct list_link *link = worker->abandoned.after;

    while (link != &worker->abandoned) {
        struct abandoned *abandoned = LIST_ENTRY(link, struct abandoned, all);
        link = link->after;
        if (all || worker->second >= abandoned->deadline)
            end(abandoned);
    }
}
