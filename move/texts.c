/* Reads the stored code that hanging.c has found by its words, and decides what becomes of it: by
 * the names that each text has as SQL, and by those of the code that it uses.
 */
#include "move/texts.h"

#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "sql/analyze.h"
#include "sql/strings.h"

/* A column that SELECT * does not show, so the alias does not have it. */
struct hidden {
    struct text schema, table, column;
    struct text word; /* by which a text uses it */
};

struct reader {
    struct mover *mover;
    struct hidden *hidden;
    size_t hidden_count;
    bool finishes;
};

static bool same(const struct mover *mover, struct text a, struct text b)
{
    return (mover->standing.fold ? text_equal_fold : text_equal)(a, b);
}

/* Columns' names are compared without case. */
static bool names_column(struct text text, struct text column)
{
    const struct standing folded = {.fold = true};

    return standing_names_it(&folded, text, column);
}

/* --- columns that the alias has not --- */

/* Those of MariaDB's system versioning are in no list of columns. */
static void read_hidden(struct reader *reader, struct text schema)
{
    struct mover *mover = reader->mover;
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_NAME FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = ? AND EXTRA LIKE '%INVISIBLE%' UNION SELECT TABLE_SCHEMA,"
        " TABLE_NAME, COLUMN_NAME, 'LAST_INSERT_ID' FROM information_schema.COLUMNS WHERE"
        " TABLE_SCHEMA = ? AND EXTRA LIKE '%INVISIBLE%' AND EXTRA LIKE '%auto_increment%'"
        " UNION SELECT TABLE_SCHEMA, TABLE_NAME, c.n, c.n FROM information_schema.TABLES,"
        " (SELECT 'row_start' AS n UNION SELECT 'row_end') c WHERE TABLE_SCHEMA = ? AND TABLE_TYPE"
        " = 'SYSTEM VERSIONED'",
        PARAMETERS(P_TEXT(schema), P_TEXT(schema), P_TEXT(schema)), mover->error);

    while (rows && rows_next(rows)) {
        if (!todo_at(mover, rows->cells[0], rows->cells[1]))
            continue;
        reader->hidden = items_add(&mover->arena, reader->hidden, &reader->hidden_count,
                                   sizeof(*reader->hidden));
        reader->hidden[reader->hidden_count - 1] = (struct hidden){
            arena_text(&mover->arena, rows->cells[0]), arena_text(&mover->arena, rows->cells[1]),
            arena_text(&mover->arena, rows->cells[2]), arena_text(&mover->arena, rows->cells[3])};
    }
    rows_free(rows);
}

/* In the place of its name: a column that gives LAST_INSERT_ID() its value. */
static const struct text identity = TEXT("LAST_INSERT_ID");

static bool inserts(struct text text)
{
    return names_column(text, TEXT("INSERT")) || names_column(text, TEXT("REPLACE")) ||
           names_column(text, TEXT("LOAD"));
}

/* Such a column of the table that is a word of the text, or `identity`; `at` NULL: none. */
static struct text hidden_in(const struct reader *reader, const struct moved_table *table,
                             struct text text, bool writes)
{
    if (names_column(text, TEXT("_rowid")))
        return TEXT("_rowid");
    for (size_t i = 0; i < reader->hidden_count; i++) {
        const struct hidden *hidden = &reader->hidden[i];
        if (same(reader->mover, hidden->table, table->name) &&
            same(reader->mover, hidden->schema, table->from)) {
            if (text_equal(hidden->word, identity) && writes && inserts(text))
                return identity;
            if (names_column(text, hidden->word))
                return hidden->column;
        }
    }
    return (struct text){NULL, 0};
}

/* --- one text --- */

/* What becomes of the text, because of one name in it. */
static enum fate fate_of(const struct reader *reader, const struct moved_table *table,
                         const struct sql_object *object, struct text text, struct text *column)
{
    const struct mover *mover = reader->mover;

    if (reader->finishes)
        return finish_drops(mover, table) && same(mover, object->schema, table->from)
                   ? FATE_NOTHING
                   : FATE_UNTOUCHED;
    if (!todo_find(mover, table) || !same(mover, object->schema, source_of(mover, table)))
        return FATE_UNTOUCHED;
    if (!mover->in_to || !has_alias(mover, table))
        return FATE_NOTHING;
    *column = hidden_in(reader, table, text, object->access & SQL_WRITE);
    if (column->at)
        return column->at == identity.at ? FATE_IDENTITY : FATE_COLUMN;
    return object->access & SQL_DEFINE || object->needs ? FATE_TABLE : FATE_KEPT;
}

static void meet(struct code *code, enum fate fate, const struct moved_table *table,
                 struct text place, struct text column)
{
    if (fate <= code->fate)
        return;
    code->fate = fate;
    code->table = table;
    code->place = place;
    code->column = column;
}

struct wanted {
    const struct standing *standing;
    struct text name;
};

static bool has_name(struct text string, const void *of)
{
    const struct wanted *wanted = of;

    return standing_names_it(wanted->standing, string, wanted->name);
}

/* Statements that are made of strings, and questions to information_schema. */
static bool may_mean(const struct reader *reader, const struct code *code, struct text text,
                     const struct sql_state *state, const struct moved_table *table)
{
    const struct mover *mover = reader->mover;
    const struct text place = reader->finishes ? table->from : source_of(mover, table);

    if (!standing_names_it(&mover->standing, text, table->name) ||
        (!same(mover, code->is.schema, place) && !standing_names_it(&mover->standing, text, place)))
        return false;
    const struct wanted wanted = {&mover->standing, table->name};
    return !code->facts->determined || sql_has_string(text, state, has_name, &wanted);
}

/* The tables whose names are about to lose what they mean. */
static bool is_concerned(const struct reader *reader, const struct moved_table *table)
{
    return reader->finishes ? finish_drops(reader->mover, table)
                            : todo_find(reader->mover, table) != NULL;
}

/* What becomes of a text that is not understood: the worst that it can mean, where that would be an
 * error at each write. */
static enum fate fate_of_unknown(const struct reader *reader, const struct code *code,
                                 const struct moved_table *table)
{
    const struct mover *mover = reader->mover;
    const bool gone = reader->finishes || !mover->in_to || !has_alias(mover, table);

    /* determined: the name is in a string, which somebody else may run */
    return !code->facts->determined && gone && (reader->finishes || code->is.kind == CODE_TRIGGER)
               ? FATE_NOTHING
               : FATE_UNKNOWN;
}

static void judge(const struct reader *reader, struct code *code, struct text text,
                  const struct sql_state *state)
{
    const struct standing *standing = &reader->mover->standing;

    if (code->carried)
        return;
    for (uint32_t i = 0; i < code->facts->object_count; i++) {
        const struct sql_object *object = &code->facts->objects[i];
        const struct moved_table *table =
            object->type == SQL_TABLE && !object->session_only
                ? standing_moved_of(standing, object->schema, object->name)
                : NULL;
        struct text column = {NULL, 0};
        if (table && table->move == reader->mover->order->move)
            meet(code, fate_of(reader, table, object, text, &column), table, object->schema,
                 column);
    }
    for (size_t i = 0; i < standing->table_count; i++) {
        const struct moved_table *table = &standing->tables[i];
        if (is_concerned(reader, table) && may_mean(reader, code, text, state, table))
            meet(code, fate_of_unknown(reader, code, table), table,
                 reader->finishes ? table->from : source_of(reader->mover, table),
                 (struct text){NULL, 0});
    }
}

/* --- the server's texts --- */

/* As MySQL prints it. */
static bool is_duality(struct text text)
{
    static const struct text word = TEXT("json_duality_object(");

    for (size_t i = 0; i + word.length <= text.length; i++) {
        if (text_equal_fold((struct text){text.at + i, word.length}, word))
            return true;
    }
    return false;
}

/* The statement that makes it, and its sql_mode. */
static struct rows *ask(struct mover *mover, const struct stored_code *is)
{
    static const char *const queries[] = {
        [CODE_PROCEDURE] = "SHOW CREATE PROCEDURE ?.?",
        [CODE_FUNCTION] = "SHOW CREATE FUNCTION ?.?",
        [CODE_PACKAGE] = "SHOW CREATE PACKAGE ?.?",
        [CODE_PACKAGE_BODY] = "SHOW CREATE PACKAGE BODY ?.?",
        [CODE_EVENT] = "SHOW CREATE EVENT ?.?",
        [CODE_TRIGGER] = "SHOW CREATE TRIGGER ?.?",
    };

    if (is->kind == CODE_VIEW)
        return connection_query(mover->connection,
                                "SELECT TABLE_NAME, '', CONCAT('CREATE VIEW silogate_a_view AS ',"
                                " VIEW_DEFINITION) FROM information_schema.VIEWS WHERE TABLE_SCHEMA"
                                " = ? AND TABLE_NAME = ?",
                                PARAMETERS(P_TEXT(is->schema), P_TEXT(is->name)), mover->error);
    return connection_query(mover->connection, queries[is->kind],
                            PARAMETERS(P_NAME(is->schema), P_NAME(is->name)), mover->error);
}

static struct sql_facts *keep_facts(struct mover *mover, const struct sql_facts *facts)
{
    return sql_facts_put(facts, arena_take(&mover->arena, sql_facts_bytes(facts)));
}

static void read_text(const struct reader *reader, struct code *code)
{
    struct mover *mover = reader->mover;
    struct sql_facts *facts = memory_take_zeroed(sizeof(*facts));
    struct rows *rows = ask(mover, &code->is);
    const size_t cell = code->is.kind == CODE_EVENT ? 3 : 2;

    code->unread =
        !rows || !rows_next(rows) || rows->columns <= cell || rows->cells[cell].length == 0;
    if (!code->unread) {
        const struct carried_trigger as_trigger = {.schema = code->is.schema,
                                                   .sql_mode = rows->cells[1]};
        const struct sql_state state = trigger_state(mover, &as_trigger);
        const struct text text = arena_text(&mover->arena, rows->cells[cell]);
        sql_analyze(text, 0, &state, NULL, facts);
        code->facts = keep_facts(mover, facts);
        code->is_duality = code->is.kind == CODE_VIEW && is_duality(text);
        judge(reader, code, text, &state);
    } else {
        code->facts = keep_facts(mover, facts);
    }
    rows_free(rows);
    free(facts);
}

/* --- code that uses other code --- */

static bool is_used(const struct mover *mover, const struct code *code,
                    const struct sql_object *object)
{
    const struct stored_code *is = &code->is;

    switch (is->kind) {
    case CODE_PACKAGE:
    case CODE_PACKAGE_BODY: /* by its own name, or as package.routine */
        return object->type == SQL_ROUTINE && ((same(mover, object->schema, is->schema) &&
                                                text_equal_fold(object->name, is->name)) ||
                                               text_equal_fold(object->schema, is->name));
    case CODE_PROCEDURE:
    case CODE_FUNCTION:
        return object->type == SQL_ROUTINE && same(mover, object->schema, is->schema) &&
               text_equal_fold(object->name, is->name);
    case CODE_VIEW:
        return object->type == SQL_TABLE && same(mover, object->schema, is->schema) &&
               same(mover, object->name, is->name);
    case CODE_EVENT:
    case CODE_TRIGGER:
        break;
    }
    return false;
}

/* Code that it uses and that will fail. */
static const struct code *failing_in(const struct mover *mover, const struct codes *codes,
                                     const struct code *code)
{
    for (size_t j = 0; j < codes->count; j++) {
        const struct code *used = &codes->items[j];
        if (used == code || !(texts_fails(used) || used->by))
            continue;
        for (uint32_t i = 0; i < code->facts->object_count; i++) {
            if (is_used(mover, used, &code->facts->objects[i]))
                return used->by ? used->by : used;
        }
    }
    return NULL;
}

static void follow(const struct mover *mover, struct codes *codes)
{
    bool grown;

    do {
        grown = false;
        for (size_t i = 0; i < codes->count; i++) {
            struct code *code = &codes->items[i];
            if (code->by || texts_fails(code))
                continue;
            code->by = failing_in(mover, codes, code);
            grown |= code->by != NULL;
        }
    } while (grown);
}

/* --- all of them --- */

/* The mover's own views: the aliases, and those that wait for their place. */
static bool is_own(const struct mover *mover, const struct stored_code *is)
{
    static const struct text waits = TEXT("silogate_moving_");

    return is->kind == CODE_VIEW &&
           (standing_moved_of(&mover->standing, is->schema, is->name) ||
            (is->name.length > waits.length && memcmp(is->name.at, waits.at, waits.length) == 0));
}

static bool is_carried(const struct mover *mover, const struct stored_code *is)
{
    const struct moved_table *of = is->kind == CODE_TRIGGER
                                       ? standing_moved_of(&mover->standing, is->schema, is->table)
                                       : NULL;

    return of && todo_find(mover, of);
}

void texts_read(struct mover *mover, bool finishes, struct codes *codes)
{
    const struct standing *standing = &mover->standing;
    struct reader reader = {.mover = mover, .finishes = finishes};

    *codes = (struct codes){
        .items = arena_take(&mover->arena, (standing->code_count + 1) * sizeof(*codes->items))};
    for (size_t i = 0; mover->in_to && !finishes && i < mover->todo_count; i++) {
        if (todo_is_first(mover, i))
            read_hidden(&reader, todo_table(mover, i)->from);
    }
    for (size_t i = 0; i < standing->code_count; i++) {
        const struct stored_code *is = &standing->codes[i];
        if (is->move != mover->order->move || is_own(mover, is))
            continue;
        struct code *code = &codes->items[codes->count++];
        *code = (struct code){.is = *is, .carried = !finishes && is_carried(mover, is)};
        read_text(&reader, code);
    }
    follow(mover, codes);
}

bool texts_fails(const struct code *code)
{
    return code->fate >= FATE_TABLE && !texts_differs(code);
}

bool texts_differs(const struct code *code)
{
    return code->fate == FATE_IDENTITY;
}

const char *texts_kind(const struct code *code)
{
    switch (code->is.kind) {
    case CODE_VIEW:
        return "view";
    case CODE_TRIGGER:
        return "trigger";
    case CODE_EVENT:
        return "event";
    case CODE_PROCEDURE:
    case CODE_FUNCTION:
    case CODE_PACKAGE:
    case CODE_PACKAGE_BODY:
        break;
    }
    return "routine";
}
