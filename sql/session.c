/* What is remembered of a session's earlier statements: temporary tables, user variables that hold
 * a literal, statements of SQL's PREPARE, open handlers, XA transactions. Called by the code that
 * judges a session's commands, and by the analysis.
 *
 * One rule holds in every doubt: forgetting is safe, remembering is a risk. A temporary table that
 * is forgotten is judged as the real table of its name. If a variable or prepared statement is
 * forgotten, a statement that uses it is undetermined. The servers may take one name for another
 * (MySQL ignores accents and trailing blanks in the names of variables). Such names are never
 * remembered; a statement that writes to one clears all entries of this sort. The base tables of a
 * temporary MERGE table are the exception, because the table can be read under another name: they
 * are remembered until the table is certainly dropped.
 *
 * The entries of earlier commands are in a table that belongs to the session (session_table.c). The
 * statements of one command make a chain of steps, from the last step to the first, whose end is
 * the table. A look-up follows the chain until a step adds or forgets the entry. This file has the
 * steps: they are in the caller's arena and do not change the table.
 */
#include "sql/session.h"

#include <string.h>

#include "base/arena.h"
#include "sql/session_internal.h"
#include "sql/session_table.h"

enum {
    ADDING = SQL_ACTION_SET_VARIABLE | SQL_ACTION_PREPARE | SQL_ACTION_CREATE_TEMPORARY |
             SQL_ACTION_OPEN_HANDLER | SQL_ACTION_XA,
    /* Sorts that a called procedure may change. It cannot open a handler, nor start an XA
     * transaction without being seen. */
    CALLED_SORTS = 1 << TEMPORARY_TABLE | 1 << VARIABLE | 1 << STATEMENT,
};

/* Effects that change what bytes between quotes mean. Both servers undo such a change at the end of
 * stored code. */
enum { CONNECTION = SQL_EFFECT_CHARSET | SQL_EFFECT_LOSSY | SQL_EFFECT_UNKNOWN };

static const struct text none = {NULL, 0};

/* --- look-ups --- */

static enum sort transaction_sort(struct text xid)
{
    return memchr(xid.at, '\'', xid.length) || memchr(xid.at, '"', xid.length) ? QUOTED_TRANSACTION
                                                                               : TRANSACTION;
}

static bool is_plain(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = text_lower(name.at[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c == '.'))
            return false;
    }
    return name.length > 0;
}

static const struct entry *find(const struct sql_session *session, enum sort sort, struct text name,
                                struct text schema)
{
    for (; session && session->has & 1 << sort; session = session->before) {
        if (session->is_table)
            return session_table_find((const struct session_table *)session, sort, name, schema);
        if (session->clears & 1 << sort)
            return NULL;
        if (session->names && session_entry_is(&session->entry, sort, name, schema))
            return session->adds ? &session->entry : NULL;
    }
    return NULL;
}

bool sql_session_has_temporary(const struct sql_session *session)
{
    return session && session->has & 1 << TEMPORARY_TABLE;
}

bool sql_session_has_xa(const struct sql_session *session)
{
    return session && session->has & TRANSACTIONS;
}

bool sql_session_has_table(const struct sql_session *session, struct text schema, struct text name)
{
    return schema.at && find(session, TEMPORARY_TABLE, name, schema);
}

struct text sql_session_variable(const struct sql_session *session, struct text name)
{
    const struct entry *entry = find(session, VARIABLE, name, none);

    return entry ? entry->value : none;
}

static const struct sql_facts *facts_of(const struct entry *entry)
{
    return entry ? entry->facts : NULL;
}

const struct sql_facts *sql_session_statement(const struct sql_session *session, struct text name)
{
    return facts_of(find(session, STATEMENT, name, none));
}

const struct sql_facts *sql_session_united(const struct sql_session *session, struct text schema,
                                           struct text name)
{
    return facts_of(find(session, TEMPORARY_TABLE, name, schema));
}

void sql_session_own_likeness(struct sql_facts *facts)
{
    if (facts->likeness)
        facts->session.facts = NULL;
}

const struct sql_facts *sql_session_union(const struct sql_session *session, unsigned *next)
{
    while (session && !session->is_table)
        session = session->before;
    return session ? session_table_union((const struct session_table *)session, next) : NULL;
}

const struct sql_facts *sql_session_handler(const struct sql_session *session, struct text name)
{
    return facts_of(find(session, OPEN_HANDLER, name, none));
}

bool sql_session_started(const struct sql_session *session, struct text xid)
{
    return find(session, transaction_sort(xid), xid, none);
}

/* --- steps --- */

static struct sql_session *step_over(const struct sql_session *before, struct arena *arena)
{
    struct sql_session *step = arena_take(arena, sizeof(*step));

    step->before = before;
    if (before) {
        step->steps = before->is_table ? 0 : before->steps;
        step->bytes = before->is_table ? 0 : before->bytes;
        step->has = before->has;
    }
    step->steps++;
    return step;
}

static const struct sql_session *clear(const struct sql_session *before, unsigned sorts,
                                       struct arena *arena)
{
    if (!before || !(before->has & sorts))
        return before;
    struct sql_session *step = step_over(before, arena);
    step->clears = (uint8_t)sorts;
    step->has = (uint8_t)(before->has & ~sorts);
    return step;
}

static struct sql_session *name_step(const struct sql_session *before, enum sort sort,
                                     struct text name, struct text schema, struct arena *arena)
{
    struct sql_session *step = step_over(before, arena);

    step->names = true;
    step->entry = (struct entry){.sort = sort};
    step->entry.name = arena_text(arena, name);
    step->entry.value = schema.at ? arena_text(arena, schema) : schema;
    return step;
}

/* Forgets the entry of this name, or all of this sort if the name may also mean another one. */
static const struct sql_session *forget(const struct sql_session *before, enum sort sort,
                                        struct text name, struct text schema, struct arena *arena)
{
    if (sort != TEMPORARY_TABLE && !is_transaction(sort) && !is_plain(name))
        return clear(before, 1u << sort, arena);
    if (!find(before, sort, name, schema))
        return before;
    return name_step(before, sort, name, schema, arena);
}

/* `drops`: the table is dropped; else it is renamed. */
static const struct sql_session *forget_table(const struct sql_session *before,
                                              const struct sql_object *table, bool drops,
                                              struct arena *arena)
{
    if (!find(before, TEMPORARY_TABLE, table->name, table->schema) &&
        !find(before, UNITED, table->name, table->schema))
        return before;
    struct sql_session *step =
        name_step(before, TEMPORARY_TABLE, table->name, table->schema, arena);
    step->drops = drops;
    step->renames = !drops;
    return step;
}

/* Call it where code may have renamed temporary tables, or made a likeness of one. */
static const struct sql_session *unname_unions(const struct sql_session *before,
                                               struct arena *arena)
{
    if (!before || !(before->has & 1 << UNITED))
        return before;
    struct sql_session *step = step_over(before, arena);
    step->unnames = true;
    return step;
}

const struct sql_session *sql_session_lost(const struct sql_session *before, struct arena *arena)
{
    return unname_unions(clear(before, ALL_SORTS, arena), arena);
}

static const struct sql_session *forget_defined_tables(const struct sql_session *before,
                                                       const struct sql_facts *facts,
                                                       struct arena *arena)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_TABLE && object->access & SQL_DEFINE)
            before = forget_table(before, object, facts->kind == SQL_DROP_TABLE, arena);
    }
    return before;
}

static const struct sql_session *add(const struct sql_session *before, enum sort sort,
                                     struct text name, struct text value,
                                     const struct sql_facts *facts, struct arena *arena)
{
    size_t bytes = sizeof(struct entry) + name.length + value.length;

    bytes += facts ? sql_facts_bytes(facts) : 0;
    if (bytes > SQL_SESSION_BYTES && !is_union(sort, facts))
        return before;
    struct sql_session *step = step_over(before, arena);
    step->names = step->adds = true;
    step->has |= (uint8_t)(1u << sort | (is_union(sort, facts) ? 1u << UNITED : 0));
    step->bytes += bytes;
    step->entry = (struct entry){.sort = sort, .bytes = bytes};
    step->entry.name = arena_text(arena, name);
    step->entry.value = value.at ? arena_text(arena, value) : value;
    if (facts) {
        struct sql_facts *kept = sql_facts_put(facts, arena_take(arena, sql_facts_bytes(facts)));
        kept->session.action = 0; /* the action belongs to the PREPARE */
        step->entry.facts = kept;
    }
    return step;
}

/* May it have made a likeness of a temporary MERGE table, which stays when that one is dropped? A
 * trigger, a view's function or a prepared text may say LIKE, and the name there was judged when it
 * was another table's. A table that is taken for a temporary one counts too: a function may have
 * dropped that, and a cursor over it lives longer than it. */
static bool may_make_likeness(const struct sql_session *session, const struct sql_facts *facts)
{
    if (!session || !(session->has & 1 << UNITED))
        return false;
    if (!facts->determined || facts->session.action & (SQL_ACTION_LIKENESS | SQL_ACTION_EVALUATES))
        return true;
    if (!(facts->session.action & SQL_ACTION_RUNS_CODE))
        return false;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->access & SQL_EXECUTE ||
            (object->type == SQL_TABLE && object->access & (SQL_READ | SQL_WRITE)))
            return true;
    }
    return false;
}

bool sql_session_disturbed(const struct sql_session *session, const struct sql_facts *facts)
{
    if (!session || !session->has)
        return false;
    if (!facts->determined || may_make_likeness(session, facts))
        return true;
    if (session->has & 1 << QUOTED_TRANSACTION && facts->effects & CONNECTION)
        return true;
    return session->has & 1 << VARIABLE && sql_facts_run_code(facts);
}

/* Sorts to be forgotten. An undetermined statement may change all. Stored code was judged when it
 * was created: a temporary table that it drops counted as the real one there. But a `SET @v` in it
 * passed, because it touches no object, and may replace a literal that is remembered here. */
static unsigned disturbed_sorts(const struct sql_facts *facts)
{
    if (!facts->determined)
        return ALL_SORTS;
    return (sql_facts_run_code(facts) ? 1u << VARIABLE : 0) |
           (facts->effects & CONNECTION ? 1u << QUOTED_TRANSACTION : 0);
}

bool sql_session_takes_table(const struct sql_facts *facts)
{
    const unsigned action = facts->session.action;

    return facts->determined && (action & ADDING) == SQL_ACTION_CREATE_TEMPORARY &&
           !(action & (SQL_ACTION_FORGET_ALL | SQL_ACTION_DROP_TABLES)) && facts->session.value.at;
}

/* Adds the statement's entry; no statement adds more than one. */
static const struct sql_session *add_what_it_adds(const struct sql_session *before,
                                                  const struct sql_facts *facts,
                                                  struct arena *arena)
{
    struct text name = facts->session.name, value = facts->session.value;
    const struct sql_facts *inner = facts->session.facts;

    if (!facts->determined)
        return before;
    if (facts->session.action & SQL_ACTION_FORGET_ALL)
        return facts->likeness && inner ? add(before, UNITED, none, none, inner, arena) : before;
    switch (facts->session.action & ADDING) {
    case SQL_ACTION_SET_VARIABLE:
        if (!value.at || !is_plain(name) || facts->session.action & SQL_ACTION_FORGET_VARIABLES)
            return before;
        return add(before, VARIABLE, name, value, NULL, arena);
    case SQL_ACTION_PREPARE:
        return inner && inner->determined && is_plain(name)
                   ? add(before, STATEMENT, name, none, inner, arena)
                   : before;
    case SQL_ACTION_CREATE_TEMPORARY:
        if (!value.at || facts->session.action & SQL_ACTION_DROP_TABLES)
            return inner ? add(before, UNITED, none, none, inner, arena) : before;
        return add(before, TEMPORARY_TABLE, name, value, inner, arena);
    case SQL_ACTION_OPEN_HANDLER:
        return is_plain(name) ? add(before, OPEN_HANDLER, name, none, inner, arena) : before;
    case SQL_ACTION_XA:
        return add(before, transaction_sort(name), name, none, NULL, arena);
    default:
        return before;
    }
}

static bool adds_union(const struct sql_facts *facts)
{
    const unsigned action = facts->session.action;

    return facts->determined && facts->session.facts &&
           (action & SQL_ACTION_CREATE_TEMPORARY ||
            (action & SQL_ACTION_FORGET_ALL && facts->likeness));
}

/* No more is remembered of this command, but that it makes a MERGE table. */
static const struct sql_session *after_full(const struct sql_session *before,
                                            const struct sql_facts *facts, struct arena *arena)
{
    if (before->unites || !adds_union(facts))
        return before;
    struct sql_session *step = step_over(before, arena);
    step->has |= 1 << UNITED;
    step->full = step->unites = true;
    return step;
}

static const struct sql_session *within_limits(const struct sql_session *after, struct arena *arena)
{
    if (!after || after->is_table ||
        (after->steps <= SQL_SESSION_STEPS && after->bytes <= SQL_SESSION_BYTES))
        return after;
    struct sql_session *last = step_over(after, arena);
    last->clears = ALL_SORTS;
    last->has &= 1 << UNITED;
    last->full = last->unnames = true; /* renames and likenesses are not followed behind this */
    return last;
}

const struct sql_session *sql_session_after(const struct sql_session *before,
                                            const struct sql_facts *facts, struct arena *arena)
{
    struct text name = facts->session.name;
    unsigned action = facts->session.action;

    if (before && before->full)
        return after_full(before, facts, arena);
    const struct sql_session *after = clear(before, disturbed_sorts(facts), arena);
    if (may_make_likeness(before, facts))
        after = unname_unions(after, arena);
    if (action & SQL_ACTION_FORGET_ALL)
        after = unname_unions(clear(after, CALLED_SORTS, arena), arena);
    if (action & SQL_ACTION_FORGET_TABLES)
        after = unname_unions(clear(after, 1u << TEMPORARY_TABLE, arena), arena);
    if (action & SQL_ACTION_FORGET_VARIABLES)
        after = clear(after, 1u << VARIABLE, arena);
    if (action & SQL_ACTION_DROP_TABLES)
        after = forget_defined_tables(after, facts, arena);
    /* MariaDB's CREATE OR REPLACE drops the old table even if it then fails. */
    if (action & SQL_ACTION_CREATE_TEMPORARY)
        after = forget(after, TEMPORARY_TABLE, name, facts->session.value, arena);
    if (action & SQL_ACTION_SET_VARIABLE)
        after = forget(after, VARIABLE, name, none, arena);
    if (action & (SQL_ACTION_PREPARE | SQL_ACTION_DEALLOCATE))
        after = forget(after, STATEMENT, name, none, arena);
    if (action & (SQL_ACTION_OPEN_HANDLER | SQL_ACTION_CLOSE_HANDLER))
        after = forget(after, OPEN_HANDLER, name, none, arena);
    /* A session has at most one XA transaction at a time. */
    if (action & (SQL_ACTION_XA | SQL_ACTION_XA_OVER))
        after = clear(after, TRANSACTIONS, arena);
    return within_limits(add_what_it_adds(after, facts, arena), arena);
}

void sql_session_describes(struct sql_facts *facts)
{
    facts->session.action |= SQL_ACTION_EVALUATES;
}

const struct sql_session *sql_session_described(const struct sql_session *before,
                                                const struct sql_facts *facts, struct arena *arena)
{
    if (facts->determined && !sql_facts_evaluate_early(facts))
        return before;
    return unname_unions(clear(before, 1u << VARIABLE, arena), arena);
}

void sql_session_doubt_value(struct sql_facts *facts)
{
    if (facts->session.action & SQL_ACTION_SET_VARIABLE)
        facts->session.action |= SQL_ACTION_FORGET_VARIABLES;
}

const struct sql_session *sql_session_unite(const struct sql_session *before,
                                            const struct sql_facts *facts, struct arena *arena)
{
    if (!adds_union(facts))
        return before;
    if (before && before->full)
        return after_full(before, facts, arena);
    return within_limits(add(before, UNITED, none, none, facts->session.facts, arena), arena);
}

void sql_session_apply(struct sql_session **session, const struct sql_facts *facts)
{
    struct arena arena = {0};

    sql_session_settle(session, sql_session_after(*session, facts, &arena), true, false);
    arena_fini(&arena);
}

/* Adds the table that is open under the handler's name now to the one of the time of the PREPARE.
 */
static void renew_handler(const struct sql_session *session, struct sql_facts *facts)
{
    const struct sql_facts *opened = sql_session_handler(session, facts->session.handler);
    const uint32_t room = SQL_OBJECTS - facts->object_count;

    if (!opened || opened->object_count > room) {
        facts->determined = false;
        facts->why = "HANDLER of a table that was not seen to be opened";
        return;
    }
    for (uint32_t i = 0; i < opened->object_count; i++) {
        facts->objects[facts->object_count] = opened->objects[i];
        facts->objects[facts->object_count++].access = SQL_READ;
    }
}

/* Is it the temporary table that the statement makes? */
static bool is_made(const struct sql_facts *facts, const struct sql_object *object)
{
    return facts->kind == SQL_CREATE_TABLE && facts->session.action & SQL_ACTION_CREATE_TEMPORARY &&
           object->access == SQL_DEFINE && facts->session.value.at &&
           text_equal(object->schema, facts->session.value) &&
           text_equal(object->name, facts->session.name);
}

void sql_session_renew(const struct sql_session *session, struct sql_facts *facts)
{
    bool real = false;

    if (facts->session.handler.at)
        renew_handler(session, facts);
    for (uint32_t i = 0; i < facts->object_count; i++) {
        struct sql_object *object = &facts->objects[i];
        if (!object->session_only || is_made(facts, object))
            continue;
        object->session_only = sql_session_has_table(session, object->schema, object->name);
        real |= !object->session_only;
    }
    /* ALTER with UNION now makes a MERGE table of a real table, or of a temporary one that is not
     * known. */
    if (real && facts->session.action & SQL_ACTION_CREATE_TEMPORARY &&
        facts->kind != SQL_CREATE_TABLE)
        facts->session.name = facts->session.value = none;
    /* LIKE may name a MERGE table now. */
    if (real && facts->session.action & SQL_ACTION_LIKENESS) {
        facts->likeness = true;
        facts->session.facts = facts;
    }
    if (facts->xa == SQL_XA_ENDS || facts->xa == SQL_XA_JOINS) {
        facts->xa_foreign =
            !facts->session.name.at || !sql_session_started(session, facts->session.name);
        facts->administration = facts->xa_foreign;
    }
}
