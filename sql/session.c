/* What a session's statements leave behind for later ones: temporary tables, user variables that
 * hold a literal, statements of SQL's PREPARE. Called by whoever judges a session's commands, and
 * asked by the analysis.
 *
 * One rule decides every doubt here: to forget is strict, to remember is a risk. A temporary table
 * that is forgotten is judged as the real one of its name; a variable or statement that is
 * forgotten makes what is built on it undetermined. So names that the servers may take for
 * another's (accents and trailing blanks do not count in MySQL's variables) are never remembered
 * and, when written to, clear everything of their sort.
 */
#include "sql/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "sql/session_internal.h"

enum sort { TEMPORARY_TABLE, VARIABLE, STATEMENT };
enum { ADDING = SQL_ACTION_SET_VARIABLE | SQL_ACTION_PREPARE | SQL_ACTION_CREATE_TEMPORARY };

struct entry {
    enum sort sort;
    bool pending; /* its command has not been answered yet */
    size_t bytes; /* that it counts for */
    struct text name, value;
    struct sql_facts *facts; /* of a STATEMENT; its own */
    char texts[];
};

struct sql_session {
    size_t bytes;
    unsigned count;
    /* Both from the oldest to the newest. The hashes stand apart so that a look-up that finds
     * nothing, which is what most are, reads one run of memory. */
    uint32_t hashes[SQL_SESSION_ENTRIES];
    struct entry *entries[SQL_SESSION_ENTRIES];
};

/* Variables and statements compare without case; of tables, the analysis has folded the case
 * already where the server does. */
static uint32_t hash(enum sort sort, struct text name)
{
    return (uint32_t)text_hash(name, sort, sort != TEMPORARY_TABLE);
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

static bool is_named(const struct entry *entry, enum sort sort, struct text name,
                     struct text schema)
{
    if (entry->sort != sort)
        return false;
    if (sort != TEMPORARY_TABLE)
        return text_equal_fold(entry->name, name);
    return text_equal(entry->name, name) && text_equal(entry->value, schema);
}

static const struct entry *find(const struct sql_session *session, enum sort sort, struct text name,
                                struct text schema)
{
    if (!session)
        return NULL;
    uint32_t wanted = hash(sort, name);
    for (unsigned i = session->count; i-- > 0;) {
        if (session->hashes[i] == wanted && is_named(session->entries[i], sort, name, schema))
            return session->entries[i];
    }
    return NULL;
}

bool sql_session_has_table(const struct sql_session *session, struct text schema, struct text name)
{
    return schema.at && find(session, TEMPORARY_TABLE, name, schema);
}

struct text sql_session_variable(const struct sql_session *session, struct text name)
{
    const struct entry *entry = find(session, VARIABLE, name, (struct text){NULL, 0});

    return entry ? entry->value : (struct text){NULL, 0};
}

const struct sql_facts *sql_session_statement(const struct sql_session *session, struct text name)
{
    const struct entry *entry = find(session, STATEMENT, name, (struct text){NULL, 0});

    return entry ? entry->facts : NULL;
}

static void forget_at(struct sql_session *session, unsigned index)
{
    struct entry *entry = session->entries[index];
    size_t behind = session->count - index - 1;

    session->bytes -= entry->bytes;
    session->count--;
    memmove(&session->entries[index], &session->entries[index + 1],
            behind * sizeof(session->entries[0]));
    memmove(&session->hashes[index], &session->hashes[index + 1],
            behind * sizeof(session->hashes[0]));
    free(entry->facts);
    free(entry);
}

static void forget_sort(struct sql_session *session, enum sort sort)
{
    for (unsigned i = session ? session->count : 0; i-- > 0;) {
        if (session->entries[i]->sort == sort)
            forget_at(session, i);
    }
}

static void forget_all(struct sql_session *session)
{
    while (session && session->count > 0)
        forget_at(session, session->count - 1);
}

/* A variable or statement of that name; every one of them where the name may also mean another. */
static void forget_name(struct sql_session *session, enum sort sort, struct text name)
{
    if (!is_plain(name)) {
        forget_sort(session, sort);
        return;
    }
    for (unsigned i = session ? session->count : 0; i-- > 0;) {
        if (is_named(session->entries[i], sort, name, (struct text){NULL, 0}))
            forget_at(session, i);
    }
}

static void forget_table(struct sql_session *session, struct text schema, struct text name)
{
    for (unsigned i = session ? session->count : 0; i-- > 0;) {
        if (is_named(session->entries[i], TEMPORARY_TABLE, name, schema))
            forget_at(session, i);
    }
}

static void forget_defined_tables(struct sql_session *session, const struct sql_facts *facts)
{
    for (uint32_t i = 0; session && i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_TABLE && object->access & SQL_DEFINE)
            forget_table(session, object->schema, object->name);
    }
}

static size_t facts_bytes(const struct sql_facts *facts)
{
    size_t bytes = offsetof(struct sql_facts, objects);

    for (uint32_t i = 0; i < facts->object_count; i++)
        bytes += sizeof(facts->objects[0]) + facts->objects[i].schema.length +
                 facts->objects[i].name.length;
    return bytes;
}

/* A pending entry, in no session yet; NULL for what does not fit even alone. */
static struct entry *entry_new(enum sort sort, struct text name, struct text value,
                               const struct sql_facts *facts)
{
    size_t bytes = sizeof(struct entry) + name.length + value.length;

    bytes += facts ? facts_bytes(facts) : 0;
    if (bytes > SQL_SESSION_BYTES)
        return NULL;
    struct entry *entry = memory_take(sizeof(*entry) + name.length + value.length);
    *entry = (struct entry){.sort = sort, .pending = true, .bytes = bytes};
    if (name.length)
        memcpy(entry->texts, name.at, name.length);
    if (value.length)
        memcpy(entry->texts + name.length, value.at, value.length);
    entry->name = (struct text){entry->texts, name.length};
    entry->value = (struct text){entry->texts + name.length, value.length};
    if (facts) {
        entry->facts = sql_facts_keep(facts);
        entry->facts->session.action = 0;
    }
    return entry;
}

static void remember(struct sql_session **session, struct entry *entry)
{
    if (!entry)
        return;
    if (!*session)
        *session = memory_take_zeroed(sizeof(**session));
    struct sql_session *to = *session;
    while (to->count == SQL_SESSION_ENTRIES || to->bytes + entry->bytes > SQL_SESSION_BYTES)
        forget_at(to, 0);
    to->bytes += entry->bytes;
    to->hashes[to->count] = hash(entry->sort, entry->name);
    to->entries[to->count++] = entry;
}

/* May code run inside the server at this statement whose text silogate does not see here: a routine
 * that it names, a trigger of a table that it writes to, a function in a view that it reads? */
static bool runs_stored_code(const struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_ROUTINE && object->access & SQL_EXECUTE)
            return true;
        if (object->type == SQL_TABLE && object->access & (SQL_READ | SQL_WRITE) &&
            !object->session_only)
            return true;
    }
    return false;
}

static bool has_sort(const struct sql_session *session, enum sort sort)
{
    for (unsigned i = 0; i < session->count; i++) {
        if (session->entries[i]->sort == sort)
            return true;
    }
    return false;
}

bool sql_session_disturbed(const struct sql_session *session, const struct sql_facts *facts)
{
    if (!session || session->count == 0)
        return false;
    if (!facts->determined)
        return true;
    return has_sort(session, VARIABLE) && runs_stored_code(facts);
}

/* An undetermined statement may be anything. Stored code was judged by its text when it was
 * created, what it drops as if it were no temporary table; but `SET @v` in it touches
 * nothing of anybody's, and would put words of its choice where we believe to know a literal. */
static void forget_disturbed(struct sql_session *session, const struct sql_facts *facts)
{
    if (!facts->determined)
        forget_all(session);
    else if (runs_stored_code(facts))
        forget_sort(session, VARIABLE);
}

/* What the statement adds: at most one entry, since no statement does two of these things. */
static struct entry *addition(const struct sql_facts *facts)
{
    struct text name = facts->session.name, value = facts->session.value;
    const struct sql_facts *inner = facts->session.facts;

    if (!facts->determined || facts->session.action & SQL_ACTION_FORGET_ALL)
        return NULL;
    switch (facts->session.action & ADDING) {
    case SQL_ACTION_SET_VARIABLE:
        if (!value.at || !is_plain(name) || facts->session.action & SQL_ACTION_FORGET_VARIABLES)
            return NULL;
        return entry_new(VARIABLE, name, value, NULL);
    case SQL_ACTION_PREPARE:
        return inner && inner->determined && is_plain(name)
                   ? entry_new(STATEMENT, name, (struct text){NULL, 0}, inner)
                   : NULL;
    case SQL_ACTION_CREATE_TEMPORARY:
        return value.at ? entry_new(TEMPORARY_TABLE, name, value, NULL) : NULL;
    default:
        return NULL;
    }
}

void sql_session_apply(struct sql_session **session, const struct sql_facts *facts)
{
    struct text name = facts->session.name;
    unsigned action = facts->session.action;
    /* Copied before anything is forgotten: the facts may point into what will be. */
    struct entry *added = addition(facts);

    forget_disturbed(*session, facts);
    if (action & SQL_ACTION_FORGET_ALL)
        forget_all(*session);
    if (action & SQL_ACTION_FORGET_VARIABLES)
        forget_sort(*session, VARIABLE);
    if (action & SQL_ACTION_DROP_TABLES)
        forget_defined_tables(*session, facts);
    /* MariaDB's CREATE OR REPLACE drops the old table also where it then fails. */
    if (action & SQL_ACTION_CREATE_TEMPORARY)
        forget_table(*session, facts->session.value, name);
    if (action & SQL_ACTION_SET_VARIABLE)
        forget_name(*session, VARIABLE, name);
    if (action & (SQL_ACTION_PREPARE | SQL_ACTION_DEALLOCATE))
        forget_name(*session, STATEMENT, name);
    remember(session, added);
}

void sql_session_renew(const struct sql_session *session, struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        struct sql_object *object = &facts->objects[i];
        if (object->session_only)
            object->session_only = sql_session_has_table(session, object->schema, object->name);
    }
}

void sql_session_settle(struct sql_session *session, bool kept)
{
    for (unsigned i = session ? session->count : 0; i-- > 0;) {
        if (!session->entries[i]->pending)
            continue;
        if (kept)
            session->entries[i]->pending = false;
        else
            forget_at(session, i);
    }
}

void sql_session_free(struct sql_session **session)
{
    forget_all(*session);
    free(*session);
    *session = NULL;
}
