/* State PASS: passes the bytes of an allowed command to the upstream, packet by packet as they
 * arrive. Only here a client's commands move through the gate. A command that is too large to be
 * judged is read here too, and discarded.
 */
#include <string.h>

#include "base/bytes.h"
#include "judge/ruling.h"
#include "proxy/command.h"
#include "proxy/worker.h"

/* The server waits for the rest of the command. */
static enum step refuse_full(struct session *session)
{
    session_error(session, (uint8_t)(session->client.sequence + 1), 1210, "HY000",
                  "silogate: the parameters' types cannot be added to an execution of this size: "
                  "bind them again");
    return session_linger(session, CLOSED_CLIENT_BAD_PACKET);
}

static enum step passed(struct session *session)
{
    enum command_answer answer = session->request.answer.expected;

    if (session->request.discarding) {
        if (session->request.carried > 0)
            return refuse_full(session);
        session->request.discarding = false;
        session_enter(session, STATE_COMMAND);
        if (answer == ANSWER_NONE)
            return STEP_AGAIN; /* the client expects no answer */
        session_error(session, (uint8_t)(session->client.sequence + 1), 1153, "08S01",
                      "Got a packet bigger than 'max_command' bytes");
        return STEP_AGAIN;
    }
    if (answer == ANSWER_CLOSE) {
        session_answered(session);
        return session_end(session, CLOSED_CLIENT_QUIT);
    }
    if (answer == ANSWER_NONE) {
        session_answered(session);
        command_finish(session);
        session_enter(session, STATE_COMMAND);
    } else {
        session_enter(session, STATE_ANSWER);
    }
    return STEP_AGAIN;
}

enum header { HEADER_MORE, HEADER_HERE, HEADER_FULL };

/* Brings the header of the command's next packet to the front of the gate: bytes that were added to
 * the first packet push as many from the end of each full one into the next. HEADER_FULL: the last
 * one has no room for them; with another packet the answer's sequence ids would be wrong. */
static enum header next_header(struct session *session)
{
    struct gate *gate = &session->client.gate;
    const uint32_t carried = session->request.carried;
    uint8_t header[PACKET_HEADER];

    if (gate_waiting(gate) < carried + PACKET_HEADER) {
        if (carried > 0)
            gate_reserve(gate, &session->worker->pool, carried + PACKET_HEADER);
        return HEADER_MORE;
    }
    if (carried == 0)
        return HEADER_HERE;
    memcpy(header, gate_at(gate) + carried, PACKET_HEADER);
    const uint32_t length = bytes_get3(header);
    if (length < PACKET_MAX && length + carried >= PACKET_MAX) {
        gate_drop(gate, &session->worker->pool, carried);
        return HEADER_FULL;
    }
    if (length < PACKET_MAX) { /* the last one */
        bytes_put3(header, length + carried);
        session->request.carried = 0;
    }
    const struct rewrite moved[] = {
        {.offset = 0,       .length = 0,             .at = 0, .count = PACKET_HEADER},
        {.offset = carried, .length = PACKET_HEADER, .at = 0, .count = 0            },
    };
    gate_rewrite(gate, &session->worker->pool, 0, moved, 2, (const char *)header);
    return HEADER_HERE;
}

enum step state_pass(struct session *session)
{
    struct request *request = &session->request;
    struct gate *gate = &session->client.gate;

    while (gate_waiting(gate) > 0 || request->packet_left == 0) {
        if (request->packet_left == 0) {
            if (!request->packet_continues)
                return passed(session);
            const enum header header = next_header(session);
            if (header == HEADER_MORE)
                break;
            request->discarding |= header == HEADER_FULL;
            request->packet_left = PACKET_HEADER + bytes_get3(gate_at(gate));
            request->packet_continues = bytes_get3(gate_at(gate)) == PACKET_MAX;
            if (gate_at(gate)[3] != ++session->client.sequence)
                return command_out_of_order(session, session->client.sequence);
        }
        size_t count =
            gate_waiting(gate) < request->packet_left ? gate_waiting(gate) : request->packet_left;
        if (request->discarding)
            gate_drop(gate, &session->worker->pool, count);
        else
            gate_pass(gate, count);
        request->packet_left -= (uint32_t)count;
    }
    /* If a server answers before it has read the whole command, it will not read the rest: its
     * answer is relayed, then the session ends. */
    if (gate_waiting(&session->upstream.gate) > 0 || session->upstream.ended) {
        size_t all = 0;
        if (gate_waiting(&session->upstream.gate) > 0)
            answer_feed(&request->answer, gate_at(&session->upstream.gate),
                        gate_waiting(&session->upstream.gate), &all);
        gate_pass(&session->upstream.gate, all);
        return session_linger(session, CLOSED_UPSTREAM_GONE);
    }
    return session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
}
