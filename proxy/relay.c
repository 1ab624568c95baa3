/* Special cases during and after an answer: the acknowledgements of a semi-synchronous replica
 * during its dump, packets that a server sends without a command, and the proof that an answer is
 * complete. Called by answer.c and command.c.
 */
#include "base/bytes.h"
#include "proxy/command.h"
#include "proxy/compressed.h"
#include "proxy/worker.h"

/* A replica's acknowledgement: this byte, 8 bytes of position, a file's name (MySQL Internals,
 * "Semi-synchronous Replication"). It is no command byte of either server. */
enum { ACK = 0xef, ACK_LEAST = 9, ACK_MOST = 9 + 512 };

/* The first bytes of a dump's packet: its OK byte; from a semi-synchronous source also the byte
 * 0xef, and 1 if the event must be acknowledged. */
enum { EVENT_START = 3 };

bool relay_is_dump(const struct session *session)
{
    return session->request.command == COMMAND_BINLOG_DUMP ||
           session->request.command == COMMAND_BINLOG_DUMP_GTID;
}

/* To a compressed upstream each one is sent in a frame of its own, with the sequence id 0. */
bool relay_acknowledgements(struct session *session)
{
    struct gate *gate = &session->client.gate;

    while (gate_waiting(gate) > PACKET_HEADER) {
        const uint8_t *packet = gate_at(gate);
        size_t length = bytes_get3(packet);
        if (packet[PACKET_HEADER] == COMMAND_QUIT && length == 1)
            return false;
        /* Anything else waits for the end of the dump, as any command does. */
        if (packet[PACKET_HEADER] != ACK || length < ACK_LEAST || length > ACK_MOST ||
            gate_waiting(gate) < PACKET_HEADER + length)
            break;
        session->draining = session->upstream.stream.layer && gate_leaving(gate) > 0;
        if (session->draining)
            break;
        stream_turn(&session->upstream.stream);
        gate_pass(gate, PACKET_HEADER + length);
    }
    return true;
}

/* The number of bytes up to the end of the first event that must be acknowledged; without such an
 * event all of them, except an incomplete header. The caller gives them to the tracker at once. */
static size_t up_to_asking(struct request *request, const uint8_t *bytes, size_t size)
{
    const struct answer *answer = &request->answer;
    bool continues = answer->packet_continues;
    size_t at = answer->skip;

    while (!request->asks || continues || at > size) {
        bool is_short = at + PACKET_HEADER > size;
        size_t length = is_short ? 0 : bytes_get3(bytes + at);
        size_t seen = continues ? 0 : length < EVENT_START ? length : EVENT_START;
        if (is_short || at + PACKET_HEADER + seen > size)
            return at < size ? at : size;
        if (!continues)
            request->asks = length >= EVENT_START && bytes[at + PACKET_HEADER + 1] == ACK &&
                            bytes[at + PACKET_HEADER + 2] == 1;
        continues = length == PACKET_MAX;
        at += PACKET_HEADER + length;
    }
    request->asks = false;
    request->recounts = true;
    return at;
}

bool relay_events(struct session *session, size_t *size)
{
    struct request *request = &session->request;
    struct gate *gate = &session->upstream.gate;

    if (!session->client.stream.layer)
        return true;
    session->yield = request->recounts && gate_leaving(gate) > 0;
    if (session->yield)
        return false;
    if (request->recounts)
        compressed_count(&session->client.stream,
                         session->belief.state.dialect == SQL_MARIADB ? 1 : 0);
    request->recounts = false;
    *size = up_to_asking(request, gate_at(gate), *size);
    return true;
}

enum step relay_unasked(struct session *session)
{
    struct gate *gate = &session->upstream.gate;

    if (gate_waiting(gate) > PACKET_HEADER && gate_at(gate)[PACKET_HEADER] == 0xff) {
        size_t size = PACKET_HEADER + bytes_get3(gate_at(gate));
        if (gate_waiting(gate) < size && !session->upstream.ended)
            return STEP_WAIT;
        if (!session_speaks(session, gate_at(gate)[3])) {
            session->yield = true;
            return STEP_WAIT;
        }
        gate_pass(gate, gate_waiting(gate) < size ? 0 : size);
        return session_linger(session, CLOSED_UPSTREAM_GONE);
    }
    if (session->upstream.ended)
        return session_linger(session, CLOSED_UPSTREAM_GONE);
    return gate_waiting(gate) > PACKET_HEADER ? session_end(session, CLOSED_UPSTREAM_BAD_PACKET)
                                              : STEP_WAIT;
}

void relay_prove(struct session *session)
{
    static const uint8_t ping[] = {1, 0, 0, 0, COMMAND_PING};

    stream_turn(&session->upstream.stream);
    gate_insert(&session->client.gate, &session->worker->pool, ping, sizeof(ping));
    session->worker->counters.asked++;
    session_enter(session, STATE_PROVE);
}

/* Exactly one OK with the ping's sequence id, and nothing before or after it: the server waits for
 * the next command. An error ends the session (it was killed). Anything else belongs to an answer
 * that was not complete. */
enum step state_prove(struct session *session)
{
    struct gate *gate = &session->upstream.gate;
    const uint8_t *packet = gate_at(gate);
    size_t waiting = gate_waiting(gate);

    if (waiting < PACKET_HEADER || waiting < PACKET_HEADER + bytes_get3(packet)) {
        if (session->upstream.ended)
            return session_linger(session, CLOSED_UPSTREAM_GONE);
        return gate_has_room(gate) ? STEP_WAIT : session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    }
    if (bytes_get3(packet) > 0 && packet[PACKET_HEADER] == 0xff)
        return relay_unasked(session);
    if (packet[3] != 1 || bytes_get3(packet) < 7 || packet[PACKET_HEADER] != 0x00 ||
        waiting > PACKET_HEADER + bytes_get3(packet) || !command_proved(session, packet, waiting))
        return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    gate_drop(gate, &session->worker->pool, waiting);
    session_enter(session, STATE_COMMAND);
    return STEP_AGAIN;
}
