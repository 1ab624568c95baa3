/* The path of one client command:
 *
 *   COMMAND   cut one whole packet, name it, understand it, judge it
 *      | allow: what it is called below let_pass
 *   PASS      its bytes may go out, in pass.c
 *      |
 *   ANSWER    the way back, in answer.c
 *
 * A blocked command is forgotten whole and answered with an error; the session goes on. Commands
 * that are sent before the last answer is complete wait here and are judged one by one.
 */
#include "proxy/command.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "judge/judge.h"
#include "proxy/again.h"
#include "proxy/binding.h"
#include "proxy/boundary.h"
#include "proxy/cut.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/record.h"
#include "proxy/renew.h"
#include "proxy/seek.h"
#include "proxy/worker.h"

enum { COMMAND_START = 6, CLOSE_LENGTH = 5, LONG_DATA_LENGTH = 7 };

/* How much of a command is looked at before it is judged: its byte, and for a statement its id and
 * the flags of an execution. */
static size_t command_start(const struct session *session)
{
    uint32_t length = bytes_get3(gate_at(&session->client.gate));

    return length < COMMAND_START ? length : COMMAND_START;
}

/* Lets the packet at the front of the gate pass, and the packets that continue it, as they come. */
static enum step let_pass(struct session *session, const struct command *command)
{
    struct request *request = &session->request;
    const uint8_t *header = gate_at(&session->client.gate);
    struct text start = {(const char *)header + PACKET_HEADER, command_start(session)};

    seek_forget(session);
    request->packet_left = PACKET_HEADER + bytes_get3(header);
    request->packet_continues = bytes_get3(header) == PACKET_MAX;
    request->failed = request->answered = request->asks = request->recounts = false;
    request->in_flight = true;
    session->worker->counters.forwarded++;
    request->forwarded_at = ev_now(session->worker->loop);
    answer_start(&request->answer, command_answer(command->row, start), session->capabilities);
    session_enter(session, STATE_PASS);
    return STEP_AGAIN;
}

enum step command_out_of_order(struct session *session, uint8_t sequence)
{
    session_error(session, sequence, 1156, "08S01", "Got packets out of order");
    return session_linger(session, CLOSED_CLIENT_BAD_SEQUENCE);
}

static const char *state_of(uint16_t code)
{
    return code == 1047 ? "08S01" : code == 1243 ? "HY000" : "42000";
}

/* It is not sent: forgotten, and answered with an error. */
static enum step refuse(struct session *session, struct command *command, uint16_t code,
                        const char *message)
{
    seek_forget(session);
    again_forget(session);
    gate_drop(&session->client.gate, &session->worker->pool, command->size);
    session->belief.asked = session->belief.unknown = false;
    session->worker->counters.refused++;
    if (command->row && command->row->answer == ANSWER_NONE)
        return STEP_AGAIN; /* the client reads no answer to this command */
    session_error(session, (uint8_t)(command->last + 1), code, state_of(code), "%s", message);
    return STEP_AGAIN;
}

/* It is too large to be judged, or has no answer: the rest of its bytes are read and discarded. */
static enum step forget(struct session *session, enum command_answer answer)
{
    struct request *request = &session->request;
    size_t first = bytes_get3(gate_at(&session->client.gate));

    request->packet_left = (uint32_t)(PACKET_HEADER + first);
    request->packet_continues = first == PACKET_MAX;
    request->answer.expected = (uint8_t)answer;
    request->discarding = true;
    session->client.sequence = 0;
    session->worker->counters.refused++;
    session_enter(session, STATE_PASS);
    return STEP_AGAIN;
}

/* The length of the command once its rewrites are made. */
static size_t rewritten(const struct command *command, const struct ruling *ruling)
{
    size_t length = command->payload.length;

    for (unsigned i = 0; i < ruling->rewrite_count; i++)
        length = length - ruling->rewrites[i].length + ruling->rewrites[i].count;
    return length;
}

/* Puts mapped names into the packet that will be sent; `text_at` is where the text starts in it. */
static void rewrite(struct session *session, const struct command *command, size_t text_at)
{
    const struct ruling *ruling = &session->worker->ruling;
    struct gate *gate = &session->client.gate;
    size_t length = rewritten(command, ruling);

    if (ruling->rewrite_count == 0)
        return;
    gate_rewrite(gate, &session->worker->pool, PACKET_HEADER + text_at, ruling->rewrites,
                 ruling->rewrite_count, ruling->bytes);
    bytes_put3(gate->bytes + gate->passed, (uint32_t)length);
}

/* The violation log has no room: the session waits for some, and the command is judged again. */
static enum step park(struct session *session)
{
    struct worker *worker = session->worker;

    if (!session->waiting.after)
        list_add(&worker->log_waiting, &session->waiting);
    worker->counters.log_waits++;
    return STEP_WAIT;
}

/* Names of moved tables may stay as they are: the alias at the old place answers for them. */
static bool leave_names(struct ruling *ruling)
{
    if (ruling->moved_rewrites < ruling->rewrite_count)
        return false;
    ruling->rewrite_count = 0;
    ruling->unmapped = "a command of a size in which no name is mapped";
    ruling->unmapped_of |= ruling->touched;
    return true;
}

/* Has the client closed its side? While a full gate stops reading, only the socket can tell. */
static bool is_gone(const struct side *client)
{
    struct pollfd end = {.fd = client->stream.socket, .events = POLLRDHUP};

    return client->ended || (poll(&end, 1, 0) == 1 && end.revents);
}

/* The command's tables are being moved or held: it is judged again once they are not. If the client
 * goes away meanwhile it is not run, as a server ends the wait of such a client. */
static enum step hold(struct session *session)
{
    if (is_gone(&session->client))
        return session_end(session, CLOSED_CLIENT_GONE);
    if (!session->waiting.after)
        list_add(&session->worker->held, &session->waiting);
    return STEP_WAIT;
}

/* Carries out what the worker's ruling says of the command. */
static enum step follow(struct session *session, struct command *command, size_t text_at)
{
    struct worker *worker = session->worker;
    struct ruling *ruling = &worker->ruling;

    if (ruling->outcome == RULING_ASK) {
        command_ask(session);
        return STEP_AGAIN;
    }
    if (ruling->sought_count > 0 && seek_begin(session, ruling))
        return STEP_AGAIN;
    if (ruling_is_violation(ruling) && !violations_ready(worker->records))
        return park(session);
    if (ruling->outcome == RULING_ALLOW && ruling->rewrite_count > 0 &&
        (command->copy || rewritten(command, ruling) >= PACKET_MAX) && !leave_names(ruling))
        return refuse(session, command, 1227,
                      "silogate: a command of this size cannot have names mapped in it");
    if (ruling->outcome == RULING_ALLOW && worker->runtime->hold_count > 0 &&
        boundary_holds(session)) {
        worker->counters.held++;
        return hold(session);
    }
    if (ruling->outcome == RULING_ALLOW && ruling->touched &&
        !moving_enter(session, ruling->touched))
        return hold(session);
    if (ruling->outcome == RULING_ALLOW && ruling->stale &&
        renew_begin(session, command->prepared, ruling))
        return STEP_AGAIN;
    if (!again_is_resent(session) || ruling->outcome == RULING_REFUSE)
        record_ruling(session, ruling);
    if (ruling->outcome == RULING_REFUSE)
        return refuse(session, command, ruling->refusal.code, ruling->refusal.message);
    moving_passed(session, ruling);
    if (!again_is_resent(session))
        boundary_passed(session);
    again_keep(session, command, ruling);
    rewrite(session, command, text_at);
    if (command->prepared)
        renew_pass(session, command->prepared, ruling);
    session->request.change = ruling_take_change(ruling);
    return let_pass(session, command);
}

/* A new ruling on the command at hand. */
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
    return follow(session, command, (size_t)(query.text.at - command->payload.at));
}

static struct text behind_code(const struct command *command)
{
    return (struct text){command->payload.at + 1, command->payload.length - 1};
}

static enum step prepare(struct session *session, struct command *command)
{
    if (prepared_is_full(&session->belief.prepared))
        return refuse(session, command, 1461, "Can't create more prepared statements in a session");
    judge_prepare(&session->belief, session->binding, behind_code(command), begin(session));
    return follow(session, command, 1);
}

static enum step init_db(struct session *session, struct command *command)
{
    judge_init_db(&session->belief, session->binding, behind_code(command), begin(session));
    return follow(session, command, 1);
}

static enum step field_list(struct session *session, struct command *command)
{
    struct reader reader = {(const uint8_t *)command->payload.at + 1,
                            (const uint8_t *)command->payload.at + command->payload.length, false};
    struct text table = read_nul_text(&reader);

    if (reader.bad)
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    judge_field_list(&session->belief, session->binding, table, begin(session));
    return follow(session, command, 0);
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
    return follow(session, command, 0);
}

/* In the server's own words. */
static enum step refuse_unknown(struct session *session, struct command *command, uint32_t id)
{
    char message[100];

    const char *whose = "mysql_stmt_precheck";
    if (session->belief.state.dialect == SQL_MARIADB)
        whose = session->request.command == COMMAND_STMT_FETCH ? "mysqld_stmt_fetch"
                                                               : "mysqld_stmt_execute";
    snprintf(message, sizeof(message), "Unknown prepared statement handler (%u) given to %s", id,
             whose);
    return refuse(session, command, 1243, message);
}

/* Is the whole command in the gate? If not, `step` says how the state goes on. */
static bool cut_whole(struct session *session, struct command *command, enum step *step)
{
    switch (command_cut(session, command)) {
    case CUT_MORE:
        *step = session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
        return false;
    case CUT_BAD:
        *step = session_end(session, CLOSED_CLIENT_BAD_SEQUENCE);
        return false;
    case CUT_LARGE:
        *step = forget(session, ANSWER_OK);
        return false;
    case CUT_WHOLE:
        break;
    }
    return true;
}

/* Only for a SELECT, or what is one in other words, a cursor may be opened (EXECUTE_CURSOR_FLAGS).
 */
static bool may_have_cursor(const struct sql_facts *facts)
{
    return facts->determined && (facts->kind == SQL_SELECT || facts->kind == SQL_TABLE_STATEMENT ||
                                 facts->kind == SQL_VALUES_STATEMENT);
}

static void clear_cursor(struct session *session, const struct prepared *prepared)
{
    struct gate *gate = &session->client.gate;

    if (session->request.command != COMMAND_STMT_EXECUTE ||
        bytes_get3(gate_at(gate)) <= EXECUTE_FLAGS_AT || may_have_cursor(prepared->facts))
        return;
    gate->bytes[gate->passed + PACKET_HEADER + EXECUTE_FLAGS_AT] &= (uint8_t)~EXECUTE_CURSOR_FLAGS;
}

static enum step idle(struct session *session)
{
    if (session->client.ended)
        return session_end(session, CLOSED_CLIENT_GONE);
    return STEP_WAIT;
}

/* Commands that name a prepared statement and may be long: only their beginning is looked at. */
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
    if (prepared && ruling->moved && !renew_is_here(session, prepared))
        return idle(session);
    if (prepared)
        judge_execute(&session->belief, session->binding, prepared, executes, ruling);
    /* It is blocked, or names an unknown statement. To be discarded it must be here as a whole. */
    if (ruling->outcome == RULING_REFUSE && !cut_whole(session, command, &step))
        return step;
    if (prepared && ruling->outcome == RULING_ALLOW)
        clear_cursor(session, prepared);
    return prepared ? follow(session, command, 0) : refuse_unknown(session, command, id);
}

/* COM_STMT_CLOSE and COM_STMT_SEND_LONG_DATA have no answer. But a server does answer a malformed
 * one, as MySQL does, and its error would be taken for the answer to the next command: so only one
 * that is sure to stay unanswered is passed. */
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
    /* The server must not keep what belongs to a blocked execution (long data) for a later one. */
    if (!prepared || (!closes && ruling->outcome != RULING_ALLOW))
        return forget(session, ANSWER_NONE);
    if (!closes && ruling->moved) {
        judge_long_data(&session->belief, prepared, ruling);
        if (ruling->touched && !moving_enter(session, ruling->touched))
            return hold(session);
        if (ruling->stale && !prepared->long_data && renew_begin(session, prepared, ruling))
            return STEP_AGAIN;
    }
    renew_pass(session, prepared, ruling);
    if (closes)
        prepared_remove(&session->belief.prepared, id);
    else if (ruling->touched && !prepared->long_data) {
        prepared->long_data = true;
        session->held.long_data++;
    }
    return let_pass(session, command);
}

static enum step judge_whole(struct session *session, struct command *command)
{
    enum step step;

    /* After a refused PREPARE, the id -1 must not mean the statement prepared before it. */
    if (session->request.command == COMMAND_STMT_PREPARE)
        session->belief.prepared.has_last = false;
    if (!cut_whole(session, command, &step))
        return step;
    if (!command->row)
        return refuse(session, command, 1047, "Unknown command");
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
        return follow(session, command, 0);
    case JUDGED_STATEMENT:
    case JUDGED_FREE:
        break;
    }
    return let_pass(session, command);
}

/* By the command's row, which says how it is judged. */
static enum step handle(struct session *session, struct command *command)
{
    const struct command_row *row = command->row;

    if (!session->judged && row && row->judged != JUDGED_USER) {
        session->worker->counters.unjudged++;
        return let_pass(session, command);
    }
    if (row && row->judged == JUDGED_STATEMENT)
        return judge_statement(session, command);
    if (!row || row->judged != JUDGED_FREE)
        return judge_whole(session, command);
    if (row->answer == ANSWER_NONE)
        return unanswered_command(session, command);
    if (session->request.command == COMMAND_STMT_RESET)
        renew_reset(session);
    return let_pass(session, command);
}

enum step state_command(struct session *session)
{
    struct gate *gate = &session->client.gate;

    if (gate_waiting(&session->upstream.gate) > 0 || session->upstream.ended)
        return relay_unasked(session);
    if (session->leaving && boundary_goes(session))
        return boundary_goodbye(session);
    if (gate_waiting(gate) <= PACKET_HEADER) {
        if (gate_waiting(gate) == PACKET_HEADER && bytes_get3(gate_at(gate)) == 0)
            return session_end(session, CLOSED_CLIENT_BAD_PACKET);
        return idle(session);
    }
    /* The next command waits until the client has read its answers, so that silogate keeps no heap
     * of them; and on a compressed leg until the last frame of the answer is numbered, because each
     * command begins a new count. */
    size_t most = session->client.stream.layer ? 0 : GATE_BLOCK / 2;
    if (gate_leaving(&session->upstream.gate) > most) {
        session->yield = true;
        return STEP_WAIT;
    }
    /* A server counts a compressed leg's frames anew with each command: none may hold two. */
    if (session->upstream.stream.layer && gate_leaving(gate) > 0) {
        session->draining = true;
        return STEP_WAIT;
    }
    if (bytes_get3(gate_at(gate)) == 0)
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    if (gate_waiting(gate) < PACKET_HEADER + command_start(session))
        return idle(session);
    if (gate_at(gate)[3] != 0)
        return command_out_of_order(session, 1);
    if (session->binding->runtime != session->worker->runtime)
        binding_renew(session);
    session->request.command = gate_at(gate)[PACKET_HEADER];
    session->client.sequence = 0;
    stream_turn(&session->client.stream);
    stream_turn(&session->upstream.stream);
    struct command command = {.row = command_row(session->request.command)};
    enum step step = handle(session, &command);
    free(command.copy);
    return step;
}
