/* Logins that are brought to their end without a client. Owns the upstream's connection from the
 * moment session.c gives it up until the server has refused or closed, or connect_timeout is over.
 * Never sends a byte that a client has sent after the session ended.
 *
 *   (connecting) -> greeting -> (TLS) -> nobody_login -> each question: nobody_answer -> ERR
 */
#include "proxy/farewell.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/log.h"
#include "proxy/login.h"
#include "proxy/worker.h"

enum { FAREWELL_IN = 2048 };

struct farewell {
    struct list_link all;
    struct worker *worker;
    struct stream stream;
    struct ev_io io;
    struct gate out;
    uint8_t in[FAREWELL_IN];
    size_t got;
    enum dialogue dialogue;
    bool connecting, shaking;
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

/* An answer of a length that its plugin does not know is a broken handshake too. */
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

static void end(struct farewell *farewell)
{
    struct worker *worker = farewell->worker;

    ev_io_stop(worker->loop, &farewell->io);
    stream_close(&farewell->stream);
    gate_release(&farewell->out, &worker->pool);
    list_remove(&farewell->all);
    worker->farewell_count--;
    atomic_fetch_sub(&worker_sessions, 1);
    free(farewell);
}

static void say(struct farewell *farewell, const uint8_t *packet, size_t size)
{
    gate_insert(&farewell->out, &farewell->worker->pool, packet, size);
}

static void log_on(struct farewell *farewell)
{
    uint8_t packet[FAREWELL_PACKET];

    say(farewell, packet,
        nobody_login(farewell->offered, farewell->promised, farewell->sequence, packet,
                     sizeof(packet)));
    farewell->dialogue = DIALOGUE_ASKED;
}

static void answer(struct farewell *farewell)
{
    uint8_t packet[FAREWELL_PACKET];

    say(farewell, packet, nobody_answer(text_of(farewell->plugin), farewell->sequence, packet));
}

/* One whole packet of the server's; false at the end. */
static bool hear(struct farewell *farewell, struct text payload)
{
    uint8_t first = payload.length > 0 ? (uint8_t)payload.at[0] : 0xff;
    struct auth_switch request;
    struct greeting greeting;

    if (first == 0xff)
        return false;
    if (farewell->dialogue == DIALOGUE_OPENED) {
        if (greeting_read(payload, &greeting) != PARSE_DONE)
            return false;
        farewell->offered = greeting.capabilities;
        log_on(farewell);
        return true;
    }
    switch (first) {
    case 0xfe: /* AuthSwitchRequest */
    case 0x02: /* AuthNextFactor: the plugin stands at the same place */
        if (auth_switch_read(payload, &request) == PARSE_DONE &&
            request.plugin.length < sizeof(farewell->plugin)) {
            memset(farewell->plugin, 0, sizeof(farewell->plugin));
            memcpy(farewell->plugin, request.plugin.at, request.plugin.length);
        }
        answer(farewell);
        return true;
    case 0x01: /* AuthMoreData; 3 is caching_sha2_password's "fast authentication succeeded" */
        if (payload.length != 2 || payload.at[1] != 3)
            answer(farewell);
        return true;
    default: /* OK: an account without a password */
        return false;
    }
}

/* All whole packets that are here. */
static bool hear_all(struct farewell *farewell)
{
    while (farewell->got >= PACKET_HEADER) {
        size_t size = PACKET_HEADER + bytes_get3(farewell->in);
        if (size > sizeof(farewell->in))
            return false;
        if (farewell->got < size)
            return true;
        farewell->sequence = (uint8_t)(farewell->in[3] + 1);
        struct text payload = {(const char *)farewell->in + PACKET_HEADER, size - PACKET_HEADER};
        if (!hear(farewell, payload))
            return false;
        farewell->got -= size;
        memmove(farewell->in, farewell->in + size, farewell->got);
    }
    return true;
}

/* True while there is something to wait for. */
static bool go_on(struct farewell *farewell, int events)
{
    struct error why;

    if (farewell->connecting && !(events & EV_WRITE))
        return true;
    farewell->connecting = false;
    if (farewell->shaking) {
        enum tls_step step = tls_handshake(&farewell->stream, &why);
        if (step != TLS_DONE)
            return step == TLS_AGAIN;
        farewell->shaking = false;
        log_on(farewell);
    }
    do {
        ssize_t got = 0;
        if (farewell->got < sizeof(farewell->in))
            got = stream_read(&farewell->stream, farewell->in + farewell->got,
                              sizeof(farewell->in) - farewell->got);
        if (got == STREAM_END || got == STREAM_FAILED)
            return false;
        farewell->got += got > 0 ? (size_t)got : 0;
        if (!hear_all(farewell))
            return false;
    } while (stream_pending(&farewell->stream));
    return gate_flush(&farewell->out, &farewell->worker->pool, &farewell->stream) != STREAM_FAILED;
}

static void watch(struct farewell *farewell)
{
    int events = EV_READ;

    if (farewell->connecting)
        events = EV_WRITE;
    else if (farewell->shaking)
        events = stream_wants_write(&farewell->stream, false) ? EV_WRITE : EV_READ;
    else if (gate_leaving(&farewell->out) > 0)
        events |= EV_WRITE;
    ev_io_stop(farewell->worker->loop, &farewell->io);
    ev_io_set(&farewell->io, farewell->stream.socket, events);
    ev_io_start(farewell->worker->loop, &farewell->io);
}

static void on_io(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct farewell *farewell = io->data;

    (void)loop;
    if (go_on(farewell, events))
        watch(farewell);
    else
        end(farewell);
}

static bool is_unfinished(const struct session *session)
{
    const struct side *upstream = &session->upstream;

    return session->draft && session->draft->dialogue != DIALOGUE_NONE &&
           session->draft->dialogue != DIALOGUE_OVER && upstream->stream.socket >= 0 &&
           !upstream->ended && !upstream->broken &&
           gate_waiting(&session->upstream.gate) <= FAREWELL_IN;
}

/* What was on its way in either direction belongs to the dialogue. */
static void take_bytes(struct farewell *farewell, struct session *session)
{
    struct gate *out = &session->client.gate, *in = &session->upstream.gate;
    struct gate_pool *pool = &session->worker->pool;

    if (gate_leaving(out) > 0)
        gate_insert(&farewell->out, pool, out->bytes + out->sent, gate_leaving(out));
    farewell->out.secret = out->secret;
    gate_forget(out, pool);
    farewell->got = gate_waiting(in);
    if (farewell->got > 0)
        memcpy(farewell->in, gate_at(in), farewell->got);
    gate_drop(in, pool, farewell->got);
}

void farewell_begin(struct session *session)
{
    struct worker *worker = session->worker;
    const struct login_draft *draft = session->draft;

    if (!is_unfinished(session) || worker->farewell_count >= FAREWELLS_MAX)
        return;
    struct farewell *farewell = memory_take_zeroed(sizeof(*farewell));
    farewell->worker = worker;
    farewell->stream = session->upstream.stream;
    farewell->dialogue = draft->dialogue;
    farewell->connecting = session->state == STATE_CONNECT;
    farewell->shaking = session->upstream.shaking;
    farewell->sequence = session->upstream.sequence;
    farewell->offered = draft->upstream_capabilities;
    if (tls_is(&farewell->stream))
        farewell->promised = login_for_upstream(session).capabilities | CAPABILITY_SSL;
    memcpy(farewell->plugin, draft->plugin, sizeof(farewell->plugin));
    farewell->deadline =
        worker->second + 1 + (uint32_t)(draft->runtime->config->proxy.connect_timeout.value / 1000);
    take_bytes(farewell, session);
    if (farewell->connecting)
        connect_header(session, &farewell->out);
    ev_io_stop(worker->loop, &session->upstream.io);
    session->upstream.stream = (struct stream){.kind = &stream_plain, .socket = -1};
    session->upstream.ended = true;
    session->upstream.wants_write = session->upstream.shaking = false;
    list_add(&worker->farewells, &farewell->all);
    worker->farewell_count++;
    worker->counters.farewells++;
    atomic_fetch_add(&worker_sessions, 1);
    ev_io_init(&farewell->io, on_io, farewell->stream.socket, EV_READ);
    farewell->io.data = farewell;
    if (!farewell->connecting && !farewell->shaking && farewell->got < PACKET_HEADER) {
        if (farewell->dialogue == DIALOGUE_GREETED)
            log_on(farewell);
        else if (farewell->dialogue == DIALOGUE_ASKED && draft->credit > 0)
            answer(farewell);
    }
    on_io(worker->loop, &farewell->io, 0);
}

void farewell_tick(struct worker *worker, bool all)
{
    struct list_link *link = worker->farewells.after;

    while (link != &worker->farewells) {
        struct farewell *farewell = LIST_ENTRY(link, struct farewell, all);
        link = link->after;
        if (all || worker->second >= farewell->deadline)
            end(farewell);
    }
}
