/* A table with triggers cannot be renamed into another database. So its triggers are dropped, and
 * created again at the new place, with the same sql_mode, character sets and order. Names without
 * a database in their bodies get the database that they meant; tables of other moves keep the name
 * of their alias, which stays good when they move. The texts are in the journal before
 * the first trigger is dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/mover_internal.h"
#include "sql/analyze.h"
#include "sql/map.h"

enum { NO_SUCH_TRIGGER = 1360 };

/* Adds a table that is locked together with the moved ones. */
static void add_near(struct mover *mover, struct text schema, struct text name)
{
    mover->near = items_add(&mover->arena, mover->near, &mover->near_count, sizeof(*mover->near));
    mover->near[mover->near_count - 1] =
        (struct named){arena_text(&mover->arena, schema), arena_text(&mover->arena, name)};
}

/* The server shows each text in the mover's character set, whatever the client's was. */
struct sql_state trigger_state(const struct mover *mover, const struct carried_trigger *trigger)
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
    const struct sql_state state = trigger_state(mover, trigger);
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
    return good && trigger->trial_text.at;
}

/* What the server keeps: the bytes that the client sent. NULL: it cannot be asked. */
static struct text read_bytes(struct mover *mover, const struct carried_trigger *trigger)
{
    const struct parameter *names = PARAMETERS(P_NAME(trigger->schema), P_NAME(trigger->name));
    struct rows *rows = NULL;
    struct text bytes = {NULL, 0};

    if (connection_run(mover->connection, "SET character_set_results = NULL", NULL, mover->error))
        rows = connection_query(mover->connection, "SHOW CREATE TRIGGER ?.?", names, mover->error);
    if (rows && rows_next(rows) && rows->columns > 2 && rows->cells[2].at)
        bytes = arena_text(&mover->arena, rows->cells[2]);
    rows_free(rows);
    if (!connection_restore(mover->connection, mover->error))
        return (struct text){NULL, 0};
    return bytes;
}

/* Writes the texts in the client's character set. Where they were not the same bytes, or another
 * text to the server, the trigger would write something else than before. */
static bool encode(struct mover *mover, struct carried_trigger *trigger)
{
    const struct text bytes = read_bytes(mover, trigger);

    if (!bytes.at)
        return false;
    trigger->old_sent = trigger_bytes(mover, trigger->charset, trigger->old_text);
    trigger->new_sent = trigger_bytes(mover, trigger->charset, trigger->new_text);
    trigger->trial_sent = trigger_bytes(mover, trigger->charset, trigger->trial_text);
    if (connection_lost(mover->connection))
        return false;
    if (!trigger->old_sent.at || !trigger->new_sent.at || !trigger->trial_sent.at ||
        !text_equal(bytes, trigger->old_sent))
        refuse(mover,
               "trigger %.*s.%.*s cannot be created again: its text cannot be written as it is in "
               "%.*s, the character set of the client that created it; create it again with a "
               "client of utf8mb4",
               TEXT_ARGS(trigger->schema), TEXT_ARGS(trigger->name), TEXT_ARGS(trigger->charset));
    return true;
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
    return !carry(mover, trigger, names) || encode(mover, trigger);
}

bool triggers_plan(struct mover *mover)
{
    struct sql_moved *names = standing_names_kept(
        &mover->standing, &(struct flipped){(int)mover->order->move, mover->in_to, NULL});
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
