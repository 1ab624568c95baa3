/* See proxy/renew.h.
 *
 *   COMMAND -> RENEW -> COMMAND
 *
 * In state RENEW silogate sends up to four commands of its own, one after the other, and does not
 * relay their answers: COM_INIT_DB to the database of the first PREPARE, if the current one
 * differs; COM_STMT_PREPARE of the mapped text; COM_INIT_DB back; COM_STMT_CLOSE of the old
 * statement. If the server refuses to prepare it, the old one stays until the tables move again.
 * For SQL's PREPARE that statement is sent instead; a failed one has deleted the old statement,
 * which is then prepared again.
 *
 * Or it enters the present database once more. Servers look up what a session may do there when it
 * is entered, and keep that: rights that were granted for the moved tables since would not count.
 * MySQL keeps those of active roles too, and looks them up at the next statement, but not at
 * COM_INIT_DB: so a statement is sent before it.
 *
 * All of these set ROW_COUNT(), and some FOUND_ROWS() and the warnings. So none of it is done
 * before a command that asks for them; what it needs is then done before a later one.
 */
#include "proxy/renew.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "judge/judge.h"
#include "proxy/command.h"
#include "proxy/execution.h"
#include "proxy/literal.h"
#include "proxy/moving.h"
#include "proxy/worker.h"
#include "sql/asks.h"

enum { NAME_MOST = 64 }; /* of a statement of SQL's PREPARE, in bytes; others stay as they are */

enum renewal_step {
    RENEWAL_ENTER,
    RENEWAL_PREPARE,
    RENEWAL_RESTORE,
    RENEWAL_LOOK,
    RENEWAL_BACK,
    RENEWAL_STEPS,
};

struct renewal {
    uint32_t id;   /* the client's statement id */
    uint64_t hash; /* of the name of SQL's PREPARE; 0: a statement of COM_STMT_PREPARE */
    uint64_t print;
    enum renewal_step step;
    bool enters;   /* nothing is prepared: the present database is entered once more */
    bool moves;    /* a change to the database `there` and back is needed */
    bool failed;   /* the present step has failed */
    bool prepared; /* the server has prepared it, as `statement` with so many parameters */
    uint16_t parameters;
    uint32_t statement;
    struct sql_state there, back;
    /* of `text`: the statement to send, followed by the one that restores */
    size_t length, restoring;
    char text[];
};

/* --- preparing again --- */

static bool cannot(struct ruling *ruling, const char *why)
{
    ruling->unmapped = why;
    ruling->unmapped_of |= ruling->touched;
    return false;
}

/* Was it prepared in the current database, or in one that can be entered and left again? */
static bool can_enter(const struct sql_state *there, const struct sql_state *here, bool *moves)
{
    struct text to = sql_state_database(there), from = sql_state_database(here);

    *moves = to.at && !(from.at && text_equal(to, from));
    return !there->database_unknown && (!*moves || (from.at && !here->database_unknown));
}

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
    case RENEWAL_LOOK: /* no query attributes, in one set */
        send_query(session, TEXT("\0\1DO 0"));
        break;
    case RENEWAL_BACK:
        send_command(session, COMMAND_INIT_DB, sql_state_database(&renewal->back), ANSWER_OK);
        break;
    case RENEWAL_STEPS:
        break;
    }
}

static void start(struct session *session, struct renewal *renewal, enum renewal_step step)
{
    renewal->step = step;
    renewal->back = session->belief.state;
    session->renewal = renewal;
    send_step(session);
    session_enter(session, STATE_RENEW);
}

static void begin(struct session *session, struct renewal *renewal, bool moves)
{
    renewal->moves = moves;
    start(session, renewal, moves ? RENEWAL_ENTER : RENEWAL_PREPARE);
}

bool renew_database(struct session *session, const struct ruling *ruling)
{
    if (!moving_outdates_rights(session, ruling) || judge_asks_back(&session->belief, ruling))
        return false;
    moving_rights_read(session);
    struct renewal *renewal = memory_take_zeroed(sizeof(*renewal));
    renewal->enters = renewal->moves = true;
    start(session, renewal, RENEWAL_LOOK);
    return true;
}

static bool prepare_anew(struct session *session, struct prepared *prepared, struct ruling *ruling)
{
    const struct belief *belief = &session->belief;
    bool moves;
    const char *why;

    prepared->stays = ruling->print; /* until it succeeds */
    if (!can_enter(&prepared->state, &belief->state, &moves))
        return cannot(ruling, "a prepared statement of a database that cannot be entered again");
    if (!judge_renew(belief, prepared, ruling, &why))
        return cannot(ruling, why);
    const struct text text = {prepared->text, prepared->text_length};
    size_t most = text.length + (size_t)ruling->edits.count * SQL_EDIT_SIZE;
    if (most + 1 >= PACKET_MAX || most + 1 >= sql_moved_most(ruling->moved))
        return cannot(ruling, "a prepared statement that is too long to be prepared anew");
    struct renewal *renewal = memory_take(sizeof(*renewal) + most);
    *renewal =
        (struct renewal){.id = prepared->id, .print = ruling->print, .there = prepared->state};
    renewal->length = sql_map_write(text, &ruling->edits, renewal->text);
    begin(session, renewal, moves);
    return true;
}

/* A statement that asks what the one before it has done is executed as it is, by way of the alias,
 * and prepared again before a later command. */
static bool must_wait(struct session *session, struct text text, const struct sql_state *state,
                      struct ruling *ruling)
{
    if (!sql_asks_back(text, state))
        return false;
    session->inside.renewed = false;
    cannot(ruling, "a prepared statement that asks what the statement before it has done");
    return true;
}

static bool begin_prepared(struct session *session, struct prepared *prepared,
                           struct ruling *ruling)
{
    const struct text text = {prepared->text, prepared->text_length};

    if (!execution_can_bind(session, prepared))
        return cannot(ruling, "a prepared statement whose parameters' types are not known");
    return !must_wait(session, text, &prepared->state, ruling) &&
           prepare_anew(session, prepared, ruling);
}

/* --- SQL's PREPARE --- */

/* The last statement of SQL's PREPARE that has to be prepared again before a later command. */
struct renewal_due {
    uint64_t print, places;
    size_t length;
    char name[NAME_MOST];
};

static void note_due(struct session *session, const struct ruling *ruling)
{
    if (!session->unrenewed)
        session->unrenewed = memory_take(sizeof(*session->unrenewed));
    *session->unrenewed = (struct renewal_due){.print = ruling->print,
                                               .places = sql_moved_places(ruling->moved),
                                               .length = ruling->name.length};
    memcpy(session->unrenewed->name, ruling->name.at, ruling->name.length);
}

/* `at_once`: before a command that asks nothing; else the one that executes the statement. */
static bool begin_named(struct session *session, struct ruling *ruling, bool at_once)
{
    struct belief *belief = &session->belief;
    const struct text name = ruling->name;
    const uint64_t hash = belief_name_hash(name);
    const bool backslashes = !(belief->state.mode & SQL_NO_BACKSLASH_ESCAPES);
    struct text database, text;
    struct sql_state there = belief->state;
    char mapped[SQL_SESSION_TEXT + SQL_EDIT_SIZE * 64], kept[NAME_MOST];
    const char *why = "a statement of PREPARE that cannot be prepared anew";
    bool moves;

    if (name.length > NAME_MOST ||
        !sql_session_prepared(belief->remembered, name, &database, &text))
        return cannot(ruling, why);
    if (!at_once && must_wait(session, text, &belief->state, ruling)) {
        note_due(session, ruling);
        return false;
    }
    memcpy(kept, name.at, name.length); /* because judging overwrites it */
    sql_state_set_database(&there, database);
    belief_name(belief, hash, ruling->print); /* it is not tried again, whatever the result */
    if (!literal_can_be(&belief->state, text) || !can_enter(&there, &belief->state, &moves))
        return cannot(ruling, why);
    if (!judge_renew_text(belief, text, &there, ruling, &why))
        return cannot(ruling, why);
    if (ruling->edits.count > 64)
        return cannot(ruling, "more names than can be mapped");
    const size_t length = sql_map_write(text, &ruling->edits, mapped);
    struct renewal *renewal =
        memory_take(sizeof(*renewal) + 2 * (length + text.length + LITERAL_BESIDE + name.length));
    *renewal = (struct renewal){.hash = hash, .print = ruling->print, .there = there};
    const struct text known = {kept, name.length};
    renewal->length =
        literal_prepare(renewal->text, known, (struct text){mapped, length}, backslashes);
    renewal->restoring = literal_prepare(renewal->text + renewal->length, known, text, backslashes);
    begin(session, renewal, moves);
    return true;
}

bool renew_begin(struct session *session, struct prepared *prepared, struct ruling *ruling)
{
    if (ruling->name.at)
        return begin_named(session, ruling, false);
    /* a statement that is prepared anew has none of the long data */
    return prepared && !prepared->has_chunks && begin_prepared(session, prepared, ruling);
}

/* --- before a later command --- */

/* One that asks, and must be prepared again; not one whose cursor is open, which would be closed.
 */
static bool is_due(const struct prepared *prepared, const struct sql_moved *moved)
{
    const struct text text = {prepared->text, prepared->text_length};

    if (prepared->cut || prepared->has_chunks || prepared->cursor ||
        (prepared->parameters > 0 && prepared->executed && !prepared->has_types))
        return false;
    const uint64_t print = judge_print(moved, prepared);
    return print != 0 && prepared->print != print && prepared->stays != print &&
           sql_asks_back(text, &prepared->state);
}

static struct prepared *next_due(const struct session *session, const struct sql_moved *moved)
{
    const struct prepared_table *table = &session->belief.prepared;

    for (uint32_t i = 0; i < table->size; i++) {
        if (table->slots[i] && is_due(table->slots[i], moved))
            return table->slots[i];
    }
    return NULL;
}

static void renew_named(struct session *session, struct ruling *ruling)
{
    const struct renewal_due due = *session->unrenewed;

    free(session->unrenewed);
    session->unrenewed = NULL;
    if (due.places != sql_moved_places(ruling->moved))
        return;
    ruling->name = (struct text){due.name, due.length};
    ruling->print = due.print;
    begin_named(session, ruling, true);
}

bool renew_due(struct session *session, struct ruling *ruling)
{
    const uint64_t places = ruling->moved ? sql_moved_places(ruling->moved) : 0;

    if (!ruling->moved || (session->inside.renewed && session->inside.renewed_for == places) ||
        judge_asks_back(&session->belief, ruling))
        return false;
    struct prepared *prepared = next_due(session, ruling->moved);
    if (prepared) {
        ruling->print = prepared->stays = judge_print(ruling->moved, prepared);
        prepare_anew(session, prepared, ruling);
        return true;
    }
    if (session->unrenewed) {
        renew_named(session, ruling);
        return true;
    }
    session->inside.renewed = true;
    session->inside.renewed_for = places;
    return false;
}

/* --- the answers --- */

static void close_statement(struct session *session, uint32_t id)
{
    uint8_t packet[PACKET_HEADER + 5] = {5, 0, 0, 0, COMMAND_STMT_CLOSE};

    bytes_put4(packet + PACKET_HEADER + 1, id);
    stream_turn(&session->upstream.stream);
    gate_insert(&session->client.gate, &session->worker->pool, packet, sizeof(packet));
}

static void renew_free(struct session *session)
{
    free(session->renewal);
    session->renewal = NULL;
}

static enum step finish(struct session *session)
{
    struct renewal *renewal = session->renewal;
    struct prepared *prepared =
        renewal->hash ? NULL : prepared_find(&session->belief.prepared, renewal->id);

    session->worker->counters.renewed += renewal->hash && renewal->prepared;
    if (prepared && renewal->prepared && prepared->parameters == renewal->parameters) {
        close_statement(session, prepared->upstream_id);
        prepared->upstream_id = renewal->statement;
        prepared->print = renewal->print;
        prepared->stays = 0;
        prepared->bound = false;
        session->worker->counters.renewed++;
    } else if (renewal->prepared && !renewal->hash) {
        close_statement(session, renewal->statement);
    }
    renew_free(session);
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
    case RENEWAL_ENTER:
        if (failed)
            return finish(session);
        renewal->step = RENEWAL_PREPARE;
        break;
    case RENEWAL_PREPARE:
        renewal->prepared |= renewal->hash && !failed;
        renewal->step = renewal->hash && failed ? RENEWAL_RESTORE : RENEWAL_BACK;
        break;
    case RENEWAL_RESTORE:
    case RENEWAL_LOOK:
        renewal->step = RENEWAL_BACK;
        break;
    case RENEWAL_BACK:
        if (failed && !renewal->enters) /* otherwise the client would be in another database */
            return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
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

void renew_forget(struct session *session)
{
    renew_free(session);
    free(session->unrenewed);
    session->unrenewed = NULL;
}
