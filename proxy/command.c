/* State COMMAND: one whole command is cut from what the client has sent, looked up in the table of
 * commands, and judged. follow.c then passes or refuses it. Commands that are sent before the last
 * answer is complete wait here and are judged one by one.
 */
#include "proxy/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "judge/judge.h"
#include "proxy/binding.h"
#include "proxy/boundary.h"
#include "proxy/execution.h"
#include "proxy/follow.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/renew.h"
#include "proxy/worker.h"

enum { CLOSE_LENGTH = 5, LONG_DATA_LENGTH = 7 };

/* Begins a ruling on the present command. */
static struct ruling *begin(struct session *session)
{
    struct worker *worker = session->worker;

    ruling_begin(&worker->ruling, worker->today);
    worker->ruling.moved = moving_names(session);
    return &worker->ruling;
}

static enum step judge_query(struct session *session, struct command *command)
{
    struct ruling *ruling = begin(session);
    struct query query;

    if (query_read(command->payload, session->capabilities, &query) != PARSE_DONE)
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    if (query.attributes.length > 1)
        query_attribute(&query, TEXT("traceparent"), &ruling->traceparent);
    judge_text(&session->belief, session->binding, query.text, ruling);
    return follow_ruling(session, command, (size_t)(query.text.at - command->payload.at));
}

static struct text behind_code(const struct command *command)
{
    return (struct text){command->payload.at + 1, command->payload.length - 1};
}

static enum step prepare(struct session *session, struct command *command)
{
    if (prepared_is_full(&session->belief.prepared))
        return follow_refuse(session, command, 1461,
                             "Can't create more prepared statements in a session");
    judge_prepare(&session->belief, session->binding, behind_code(command), begin(session));
    return follow_ruling(session, command, 1);
}

static enum step init_db(struct session *session, struct command *command)
{
    judge_init_db(&session->belief, session->binding, behind_code(command), begin(session));
    return follow_ruling(session, command, 1);
}

static enum step field_list(struct session *session, struct command *command)
{
    struct reader reader = {(const uint8_t *)command->payload.at + 1,
                            (const uint8_t *)command->payload.at + command->payload.length, false};
    struct text table = read_nul_text(&reader);

    if (reader.bad)
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    judge_field_list(&session->belief, session->binding, table, begin(session));
    return follow_ruling(session, command, 0);
}

static enum step process_kill(struct session *session, struct command *command)
{
    struct gate *gate = &session->client.gate;
    struct ruling *ruling = begin(session);
    uint32_t thread;

    if (command->payload.length != 5 || command->copy)
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    uint32_t id = bytes_get4((const uint8_t *)command->payload.at + 1);
    judge_kill(&session->belief, session->binding, id, &thread, ruling);
    if (ruling->outcome == RULING_ALLOW)
        bytes_put4(gate->bytes + gate->passed + PACKET_HEADER + 1, thread);
    return follow_ruling(session, command, 0);
}

/* The error has the server's own text. */
static enum step refuse_unknown(struct session *session, struct command *command, uint32_t id)
{
    char message[100];

    const char *whose = "mysql_stmt_precheck";
    if (session->belief.state.dialect == SQL_MARIADB)
        whose = session->request.command == COMMAND_STMT_FETCH ? "mysqld_stmt_fetch"
                                                               : "mysqld_stmt_execute";
    snprintf(message, sizeof(message), "Unknown prepared statement handler (%u) given to %s", id,
             whose);
    return follow_refuse(session, command, 1243, message);
}

bool command_is_whole(struct session *session, struct command *command, enum step *step)
{
    switch (command_cut(session, command)) {
    case CUT_MORE:
        *step = session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
        return false;
    case CUT_BAD:
        *step = session_end(session, CLOSED_CLIENT_BAD_SEQUENCE);
        return false;
    case CUT_LARGE:
        *step = follow_forget(session, ANSWER_OK);
        return false;
    case CUT_WHOLE:
        break;
    }
    return true;
}

/* A cursor (EXECUTE_CURSOR_FLAGS) may be opened only for a SELECT or an equivalent statement, and
 * only where it reads what its PREPARE named: each FETCH is judged by those names. */
static bool may_have_cursor(const struct session *session, const struct sql_facts *facts)
{
    if (session->worker->ruling.reads_anew)
        return false;
    return facts->determined && (facts->kind == SQL_SELECT || facts->kind == SQL_TABLE_STATEMENT ||
                                 facts->kind == SQL_VALUES_STATEMENT);
}

static void note_cursor(struct session *session, struct prepared *prepared)
{
    struct gate *gate = &session->client.gate;
    struct request *request = &session->request;

    request->opens_cursor = false;
    if (request->command == COMMAND_STMT_EXECUTE || request->command == COMMAND_STMT_FETCH)
        request->cursor = prepared;
    if (request->command != COMMAND_STMT_EXECUTE || bytes_get3(gate_at(gate)) <= EXECUTE_FLAGS_AT)
        return;
    uint8_t *flags = &gate->bytes[gate->passed + PACKET_HEADER + EXECUTE_FLAGS_AT];
    if (!may_have_cursor(session, prepared->facts))
        *flags &= (uint8_t)~EXECUTE_CURSOR_FLAGS;
    request->opens_cursor = *flags & EXECUTE_CURSOR_FLAGS;
}

static enum step idle(struct session *session)
{
    if (session->client.ended)
        return session_end(session, CLOSED_CLIENT_GONE);
    return STEP_WAIT;
}

/* MySQL's code for long data that it could not take, which it tells at the execution, too. */
static enum step refuse_lost(struct session *session, struct command *command)
{
    return follow_refuse(
        session, command, 1210,
        command->prepared->lost_chunk
            ? "silogate: long data for this execution was refused, or is left from "
              "one that was: reset the statement and send the data again"
            : "silogate: the server has not got the parameters' types that were sent last, "
              "and they cannot be added to this execution: bind them again");
}

/* Commands that name a prepared statement and may be long: only their beginning is read. */
static enum step judge_statement(struct session *session, struct command *command)
{
    struct gate *gate = &session->client.gate;
    size_t first = bytes_get3(gate_at(gate));
    bool executes = session->request.command == COMMAND_STMT_EXECUTE ||
                    session->request.command == COMMAND_STMT_BULK_EXECUTE;

    if (first < 5)
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    uint32_t id = bytes_get4(gate_at(gate) + PACKET_HEADER + 1);
    struct prepared *prepared = prepared_find(&session->belief.prepared, id);
    struct ruling *ruling = begin(session);
    enum step step;
    command->prepared = prepared;
    if (prepared && !execution_is_here(session, prepared))
        return idle(session);
    if (prepared)
        judge_execute(&session->belief, session->binding, prepared, executes, ruling);
    bool lost = prepared && executes && ruling->outcome == RULING_ALLOW &&
                (prepared->lost_chunk || execution_owes(session, prepared));
    /* It is blocked, or names an unknown statement. To discard it, all of it must be in the gate.
     */
    if ((lost || ruling->outcome == RULING_REFUSE) && !command_is_whole(session, command, &step)) {
        if (session->request.discarding)
            execution_refused(session, prepared);
        return step;
    }
    if (lost)
        return refuse_lost(session, command);
    if (prepared && ruling->outcome == RULING_ALLOW)
        note_cursor(session, prepared);
    return prepared ? follow_ruling(session, command, 0) : refuse_unknown(session, command, id);
}

/* COM_STMT_CLOSE and COM_STMT_SEND_LONG_DATA have no answer. But MySQL does answer a malformed
 * one, and that error would be taken for the answer to the next command: so only well-formed ones
 * are passed. */
static enum step unanswered_command(struct session *session, struct command *command)
{
    const uint8_t *bytes = gate_at(&session->client.gate);
    bool closes = session->request.command == COMMAND_STMT_CLOSE;

    if (bytes_get3(bytes) < (closes ? CLOSE_LENGTH : LONG_DATA_LENGTH))
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    uint32_t id = bytes_get4(bytes + PACKET_HEADER + 1);
    struct prepared *prepared = prepared_find(&session->belief.prepared, id);
    struct ruling *ruling = begin(session);
    if (prepared && !closes)
        judge_execute(&session->belief, session->binding, prepared, false, ruling);
    /* The server must not keep the long data of a blocked execution for a later one. */
    if (!prepared || (!closes && (ruling->outcome != RULING_ALLOW || prepared->lost_chunk))) {
        if (prepared)
            prepared->lost_chunk = true;
        return follow_forget(session, ANSWER_NONE);
    }
    if (!closes && ruling->moved) {
        judge_long_data(&session->belief, prepared, ruling);
        if (ruling->touched) {
            const enum moving_entry entry = moving_enter(session, ruling);
            if (entry != MOVING_ENTERED)
                return entry == MOVING_HELD ? follow_hold(session) : STEP_AGAIN;
        }
        if (ruling->stale && !prepared->long_data && renew_begin(session, prepared, ruling))
            return STEP_AGAIN;
    }
    execution_pass(session, prepared, ruling);
    if (closes)
        prepared_remove(&session->belief.prepared, id);
    else {
        prepared->has_chunks = prepared->chunked = true;
        if (ruling->touched && !prepared->long_data) {
            prepared->long_data = true;
            session->held.long_data++;
        }
    }
    return follow_pass(session, command);
}

static enum step judge_whole(struct session *session, struct command *command)
{
    enum step step;

    /* after a refused PREPARE the id -1 must not mean the statement before it */
    if (session->request.command == COMMAND_STMT_PREPARE)
        session->belief.prepared.has_last = false;
    if (!command_is_whole(session, command, &step))
        return step;
    if (!command->row)
        return follow_refuse(session, command, 1047, "Unknown command");
    switch (command->row->judged) {
    case JUDGED_TEXT:
        return judge_query(session, command);
    case JUDGED_PREPARE:
        return prepare(session, command);
    case JUDGED_DATABASE:
        return init_db(session, command);
    case JUDGED_TABLE:
        return field_list(session, command);
    case JUDGED_KILL:
        return process_kill(session, command);
    case JUDGED_USER:
        return command->copy ? session_end(session, CLOSED_CLIENT_BAD_PACKET)
                             : login_change_user(session, command->payload);
    case JUDGED_ADMINISTRATION:
        judge_administration(&session->belief, session->binding, command->row->kind,
                             begin(session));
        return follow_ruling(session, command, 0);
    case JUDGED_STATEMENT:
    case JUDGED_FREE:
        break;
    }
    return follow_pass(session, command);
}

/* Judges the command as its row in the table says. */
static enum step handle(struct session *session, struct command *command)
{
    const struct command_row *row = command->row;

    if (!session->judged && row && row->judged != JUDGED_USER) {
        session->worker->counters.unjudged++;
        return follow_pass(session, command);
    }
    if (row && row->judged == JUDGED_STATEMENT)
        return judge_statement(session, command);
    if (!row || row->judged != JUDGED_FREE)
        return judge_whole(session, command);
    if (row->answer == ANSWER_NONE)
        return unanswered_command(session, command);
    if (session->request.command == COMMAND_STMT_RESET)
        execution_reset(session);
    return follow_pass(session, command);
}

enum step state_command(struct session *session)
{
    struct gate *gate = &session->client.gate;

    if (gate_waiting(&session->upstream.gate) > 0 || session->upstream.ended)
        return relay_unasked(session);
    if ((session->leaving || session->worker->runtime->hold_count > 0) &&
        command_in_doubt(session)) {
        relay_prove(session);
        return STEP_AGAIN;
    }
    if (session->leaving && boundary_goes(session))
        return boundary_goodbye(session);
    if (gate_waiting(gate) <= PACKET_HEADER) {
        if (gate_waiting(gate) == PACKET_HEADER && bytes_get3(gate_at(gate)) == 0)
            return session_end(session, CLOSED_CLIENT_BAD_PACKET);
        return idle(session);
    }
    /* The next command waits until the client has read most of its answers, so that silogate does
     * not have to store them; on a compressed leg until all of the answer is sent, because the
     * sequence ids of frames begin again with each command. */
    size_t most = session->client.stream.layer ? 0 : GATE_BLOCK / 2;
    if (gate_leaving(&session->upstream.gate) > most) {
        session->yield = true;
        return STEP_WAIT;
    }
    /* On a compressed leg a server expects the sequence ids of frames to begin again with each
     * command: no frame may contain two commands. */
    if (session->upstream.stream.layer && gate_leaving(gate) > 0) {
        session->draining = true;
        return STEP_WAIT;
    }
    if (bytes_get3(gate_at(gate)) == 0)
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    if (gate_waiting(gate) < PACKET_HEADER + command_start(gate))
        return idle(session);
    stream_turn(&session->client.stream);
    if (gate_at(gate)[3] != 0)
        return command_out_of_order(session, 1);
    if (session->binding->runtime != session->worker->runtime && !binding_renew(session))
        return boundary_shut_out(session);
    session->request.command = gate_at(gate)[PACKET_HEADER];
    session->request.execution = session->request.cursor = NULL;
    session->request.may_begin = !session->judged;
    session->client.sequence = 0;
    stream_turn(&session->upstream.stream);
    struct command command = {.row = command_row(session->request.command)};
    enum step step = handle(session, &command);
    free(command.copy);
    return step;
}
