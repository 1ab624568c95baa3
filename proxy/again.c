/* See proxy/again.h.
 *
 *   ANSWER -> LOOK -> COMMAND
 *
 * A statement may be sent again, once, because: no byte of the answer was sent to the client; it
 * is the first statement of its command; and the server found the error while it opened the tables
 * that the statement names, before it did anything, also in a transaction (judge/early.c). DROP
 * TABLE is left out: of several tables it may have dropped some.
 */
#include "proxy/again.h"

#include <string.h>

#include "base/bytes.h"
#include "judge/judge.h"
#include "protocol/command.h"
#include "proxy/command.h"
#include "proxy/cut.h"
#include "proxy/moving.h"
#include "proxy/worker.h"
#include "sql/asks.h"

/* In a block of the worker's pool, from the passing of the command until its answer. */
struct again {
    uint64_t print;          /* where its tables were: see sql_moved_print; 0: they were nowhere */
    struct sql_moved *names; /* by which its names were mapped */
    uint32_t ticket;         /* from moving_look */
    uint32_t size;           /* of the packet */
    bool misses;             /* the error is about a table that was nowhere */
    bool resent;             /* it was sent again */
    uint8_t packet[];        /* as received, before its names were mapped */
};

enum {
    AGAIN_MOST = GATE_BLOCK - sizeof(struct again), /* bytes of a command that is kept */
    MESSAGE_AT = PACKET_HEADER + 9,                 /* after the code, '#' and SQLSTATE */
};

bool again_is_miss(unsigned error_code)
{
    static const uint16_t codes[] = {
        1146, /* no such table */
        1347, /* not a table but a view: the alias */
        1176, /* no such key: a view has none */
        1356, /* a view whose table has changed */
        1824, /* REFERENCES: no such table, or a view (MySQL) */
        1005, /* the same on MariaDB */
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i] == error_code)
            return true;
    }
    return false;
}

void again_keep(struct session *session, const struct command *command, const struct ruling *ruling)
{
    const struct gate *gate = &session->client.gate;
    const size_t size = PACKET_HEADER + bytes_get3(gate_at(gate));

    if ((ruling->print == 0 && !ruling->expects) || ruling->undetermined || ruling->unmapped_of ||
        session->again || size > AGAIN_MOST || gate_waiting(gate) < size || command->copy ||
        ruling->calls || (command->prepared && command->prepared->has_chunks))
        return;
    struct sql_moved *names = moving_names(session);
    if (names != ruling->moved)
        return;
    struct again *again = gate_pool_take(&session->worker->pool);
    *again = (struct again){
        .print = ruling->print, .names = sql_moved_take(names), .size = (uint32_t)size};
    memcpy(again->packet, gate_at(gate), size);
    session->again = again;
}

/* Judges the kept command once more, with its names mapped by `names`. */
static const struct ruling *judge_kept(struct session *session, struct sql_moved *names,
                                       struct server_error error)
{
    const struct again *again = session->again;
    struct worker *worker = session->worker;
    struct ruling *ruling = &worker->ruling;
    const struct text payload = {(const char *)again->packet + PACKET_HEADER,
                                 again->size - PACKET_HEADER};
    struct query query;

    ruling_begin(ruling, worker->today);
    ruling->moved = names;
    ruling->error = error;
    if (session->request.command == COMMAND_STMT_PREPARE) {
        judge_prepare(&session->belief, session->binding,
                      (struct text){payload.at + 1, payload.length - 1}, ruling);
    } else if (session->request.command == COMMAND_QUERY) {
        if (query_read(payload, session->capabilities, &query) == PARSE_DONE)
            judge_text(&session->belief, session->binding, query.text, ruling);
    } else if (payload.length >= 5) {
        const struct prepared *prepared =
            prepared_find(&session->belief.prepared, bytes_get4((const uint8_t *)payload.at + 1));
        if (prepared)
            judge_execute(&session->belief, session->binding, prepared, true, ruling);
    }
    return ruling;
}

/* Has the command done nothing before it got this error? */
static bool failed_early(struct session *session, struct text packet)
{
    const struct again *again = session->again;
    const struct server_error error = {
        session->request.answer.error_code,
        {packet.at + MESSAGE_AT, packet.length - MESSAGE_AT},
    };

    if (packet.length <= MESSAGE_AT)
        return false;
    const struct ruling *ruling = judge_kept(session, again->names, error);
    return ruling->outcome == RULING_ALLOW && ruling->print == again->print &&
           (ruling->failed_early || session->request.command == COMMAND_STMT_PREPARE);
}

bool again_looks(struct session *session, unsigned events, size_t size)
{
    struct again *again = session->again;
    const struct answer *answer = &session->request.answer;
    const struct gate *gate = &session->upstream.gate;

    if (!again || again->resent || session->request.answered || !(events & ANSWER_ERROR_SEEN) ||
        !(events & ANSWER_COMPLETE) || !again_is_miss(answer->error_code) || answer->results > 0 ||
        answer->is_unproven || gate_waiting(gate) != size ||
        !failed_early(session, (struct text){(const char *)gate_at(gate), size}))
        return false;
    again->misses = session->worker->ruling.misses;
    if (again->misses && !moving_may_look(session))
        return false;
    session->request.failed = true;
    again->ticket = moving_look(session);
    session_enter(session, STATE_LOOK);
    return true;
}

/* Puts the command back into the client's gate, as if it had not been sent. */
static void take_back(struct session *session)
{
    struct again *again = session->again;
    struct worker *worker = session->worker;

    gate_drop(&session->upstream.gate, &worker->pool, gate_waiting(&session->upstream.gate));
    gate_put_back(&session->client.gate, &worker->pool, again->packet, again->size);
    ruling_drop_change(&worker->ruling, session->request.change);
    session->request.change = NULL;
    session->request.failed = session->request.in_flight = false;
    session->request.locking = LOCKS_NOTHING;
    session->request.leaves = 0;
    session->request.user_lock = SQL_USER_LOCK_NONE;
    worker->counters.forwarded--;
    worker->counters.resent++;
    again->resent = true;
}

/* Sent again, it would be told of its own first sending. */
static bool asks_back(const struct session *session, const struct ruling *ruling)
{
    return session->request.command != COMMAND_STMT_PREPARE &&
           sql_asks_back(ruling->text, &session->belief.state);
}

enum step state_look(struct session *session)
{
    const struct again *again = session->again;

    const bool looked = moving_looked(session, again->ticket);
    if (!looked && session->worker->second < session->deadline)
        return STEP_WAIT;
    list_remove(&session->waiting);
    const struct ruling *ruling =
        judge_kept(session, moving_names(session), (struct server_error){0});
    if (ruling->outcome == RULING_ALLOW && ruling->print &&
        (looked || ruling->print != again->print) && !(again->misses && ruling->expects) &&
        !asks_back(session, ruling)) {
        take_back(session);
        session_enter(session, STATE_COMMAND);
        return STEP_AGAIN;
    }
    command_finish(session);
    gate_pass(&session->upstream.gate, gate_waiting(&session->upstream.gate));
    session->request.answered = true;
    session_answered(session);
    session_enter(session, STATE_COMMAND);
    return STEP_AGAIN;
}

bool again_is_resent(const struct session *session)
{
    return session->again && session->again->resent;
}

void again_forget(struct session *session)
{
    if (session->again) {
        sql_moved_drop(session->again->names);
        gate_pool_drop(&session->worker->pool, session->again);
    }
    session->again = NULL;
}
