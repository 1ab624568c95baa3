/* Cuts commands from the bytes that a client has sent. Judges nothing and moves no cursor. Called
 * by command.c.
 */
#include "proxy/cut.h"

#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "proxy/worker.h"

enum { COMMAND_START = 6 };

size_t command_start(const struct gate *gate)
{
    const uint32_t length = bytes_get3(gate_at(gate));

    return length < COMMAND_START ? length : COMMAND_START;
}

uint8_t command_answer_id(const struct gate *gate, bool *whole)
{
    size_t at = 0, length = PACKET_MAX;
    uint8_t packets = 0;

    *whole = true;
    while (*whole && length == PACKET_MAX) {
        packets++;
        *whole = gate_waiting(gate) >= at + PACKET_HEADER;
        if (*whole) {
            length = bytes_get3(gate_at(gate) + at);
            at += PACKET_HEADER + length;
            *whole = gate_waiting(gate) >= at;
        }
    }
    return packets;
}

enum cut command_cut(struct session *session, struct command *command)
{
    struct gate *gate = &session->client.gate;
    size_t limit = (size_t)session->worker->runtime->config->proxy.max_command.value;
    size_t at = 0, payload = 0, length;
    uint8_t sequence = 0;

    do {
        if (gate_waiting(gate) < at + PACKET_HEADER) {
            gate_reserve(gate, &session->worker->pool, at + PACKET_HEADER + 1);
            return CUT_MORE;
        }
        const uint8_t *header = gate_at(gate) + at;
        length = bytes_get3(header);
        if (header[3] != sequence++)
            return CUT_BAD;
        payload += length;
        if (payload > limit)
            return CUT_LARGE;
        at += PACKET_HEADER + length;
        if (gate_waiting(gate) < at) {
            gate_reserve(gate, &session->worker->pool, at + PACKET_HEADER);
            return CUT_MORE;
        }
    } while (length == PACKET_MAX);
    command->size = at;
    command->last = (uint8_t)(sequence - 1);
    command->payload = (struct text){(const char *)gate_at(gate) + PACKET_HEADER, payload};
    if (sequence == 1)
        return CUT_WHOLE;
    command->copy = memory_take(payload);
    size_t from = 0, to = 0;
    while (to < payload) {
        length = bytes_get3(gate_at(gate) + from);
        memcpy(command->copy + to, gate_at(gate) + from + PACKET_HEADER, length);
        from += PACKET_HEADER + length;
        to += length;
    }
    command->payload.at = (const char *)command->copy;
    return CUT_WHOLE;
}
