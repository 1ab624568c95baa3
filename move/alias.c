/* The views that stand at the old names. Such a view can only be created where the table that it
 * selects from exists, and nothing can be granted on a table that does not. So for a moment there
 * is a placeholder in the target database: a view of the table, so that whoever uses that name
 * reads and writes the table itself. The alias is created under another name and waits there until
 * the switch renames it to the old one. After a mover was killed, the journal tells which
 * placeholders and views it has left behind.
 *
 * A table with partitions has no alias: servers ignore PARTITION (..) beside a view, without an
 * error, so that a purge of one partition would delete the rows of all. Its placeholder is a view
 * that nobody can use.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "move/mover_internal.h"

bool lacks_alias(const struct mover *mover, const struct moved_table *table)
{
    const struct moved_table *moves = todo_find(mover, table);

    return mover->in_to && mover->move->alias.value == CONFIG_ALIAS_VIEW && moves && moves->parted;
}

bool has_alias(const struct mover *mover, const struct moved_table *table)
{
    if (mover->in_to)
        return mover->move->alias.value == CONFIG_ALIAS_VIEW && !lacks_alias(mover, table);
    return table->at_from == STANDING_VIEW;
}

void put_aside(FILE *to, const struct mover *mover, size_t i)
{
    char name[40];

    snprintf(name, sizeof(name), "silogate_moving_%zu", i);
    put_table(to, todo_table(mover, i)->from, text_of(name));
}

/* --- tables with partitions --- */

static struct rows *parted_in(struct mover *mover, struct text schema)
{
    return connection_query(mover->connection,
                            "SELECT DISTINCT TABLE_NAME FROM information_schema.PARTITIONS WHERE"
                            " TABLE_SCHEMA = ? AND PARTITION_NAME IS NOT NULL",
                            PARAMETERS(P_TEXT(schema)), mover->error);
}

static struct moved_table *todo_named(struct mover *mover, struct text from, struct text name)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        if (text_equal(mover->todo[i].from, from) && text_equal(mover->todo[i].name, name))
            return &mover->todo[i];
    }
    return NULL;
}

/* Reads it for all tables to move. False: the server does not tell. */
static bool read_parted(struct mover *mover)
{
    bool good = true;

    for (size_t i = 0; i < mover->todo_count; i++)
        mover->todo[i].parted = false;
    for (size_t i = 0; good && i < mover->todo_count; i++) {
        const struct moved_table *first = todo_table(mover, i);
        if (!todo_is_first(mover, i))
            continue;
        struct rows *rows = parted_in(mover, source_of(mover, first));
        good = rows != NULL;
        while (rows && rows_next(rows)) {
            struct moved_table *table = todo_named(mover, first->from, rows->cells[0]);
            if (table)
                table->parted = true;
        }
        rows_free(rows);
    }
    return good;
}

bool aliases_plan(struct mover *mover)
{
    const bool good = read_parted(mover);

    for (size_t i = 0; good && i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (lacks_alias(mover, table))
            say(mover,
                "note: %.*s.%.*s has partitions, so it leaves no view: servers ignore PARTITION "
                "(..) beside one; whoever names the old place without silogate gets error 1146",
                TEXT_ARGS(table->from), TEXT_ARGS(table->name));
    }
    return good;
}

bool aliases_check(struct mover *mover)
{
    bool *before = arena_take(&mover->arena, mover->todo_count);

    for (size_t i = 0; i < mover->todo_count; i++)
        before[i] = todo_table(mover, i)->parted;
    if (!read_parted(mover))
        return false;
    for (size_t i = 0; i < mover->todo_count; i++) {
        if (before[i] != todo_table(mover, i)->parted)
            return error_set(mover->error, "%.*s was altered meanwhile",
                             TEXT_ARGS(todo_table(mover, i)->name));
    }
    return true;
}

static bool is_parted(struct mover *mover, const struct moved_table *table)
{
    struct rows *rows = parted_in(mover, table->to);
    bool parted = false;

    while (rows && rows_next(rows))
        parted |= text_equal(rows->cells[0], table->name);
    rows_free(rows);
    return parted;
}

bool alias_ignores(struct mover *mover, const struct moved_table *table)
{
    return standing_is_in_to(table) && table->at_from == STANDING_VIEW && is_parted(mover, table);
}

/* --- the aliases --- */

/* Those of SELECT *, and of an INSERT without a list. */
#define VISIBLE_COLUMNS                                                                            \
    "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME"     \
    " = ? AND EXTRA NOT LIKE '%INVISIBLE%' ORDER BY ORDINAL_POSITION"

/* The columns of schema.name, each as `value`; `value` NULL: as itself. */
static bool put_columns(struct mover *mover, FILE *to, struct text schema, struct text name,
                        const char *value)
{
    struct rows *rows = connection_query(mover->connection, VISIBLE_COLUMNS,
                                         PARAMETERS(P_TEXT(schema), P_TEXT(name)), mover->error);
    bool first = true;

    while (rows && rows_next(rows)) {
        if (!first)
            fputs(", ", to);
        first = false;
        if (value)
            fprintf(to, "%s AS ", value);
        put_name(to, rows->cells[0]);
    }
    rows_free(rows);
    return !first || (rows && error_set(mover->error, "%.*s.%.*s has no columns that are seen",
                                        TEXT_ARGS(schema), TEXT_ARGS(name)));
}

/* The value of the columns of a placeholder that nobody can use, by which it is known again. */
#define PLACEHOLDER "silogate moves this table"

/* Whoever uses it needs the rights on the table itself; or gets error 1690, with IGNORE too, which
 * makes a warning of others. */
static struct text placeholder_sql(struct mover *mover, const struct moved_table *table)
{
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);

    fputs("CREATE SQL SECURITY INVOKER VIEW ", to);
    put_table(to, target_of(mover, table), table->name);
    fputs(" AS SELECT ", to);
    bool good = put_columns(mover, to, source_of(mover, table), table->name,
                            table->parted ? "'" PLACEHOLDER "'" : NULL);
    fputs(" FROM ", to);
    if (table->parted)
        fputs("DUAL WHERE EXP(1000)", to);
    else
        put_table(to, source_of(mover, table), table->name);
    fclose(to);
    struct text text = keep_text(mover, sql, length);
    return good ? text : (struct text){NULL, 0};
}

/* The view of the i-th table; `i` SIZE_MAX: in the table's place. `schema`: where the columns are
 * looked up. */
static struct text view_sql(struct mover *mover, const struct moved_table *table, size_t i,
                            struct text schema)
{
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);

    fputs("CREATE OR REPLACE VIEW ", to);
    if (i == SIZE_MAX)
        put_table(to, table->from, table->name);
    else
        put_aside(to, mover, i);
    fputs(" AS SELECT ", to);
    bool good = put_columns(mover, to, schema, table->name, NULL);
    fputs(" FROM ", to);
    put_table(to, table->to, table->name);
    fclose(to);
    struct text text = keep_text(mover, sql, length);
    return good ? text : (struct text){NULL, 0};
}

static bool make_view(struct mover *mover, size_t i)
{
    const struct text sql = view_sql(mover, todo_table(mover, i), i, todo_table(mover, i)->from);

    return sql.at && run_sql(mover, sql);
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

/* Is the view there the placeholder, as the server keeps its text? Whoever has made another one has
 * it in no journal. A placeholder whose table was altered since is taken for another one too. */
static bool is_placeholder(struct mover *mover, struct text schema, struct text other,
                           struct text name)
{
    bool (*same)(struct text, struct text) = mover->standing.fold ? text_equal_fold : text_equal;
    struct rows *rows = connection_query(mover->connection, VISIBLE_COLUMNS,
                                         PARAMETERS(P_TEXT(other), P_TEXT(name)), mover->error);
    const char *between = "select ";
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    while (rows && rows_next(rows)) {
        fputs(between, to);
        put_table(to, other, name);
        fputc('.', to);
        put_name(to, rows->cells[0]);
        fputs(" AS ", to);
        put_name(to, rows->cells[0]);
        between = ",";
    }
    rows_free(rows);
    fputs(" from ", to);
    put_table(to, other, name);
    fclose(to);
    const struct text wanted = keep_text(mover, text, length);
    rows = connection_query(mover->connection,
                            "SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE"
                            " SECURITY_TYPE = 'INVOKER' AND TABLE_SCHEMA = ? AND TABLE_NAME = ?",
                            PARAMETERS(P_TEXT(schema), P_TEXT(name)), mover->error);
    const bool is =
        rows && rows_next(rows) && rows->cells[0].at &&
        (same(rows->cells[0], wanted) ||
         memmem(rows->cells[0].at, rows->cells[0].length, PLACEHOLDER, sizeof(PLACEHOLDER) - 1));
    rows_free(rows);
    return is;
}

/* While the placeholder is at the target: grants the rights on it, and creates the view that
 * selects from it. */
static bool prepare_one(struct mover *mover, size_t i)
{
    const struct moved_table *table = todo_table(mover, i);
    const struct text target = target_of(mover, table);
    const struct text placeholder = written(mover, target, table->name);
    const struct text sql = placeholder_sql(mover, table);
    struct error ignored;

    mover->placeholder = (struct named){target, table->name};
    mover->placeholder_of = (struct named){source_of(mover, table), table->name};
    if (!sql.at || !triggers_try(mover, table) || !mover_note(mover, "placeholder", placeholder))
        return false;
    const bool made = run_sql(mover, sql);
    mover->placed = made || connection_lost(mover->connection);
    if (!made) {
        /* what stands there is somebody else's; if it is not noted, the view's text tells so */
        if (!mover->placed)
            meeting_note(mover->connection, mover->name, mover->epoch, "placeholder_dropped",
                         placeholder, &ignored);
        return false;
    }
    mover_reached("placed");
    bool good = grants_give(mover, table) &&
                (!mover->in_to || !has_alias(mover, table) || make_view(mover, i));
    mover->placed = !connection_run(mover->connection, "DROP VIEW ?.?",
                                    PARAMETERS(P_NAME(target), P_NAME(table->name)),
                                    good ? mover->error : &ignored);
    return !mover->placed && good && mover_note(mover, "placeholder_dropped", placeholder);
}

bool placeholder_remove(struct mover *mover)
{
    const struct named *name = &mover->placeholder;
    const struct named *other = &mover->placeholder_of;

    if (!mover->placed)
        return true;
    mover->placed =
        is_placeholder(mover, name->schema, other->schema, name->name)
            ? !connection_run(mover->connection, "DROP VIEW ?.?",
                              PARAMETERS(P_NAME(name->schema), P_NAME(name->name)), mover->error)
            : connection_lost(mover->connection);
    return !mover->placed &&
           mover_note(mover, "placeholder_dropped", written(mover, name->schema, name->name));
}

void places_print(struct mover *mover)
{
    for (size_t i = 0; i < mover->grant_count; i++) {
        if (!mover->grants[i].table)
            say(mover, "  %s", mover->grants[i].text.at);
    }
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        const struct text target = target_of(mover, table);
        const bool placeholder = mover->in_to || !has_alias(mover, table);
        if (placeholder) {
            triggers_print(mover, table);
            say(mover, "  %s", placeholder_sql(mover, table).at);
        }
        for (size_t j = 0; j < mover->grant_count; j++) {
            if (mover->grants[j].table == table)
                say(mover, "  %s", mover->grants[j].text.at);
        }
        if (mover->in_to && has_alias(mover, table))
            say(mover, "  %s", view_sql(mover, table, i, table->from).at);
        if (placeholder)
            say(mover, "  DROP VIEW %.*s.%.*s", TEXT_ARGS(target), TEXT_ARGS(table->name));
    }
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

static bool is_name(const struct mover *mover, struct text a, struct text b)
{
    return mover->standing.fold ? text_equal_fold(a, b) : text_equal(a, b);
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
            if (table->move == mover->order->move && is_name(mover, table->from, rows->cells[0])) {
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

/* Which of them have an alias, for the journal. */
bool aliases_note(struct mover *mover)
{
    char *detail;
    size_t length;
    FILE *to = open_memstream(&detail, &length);

    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (has_alias(mover, table)) {
            put_table(to, table->from, table->name);
            fputc('\n', to);
        }
    }
    fclose(to);
    return mover_note(mover, "aliases", keep_text(mover, detail, length));
}

/* A view that a switch had to move by a statement of its own, and that is not in its place. */
bool aliases_recover(struct mover *mover)
{
    const struct text name = text_of(mover->name);
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT detail FROM silogate.journal WHERE move = ? AND step = 'aliases' AND id > IFNULL("
        "(SELECT MAX(id) FROM silogate.journal WHERE move = ? AND step IN ('settled', 'given_up',"
        " 'finished')), 0) ORDER BY id DESC LIMIT 1",
        PARAMETERS(P_TEXT(name), P_TEXT(name)), mover->error);
    bool good = rows != NULL;
    bool known = rows && rows_next(rows);

    for (size_t i = 0; known && good && i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (table->move != mover->order->move || !standing_is_in_to(table) ||
            table->at_from != STANDING_NOTHING)
            continue;
        const struct text old = written(mover, table->from, table->name);
        if (!memmem(rows->cells[0].at, rows->cells[0].length, old.at, old.length) ||
            is_parted(mover, table))
            continue;
        const struct text sql = view_sql(mover, table, SIZE_MAX, table->to);
        good = sql.at && run_sql(mover, sql);
        if (good)
            say(mover, "created again, because an earlier mover was stopped: the alias %.*s",
                TEXT_ARGS(old));
    }
    rows_free(rows);
    return good;
}

/* Drops it only if the journal has it as one that is still there. A table is never dropped: rows
 * that somebody is about to commit cannot be seen. */
static bool drop_placeholder(struct mover *mover, const struct moved_table *table,
                             struct text schema, struct text other)
{
    const struct text placeholder = written(mover, schema, table->name);
    const struct text move = text_of(mover->name);

    if (ask_number(mover,
                   "SELECT COUNT(*) FROM silogate.journal WHERE move = ? AND detail = ? AND step ="
                   " 'placeholder' AND id > IFNULL((SELECT MAX(id) FROM silogate.journal WHERE"
                   " move = ? AND detail = ? AND step = 'placeholder_dropped'), 0)",
                   PARAMETERS(P_TEXT(move), P_TEXT(placeholder), P_TEXT(move), P_TEXT(placeholder)),
                   0) == 0)
        return true;
    if (!is_placeholder(mover, schema, other, table->name)) {
        say(mover,
            "not dropped: the view %.*s, which is not the placeholder of an earlier mover, or "
            "whose table was altered since",
            TEXT_ARGS(placeholder));
        return !connection_lost(mover->connection);
    }
    say(mover, "dropped, because an earlier mover was stopped: the placeholder %.*s",
        TEXT_ARGS(placeholder));
    return connection_run(mover->connection, "DROP VIEW ?.?",
                          PARAMETERS(P_NAME(schema), P_NAME(table->name)), mover->error) &&
           mover_note(mover, "placeholder_dropped", placeholder);
}

bool places_recover(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        const bool from = table->at_from == STANDING_TABLE && table->at_to == STANDING_VIEW;
        const bool to = table->at_to == STANDING_TABLE && table->at_from == STANDING_VIEW;
        if (table->move != mover->order->move || !(from || to))
            continue;
        if (!drop_placeholder(mover, table, from ? table->to : table->from,
                              from ? table->from : table->to))
            return false;
    }
    return mover_read_standing(mover) && aliases_recover(mover) && aliases_clean(mover) &&
           mover_read_standing(mover);
}
