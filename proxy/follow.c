/* Carries out the ruling on a command: the command passes, with its names mapped; or it is dropped
 * as a whole and answered with an error, and the session goes on; or it waits, for the violation
 * log or for tables that are being moved, and is judged again. Called by command.c; the bytes pass
 * in pass.c.
 */
#include "proxy/follow.h"

#include <poll.h>
#include <stdio.h>

#include "base/bytes.h"
#include "proxy/again.h"
#include "proxy/binding.h"
#include "proxy/boundary.h"
#include "proxy/command.h"
#include "proxy/execution.h"
#include "proxy/moving.h"
#include "proxy/record.h"
#include "proxy/renew.h"
#include "proxy/seek.h"
#include "proxy/worker.h"

enum step follow_pass(struct session *session, const struct command *command)
{
    struct request *request = &session->request;
    const uint8_t *header = gate_at(&session->client.gate);
    struct text start = {(const char *)header + PACKET_HEADER,
                         command_start(&session->client.gate)};

    seek_forget(session);
    request->packet_left = PACKET_HEADER + bytes_get3(header);
    request->packet_continues = bytes_get3(header) == PACKET_MAX;
    request->failed = request->answered = request->asks = request->recounts = false;
    request->executes = request->anew = request->stale = false;
    request->in_flight = true;
    session->worker->counters.forwarded++;
    request->forwarded_at = ev_now(session->worker->loop);
    answer_start(&request->answer, command_answer(command->row, start), session->capabilities);
    request->answer.keeps_row = request->user_lock != SQL_USER_LOCK_NONE;
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
    return code == 1047 ? "08S01" : code == 1243 || code == 1210 ? "HY000" : "42000";
}

/* The command is over, and the server has not got it. */
static void forget(struct session *session)
{
    seek_forget(session);
    again_forget(session);
    session->belief.asked = session->belief.unknown = false;
    session->worker->counters.refused++;
}

enum step follow_refuse(struct session *session, struct command *command, uint16_t code,
                        const char *message)
{
    forget(session);
    execution_refused(session, command->prepared);
    gate_drop(&session->client.gate, &session->worker->pool, command->size);
    if (command->row && command->row->answer == ANSWER_NONE)
        return STEP_AGAIN; /* the client reads no answer to this command */
    session_error(session, (uint8_t)(command->last + 1), code, state_of(code), "%s", message);
    return STEP_AGAIN;
}

enum step follow_forget(struct session *session, enum command_answer answer)
{
    struct request *request = &session->request;
    size_t first = bytes_get3(gate_at(&session->client.gate));

    forget(session);
    request->packet_left = (uint32_t)(PACKET_HEADER + first);
    request->packet_continues = first == PACKET_MAX;
    request->answer.expected = (uint8_t)answer;
    request->discarding = true;
    session->client.sequence = 0;
    session_enter(session, STATE_PASS);
    return STEP_AGAIN;
}

/* The length of the command after its rewrites. */
static size_t rewritten(const struct command *command, const struct ruling *ruling)
{
    size_t length = command->payload.length;

    for (unsigned i = 0; i < ruling->rewrite_count; i++)
        length = length - ruling->rewrites[i].length + ruling->rewrites[i].count;
    return length;
}

/* Is there no room for the mapped names? A server ends the session for a packet that is too long.
 */
static bool outgrows(const struct command *command, const struct ruling *ruling)
{
    const size_t length = rewritten(command, ruling);

    return command->copy || length >= PACKET_MAX ||
           (ruling->moved_rewrites > 0 && length >= sql_moved_most(ruling->moved));
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
static enum step wait_for_log(struct session *session)
{
    struct worker *worker = session->worker;

    if (!session->waiting.after)
        list_add(&worker->log_waiting, &session->waiting);
    worker->counters.log_waits++;
    return STEP_WAIT;
}

/* Drops the rewrites of moved tables' names: the alias at the old place will answer. */
static bool leave_names(struct ruling *ruling)
{
    if (ruling->moved_rewrites < ruling->rewrite_count)
        return false;
    ruling->rewrite_count = 0;
    ruling->unmapped = "a command of a size in which no name is mapped";
    ruling->unmapped_of |= ruling->touched;
    return true;
}

/* Has the client closed its side? While a full gate stops reading, only the socket knows. */
static bool is_gone(const struct side *client)
{
    struct pollfd end = {.fd = client->stream.socket, .events = POLLRDHUP};

    return client->ended || (poll(&end, 1, 0) == 1 && end.revents);
}

enum step follow_hold(struct session *session)
{
    if (is_gone(&session->client))
        return session_end(session, CLOSED_CLIENT_GONE);
    if (!session->waiting.after)
        list_add(&session->worker->held, &session->waiting);
    return STEP_WAIT;
}

static enum moving_entry enter_moves(struct session *session, const struct ruling *ruling)
{
    enum moving_entry entry = MOVING_ENTERED;

    if (ruling->outcome != RULING_ALLOW)
        return MOVING_ENTERED;
    if (!ruling->moved)
        entry = moving_await(session);
    return entry == MOVING_ENTERED && ruling->touched ? moving_enter(session, ruling) : entry;
}

enum step follow_ruling(struct session *session, struct command *command, size_t text_at)
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
        return wait_for_log(session);
    if (ruling->outcome == RULING_ALLOW && ruling->rewrite_count > 0 && outgrows(command, ruling) &&
        !leave_names(ruling))
        return follow_refuse(session, command, 1227,
                             "silogate: a command of this size cannot have names mapped in it");
    if (ruling->outcome == RULING_ALLOW && worker->runtime->hold_count > 0 &&
        boundary_holds(session)) {
        worker->counters.held++;
        return follow_hold(session);
    }
    const enum moving_entry entry = enter_moves(session, ruling);
    if (entry != MOVING_ENTERED)
        return entry == MOVING_HELD ? follow_hold(session) : STEP_AGAIN;
    if (ruling->outcome == RULING_ALLOW &&
        (renew_database(session, ruling) || renew_due(session, ruling)))
        return STEP_AGAIN;
    if (ruling->outcome == RULING_ALLOW && ruling->stale &&
        renew_begin(session, command->prepared, ruling))
        return STEP_AGAIN;
    if (!again_is_resent(session) || ruling->outcome == RULING_REFUSE)
        record_ruling(session, ruling);
    if (ruling->outcome == RULING_REFUSE)
        return follow_refuse(session, command, ruling->refusal.code, ruling->refusal.message);
    moving_passed(session, ruling);
    held_passed(session, ruling);
    again_keep(session, command, ruling);
    rewrite(session, command, text_at);
    if (command->prepared)
        execution_pass(session, command->prepared, ruling);
    session->request.change = ruling_take_change(ruling);
    const enum step step = follow_pass(session, command);
    session->request.executes = ruling->executes;
    session->request.anew = ruling->anew && !ruling->calls;
    session->request.stale = ruling->stale;
    return step;
}
