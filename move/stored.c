/* A trigger of a table that a call does not move is not made again. If its text names a table where
 * nothing will be any more, each write to its own table fails from then on. So the call is refused
 * before anything is changed, unless its user accepts that. */
#include <stdlib.h>

#include "config/keys.h"
#include "move/mover_internal.h"
#include "sql/analyze.h"

/* Will nothing have this name of a table of the move? */
static bool is_left(const struct mover *mover, const struct moved_table *table, struct text schema,
                    bool finishes)
{
    struct text left = {NULL, 0};

    if (finishes)
        left = finish_drops(mover, table) ? table->from : left;
    else if (todo_find(mover, table) && !(mover->in_to && has_alias(mover, table)))
        left = source_of(mover, table);
    return left.at && (mover->standing.fold ? text_equal_fold : text_equal)(left, schema);
}

/* The table that the text names at such a place; NULL: none. */
static const struct moved_table *named_in(struct mover *mover,
                                          const struct carried_trigger *trigger, bool finishes)
{
    const struct moved_table *named = NULL;
    struct sql_facts *facts = memory_take(sizeof(*facts));
    const struct sql_state state = trigger_state(mover, trigger);

    sql_analyze(trigger->old_text, 0, &state, NULL, facts);
    for (unsigned i = 0; facts->determined && i < facts->object_count && !named; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type != SQL_TABLE || object->session_only)
            continue;
        named = standing_moved_of(&mover->standing, object->schema, object->name);
        if (named && !is_left(mover, named, object->schema, finishes))
            named = NULL;
    }
    free(facts);
    return named;
}

static const char *remedy_of(const struct mover *mover, const struct moved_table *named,
                             bool finishes)
{
    if (finishes)
        return "create it again with the new place in its text";
    if (mover->in_to)
        return "write alias = view, take its table into the same section, or drop it and create it "
               "again after the move";
    return has_alias(mover, named) ? "create it again on the server itself, with the old place in "
                                     "its text, where the alias is"
                                   : "drop it, and create it again after the move";
}

/* The row is schema, table, name of the trigger, and its body. */
static void check_trigger(struct mover *mover, const struct text *row, bool finishes)
{
    struct rows *rows = connection_query(mover->connection, "SHOW CREATE TRIGGER ?.?",
                                         PARAMETERS(P_NAME(row[0]), P_NAME(row[2])), mover->error);

    if (rows && rows_next(rows) && rows->columns > 2 && rows->cells[2].at) {
        const struct carried_trigger trigger = {
            .schema = row[0], .sql_mode = rows->cells[1], .old_text = rows->cells[2]};
        const struct moved_table *named = named_in(mover, &trigger, finishes);
        if (named)
            refuse(mover,
                   "trigger %.*s.%.*s names %.*s.%.*s, where nothing will be any more, and each "
                   "write to %.*s.%.*s that fires it would fail; %s; or --accept-unmapped",
                   TEXT_ARGS(row[0]), TEXT_ARGS(row[2]),
                   TEXT_ARGS(finishes ? named->from : source_of(mover, named)),
                   TEXT_ARGS(named->name), TEXT_ARGS(row[0]), TEXT_ARGS(row[1]),
                   remedy_of(mover, named, finishes));
    }
    rows_free(rows);
}

/* Only a text with the name of a table of the move is read as SQL. */
static bool may_name(const struct mover *mover, struct text body)
{
    const struct standing *standing = &mover->standing;
    bool may = false;

    for (size_t i = 0; i < standing->table_count && !may; i++)
        may = standing->tables[i].move == mover->order->move &&
              standing_names_it(standing, body, standing->tables[i].name);
    return may;
}

static void check_triggers(struct mover *mover, bool finishes)
{
    if (mover->order->accept_unmapped)
        return;
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME, ACTION_STATEMENT FROM"
        " information_schema.TRIGGERS WHERE TRIGGER_SCHEMA <> 'sys'",
        NULL, mover->error);
    while (rows && rows_next(rows)) {
        const struct moved_table *of =
            standing_moved_of(&mover->standing, rows->cells[0], rows->cells[1]);
        if (!(of && todo_find(mover, of)) && may_name(mover, rows->cells[3]))
            check_trigger(mover, rows->cells, finishes);
    }
    rows_free(rows);
}

void stored_check(struct mover *mover)
{
    check_triggers(mover, false);
}

void stored_check_finish(struct mover *mover)
{
    check_triggers(mover, true);
}
