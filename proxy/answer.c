/* The server's answer: it is relayed as it arrives, while the tracker looks for its end. What it
 * says about the session (status flags, session state changes, errors) decides in which state the
 * next command is read.
 */
#include <string.h>

#include "base/bytes.h"
#include "judge/binding.h"
#include "judge/ruling.h"
#include "proxy/again.h"
#include "proxy/binding.h"
#include "proxy/command.h"
#include "proxy/execution.h"
#include "proxy/moving.h"
#include "proxy/observe.h"
#include "proxy/renew.h"
#include "proxy/transaction.h"
#include "proxy/worker.h"

/* A system variable in a session state change: its name and new value. MariaDB also reports the
 * values of SET STATEMENT, which hold for one statement, but not their end. So if a value differs
 * from the known one, the server is asked. Only after COM_RESET_CONNECTION the reported value can
 * be used. */
static void variable_changed(struct session *session, struct text change)
{
    bool reset = session->request.command == COMMAND_RESET_CONNECTION;
    struct reader reader = {(const uint8_t *)change.at, (const uint8_t *)change.at + change.length,
                            false};

    while (!reader.bad && reader.at < reader.end) {
        struct text name = read_lenenc_text(&reader);
        struct text value = read_lenenc_text(&reader);
        if (reader.bad)
            return;
        if (text_equal(name, TEXT("sql_mode")) && sql_mode_of(value) != session->belief.state.mode)
            sql_state_lose_mode(&session->belief.state);
        if (text_equal(name, TEXT("character_set_connection"))) {
            const uint8_t before = reset ? 0 : session->belief.state.lossy;
            session->belief.state.lossy = before | sql_charset_lossy(sql_charset_of(value));
        }
        if (!text_equal(name, TEXT("character_set_client")))
            continue;
        uint8_t charset = (uint8_t)sql_charset_of(value);
        if (charset != session->belief.state.charset)
            session->belief.state.charset = reset ? charset : (uint8_t)SQL_CHARSET_UNKNOWN;
    }
}

static bool is_in(const struct sql_state *state, struct text database)
{
    const struct text known = sql_state_database(state);

    return state->lower_case_table_names ? text_equal_fold(known, database)
                                         : text_equal(known, database);
}

/* The current database, as reported by the server. A routine runs in its own database, and the
 * server reports this with the routine's results; if the routine fails, the server does not report
 * that the session has returned to its database. */
static void database_told(struct session *session, struct text database)
{
    const struct change *change = session->request.change;

    if (!is_in(&session->belief.state, database) &&
        !(change && change->has_state && is_in(&change->state, database)))
        session->belief.must_ask = true;
}

/* Applies what the server has reported, after the command's own change. */
static void state_changed(struct session *session, struct text state)
{
    uint8_t type;
    struct text change;

    while (session_state_next(&state, &type, &change)) {
        struct reader reader = {(const uint8_t *)change.at,
                                (const uint8_t *)change.at + change.length, false};
        if (type == 0)
            variable_changed(session, change);
        if (type != 1)
            continue;
        struct text database = read_lenenc_text(&reader);
        if (!reader.bad)
            database_told(session, database);
    }
}

/* After the OK or the error of the command. */
static void take_cursor(const struct request *request)
{
    const uint16_t status = request->answer.status;

    if (!request->cursor)
        return;
    if (request->command == COMMAND_STMT_EXECUTE)
        request->cursor->cursor =
            !request->failed && request->opens_cursor && status & STATUS_CURSOR_EXISTS;
    if (!request->failed && status & STATUS_LAST_ROW_SENT)
        request->cursor->cursor = false;
}

static void take_status(struct session *session)
{
    uint16_t status = session->request.answer.status;

    if (!(status & STATUS_IN_TRANS))
        held_over(session);
    session->belief.may_be_over = false;
    if (!(status & STATUS_IN_TRANS) && session->belief.in_doubt)
        transaction_drop(session);
    else if (!(status & STATUS_IN_TRANS))
        transaction_over(session);
    session->belief.in_transaction = (status & STATUS_IN_TRANS) != 0;
    session->belief.in_doubt = false;
    session->belief.no_autocommit = !(status & STATUS_AUTOCOMMIT);
    if (!session->belief.in_transaction)
        session->belief.written = session->used = (struct owners){.count = 0};
    /* After a routine that has changed sql_mode the servers' flag is wrong, although sql_mode
     * itself is restored. So only a change of the flag has a meaning, and then the server must be
     * asked for sql_mode. */
    bool escapes = status & STATUS_NO_BACKSLASH_ESCAPES;
    if (session->request.command == COMMAND_RESET_CONNECTION) {
        session->belief.state.mode = escapes ? SQL_NO_BACKSLASH_ESCAPES : 0;
        session->belief.state.escapes_known = true;
    } else if (escapes != session->belief.no_backslash_escapes &&
               escapes != ((session->belief.state.mode & SQL_NO_BACKSLASH_ESCAPES) != 0)) {
        sql_state_lose_mode(&session->belief.state);
    }
    session->belief.no_backslash_escapes = escapes;
}

/* Has it failed in such a way that its transaction may be open, or may be over? */
static bool is_doubtful(const struct session *session)
{
    const struct request *request = &session->request;
    const struct belief *belief = &session->belief;

    return request->failed && !belief->expired && held_runs(request) &&
           (request->may_begin || belief->in_transaction || belief->no_autocommit);
}

void command_finish(struct session *session)
{
    struct request *request = &session->request;
    bool failed = request->failed;
    struct belief *belief = &session->belief;
    struct change *change = request->change;

    if (request->command == COMMAND_STMT_PREPARE && change && change->preparing)
        belief->prepared.has_last = false; /* because the PREPARE has failed */
    request->change = NULL;
    /* Until the next OK its transaction counts as open. What one plain statement has
     * written, its error has undone. */
    const bool in_doubt = belief->in_doubt || (is_doubtful(session) && !belief->in_transaction);
    belief->in_transaction |= in_doubt && request->may_begin;
    if (failed && !belief->in_transaction) /* it has written nothing; the next one may open one */
        transaction_drop(session);
    execution_answered(session);
    renew_answered(session);
    if (binding_note_xa(session->binding, change, !failed, request->answer.error_code))
        session->held.branches = true;
    ruling_commit(&session->worker->ruling, belief, change, !failed);
    belief->in_transaction |= in_doubt;
    belief->in_doubt = in_doubt;
    belief->may_be_over |= failed;
    if (request->command != COMMAND_RESET_CONNECTION || failed)
        return;
    held_forget(&session->held);
    session_leave_branches(session);
    session->inside.warned = false;
    session->inside.warned_by = 0;
    belief_reset(belief);
}

enum step command_upstream_died(struct session *session, enum close_reason reason)
{
    if (!session->request.answered)
        session_error(session, (uint8_t)(session->client.sequence + 1), 2013, "HY000",
                      "Lost connection to MySQL server during query");
    return session_linger(session, reason);
}

static void take_ok(struct session *session)
{
    const struct answer *answer = &session->request.answer;

    take_status(session);
    state_changed(session, answer->session_state);
    if (answer->session_state_cut)
        belief_lose(&session->belief);
}

bool command_proved(struct session *session, const uint8_t *packet, size_t size)
{
    struct answer *answer = &session->request.answer;
    size_t all;

    answer_start(answer, ANSWER_OK, session->capabilities);
    if (!(answer_feed(answer, packet, size, &all) & ANSWER_OK_SEEN))
        return false;
    take_ok(session);
    moving_settle(session);
    return true;
}

bool command_in_doubt(const struct session *session)
{
    const struct belief *belief = &session->belief;

    return belief->in_doubt || (belief->may_be_over && belief->in_transaction);
}

/* Applies what the answer says, at these events, about the command and the session. */
static void take_events(struct session *session, unsigned events)
{
    struct request *request = &session->request;
    const struct answer *answer = &request->answer;

    if (events & ANSWER_ERROR_SEEN)
        request->failed = true;
    if (events & (ANSWER_ERROR_SEEN | ANSWER_OK_SEEN))
        take_cursor(request);
    if (events & ANSWER_PREPARED && request->change && request->change->preparing) {
        request->change->preparing->parameters = answer->parameters;
        request->change->preparing->bytes += (size_t)answer->parameters * 2;
        request->change->preparing->columns = answer->columns;
        prepared_add(&session->belief.prepared, request->change->preparing, answer->statement);
        request->change->preparing = NULL;
    }
    if (events & ANSWER_COMPLETE)
        command_finish(session);
    if (events & ANSWER_OK_SEEN)
        take_ok(session);
}

/* The answer is complete. */
static void close_answer(struct session *session)
{
    observe_latency(session);
    session_answered(session);
    if (session->request.answer.is_unproven)
        relay_prove(session);
    else
        session_enter(session, STATE_COMMAND);
    command_ask_reset(session);
}

/* The server asks the client for a file (LOAD DATA LOCAL). */
static void open_infile(struct session *session)
{
    struct request *request = &session->request;

    request->packet_left = 0;
    request->packet_continues = false;
    session->client.sequence = (uint8_t)(answer_sequence(&request->answer) + 1);
    session_enter(session, STATE_INFILE);
}

enum step state_answer(struct session *session)
{
    struct request *request = &session->request;
    struct gate *gate = &session->upstream.gate;
    struct answer *answer = &request->answer;
    size_t all, size = gate_waiting(gate);

    if (relay_is_dump(session) && !relay_acknowledgements(session))
        return session_end(session, CLOSED_CLIENT_QUIT);
    if (relay_is_dump(session) && !relay_events(session, &size))
        return STEP_WAIT;
    if (gate_waiting(gate) == 0)
        return session->upstream.ended ? command_upstream_died(session, CLOSED_UPSTREAM_GONE)
                                       : STEP_WAIT;
    unsigned events = answer_feed(answer, gate_at(gate), size, &all);
    if (events & ANSWER_BROKEN)
        return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    if (again_looks(session, events, all))
        return STEP_AGAIN;
    request->answered |= all > 0;
    take_events(session, events);
    gate_pass(gate, all);
    if (events & ANSWER_COMPLETE) {
        close_answer(session);
        return STEP_AGAIN;
    }
    if (events & ANSWER_INFILE) {
        open_infile(session);
        return STEP_AGAIN;
    }
    if (all > 0 && gate_waiting(gate) > 0)
        return STEP_AGAIN; /* the tracker stops after each OK, so that its status is read */
    return session->upstream.ended ? command_upstream_died(session, CLOSED_UPSTREAM_GONE)
                                   : STEP_WAIT;
}

/* The server sends something before it has the whole file. A progress report is allowed. Anything
 * else ends the command for the server: it would read the rest of the file as commands, which were
 * not judged. */
static bool still_reads(struct session *session)
{
    struct gate *gate = &session->upstream.gate;
    size_t all;
    unsigned events =
        answer_feed(&session->request.answer, gate_at(gate), gate_waiting(gate), &all);

    gate_pass(gate, all);
    session->request.answered |= all > 0;
    return !(events & (ANSWER_COMPLETE | ANSWER_BROKEN));
}

/* LOAD DATA LOCAL: the client's packets are the file, up to an empty one. For the servers a packet
 * out of order ends the file (tried), and they read the next bytes as commands. */
enum step state_infile(struct session *session)
{
    struct request *request = &session->request;
    struct gate *gate = &session->client.gate;

    if (gate_waiting(&session->upstream.gate) > 0 && !still_reads(session))
        return session_linger(session, CLOSED_UPSTREAM_BAD_PACKET);
    while (gate_waiting(gate) > 0) {
        bool last = false;
        if (request->packet_left == 0) {
            if (gate_waiting(gate) < PACKET_HEADER)
                break;
            uint32_t length = bytes_get3(gate_at(gate));
            if (gate_at(gate)[3] != session->client.sequence++)
                return command_out_of_order(session, session->client.sequence);
            /* A packet of the maximum length is continued; an empty packet after it ends only that
             * packet, not the file. */
            last = length == 0 && !request->packet_continues;
            request->packet_continues = length == PACKET_MAX;
            request->packet_left = PACKET_HEADER + length;
        }
        size_t count =
            gate_waiting(gate) < request->packet_left ? gate_waiting(gate) : request->packet_left;
        gate_pass(gate, count);
        request->packet_left -= (uint32_t)count;
        if (last) {
            session_enter(session, STATE_ANSWER);
            return STEP_AGAIN;
        }
    }
    if (session->upstream.ended)
        return session_linger(session, CLOSED_UPSTREAM_GONE);
    return session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
}
