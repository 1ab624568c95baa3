/* An error that says that a table is not at its place: did the statement get it while the server
 * opened the tables that it names? Then it has done nothing. If the error came out of a trigger or
 * a function, that may have written before, to a table that no rollback reaches.
 */
#include "judge/judging.h"

bool early_defines(const struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (facts->objects[i].access & SQL_DEFINE && !facts->objects[i].session_only)
            return true;
    }
    return false;
}

static bool same(const struct sql_moved *moved, const char *at, struct text name)
{
    const struct text there = {at, name.length};

    return sql_moved_folds(moved) ? text_equal_fold(there, name) : text_equal(there, name);
}

/* Does the message have 'schema.name', as servers write it? */
static bool quotes(const struct sql_moved *moved, struct text message, struct text schema,
                   struct text name)
{
    const size_t length = schema.length + name.length + 3;

    for (size_t i = 0; message.length >= length && i <= message.length - length; i++) {
        const char *at = message.at + i;
        if (at[0] == '\'' && at[schema.length + 1] == '.' && at[length - 1] == '\'' &&
            same(moved, at + 1, schema) && same(moved, at + schema.length + 2, name))
            return true;
    }
    return false;
}

/* The server opens the tables that a statement names before those of triggers and functions. So if
 * one of its own is missing, nothing has run yet. */
static bool names_it(const struct sql_moved *moved, const struct sql_facts *facts,
                     struct text message,
                     bool (*is_of_move)(const struct sql_moved *, struct text, struct text))
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type != SQL_TABLE || object->session_only ||
            !is_of_move(moved, object->schema, object->name))
            continue;
        const struct text sent = sql_moved_stands(moved, SQL_TABLE, object->schema, object->name);
        if (quotes(moved, message, sent.at ? sent : object->schema, object->name))
            return true;
    }
    return false;
}

/* Does it only read moved tables? Their aliases call nothing. */
static bool runs_nothing(const struct sql_moved *moved, const struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type != SQL_TABLE || object->access != SQL_READ ||
            (!object->session_only && !sql_moved_has(moved, object->schema, object->name)))
            return false;
    }
    return true;
}

bool early_is(const struct sql_moved *moved, const struct sql_facts *facts,
              const struct server_error *error)
{
    if (!facts->determined)
        return false;
    switch (error->code) {
    case 1146: /* no such table */
    case 1347: /* not a table but a view: the alias */
    case 1356: /* a view whose table has changed */
        return names_it(moved, facts, error->message, sql_moved_has);
    case 1176: /* no such key: a view has none; the message does not name the schema */
        return runs_nothing(moved, facts);
    case 1824: /* REFERENCES: no such table, or a view (MySQL) */
    case 1005: /* the same on MariaDB */
        return early_defines(facts);
    default:
        return false;
    }
}

bool early_is_unknown(const struct sql_moved *moved, const struct sql_facts *facts,
                      const struct server_error *error)
{
    return facts->determined && error->code == 1146 &&
           names_it(moved, facts, error->message, sql_moved_expects);
}
