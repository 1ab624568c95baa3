/* See proxy/renew.h and, for what is sent, proxy/renewal.h. A statement is prepared again only in
 * the sql_mode of its PREPARE, where the server would read it in that (MariaDB). Servers look up
 * what a session may do there when it is entered, and keep that: rights that were granted for the
 * moved tables since would not count. MySQL keeps those of active roles too, and looks them up at
 * the next statement, but not at COM_INIT_DB: so a statement is sent before it (see
 * proxy/renewal.c).
 *
 * All of these empty the list of warnings or add to it, and all but a COM_STMT_PREPARE that the
 * server accepts and COM_STMT_CLOSE set ROW_COUNT() (tried on both servers; none sets
 * FOUND_ROWS()). So they are sent before a command that sets both anew itself and does not ask for
 * them. Otherwise what the command needs is done before a later one.
 */
#include "proxy/renew.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "judge/judge.h"
#include "proxy/again.h"
#include "proxy/command.h"
#include "proxy/execution.h"
#include "proxy/literal.h"
#include "proxy/moving.h"
#include "proxy/renewal.h"
#include "proxy/worker.h"
#include "sql/asks.h"

enum { NOT_LOCKED = 1100 };
enum { NAME_MOST = 64 }; /* of a statement of SQL's PREPARE, in bytes; others stay as they are */

/* --- preparing again --- */

static bool cannot(struct ruling *ruling, const char *why)
{
    ruling->unmapped = why;
    ruling->unmapped_of |= ruling->touched;
    return false;
}

/* Was it prepared in the current database, or in one that can be entered and left again? */
static bool can_enter(const struct session *session, const struct sql_state *there, bool *moves)
{
    const struct sql_state *here = &session->belief.state;
    struct text to = sql_state_database(there), from = sql_state_database(here);

    *moves = to.at && !(from.at && text_equal(to, from));
    return !there->database_unknown && (!*moves || (from.at && !here->database_unknown));
}

/* Has the client nothing to ask for after this command that was before it? After an error for which
 * only silogate is to blame there is nothing either. */
static bool sets_anew(const struct session *session, const struct ruling *ruling)
{
    return session->inside.missed || judge_sets_anew(&session->belief, ruling);
}

bool renew_database(struct session *session, const struct ruling *ruling)
{
    if (!moving_outdates_rights(session, ruling) || !sets_anew(session, ruling))
        return false;
    moving_rights_read(session);
    struct renewal *renewal = memory_take_zeroed(sizeof(*renewal));
    renewal->enters = renewal->moves = true;
    renewal_begin(session, renewal, true);
    return true;
}

/* Would it be read in another sql_mode than the server would read it in behind DDL? MySQL takes the
 * present one, MariaDB that of the PREPARE; both take the present character sets, collations and
 * old_mode. `mode`: belief_mode at its PREPARE. */
static bool reads_otherwise(const struct belief *belief, uint64_t mode)
{
    return belief->state.dialect == SQL_MARIADB && belief_mode(belief) != mode;
}

static const char other_mode[] = "a prepared statement of another sql_mode";

/* True: it is done, or the server is asked first. */
static bool prepare_anew(struct session *session, struct prepared *prepared, struct ruling *ruling)
{
    const struct belief *belief = &session->belief;
    bool moves;
    const char *why;

    if (prepared->columns > 0 && session->capabilities & CAPABILITY_MARIADB_CACHE_METADATA)
        return cannot(ruling, "a prepared statement whose columns are told only once");
    if (reads_otherwise(belief, prepared->mode))
        return cannot(ruling, other_mode);
    if (!can_enter(session, &prepared->state, &moves))
        return cannot(ruling, "a prepared statement of a database that cannot be entered again");
    if (!belief_knows_reading(belief)) {
        if (belief->asked)
            return cannot(ruling, "a prepared statement in a character set that is not known");
        command_ask(session);
        return true;
    }
    if (!judge_renew(belief, prepared, ruling, &why)) {
        if (belief->state.charset == prepared->state.charset &&
            belief->state.mode == prepared->state.mode) /* else it may be read later */
            prepared->stays = ruling->print;
        return cannot(ruling, why);
    }
    const struct text text = {prepared->text, prepared->text_length};
    size_t most = text.length + (size_t)ruling->edits.count * SQL_EDIT_SIZE;
    if (most + 1 >= PACKET_MAX || most + 1 >= sql_moved_most(ruling->moved))
        return cannot(ruling, "a prepared statement that is too long to be prepared anew");
    struct renewal *renewal = memory_take(sizeof(*renewal) + most);
    *renewal =
        (struct renewal){.id = prepared->id, .print = ruling->print, .there = prepared->state};
    renewal->length = sql_map_write(text, &ruling->edits, renewal->text);
    renewal_begin(session, renewal, moves);
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

/* Its long data come, so that it cannot be prepared again at its execution. It is done now where
 * the client could only see it if it asked before that execution, and the server refused it. */
static bool before_long_data(const struct session *session, const struct prepared *prepared)
{
    bool moves;

    const struct moving_inside *inside = &session->inside;
    const bool warned = inside->warned || (inside->warned_by && inside->warned_by != prepared->id);

    return !prepared->cursor && belief_knows_reading(&session->belief) &&
           (inside->missed || (!warned && can_enter(session, &prepared->state, &moves) && !moves));
}

static bool begin_prepared(struct session *session, struct prepared *prepared,
                           struct ruling *ruling)
{
    const struct text text = {prepared->text, prepared->text_length};

    if (!execution_can_bind(session, prepared))
        return cannot(ruling, "a prepared statement whose parameters' types are not known");
    if (!session->inside.missed && must_wait(session, text, &prepared->state, ruling))
        return false;
    if (!execution_is_one(session) && !before_long_data(session, prepared)) {
        session->inside.renewed = false;
        return false;
    }
    return prepare_anew(session, prepared, ruling);
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
    if (!at_once && !session->inside.missed && must_wait(session, text, &belief->state, ruling)) {
        note_due(session, ruling);
        return false;
    }
    if (!belief_knows_reading(belief) &&
        !belief->asked) { /* which also is sent before a command that asks nothing */
        command_ask(session);
        return true;
    }
    memcpy(kept, name.at, name.length); /* because judging overwrites it */
    sql_state_set_database(&there, database);
    if (reads_otherwise(belief, sql_session_prepared_in(belief->remembered, name)))
        return cannot(ruling, other_mode);
    if (!literal_can_be(&belief->state, text) || !can_enter(session, &there, &moves))
        return cannot(ruling, why);
    if (!judge_renew_text(belief, text, &there, ruling, &why))
        return cannot(ruling, why);
    if (ruling->edits.count > 64)
        return cannot(ruling, "more names than can be mapped");
    const size_t length = sql_map_write(text, &ruling->edits, mapped);
    struct renewal *renewal = memory_take(sizeof(*renewal) + 2 * (2 * length + text.length) +
                                          3 * (size_t)(LITERAL_BESIDE + 2 * NAME_MOST));
    *renewal =
        (struct renewal){.hash = hash, .print = ruling->print, .late = at_once, .there = there};
    const struct text known = {kept, name.length};
    renewal->length =
        literal_prepare(renewal->text, known, (struct text){mapped, length}, backslashes);
    renewal->restoring = literal_prepare(renewal->text + renewal->length, known, text, backslashes);
    renewal->trying = literal_prepare(renewal->text + renewal->length + renewal->restoring,
                                      TEXT(TRIED), (struct text){mapped, length}, backslashes);
    renewal_begin(session, renewal, moves);
    return true;
}

bool renew_begin(struct session *session, struct prepared *prepared, struct ruling *ruling)
{
    if (session->inside.tried) { /* for this command; at its next execution it is tried again */
        session->inside.tried = false;
        return cannot(ruling, "a prepared statement that the server did not prepare anew");
    }
    if (ruling->name.at)
        return begin_named(session, ruling, false);
    if (prepared && prepared->has_chunks) /* the new one would have none of them */
        return cannot(ruling, "a prepared statement with long data");
    return prepared && begin_prepared(session, prepared, ruling);
}

/* Has a statement failed because its tables are elsewhere? LOCK TABLES has locked them there. */
static bool has_missed(const struct request *request)
{
    const uint16_t code = request->answer.error_code;

    return request->stale && request->failed && (again_is_miss(code) || code == NOT_LOCKED);
}

void renew_answered(struct session *session)
{
    const struct request *request = &session->request;
    struct moving_inside *inside = &session->inside;

    if (request->failed || (request->executes && request->answer.warned)) {
        inside->warned = true;
    } else if (request->anew) {
        inside->warned = false;
        inside->warned_by = 0;
    } else if (request->command == COMMAND_STMT_PREPARE && request->answer.warned) {
        inside->warned |= inside->warned_by != 0;
        inside->warned_by = request->answer.statement; /* it would say the same again */
    }
    if (request->executes)
        inside->missed = has_missed(request);
}

/* --- before a later command --- */

/* May it have to be executed as it is? If it asks; or by long data, before which it can be prepared
 * again only in the current database. */
static bool may_wait(const struct session *session, const struct prepared *prepared)
{
    const struct text text = {prepared->text, prepared->text_length};
    bool moves;

    return prepared->chunked || sql_asks_back(text, &prepared->state) ||
           (prepared->parameters > 0 && can_enter(session, &prepared->state, &moves) && moves);
}

/* Such a one, which must be prepared again; not one whose cursor is open, which would be closed. */
static bool is_due(const struct session *session, const struct prepared *prepared,
                   const struct sql_moved *moved)
{
    if (prepared->cut || prepared->has_chunks || prepared->cursor ||
        (prepared->parameters > 0 && prepared->executed && !prepared->has_types))
        return false;
    const uint64_t print = judge_print(moved, prepared);
    return print != 0 && prepared->print != print && prepared->stays != print &&
           may_wait(session, prepared);
}

static struct prepared *next_due(const struct session *session, const struct sql_moved *moved)
{
    const struct prepared_table *table = &session->belief.prepared;

    for (uint32_t i = 0; i < table->size; i++) {
        if (table->slots[i] && is_due(session, table->slots[i], moved))
            return table->slots[i];
    }
    return NULL;
}

static void renew_named(struct session *session, struct ruling *ruling)
{
    const struct renewal_due due = *session->unrenewed;

    if (due.places == sql_moved_places(ruling->moved)) {
        ruling->name = (struct text){due.name, due.length};
        ruling->print = due.print;
        begin_named(session, ruling, true);
        if (session->state == STATE_ASK)
            return; /* then again */
    }
    free(session->unrenewed);
    session->unrenewed = NULL;
}

bool renew_due(struct session *session, struct ruling *ruling)
{
    const uint64_t places = ruling->moved ? sql_moved_places(ruling->moved) : 0;

    if (!ruling->moved || (session->inside.renewed && session->inside.renewed_for == places) ||
        !sets_anew(session, ruling))
        return false;
    struct prepared *prepared = next_due(session, ruling->moved);
    if (prepared) {
        ruling->print = judge_print(ruling->moved, prepared);
        if (!prepare_anew(session, prepared, ruling))
            renewal_none(session, places);
        else if (session->renewal)
            session->renewal->late = true;
        return true;
    }
    if (session->unrenewed) {
        renew_named(session, ruling);
        return true;
    }
    renewal_none(session, places);
    return false;
}

void renew_forget(struct session *session)
{
    renewal_free(session);
    free(session->unrenewed);
    session->unrenewed = NULL;
}
