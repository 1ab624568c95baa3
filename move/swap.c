/* The switch itself. A view that takes the old name can only be made where it has something to look
 * at, so for a moment an empty table stands at the target; the view waits beside the table, and one
 * RENAME puts the table there and the view in its place. On the way back one RENAME puts the view
 * aside. Where a kill has left a placeholder or a view behind, the journal tells.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "move/mover_internal.h"

static bool has_alias(const struct mover *mover, const struct moved_table *table)
{
    if (mover->in_to)
        return mover->move->alias.value == CONFIG_ALIAS_VIEW;
    return table->at_from == STANDING_VIEW;
}

static void put_aside(FILE *to, const struct mover *mover, size_t i)
{
    char name[40];

    snprintf(name, sizeof(name), "silogate_moving_%zu", i);
    put_table(to, todo_table(mover, i)->from, text_of(name));
}

struct text swap_sql(struct mover *mover)
{
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);

    fputs("RENAME TABLE ", to);
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (i > 0)
            fputs(", ", to);
        if (!mover->in_to && has_alias(mover, table)) {
            put_table(to, table->from, table->name);
            fputs(" TO ", to);
            put_aside(to, mover, i);
            fputs(", ", to);
        }
        put_table(to, source_of(mover, table), table->name);
        fputs(" TO ", to);
        put_table(to, target_of(mover, table), table->name);
        if (mover->in_to && has_alias(mover, table)) {
            fputs(", ", to);
            put_aside(to, mover, i);
            fputs(" TO ", to);
            put_table(to, table->from, table->name);
        }
    }
    fclose(to);
    return keep_text(mover, sql, length);
}

/* --- the aliases --- */

/* All columns by name: SELECT * would leave invisible ones out. */
static bool put_columns(struct mover *mover, FILE *to, const struct moved_table *table)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME"
        " = ? ORDER BY ORDINAL_POSITION",
        PARAMETERS(P_TEXT(table->from), P_TEXT(table->name)), mover->error);
    bool first = true;

    while (rows && rows_next(rows)) {
        if (!first)
            fputs(", ", to);
        first = false;
        put_name(to, rows->cells[0]);
    }
    rows_free(rows);
    return !first;
}

static bool make_view(struct mover *mover, size_t i)
{
    const struct moved_table *table = todo_table(mover, i);
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);

    fputs("CREATE OR REPLACE VIEW ", to);
    put_aside(to, mover, i);
    fputs(" AS SELECT ", to);
    bool good = put_columns(mover, to, table);
    fputs(" FROM ", to);
    put_table(to, table->to, table->name);
    fclose(to);
    good = good && change(mover, keep_text(mover, sql, length));
    return good;
}

static struct text written(struct mover *mover, struct text schema, struct text name)
{
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    put_table(to, schema, name);
    fclose(to);
    return keep_text(mover, text, length);
}

/* While an empty table stands at the target: the rights on it, and the view that looks at it. */
static bool prepare_one(struct mover *mover, size_t i)
{
    const struct moved_table *table = todo_table(mover, i);
    const struct text source = source_of(mover, table), target = target_of(mover, table);
    const struct text placeholder = written(mover, target, table->name);
    const struct parameter *names =
        PARAMETERS(P_NAME(target), P_NAME(table->name), P_NAME(source), P_NAME(table->name));
    struct error ignored;

    if (!meeting_note(mover->connection, mover->name, mover->epoch, "placeholder", placeholder,
                      mover->error) ||
        !connection_run(mover->connection, "CREATE TABLE ?.? LIKE ?.?", names, mover->error))
        return false;
    bool good = grants_give(mover, table) &&
                (!mover->in_to || !has_alias(mover, table) || make_view(mover, i));
    return connection_run(mover->connection, "DROP TABLE ?.?", names,
                          good ? mover->error : &ignored) &&
           good &&
           meeting_note(mover->connection, mover->name, mover->epoch, "placeholder_dropped",
                        placeholder, mover->error);
}

bool places_prepare(struct mover *mover)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        bool alias = !mover->in_to && has_alias(mover, table); /* which stands there */
        if (!(alias ? grants_give(mover, table) : prepare_one(mover, i)))
            return false;
    }
    return true;
}

/* The views that wait beside the tables, or were put aside. */
bool aliases_clean(struct mover *mover)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = 'VIEW'"
        " AND TABLE_NAME LIKE 'silogate\\_moving\\_%'",
        NULL, mover->error);
    bool good = rows != NULL;

    while (good && rows_next(rows)) {
        for (size_t i = 0; i < mover->standing.table_count; i++) {
            const struct moved_table *table = &mover->standing.tables[i];
            if (table->move == mover->order->move && text_equal(table->from, rows->cells[0])) {
                good = connection_run(mover->connection, "DROP VIEW IF EXISTS ?.?",
                                      PARAMETERS(P_NAME(rows->cells[0]), P_NAME(rows->cells[1])),
                                      mover->error);
                break;
            }
        }
    }
    rows_free(rows);
    return good;
}

/* Only what the journal knows as a placeholder, what is empty, and whose table stands at the other
 * place is dropped. */
static bool drop_placeholder(struct mover *mover, const struct moved_table *table,
                             struct text schema)
{
    const struct text placeholder = written(mover, schema, table->name);
    const struct text move = text_of(mover->name);

    if (ask_number(mover,
                   "SELECT COUNT(*) FROM silogate.journal WHERE move = ? AND detail = ? AND step ="
                   " 'placeholder' AND id > IFNULL((SELECT MAX(id) FROM silogate.journal WHERE"
                   " move = ? AND detail = ? AND step = 'placeholder_dropped'), 0)",
                   PARAMETERS(P_TEXT(move), P_TEXT(placeholder), P_TEXT(move), P_TEXT(placeholder)),
                   0) == 0 ||
        ask_number(mover, "SELECT COUNT(*) FROM (SELECT 1 FROM ?.? LIMIT 1) AS one",
                   PARAMETERS(P_NAME(schema), P_NAME(table->name)), 1) > 0)
        return true;
    say(mover, "dropped, after a mover that was stopped: the empty placeholder %.*s",
        TEXT_ARGS(placeholder));
    return connection_run(mover->connection, "DROP TABLE ?.?",
                          PARAMETERS(P_NAME(schema), P_NAME(table->name)), mover->error) &&
           meeting_note(mover->connection, mover->name, mover->epoch, "placeholder_dropped",
                        placeholder, mover->error);
}

/* Where the journal has the last placeholder of the table. */
static struct text placed_last(struct mover *mover, const struct moved_table *table)
{
    const struct text to = written(mover, table->to, table->name);
    const struct text from = written(mover, table->from, table->name);
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT detail = ? FROM silogate.journal WHERE move = ? AND step = 'placeholder' AND"
        " detail IN (?, ?) ORDER BY id DESC LIMIT 1",
        PARAMETERS(P_TEXT(to), P_TEXT(text_of(mover->name)), P_TEXT(to), P_TEXT(from)),
        mover->error);
    struct text schema = {NULL, 0};

    if (rows && rows_next(rows))
        schema = rows_number(rows, 0, 0) ? table->to : table->from;
    rows_free(rows);
    return schema;
}

bool places_recover(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (table->move != mover->order->move || table->at_from != STANDING_TABLE ||
            table->at_to != STANDING_TABLE)
            continue;
        /* If the one is dropped, the other is the table. */
        const struct text schema = placed_last(mover, table);
        if (schema.at && !drop_placeholder(mover, table, schema))
            return false;
    }
    return aliases_clean(mover);
}

/* --- locks --- */

static bool is_todo(const struct mover *mover, struct text schema, struct text name)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (text_equal_fold(name, table->name) && text_equal_fold(schema, source_of(mover, table)))
            return true;
    }
    return false;
}

/* How many locks there are on the tables; `tells`: and whose. -1: that cannot be seen. One question
 * for all tables, because everybody waits meanwhile. */
static int64_t count_locks(struct mover *mover, bool tells)
{
    static const char mysql[] =
        "SELECT l.OBJECT_SCHEMA, l.OBJECT_NAME, IFNULL(t.PROCESSLIST_ID, 0),"
        " IFNULL(t.PROCESSLIST_USER, '-'), IFNULL(t.PROCESSLIST_HOST, '-') FROM"
        " performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.THREAD_ID ="
        " l.OWNER_THREAD_ID WHERE l.OBJECT_TYPE = 'TABLE' AND l.LOCK_DURATION IN ('TRANSACTION',"
        " 'EXPLICIT') AND IFNULL(t.PROCESSLIST_ID, 0) <> CONNECTION_ID()";
    static const char mariadb[] =
        "SELECT l.TABLE_SCHEMA, l.TABLE_NAME, l.THREAD_ID, IFNULL(p.USER, '-'), IFNULL(p.HOST, '-')"
        " FROM information_schema.METADATA_LOCK_INFO l LEFT JOIN information_schema.PROCESSLIST p"
        " ON p.ID = l.THREAD_ID WHERE l.THREAD_ID <> CONNECTION_ID()";
    struct rows *rows = connection_query(mover->connection,
                                         connection_is_mariadb(mover->connection) ? mariadb : mysql,
                                         NULL, mover->error);
    int64_t count = 0;

    if (!rows)
        return -1;
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (!cells[0].at || !cells[1].at || !is_todo(mover, cells[0], cells[1]))
            continue;
        count++;
        if (tells)
            say(mover, "%.*s is locked by thread %.*s of the server, user %.*s from %.*s",
                TEXT_ARGS(cells[1]), TEXT_ARGS(cells[2]), TEXT_ARGS(cells[3]), TEXT_ARGS(cells[4]));
    }
    rows_free(rows);
    return count;
}

bool wait_for_locks(struct mover *mover, int64_t until)
{
    while (count_locks(mover, false) > 0) {
        if (mover_now() >= until) {
            count_locks(mover, true);
            return false;
        }
        usleep(2000);
    }
    return true;
}

/* --- the statement --- */

/* With the shortest wait that there is, because all others queue behind it; again where nobody is
 * hurt by that. */
static bool rename_all(struct mover *mover, int64_t until)
{
    const bool mariadb = connection_is_mariadb(mover->connection);
    const struct text sql = swap_sql(mover);

    if (!connection_run(mover->connection,
                        mariadb ? "SET lock_wait_timeout = 0" : "SET lock_wait_timeout = 1", NULL,
                        mover->error))
        return false;
    while (!run_sql(mover, sql)) {
        if (connection_code(mover->connection) != 1205 || mover_now() >= until)
            return false;
        usleep(5000);
    }
    return true;
}

bool swap(struct mover *mover, int64_t until)
{
    struct error why, ignored;

    /* Without triggers to be dropped the table is free; what must be made again may wait. */
    if (mover->trigger_count > 0 &&
        (!connection_run(mover->connection, "SET lock_wait_timeout = 1", NULL, mover->error) ||
         !triggers_drop(mover))) {
        why = *mover->error;
        connection_run(mover->connection, "SET lock_wait_timeout = 10", NULL, &ignored);
        triggers_restore(mover);
        *mover->error = why;
        return false;
    }
    bool renamed = rename_all(mover, until);
    why = *mover->error;
    connection_run(mover->connection, "SET lock_wait_timeout = 10", NULL, &ignored);
    bool made = renamed ? triggers_create(mover) : triggers_restore(mover);
    if (!made)
        say(mover, "a trigger cannot be made: %s; call again, the journal has it",
            mover->error->text);
    if (!renamed)
        *mover->error = why;
    return renamed && made;
}
