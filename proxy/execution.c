/* See proxy/execution.h. The types of parameters are kept and written for statements that name
 * tables of open moves, because these may be prepared again, and for those whose types the server
 * has not got, because the execution that had them was refused: drivers do not send them twice.
 */
#include "proxy/execution.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "protocol/execute.h"
#include "proxy/worker.h"

/* Errors of a server that has not begun with the execution. */
enum { UNKNOWN_COMMAND = 1047, WRONG_ARGUMENTS = 1210, NOT_PREPARABLE = 1295, MALFORMED = 1835 };

/* The length of the first packet's payload, and the part of it that is in the gate. */
static struct text payload_here(const struct session *session, size_t *length)
{
    const struct gate *gate = &session->client.gate;
    size_t here = gate_waiting(gate) - PACKET_HEADER;

    *length = bytes_get3(gate_at(gate));
    return (struct text){(const char *)gate_at(gate) + PACKET_HEADER,
                         here < *length ? here : *length};
}

bool execution_is_one(const struct session *session)
{
    return session->request.command == COMMAND_STMT_EXECUTE ||
           session->request.command == COMMAND_STMT_BULK_EXECUTE;
}

static bool has_parameters(const struct session *session, const struct prepared *prepared)
{
    return prepared->parameters > 0 && execution_is_one(session);
}

bool execution_is_here(struct session *session, const struct prepared *prepared)
{
    struct gate *gate = &session->client.gate;
    size_t length, needed = execute_head(prepared->parameters);

    if (!has_parameters(session, prepared))
        return true;
    struct text here = payload_here(session, &length);
    if (needed > length)
        needed = length;
    if (here.length >= needed)
        return true;
    gate_reserve(gate, &session->worker->pool, PACKET_HEADER + needed);
    return false;
}

/* Reads the present execution. False: the types of its parameters are not known. */
static bool reads(const struct session *session, const struct prepared *prepared,
                  struct execute *execute)
{
    size_t length;
    struct text here = payload_here(session, &length);

    return execute_read(here, length, prepared->parameters, session->capabilities, execute) ==
           PARSE_DONE;
}

/* Can the parameters' types be written into the packet? */
static bool has_room(const struct session *session, const struct prepared *prepared,
                     const struct execute *execute)
{
    const size_t length = bytes_get3(gate_at(&session->client.gate));

    return prepared->has_types && execute->count == prepared->parameters &&
           (length == PACKET_MAX ||
            length + (size_t)prepared->parameters * EXECUTE_TYPE < PACKET_MAX);
}

static void keep_types(const struct session *session, struct prepared *prepared,
                       const struct execute *execute)
{
    size_t length;
    struct text here = payload_here(session, &length);

    if (!prepared->types)
        prepared->types = memory_take((size_t)prepared->parameters * 2);
    prepared->has_types =
        execute_types(here, length, execute, prepared->parameters, prepared->types) == PARSE_DONE;
    prepared->owed = false;
}

static void put_types(struct session *session, struct prepared *prepared,
                      const struct execute *execute)
{
    struct gate *gate = &session->client.gate;
    struct ruling *ruling = &session->worker->ruling;
    uint8_t one[EXECUTE_TYPE];
    const size_t each = execute_write_types(execute, 1, prepared->types, one);
    const size_t length = bytes_get3(gate_at(gate)), more = each * prepared->parameters;

    ruling->rewrite_count = 0;
    ruling->byte_count = 0;
    for (uint32_t i = 0; i < prepared->parameters; i++) {
        execute_write_types(execute, 1, prepared->types + (size_t)i * 2, one);
        ruling_bytes(ruling, (struct text){(const char *)one, each});
    }
    const struct rewrite rewrite = {
        .offset = (uint32_t)execute->types_at, .length = 0, .at = 0, .count = (uint32_t)more};
    gate_rewrite(gate, &session->worker->pool, PACKET_HEADER, &rewrite, 1, ruling->bytes);
    uint8_t *packet = gate->bytes + gate->passed;
    if (length == PACKET_MAX)
        session->request.carried = (uint32_t)more;
    else
        bytes_put3(packet, (uint32_t)(length + more));
    packet[PACKET_HEADER + execute->flag_at] |= execute->flag;
    prepared->owed = false;
}

/* The server has no long data for the next execution. */
static void forget_chunks(struct session *session, struct prepared *prepared)
{
    session->held.long_data -= prepared->long_data;
    prepared->long_data = prepared->has_chunks = prepared->lost_chunk = false;
}

void execution_pass(struct session *session, struct prepared *prepared, const struct ruling *ruling)
{
    struct gate *gate = &session->client.gate;
    struct execute execute;

    bytes_put4(gate->bytes + gate->passed + PACKET_HEADER + 1, prepared->upstream_id);
    if (execution_is_one(session)) {
        session->request.execution = prepared;
        prepared->executed = true;
    } else if (session->request.command == COMMAND_STMT_RESET ||
               session->request.command == COMMAND_STMT_CLOSE)
        forget_chunks(session, prepared);
    if (session->request.command == COMMAND_STMT_RESET)
        prepared->cursor = false;
    if (!ruling || !has_parameters(session, prepared) ||
        (ruling->print == 0 && !ruling->expects && !prepared->has_types && !prepared->owed))
        return;
    if (!reads(session, prepared, &execute))
        prepared->has_types = false;
    else if (execute.has_types)
        keep_types(session, prepared, &execute);
    else if (prepared->owed && has_room(session, prepared, &execute))
        put_types(session, prepared, &execute);
}

void execution_refused(const struct session *session, struct prepared *prepared)
{
    struct execute execute;

    if (!prepared || !execution_is_one(session))
        return;
    prepared->lost_chunk = prepared->has_chunks;
    if (prepared->parameters == 0)
        return;
    const bool read = reads(session, prepared, &execute);
    if (read && execute.has_types)
        keep_types(session, prepared, &execute);
    else if (!read)
        prepared->has_types = false;
    prepared->owed |= !read || execute.has_types;
}

bool execution_owes(const struct session *session, const struct prepared *prepared)
{
    return prepared->owed && !execution_can_bind(session, prepared);
}

/* Both servers drop the long data of an execution that fails, unless they could not read the
 * command, or do not know it (COM_STMT_BULK_EXECUTE; MariaDB: without its capability). After error
 * 1210 MySQL keeps it if the command has too few parameters (query attributes), else not. */
void execution_answered(struct session *session)
{
    const struct request *request = &session->request;
    const uint16_t code = request->failed ? request->answer.error_code : 0;
    const bool began = code != MALFORMED && code != UNKNOWN_COMMAND && code != NOT_PREPARABLE &&
                       code != WRONG_ARGUMENTS;

    if (request->execution && began)
        forget_chunks(session, request->execution);
    else if (request->execution)
        request->execution->owed |= request->execution->has_types; /* it has not read them */
    session->request.execution = NULL;
}

void execution_reset(struct session *session)
{
    const uint8_t *packet = gate_at(&session->client.gate);
    struct prepared *prepared = NULL;

    if (bytes_get3(packet) >= 5)
        prepared = prepared_find(&session->belief.prepared, bytes_get4(packet + PACKET_HEADER + 1));
    if (prepared)
        execution_pass(session, prepared, NULL);
}

bool execution_can_bind(const struct session *session, const struct prepared *prepared)
{
    struct execute execute;

    return !has_parameters(session, prepared) ||
           (reads(session, prepared, &execute) &&
            (execute.has_types || has_room(session, prepared, &execute)));
}
