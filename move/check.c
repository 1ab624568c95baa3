/* Compares tables and their triggers before the switch and after it: only the database may differ.
 * Two other differences are normal: a foreign key to a table that has moved too names its new
 * database, and AUTO_INCREMENT may have increased.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/mover_internal.h"

/* --- a table's definition without what may change --- */

/* The position after a quoted text or name that begins at `i`. */
static size_t behind_quotes(struct text sql, size_t i)
{
    const char quote = sql.at[i++];

    for (; i < sql.length; i++) {
        if (sql.at[i] == '\\' && quote == '\'')
            i++;
        else if (sql.at[i] == quote && (i + 1 == sql.length || sql.at[i + 1] != quote))
            return i + 1;
        else if (sql.at[i] == quote)
            i++;
    }
    return sql.length;
}

static bool begins(struct text sql, size_t i, struct text word)
{
    return sql.length - i >= word.length && memcmp(sql.at + i, word.at, word.length) == 0;
}

struct text take_name(struct mover *mover, struct text sql, size_t *i)
{
    const size_t end = behind_quotes(sql, *i);
    char *to = arena_take(&mover->arena, end - *i + 1);
    size_t length = 0;

    for (size_t j = *i + 1; j + 1 < end; j++) {
        to[length++] = sql.at[j];
        j += sql.at[j] == '`';
    }
    *i = end;
    return (struct text){to, length};
}

/* REFERENCES `x` or REFERENCES `s`.`x`: written out, at the target where it moves as well. */
static size_t put_reference(struct mover *mover, FILE *to, struct text sql, size_t i,
                            struct text schema)
{
    struct text name = take_name(mover, sql, &i);

    if (i + 1 < sql.length && sql.at[i] == '.' && sql.at[i + 1] == '`') {
        schema = name;
        i++;
        name = take_name(mover, sql, &i);
    }
    for (size_t j = 0; j < mover->todo_count; j++) {
        const struct moved_table *table = todo_table(mover, j);
        if (text_equal_fold(table->name, name) && text_equal_fold(source_of(mover, table), schema))
            schema = target_of(mover, table);
    }
    put_table(to, schema, name);
    return i;
}

static void put_definition(struct mover *mover, FILE *to, struct text sql, struct text schema)
{
    const struct text references = TEXT(" REFERENCES "), counter = TEXT(" AUTO_INCREMENT=");
    size_t i = 0;

    while (i < sql.length) {
        size_t from = i;
        if (sql.at[i] == '`' || sql.at[i] == '\'' || sql.at[i] == '"')
            i = behind_quotes(sql, i);
        else if (begins(sql, i, references) && sql.length > i + references.length &&
                 sql.at[i + references.length] == '`') {
            fwrite(references.at, 1, references.length, to);
            i = put_reference(mover, to, sql, i + references.length, schema);
            continue;
        } else if (begins(sql, i, counter)) {
            i += counter.length;
            while (i < sql.length && isdigit((unsigned char)sql.at[i]))
                i++;
            continue;
        } else
            i++;
        fwrite(sql.at + from, 1, i - from, to);
    }
    fputc('\n', to);
}

static struct text definition_sql(struct mover *mover, struct text schema, struct text name)
{
    return connection_text(mover->connection, &mover->arena, "SHOW CREATE TABLE ?.?",
                           PARAMETERS(P_NAME(schema), P_NAME(name)));
}

/* `rows`: of that statement. */
static bool put_table_definition(struct mover *mover, FILE *to, struct text schema,
                                 struct rows *rows)
{
    bool there = rows_next(rows) && rows->columns >= 2 && rows->cells[1].at;

    if (there)
        put_definition(mover, to, rows->cells[1], schema);
    return there || error_set(mover->error, "SHOW CREATE TABLE gives nothing");
}

/* --- triggers --- */

/* Is it the body that the trigger must have at the target? */
static bool is_body(const struct mover *mover, struct text schema, struct text name,
                    struct text body)
{
    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        if (!text_equal(trigger->name, name))
            continue;
        const struct text whole =
            text_equal(trigger->target, schema) ? trigger->new_text : trigger->old_text;
        return whole.length >= body.length &&
               memcmp(whole.at + whole.length - body.length, body.at, body.length) == 0;
    }
    return false;
}

static struct text triggers_sql(struct mover *mover, struct text schema, struct text name)
{
    return connection_text(
        mover->connection, &mover->arena,
        "SELECT TRIGGER_NAME, ACTION_STATEMENT, CONCAT_WS(' ', 'TRIGGER', TRIGGER_NAME,"
        " ACTION_TIMING, EVENT_MANIPULATION, DEFINER, SQL_MODE, CHARACTER_SET_CLIENT,"
        " COLLATION_CONNECTION) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? AND"
        " EVENT_OBJECT_TABLE = ? ORDER BY ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        PARAMETERS(P_TEXT(schema), P_TEXT(name)));
}

/* Writes everything except the bodies, in the order in which the triggers fire, and whether the
 * bodies are right. */
static void put_triggers(struct mover *mover, FILE *to, struct text schema, struct rows *rows)
{
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (!cells[0].at || !cells[1].at || !cells[2].at)
            continue;
        fprintf(to, "%.*s%s\n", TEXT_ARGS(cells[2]),
                is_body(mover, schema, cells[0], cells[1]) ? "" : " with another body");
    }
}

/* --- before and after --- */

/* `results`: of the two statements; without the second one, the triggers are left out. */
static bool put_all(struct mover *mover, FILE *to, struct text schema, struct rows **results,
                    bool with_triggers)
{
    if (!put_table_definition(mover, to, schema, results[0]))
        return false;
    if (with_triggers)
        put_triggers(mover, to, schema, results[1]);
    return true;
}

static bool describe(struct mover *mover, struct text schema, struct text name, struct text *all)
{
    const struct text statements[] = {definition_sql(mover, schema, name),
                                      triggers_sql(mover, schema, name)};
    struct rows *results[2] = {NULL, NULL};
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    bool good = true;

    for (int i = 0; i < 2 && good; i++) {
        results[i] = connection_query(mover->connection, "?", PARAMETERS(P_SQL(statements[i])),
                                      mover->error);
        good = results[i] != NULL;
    }
    good = good && put_all(mover, to, schema, results, true);
    rows_free(results[0]);
    rows_free(results[1]);
    fclose(to);
    *all = keep_text(mover, text, length);
    return good;
}

bool check_before(struct mover *mover)
{
    mover->definitions = arena_take(&mover->arena, mover->todo_count * sizeof(*mover->definitions));
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (!describe(mover, source_of(mover, table), table->name, &mover->definitions[i]))
            return false;
    }
    return true;
}

/* Is the text what `all` begins with? A definition ends with the table's options and a newline. */
static bool begins_with(struct text all, struct text text)
{
    return all.length >= text.length && memcmp(all.at, text.at, text.length) == 0;
}

static bool is_unaltered(struct mover *mover, size_t i, struct rows **results, bool with_triggers)
{
    const struct moved_table *table = todo_table(mover, i);
    const struct text before = mover->definitions[i];
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    bool good = put_all(mover, to, source_of(mover, table), results, with_triggers);

    fclose(to);
    const struct text now = {text, length};
    const bool same = with_triggers ? text_equal(before, now) : begins_with(before, now);
    free(text);
    if (good && !same)
        return error_set(mover->error,
                         "%.*s was altered while the move was prepared; call it again",
                         TEXT_ARGS(table->name));
    return good;
}

/* Clients may be waiting, so all is asked at once. */
bool check_again(struct mover *mover, bool with_triggers)
{
    const size_t each = with_triggers ? 2 : 1, count = each * mover->todo_count;
    struct text *statements = arena_take(&mover->arena, count * sizeof(*statements));
    struct rows **results = memory_take_zeroed(count * sizeof(*results));
    size_t done;

    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        statements[each * i] = definition_sql(mover, source_of(mover, table), table->name);
        if (with_triggers)
            statements[each * i + 1] = triggers_sql(mover, source_of(mover, table), table->name);
    }
    bool good = connection_many(mover->connection, statements, count, results, &done, mover->error);
    for (size_t i = 0; i < mover->todo_count && good; i++)
        good = is_unaltered(mover, i, results + each * i, with_triggers);
    for (size_t i = 0; i < done; i++)
        rows_free(results[i]);
    free(results);
    return good;
}

static struct text first_line(struct text text)
{
    const char *end = memchr(text.at, '\n', text.length);

    return (struct text){text.at, end ? (size_t)(end - text.at) : text.length};
}

/* Prints the first line that differs. */
static void tell_difference(const struct mover *mover, struct text before, struct text after)
{
    for (;;) {
        const struct text old = first_line(before), new = first_line(after);
        if (!text_equal(old, new) || old.length == before.length || new.length == after.length) {
            say(mover, "  before: %.*s\n  after:  %.*s", TEXT_ARGS(old), TEXT_ARGS(new));
            return;
        }
        before = (struct text){before.at + old.length + 1, before.length - old.length - 1};
        after = (struct text){after.at + new.length + 1, after.length - new.length - 1};
    }
}

bool check_after(struct mover *mover)
{
    size_t different = 0;

    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        struct text after;
        if (!describe(mover, target_of(mover, table), table->name, &after)) {
            const struct error why = *mover->error;
            return error_set(mover->error,
                             "the tables are at the target, but %.*s could not be compared: %s",
                             TEXT_ARGS(table->name), why.text);
        }
        if (text_equal(mover->definitions[i], after))
            continue;
        different++;
        say(mover, "%.*s differs from what it was:", TEXT_ARGS(table->name));
        tell_difference(mover, mover->definitions[i], after);
    }
    if (different > 0)
        return error_set(mover->error,
                         "the tables are at the target, but %zu of them differ from what they "
                         "were; if nobody has altered them since, move them --back",
                         different);
    if (!grants_suffice(mover))
        return !connection_lost(mover->connection) &&
               error_set(mover->error,
                         "the tables are at the target, but what accounts may do with them at "
                         "their last place, or at their new one, was changed in the moment of the "
                         "switch: make the same GRANT or REVOKE for their new place, and see that "
                         "nobody lacks anything there");
    return mover_note(mover, "checked", TEXT(""));
}
