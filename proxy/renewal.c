/* See proxy/renewal.h.
 *
 *   COMMAND -> RENEW -> COMMAND
 *
 * In state RENEW silogate sends some commands of its own, one after the other, and does not
 * relay their answers: COM_INIT_DB to the database of the first PREPARE, if the current one
 * differs; COM_STMT_PREPARE of the mapped text; COM_INIT_DB back; COM_STMT_CLOSE of the old
 * statement. If the server refuses to prepare it, the old one is executed, and it is tried again at
 * the next execution. For SQL's PREPARE that statement is sent instead, under another name first,
 * because a failed one would have deleted the old statement. To enter the present database once
 * more, COM_INIT_DB back alone.
 *
 * COM_INIT_DB sets collation_database (and with it character_set_database) to that of the database,
 * but the session may have set it itself, also in a routine. So a SET keeps it before, and another
 * one sets it again; if the server refuses that, the kept value is thrown away.
 */
#include "proxy/renewal.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "proxy/command.h"
#include "proxy/moving.h"
#include "proxy/worker.h"

/* Of COM_QUERY, with no query attributes, in one set. */
#define BARE "\0\1SET /* silogate */ "
#define KEEP "@silogate_collation"

static void send_command(struct session *session, uint8_t command, struct text text,
                         enum command_answer answer)
{
    struct gate *gate = &session->client.gate;
    uint8_t header[PACKET_HEADER + 1];

    bytes_put3(header, (uint32_t)(1 + text.length));
    header[3] = 0;
    header[PACKET_HEADER] = command;
    stream_turn(&session->upstream.stream);
    gate_insert(gate, &session->worker->pool, header, sizeof(header));
    gate_insert(gate, &session->worker->pool, text.at, text.length);
    session->worker->counters.asked++;
    answer_start(&session->request.answer, answer, session->capabilities);
}

/* Sends a COM_QUERY; with CLIENT_QUERY_ATTRIBUTES, two bytes before the text say that it has no
 * attributes. */
static void send_query(struct session *session, struct text text)
{
    const bool counted = session->capabilities & CAPABILITY_QUERY_ATTRIBUTES;

    send_command(session, COMMAND_QUERY,
                 counted ? text : (struct text){text.at + 2, text.length - 2}, ANSWER_RESULTS);
}

static void send_step(struct session *session)
{
    struct renewal *renewal = session->renewal;
    const struct text text = {renewal->text, renewal->length};

    switch (renewal->step) {
    case RENEWAL_KEEP:
        send_query(session, TEXT(BARE KEEP "=@@SESSION.collation_database"));
        break;
    case RENEWAL_ENTER:
        send_command(session, COMMAND_INIT_DB, sql_state_database(&renewal->there), ANSWER_OK);
        break;
    case RENEWAL_PREPARE:
        if (renewal->hash)
            send_query(session, text);
        else
            send_command(session, COMMAND_STMT_PREPARE, text, ANSWER_PREPARE);
        break;
    case RENEWAL_RESTORE:
        send_query(session, (struct text){renewal->text + renewal->length, renewal->restoring});
        break;
    case RENEWAL_TRY:
        send_query(session, (struct text){renewal->text + renewal->length + renewal->restoring,
                                          renewal->trying});
        break;
    case RENEWAL_FORGET:
        send_query(session, TEXT("\0\1DEALLOCATE PREPARE `" TRIED "`"));
        break;
    case RENEWAL_HERE: /* can it be entered, to come back? */
    case RENEWAL_BACK:
        send_command(session, COMMAND_INIT_DB, sql_state_database(&renewal->back), ANSWER_OK);
        break;
    case RENEWAL_GIVE:
        send_query(session, TEXT(BARE "collation_database=" KEEP "," KEEP "=NULL"));
        break;
    case RENEWAL_CLEAR:
        send_query(session, TEXT(BARE KEEP "=NULL"));
        break;
    case RENEWAL_STEPS:
        break;
    }
}

void renewal_begin(struct session *session, struct renewal *renewal, bool moves)
{
    renewal->moves = moves;
    renewal->step = moves ? RENEWAL_KEEP : renewal->hash ? RENEWAL_TRY : RENEWAL_PREPARE;
    renewal->back = session->belief.state;
    session->renewal = renewal;
    send_step(session);
    session_enter(session, STATE_RENEW);
}

static void close_statement(struct session *session, uint32_t id)
{
    uint8_t packet[PACKET_HEADER + 5] = {5, 0, 0, 0, COMMAND_STMT_CLOSE};

    bytes_put4(packet + PACKET_HEADER + 1, id);
    stream_turn(&session->upstream.stream);
    gate_insert(&session->client.gate, &session->worker->pool, packet, sizeof(packet));
}

void renewal_free(struct session *session)
{
    free(session->renewal);
    session->renewal = NULL;
}

static enum step finish(struct session *session)
{
    struct renewal *renewal = session->renewal;
    struct prepared *prepared =
        renewal->hash ? NULL : prepared_find(&session->belief.prepared, renewal->id);
    const struct sql_moved *names = moving_names(session);
    bool good = renewal->enters;

    if (renewal->hash && renewal->prepared) {
        belief_name(&session->belief, (struct named){renewal->hash, renewal->print});
        session->worker->counters.renewed++;
        good = true;
    }
    if (prepared && renewal->prepared && prepared->parameters == renewal->parameters) {
        close_statement(session, prepared->upstream_id);
        prepared->upstream_id = renewal->statement;
        prepared->print = renewal->print;
        prepared->stays = 0;
        prepared->owed |= prepared->has_types;
        session->worker->counters.renewed++;
        good = true;
    } else if (renewal->prepared && !renewal->hash) {
        close_statement(session, renewal->statement);
    }
    if (!good && renewal->late && names)
        renewal_none(session, sql_moved_places(names));
    session->inside.tried = !good && !renewal->late;
    renewal_free(session);
    session->request.failed = false;
    moving_answered(session);
    session_enter(session, STATE_COMMAND);
    return STEP_AGAIN;
}

/* Handles the answer to one of silogate's own commands. */
static enum step next(struct session *session)
{
    struct renewal *renewal = session->renewal;
    const bool failed = renewal->failed;

    renewal->failed = false;
    switch (renewal->step) {
    case RENEWAL_KEEP:
        renewal->step = renewal->enters ? RENEWAL_BACK : RENEWAL_HERE;
        break;
    case RENEWAL_HERE:
        renewal->step = failed ? RENEWAL_GIVE : RENEWAL_ENTER;
        break;
    case RENEWAL_ENTER:
        renewal->step = failed ? RENEWAL_GIVE : renewal->hash ? RENEWAL_TRY : RENEWAL_PREPARE;
        break;
    case RENEWAL_TRY:
        renewal->step = failed ? RENEWAL_BACK : RENEWAL_PREPARE;
        break;
    case RENEWAL_PREPARE:
        renewal->prepared |= renewal->hash && !failed;
        renewal->step = !renewal->hash ? RENEWAL_BACK : failed ? RENEWAL_RESTORE : RENEWAL_FORGET;
        break;
    case RENEWAL_RESTORE:
        renewal->step = RENEWAL_FORGET;
        break;
    case RENEWAL_FORGET:
        renewal->step = RENEWAL_BACK;
        break;
    case RENEWAL_BACK:
        if (failed && !renewal->enters) /* otherwise the client would be in another database */
            return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
        renewal->step = RENEWAL_GIVE;
        break;
    case RENEWAL_GIVE:
        renewal->step = failed ? RENEWAL_CLEAR : RENEWAL_STEPS;
        break;
    case RENEWAL_CLEAR:
        renewal->step = RENEWAL_STEPS;
        break;
    case RENEWAL_STEPS:
        break;
    }
    if (renewal->step == RENEWAL_STEPS || (renewal->step == RENEWAL_BACK && !renewal->moves))
        return finish(session);
    send_step(session);
    return STEP_AGAIN;
}

enum step state_renew(struct session *session)
{
    struct gate *gate = &session->upstream.gate;
    struct renewal *renewal = session->renewal;
    size_t all;

    if (session->client.ended && gate_waiting(&session->client.gate) == 0)
        return session_end(session, CLOSED_CLIENT_GONE);
    if (gate_waiting(gate) == 0)
        return session->upstream.ended ? session_linger(session, CLOSED_UPSTREAM_GONE) : STEP_WAIT;
    unsigned events =
        answer_feed(&session->request.answer, gate_at(gate), gate_waiting(gate), &all);
    if (events & (ANSWER_BROKEN | ANSWER_INFILE))
        return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    if (events & ANSWER_ERROR_SEEN)
        renewal->failed = true;
    if (events & ANSWER_PREPARED) {
        renewal->prepared = true;
        renewal->statement = session->request.answer.statement;
        renewal->parameters = session->request.answer.parameters;
    }
    gate_drop(gate, &session->worker->pool, all);
    if (events & ANSWER_COMPLETE)
        return next(session);
    if (all > 0 && gate_waiting(gate) > 0)
        return STEP_AGAIN;
    return session->upstream.ended ? session_linger(session, CLOSED_UPSTREAM_GONE) : STEP_WAIT;
}

void renewal_none(struct session *session, uint64_t places)
{
    session->inside.renewed = true;
    session->inside.renewed_for = places;
}
