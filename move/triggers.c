/* A table with triggers cannot be renamed into another database. So its triggers are dropped, and
 * created again at the new place, with the same sql_mode, character sets and order. Names without
 * a database in their bodies get the database that they meant. The texts are in the journal before
 * the first trigger is dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/mover_internal.h"
#include "sql/analyze.h"
#include "sql/map.h"

enum { NO_SUCH_TABLE = 1146, NOT_A_TABLE = 1347, TRIGGER_EXISTS = 1359, NO_SUCH_TRIGGER = 1360 };

/* Adds a table that is locked together with the moved ones. */
static void add_near(struct mover *mover, struct text schema, struct text name)
{
    mover->near = items_add(&mover->arena, mover->near, &mover->near_count, sizeof(*mover->near));
    mover->near[mover->near_count - 1] =
        (struct named){arena_text(&mover->arena, schema), arena_text(&mover->arena, name)};
}

/* The SQL state in which the trigger's text is read. */
static struct sql_state state_of(const struct mover *mover, const struct carried_trigger *trigger)
{
    struct sql_state state = {
        .dialect = connection_is_mariadb(mover->connection) ? SQL_MARIADB : SQL_MYSQL,
        .lower_case_table_names = mover->standing.fold,
        .mode = sql_mode_of(trigger->sql_mode),
        .charset = SQL_UTF8,
        .mode_known = true,
        .escapes_known = true,
        .version = connection_number(mover->connection),
    };

    sql_state_set_database(&state, trigger->schema);
    return state;
}

/* The new text with another table behind ON: its name is the first of its places. */
static struct text trial_text(struct mover *mover, const struct carried_trigger *trigger,
                              const struct sql_facts *facts, const struct sql_edits *edits)
{
    const struct sql_object *on = NULL;
    char *text;
    size_t length;

    for (unsigned i = 0; i < facts->object_count && !on; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_TABLE && object->name_length > 0 &&
            (mover->standing.fold ? text_equal_fold : text_equal)(object->name,
                                                                  trigger->table->name))
            on = object;
    }
    if (!on)
        return (struct text){NULL, 0};
    size_t at = on->name_offset;
    for (uint32_t i = 0; i < edits->count && edits->edits[i].offset <= on->name_offset; i++) {
        char written[SQL_EDIT_SIZE];
        at += sql_edit_write(&edits->edits[i], written) - edits->edits[i].length;
    }
    FILE *to = open_memstream(&text, &length);
    text_put((struct text){trigger->new_text.at, at}, to);
    put_name(to, TEXT(MOVER_TRIAL));
    at += on->name_length;
    text_put((struct text){trigger->new_text.at + at, trigger->new_text.length - at}, to);
    fclose(to);
    return keep_text(mover, text, length);
}

/* Writes the CREATE TRIGGER for the same trigger at the target. */
static bool carry(struct mover *mover, struct carried_trigger *trigger,
                  const struct sql_moved *names)
{
    struct sql_facts *facts = memory_take(sizeof(*facts));
    struct sql_edits *edits = memory_take(sizeof(*edits));
    const struct sql_state state = state_of(mover, trigger);
    const struct sql_where where = {sql_moved_stands, names, NULL};

    sql_analyze(trigger->old_text, 0, &state, NULL, facts);
    for (unsigned i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_TABLE && object->schema.at)
            add_near(mover, object->schema, object->name);
    }
    bool good = facts->determined && sql_map(facts, &state, &where, edits) == SQL_MAP_EDITS;
    if (good) {
        char *to = arena_take(&mover->arena,
                              trigger->old_text.length + (size_t)edits->count * SQL_EDIT_SIZE + 1);
        trigger->new_text = (struct text){to, sql_map_write(trigger->old_text, edits, to)};
        trigger->trial_text = trial_text(mover, trigger, facts, edits);
    }
    if (!good || !trigger->trial_text.at) {
        refuse(mover,
               "trigger %.*s.%.*s cannot be created again: %s; drop it, or write the database "
               "before each name in its body",
               TEXT_ARGS(trigger->schema), TEXT_ARGS(trigger->name),
               !facts->determined ? facts->why
               : edits->why       ? edits->why
                                  : "its table is not seen");
    }
    free(edits);
    free(facts);
    return good;
}

static bool read_trigger(struct mover *mover, const struct moved_trigger *from,
                         const struct sql_moved *names)
{
    const struct moved_table *table = &mover->standing.tables[from->table];
    struct rows *rows =
        connection_query(mover->connection, "SHOW CREATE TRIGGER ?.?",
                         PARAMETERS(P_NAME(from->schema), P_NAME(from->name)), mover->error);

    if (!rows && connection_code(mover->connection) == NO_SUCH_TRIGGER) {
        refuse(mover,
               "trigger %.*s.%.*s is in the catalogue, but its file is gone, as after a disk was "
               "full; RENAME TABLE %.*s.%.*s to another name and back by one statement, which "
               "writes it again",
               TEXT_ARGS(from->schema), TEXT_ARGS(from->name), TEXT_ARGS(from->schema),
               TEXT_ARGS(table->name));
        return true;
    }
    if (!rows)
        return false;
    if (!rows_next(rows) || rows->columns < 5 || !rows->cells[2].at) {
        rows_free(rows);
        return error_set(mover->error, "trigger %.*s.%.*s cannot be read", TEXT_ARGS(from->schema),
                         TEXT_ARGS(from->name));
    }
    mover->triggers =
        items_add(&mover->arena, mover->triggers, &mover->trigger_count, sizeof(*mover->triggers));
    struct carried_trigger *trigger = &mover->triggers[mover->trigger_count - 1];
    *trigger = (struct carried_trigger){
        .table = todo_find(mover, table),
        .schema = arena_text(&mover->arena, from->schema),
        .target = arena_text(&mover->arena, target_of(mover, table)),
        .name = arena_text(&mover->arena, from->name),
        .sql_mode = arena_text(&mover->arena, rows->cells[1]),
        .charset = arena_text(&mover->arena, rows->cells[3]),
        .collation = arena_text(&mover->arena, rows->cells[4]),
        .old_text = arena_text(&mover->arena, rows->cells[2]),
    };
    rows_free(rows);
    carry(mover, trigger, names);
    return true;
}

bool triggers_plan(struct mover *mover)
{
    struct sql_moved *names =
        standing_names(&mover->standing, (int)mover->order->move, mover->in_to);
    bool good = true;

    for (size_t i = 0; i < mover->standing.trigger_count && good; i++) {
        const struct moved_trigger *trigger = &mover->standing.triggers[i];
        const struct moved_table *table = &mover->standing.tables[trigger->table];
        if (table->move == mover->order->move && standing_is_in_to(table) != mover->in_to)
            good = read_trigger(mover, trigger, names);
    }
    for (size_t i = 0; i < mover->standing.hanging_count; i++) {
        const struct hanging_table *hanging = &mover->standing.hanging[i];
        if (hanging->move == mover->order->move && strcmp(hanging->by, "foreign key") == 0)
            add_near(mover, hanging->schema, hanging->name);
    }
    sql_moved_drop(names);
    return good;
}

/* Sets the session as it was when the trigger was created. */
static bool enter(struct mover *mover, const struct carried_trigger *trigger, struct text schema)
{
    return connection_run(mover->connection, "USE ?", PARAMETERS(P_NAME(schema)), mover->error) &&
           connection_run(mover->connection,
                          "SET sql_mode = ?, character_set_client = ?, collation_connection = ?",
                          PARAMETERS(P_TEXT(trigger->sql_mode), P_TEXT(trigger->charset),
                                     P_TEXT(trigger->collation)),
                          mover->error);
}

/* Back to the mover's own settings. A session that were to keep a trigger's sql_mode would GRANT
 * with it. */
static bool leave(struct mover *mover, bool good)
{
    const struct error why = *mover->error;
    const bool left = connection_restore(mover->connection, mover->error);

    if (!good)
        *mover->error = why;
    return left && good;
}

static bool create(struct mover *mover, const struct carried_trigger *trigger, struct text schema,
                   struct text text, unsigned *code)
{
    bool good = enter(mover, trigger, schema) && run_sql(mover, text);

    *code = connection_code(mover->connection);
    return leave(mover, good);
}

static bool drop(struct mover *mover, struct text schema, struct text name)
{
    return connection_run(mover->connection, "DROP TRIGGER IF EXISTS ?.?",
                          PARAMETERS(P_NAME(schema), P_NAME(name)), mover->error);
}

bool triggers_drop(struct mover *mover)
{
    for (size_t i = 0; i < mover->trigger_count; i++) {
        if (!drop(mover, mover->triggers[i].schema, mover->triggers[i].name))
            return false;
    }
    return true;
}

static bool is_alike(const struct carried_trigger *a, const struct carried_trigger *b)
{
    return text_equal(a->target, b->target) && text_equal(a->sql_mode, b->sql_mode) &&
           text_equal(a->charset, b->charset) && text_equal(a->collation, b->collation);
}

/* Clients wait meanwhile, so the session's settings are only changed if the next trigger needs
 * other ones. */
bool triggers_create(struct mover *mover)
{
    bool good = true;

    for (size_t i = 0; i < mover->trigger_count && good; i++) {
        struct carried_trigger *trigger = &mover->triggers[i];
        good = (i > 0 && is_alike(trigger, trigger - 1)) || enter(mover, trigger, trigger->target);
        if (good) {
            good = run_sql(mover, trigger->new_text);
            trigger->made = good || connection_code(mover->connection) != TRIGGER_EXISTS;
        }
        if (!good)
            say(mover, "trigger %.*s.%.*s cannot be made: %s", TEXT_ARGS(trigger->target),
                TEXT_ARGS(trigger->name), mover->error->text);
    }
    return leave(mover, good);
}

void triggers_undo(struct mover *mover)
{
    for (size_t i = 0; i < mover->trigger_count; i++) {
        if (mover->triggers[i].made) /* else one of that name is another table's */
            drop(mover, mover->triggers[i].target, mover->triggers[i].name);
    }
}

static bool is_listed(struct mover *mover, const struct carried_trigger *trigger)
{
    return ask_number(mover,
                      "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?"
                      " AND TRIGGER_NAME = ?",
                      PARAMETERS(P_TEXT(trigger->schema), P_TEXT(trigger->name)), 1) > 0;
}

/* MariaDB: where the disk was full, DROP TRIGGER has removed one of the trigger's two files. It
 * fires still, and a CREATE TRIGGER would succeed: then it would fire twice. */
bool triggers_restore(struct mover *mover)
{
    bool good = true;
    unsigned code;

    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        if (is_listed(mover, trigger))
            continue;
        good &= create(mover, trigger, trigger->schema, trigger->old_text, &code) ||
                code == TRIGGER_EXISTS;
    }
    return good;
}

bool triggers_has(const struct mover *mover, const struct moved_table *table)
{
    for (size_t i = 0; i < mover->trigger_count; i++) {
        if (mover->triggers[i].table == table)
            return true;
    }
    return false;
}

static bool try_all(struct mover *mover, const struct moved_table *table)
{
    unsigned code;

    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        if (trigger->table != table)
            continue;
        if (!create(mover, trigger, trigger->target, trigger->trial_text, &code)) {
            const struct error why = *mover->error;
            return error_set(
                mover->error,
                "trigger %.*s.%.*s could not be created at the target, nothing has changed; give "
                "the account the right that it lacks, or drop the trigger: %.150s",
                TEXT_ARGS(trigger->schema), TEXT_ARGS(trigger->name), why.text);
        }
    }
    return true;
}

bool triggers_try(struct mover *mover, const struct moved_table *table)
{
    const struct text source = source_of(mover, table), target = target_of(mover, table);
    const struct parameter *names =
        PARAMETERS(P_NAME(target), P_NAME(TEXT(MOVER_TRIAL)), P_NAME(source), P_NAME(table->name));
    struct error ignored;

    if (!triggers_has(mover, table))
        return true;
    if (!connection_run(mover->connection, "CREATE TABLE ?.? LIKE ?.?", names, mover->error))
        return false;
    bool good = try_all(mover, table);
    return connection_run(mover->connection, "DROP TABLE ?.?", names,
                          good ? mover->error : &ignored) &&
           good;
}

void triggers_print(struct mover *mover, const struct moved_table *table)
{
    const struct text source = source_of(mover, table), target = target_of(mover, table);

    if (!triggers_has(mover, table))
        return;
    say(mover, "  CREATE TABLE %.*s." MOVER_TRIAL " LIKE %.*s.%.*s", TEXT_ARGS(target),
        TEXT_ARGS(source), TEXT_ARGS(table->name));
    for (size_t i = 0; i < mover->trigger_count; i++) {
        if (mover->triggers[i].table == table)
            say(mover, "  %s", mover->triggers[i].trial_text.at);
    }
    say(mover, "  DROP TABLE %.*s." MOVER_TRIAL, TEXT_ARGS(target));
}

static bool note(struct mover *mover, const struct carried_trigger *trigger, struct text schema,
                 struct text text)
{
    char *detail;
    size_t length;
    FILE *to = open_memstream(&detail, &length);

    fprintf(to, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", TEXT_ARGS(schema), TEXT_ARGS(trigger->name),
            TEXT_ARGS(trigger->sql_mode), TEXT_ARGS(trigger->charset),
            TEXT_ARGS(trigger->collation), TEXT_ARGS(text));
    fclose(to);
    return mover_note(mover, "trigger", keep_text(mover, detail, length));
}

bool triggers_note(struct mover *mover)
{
    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        if (!note(mover, trigger, trigger->schema, trigger->old_text) ||
            !note(mover, trigger, trigger->target, trigger->new_text))
            return false;
    }
    return true;
}

static struct text take_line(struct text *rest)
{
    const char *end = memchr(rest->at, '\n', rest->length);
    struct text line = {rest->at, end ? (size_t)(end - rest->at) : rest->length};
    size_t skipped = line.length + (end != NULL);

    rest->at += skipped;
    rest->length -= skipped;
    return line;
}

static bool is_of_move(const struct mover *mover, struct text schema, struct text name)
{
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (table->move == mover->order->move && text_equal_fold(name, table->name) &&
            (text_equal_fold(schema, table->from) || text_equal_fold(schema, table->to)))
            return true;
    }
    return false;
}

/* Is it what a mover of this move has written: one CREATE TRIGGER of that name on one of its
 * tables? Whoever can write to the journal must not make the mover run anything else. */
static bool is_trigger_row(const struct mover *mover, const struct carried_trigger *trigger,
                           struct text sql)
{
    struct sql_facts *facts = memory_take(sizeof(*facts));
    const struct sql_state state = state_of(mover, trigger);
    bool named = false, placed = false;

    const size_t end = sql_analyze(sql, 0, &state, NULL, facts);
    for (unsigned i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (!text_equal_fold(object->schema, trigger->schema) || !(object->access & SQL_DEFINE))
            continue;
        /* where names fold, it may be written in another case than the catalogue has it */
        named |= object->type == SQL_ROUTINE &&
                 (mover->standing.fold || text_equal(object->name, trigger->name));
        placed |= object->type == SQL_TABLE && is_of_move(mover, object->schema, object->name);
    }
    const bool good = facts->determined && end >= sql.length && facts->kind == SQL_CREATE_TRIGGER &&
                      named && placed;
    free(facts);
    return good;
}

/* Handles one row of the journal: creates the trigger, if it is missing and the row is for the
 * present place of its table.
 */
static bool recover(struct mover *mover, struct text detail)
{
    struct carried_trigger trigger = {0};
    struct text rest = detail;

    trigger.schema = take_line(&rest);
    trigger.name = take_line(&rest);
    trigger.sql_mode = take_line(&rest);
    trigger.charset = take_line(&rest);
    trigger.collation = take_line(&rest);
    if (!is_trigger_row(mover, &trigger, rest))
        return error_set(mover->error,
                         "a row of silogate.journal with the step 'trigger' was not written by a "
                         "mover; look at it, and delete it");
    if (is_listed(mover, &trigger))
        return true;
    unsigned code;
    if (!create(mover, &trigger, trigger.schema, rest, &code))
        /* its table is not here, or only the alias: the row for the other place is the right one */
        return code == NO_SUCH_TABLE || code == NOT_A_TABLE;
    say(mover, "created again, because an earlier mover was stopped: trigger %.*s.%.*s",
        TEXT_ARGS(trigger.schema), TEXT_ARGS(trigger.name));
    return true;
}

bool triggers_recover(struct mover *mover)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT detail FROM silogate.journal WHERE move = ? AND step = 'trigger' AND epoch ="
        " (SELECT MAX(epoch) FROM silogate.journal WHERE move = ? AND step = 'trigger') AND id >"
        " IFNULL((SELECT MAX(id) FROM silogate.journal WHERE move = ? AND step IN ('settled',"
        " 'given_up')), 0)"
        " ORDER BY id",
        PARAMETERS(P_TEXT(text_of(mover->name)), P_TEXT(text_of(mover->name)),
                   P_TEXT(text_of(mover->name))),
        mover->error);
    bool good = true;

    if (!rows)
        return false;
    while (rows_next(rows) && good)
        good = recover(mover, rows->cells[0]);
    rows_free(rows);
    return good;
}
