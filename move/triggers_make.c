/* Creates triggers: at the target, on the trial's table, or where they were; drops them; and keeps
 * their texts in the journal, for a mover that was killed. A text is sent in the character set of
 * the client that created the trigger, as the server expects it from then on. */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/mover_internal.h"
#include "sql/analyze.h"

enum { TRIGGER_EXISTS = 1359 };

static const char settings[] =
    "SET sql_mode = ?, character_set_client = ?, collation_connection = ?";

/* The text in this character set. NULL: it cannot be written there, or it does not read as the same
 * text. */
struct text trigger_bytes(struct mover *mover, struct text charset, struct text text)
{
    struct text bytes = {NULL, 0};

    if (text_equal(charset, TEXT("utf8mb4")))
        return text;
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT CAST(CONVERT(? USING ?) AS BINARY),"
        " CAST(CONVERT(CONVERT(? USING ?) USING utf8mb4) AS BINARY)",
        PARAMETERS(P_TEXT(text), P_NAME(charset), P_TEXT(text), P_NAME(charset)), mover->error);
    if (rows && rows_next(rows) && rows->cells[0].at && rows->cells[1].at &&
        text_equal(rows->cells[1], text))
        bytes = arena_text(&mover->arena, rows->cells[0]);
    rows_free(rows);
    return bytes;
}

/* Sets the session as it was when the trigger was created. */
static bool enter(struct mover *mover, const struct carried_trigger *trigger, struct text schema)
{
    return connection_run(mover->connection, "USE ?", PARAMETERS(P_NAME(schema)), mover->error) &&
           connection_run(mover->connection, settings,
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

static bool is_alike(const struct carried_trigger *a, const struct carried_trigger *b)
{
    return text_equal(a->target, b->target) && text_equal(a->sql_mode, b->sql_mode) &&
           text_equal(a->charset, b->charset) && text_equal(a->collation, b->collation);
}

struct text trigger_enter_sql(struct mover *mover, size_t i, struct text *use)
{
    const struct carried_trigger *trigger = &mover->triggers[i];

    *use = (struct text){NULL, 0};
    if (i > 0 && is_alike(trigger, trigger - 1))
        return *use;
    *use = connection_text(mover->connection, &mover->arena, "USE ?",
                           PARAMETERS(P_NAME(trigger->target)));
    return connection_text(mover->connection, &mover->arena, settings,
                           PARAMETERS(P_TEXT(trigger->sql_mode), P_TEXT(trigger->charset),
                                      P_TEXT(trigger->collation)));
}

struct text trigger_drop_sql(struct mover *mover, size_t i)
{
    return connection_text(
        mover->connection, &mover->arena, "DROP TRIGGER IF EXISTS ?.?",
        PARAMETERS(P_NAME(mover->triggers[i].schema), P_NAME(mover->triggers[i].name)));
}

bool trigger_answered(struct mover *mover, size_t i, bool good)
{
    struct carried_trigger *trigger = &mover->triggers[i];

    trigger->made = good || connection_code(mover->connection) != TRIGGER_EXISTS;
    if (!good)
        say(mover, "trigger %.*s.%.*s cannot be made: %s", TEXT_ARGS(trigger->target),
            TEXT_ARGS(trigger->name), mover->error->text);
    return good;
}

void triggers_undo(struct mover *mover)
{
    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        while (trigger->made && /* else one of that name is another table's */
               !drop(mover, trigger->target, trigger->name) &&
               blocked_wait(mover, connection_code(mover->connection)))
            ;
    }
}

/* 1 or 0; -1: the server could not be asked. */
static int is_listed(struct mover *mover, struct text schema, struct text name)
{
    return (int)ask_number(
        mover,
        "SELECT COUNT(*) > 0 FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?"
        " AND TRIGGER_NAME = ?",
        PARAMETERS(P_TEXT(schema), P_TEXT(name)), -1);
}

/* MariaDB: where the disk was full, DROP TRIGGER has removed one of the trigger's two files. It
 * fires still, and a CREATE TRIGGER would succeed: then it would fire twice. */
bool triggers_restore(struct mover *mover)
{
    bool good = true;
    unsigned code;

    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        for (;;) {
            const int listed = is_listed(mover, trigger->schema, trigger->name);
            code = connection_code(mover->connection);
            if (listed > 0 || (listed == 0 &&
                               (create(mover, trigger, trigger->schema, trigger->old_sent, &code) ||
                                code == TRIGGER_EXISTS)))
                break;
            if (!blocked_wait(mover, code)) {
                good = false;
                break;
            }
        }
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

/* Does the server have the text that it should? MySQL writes anew what is before the body. */
static bool is_made(struct mover *mover, const struct carried_trigger *trigger)
{
    static const struct text row = TEXT(" FOR EACH ROW ");
    struct rows *rows =
        connection_query(mover->connection, "SHOW CREATE TRIGGER ?.?",
                         PARAMETERS(P_NAME(trigger->target), P_NAME(trigger->name)), mover->error);
    const struct text wanted = trigger->trial_text;
    struct text is = {NULL, 0};

    if (rows && rows_next(rows) && rows->columns > 2)
        is = rows->cells[2];
    const char *body = is.at && !connection_is_mariadb(mover->connection)
                           ? memmem(is.at, is.length, row.at, row.length)
                           : NULL;
    if (body)
        is = (struct text){body + row.length, is.length - (size_t)(body + row.length - is.at)};
    const bool same = is.at && is.length <= wanted.length && (body || is.length == wanted.length) &&
                      memcmp(is.at, wanted.at + wanted.length - is.length, is.length) == 0;
    if (rows && !same)
        error_set(mover->error, "the server keeps another text");
    rows_free(rows);
    return same;
}

static bool try_all(struct mover *mover, const struct moved_table *table)
{
    unsigned code;

    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        if (trigger->table != table)
            continue;
        if (!create(mover, trigger, trigger->target, trigger->trial_sent, &code) ||
            !is_made(mover, trigger)) {
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
    if (!trial_note(mover, target, false) ||
        !connection_run(mover->connection, "CREATE TABLE ?.? LIKE ?.?", names, mover->error))
        return false;
    mover_reached("trying");
    bool good = try_all(mover, table);
    return connection_run(mover->connection, "DROP TABLE ?.?", names,
                          good ? mover->error : &ignored) &&
           trial_note(mover, target, true) && good;
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

/* Where the table of a trigger's row is. */
struct place {
    const struct moved_pattern *pattern; /* of the move, which matches it; NULL: it is not of it */
    bool here, there;                    /* where the row says; at its other place */
};

static struct place place_of(const struct mover *mover, struct text schema, struct text name)
{
    const struct standing *standing = &mover->standing;
    struct place place = {.pattern = NULL};

    for (size_t i = 0; i < standing->pattern_count; i++) {
        const struct moved_pattern *pattern = &standing->patterns[i];
        if (pattern->move == mover->order->move &&
            (text_equal_fold(schema, pattern->from) || text_equal_fold(schema, pattern->to)) &&
            standing_matches(standing, pattern->name, name))
            place.pattern = pattern;
    }
    for (size_t i = 0; i < standing->table_count; i++) {
        const struct moved_table *table = &standing->tables[i];
        const bool to = text_equal_fold(schema, table->to);
        if (table->move != mover->order->move || !text_equal_fold(name, table->name) ||
            !(to || text_equal_fold(schema, table->from)))
            continue;
        place.here |= (to ? table->at_to : table->at_from) == STANDING_TABLE;
        place.there |= (to ? table->at_from : table->at_to) == STANDING_TABLE;
    }
    return place;
}

/* Is it what a mover of this move has written: one CREATE TRIGGER of that name on one of its
 * tables? Whoever can write to the journal must not make the mover run anything else. */
static bool is_trigger_row(const struct mover *mover, const struct carried_trigger *trigger,
                           struct text sql, struct place *place)
{
    struct sql_facts *facts = memory_take(sizeof(*facts));
    const struct sql_state state = trigger_state(mover, trigger);
    bool named = false;

    *place = (struct place){.pattern = NULL};
    const size_t end = sql_analyze(sql, 0, &state, NULL, facts);
    for (unsigned i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (!text_equal_fold(object->schema, trigger->schema) || !(object->access & SQL_DEFINE))
            continue;
        /* where names fold, it may be written in another case than the catalogue has it */
        named |= object->type == SQL_ROUTINE &&
                 (mover->standing.fold || text_equal(object->name, trigger->name));
        if (object->type == SQL_TABLE && !place->pattern)
            *place = place_of(mover, object->schema, object->name);
    }
    const bool good = facts->determined && end >= sql.length && facts->kind == SQL_CREATE_TRIGGER &&
                      named && place->pattern;
    free(facts);
    return good;
}

/* Its table was dropped or renamed since, and perhaps has its triggers. Each has a row for either
 * place. */
static bool tell_without_table(struct mover *mover, const struct carried_trigger *trigger,
                               const struct moved_pattern *pattern)
{
    if (text_equal_fold(trigger->schema, pattern->to) &&
        is_listed(mover, pattern->from, trigger->name) == 0 &&
        is_listed(mover, pattern->to, trigger->name) == 0)
        say(mover,
            "note: trigger %.*s is missing, and its table was dropped or renamed since an earlier "
            "mover was stopped; if it is needed, create it, its text is in silogate.journal",
            TEXT_ARGS(trigger->name));
    return !connection_lost(mover->connection);
}

/* Handles one row of the journal: creates the trigger, if it is missing and the row is for the
 * present place of its table.
 */
static bool recover(struct mover *mover, struct text detail)
{
    struct carried_trigger trigger = {0};
    struct text rest = detail;
    struct place place;

    trigger.schema = take_line(&rest);
    trigger.name = take_line(&rest);
    trigger.sql_mode = take_line(&rest);
    trigger.charset = take_line(&rest);
    trigger.collation = take_line(&rest);
    if (!is_trigger_row(mover, &trigger, rest, &place))
        return error_set(mover->error,
                         "a row of silogate.journal with the step 'trigger' was not written by a "
                         "mover; look at it, and delete it");
    const int listed = is_listed(mover, trigger.schema, trigger.name);
    if (listed != 0)
        return listed > 0;
    if (!place.here) /* if it is there, the row for the other place is the right one */
        return place.there || tell_without_table(mover, &trigger, place.pattern);
    unsigned code;
    const struct text bytes = trigger_bytes(mover, trigger.charset, rest);
    if (!bytes.at)
        return !connection_lost(mover->connection) &&
               error_set(mover->error,
                         "trigger %.*s.%.*s cannot be written in %.*s; create it by hand, its text "
                         "is in silogate.journal",
                         TEXT_ARGS(trigger.schema), TEXT_ARGS(trigger.name),
                         TEXT_ARGS(trigger.charset));
    while (!create(mover, &trigger, trigger.schema, bytes, &code)) {
        /* everybody waits in the hold for what an ended session has left missing */
        if (!mover->sent || !blocked_wait(mover, code))
            return false;
    }
    mover->missed = true;
    say(mover, "created again, because an earlier mover was stopped: trigger %.*s.%.*s",
        TEXT_ARGS(trigger.schema), TEXT_ARGS(trigger.name));
    return true;
}

bool triggers_recover(struct mover *mover)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT detail FROM silogate.journal j WHERE " MOVER_DROPPED
        " AND move = ? AND step = 'trigger' AND epoch ="
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
