/* Finds the objects whose use may lock a table of a move: through foreign keys (a write to one
 * table locks the other, and a cascade continues from there), through triggers (a write to their
 * table runs them), through views, and through routines that views and triggers call; also
 * indirectly. Texts are only searched for names, so it may find too many objects, but not too few.
 */
#include "move/hanging.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "config/keys.h"
#include "sql/state.h"

/* A view, a routine, an event, or the table of a trigger: using it runs its text. */
struct holder {
    struct text schema, name, words;
    struct text trigger; /* its own name */
    const char *by;
    uint64_t moves; /* moves that it is known to depend on */
    enum code_kind kind;
};

struct foreign_key {
    struct text schema, name, parent_schema, parent;
    uint64_t moves; /* moves that the parent is known to depend on, through this key */
    bool cascades;
};

/* The moves whose tables are locked by reading, and by writing, the object of a name. */
struct leads {
    uint64_t reading, writing;
};

struct search {
    struct standing *standing;
    struct hash_table names;
    struct leads *leads; /* indexed by the number of the name */
    struct holder *holders;
    struct foreign_key *keys;
    size_t room, holder_count, key_count;
    struct arena arena;
    char folded[SQL_DATABASE_SIZE];
    bool grown; /* a name has got more moves in this pass */
    bool odd;   /* some names are not words: texts are searched for each of them */
};

/* --- names --- */

static struct text fold(struct search *search, struct text name)
{
    if (!search->standing->fold || name.length > sizeof(search->folded))
        return name;
    for (size_t i = 0; i < name.length; i++)
        search->folded[i] = text_lower(name.at[i]);
    return (struct text){search->folded, name.length};
}

static bool is_word(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (!standing_is_of_name(name.at[i]))
            return false;
    }
    return true;
}

static void lead(struct search *search, struct text name, uint64_t reading, uint64_t writing)
{
    const uint32_t known = search->names.count;
    const uint32_t number = hash_table_add(&search->names, fold(search, name));

    if (number == search->room) {
        search->room = search->room ? search->room * 2 : 64;
        search->leads = memory_resize(search->leads, search->room * sizeof(*search->leads));
    }
    struct leads *leads = &search->leads[number];
    if (number == known) {
        *leads = (struct leads){0};
        search->odd |= !is_word(name);
    }
    search->grown |= (reading & ~leads->reading) || (writing & ~leads->writing);
    leads->reading |= reading;
    leads->writing |= writing;
}

/* Using a view only reads the tables that it names. */
static uint64_t leads_to(const struct search *search, uint32_t number, bool is_view)
{
    if (number == HASH_TABLE_NONE)
        return 0;
    return search->leads[number].reading | (is_view ? 0 : search->leads[number].writing);
}

/* The moves whose tables the text may touch. */
static uint64_t moves_in(struct search *search, struct text words, bool is_view)
{
    uint64_t moves = 0;

    for (size_t i = 0; i < words.length; i++) {
        const size_t start = i;
        while (i < words.length && standing_is_of_name(words.at[i]))
            i++;
        if (i > start)
            moves |=
                leads_to(search,
                         hash_table_find(&search->names,
                                         fold(search, (struct text){words.at + start, i - start})),
                         is_view);
    }
    for (uint32_t i = 0; search->odd && i < search->names.count; i++) {
        if (!is_word(search->names.keys[i]) &&
            standing_names_it(search->standing, words, search->names.keys[i]))
            moves |= leads_to(search, i, is_view);
    }
    return moves;
}

/* --- what was found --- */

static void add_hanging(struct standing *standing, struct text schema, struct text name,
                        const char *by, unsigned move)
{
    standing->hanging = items_add(&standing->arena, standing->hanging, &standing->hanging_count,
                                  sizeof(*standing->hanging));
    standing->hanging[standing->hanging_count - 1] = (struct hanging_table){
        arena_text(&standing->arena, schema), arena_text(&standing->arena, name), by, move};
}

/* Adds an object that depends on a move; a table of another move with both of its names. */
static void hang(struct standing *standing, struct text schema, struct text name, const char *by,
                 uint64_t moves)
{
    const struct moved_table *moved = standing_moved_of(standing, schema, name);

    for (unsigned move = 0; schema.at && name.at && move < CONFIG_MOVES_MAX; move++) {
        if (!(moves >> move & 1) || (moved && moved->move == move))
            continue;
        add_hanging(standing, moved ? moved->from : schema, name, by, move);
        if (moved)
            add_hanging(standing, moved->to, name, by, move);
    }
}

/* --- the catalogue --- */

static bool is_cascade(struct text rule)
{
    return !text_equal(rule, TEXT("RESTRICT")) && !text_equal(rule, TEXT("NO ACTION"));
}

/* Parents and children of foreign keys: a write to one locks the other. */
static bool read_keys(struct search *search, struct connection *connection, struct error *error)
{
    struct standing *standing = search->standing;
    struct rows *rows = connection_query(
        connection,
        "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME,"
        " DELETE_RULE, UPDATE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS",
        NULL, error);

    if (!rows)
        return false;
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        const struct moved_table *child = standing_moved_of(standing, cells[0], cells[1]);
        const struct moved_table *parent = standing_moved_of(standing, cells[2], cells[3]);
        search->keys =
            items_add(&search->arena, search->keys, &search->key_count, sizeof(*search->keys));
        struct foreign_key *key = &search->keys[search->key_count - 1];
        *key = (struct foreign_key){.schema = arena_text(&search->arena, cells[0]),
                                    .name = arena_text(&search->arena, cells[1]),
                                    .parent_schema = arena_text(&search->arena, cells[2]),
                                    .parent = arena_text(&search->arena, cells[3]),
                                    .cascades = is_cascade(cells[4]) || is_cascade(cells[5])};
        if (child) {
            key->moves = (uint64_t)1 << child->move;
            hang(standing, cells[2], cells[3], "foreign key", key->moves);
            lead(search, key->parent, 0, key->moves);
        }
        if (parent) {
            hang(standing, cells[0], cells[1], "foreign key", (uint64_t)1 << parent->move);
            lead(search, key->name, 0, (uint64_t)1 << parent->move);
        }
    }
    rows_free(rows);
    return true;
}

static void add_holder(struct search *search, const struct text *cells, const char *by,
                       enum code_kind kind)
{
    search->holders =
        items_add(&search->arena, search->holders, &search->holder_count, sizeof(*search->holders));
    search->holders[search->holder_count - 1] = (struct holder){
        .schema = arena_text(&search->arena, cells[0]),
        .name = arena_text(&search->arena, cells[1]),
        .words = arena_text(&search->arena, cells[2].at ? cells[2] : TEXT("")),
        .trigger = arena_text(&search->arena, kind == CODE_TRIGGER ? cells[3] : TEXT("")),
        .by = by,
        .kind = kind};
}

/* Reads triggers. Those of moved tables are kept, in the order in which they fire. */
static bool read_triggers(struct search *search, struct connection *connection, struct error *error)
{
    struct standing *standing = search->standing;
    struct rows *rows =
        connection_query(connection,
                         "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, ACTION_STATEMENT,"
                         " TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA"
                         " <> 'sys' ORDER BY EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE,"
                         " ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
                         NULL, error);

    if (!rows)
        return false;
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        const struct moved_table *table = standing_moved_of(standing, cells[0], cells[1]);
        add_holder(search, cells, "trigger", CODE_TRIGGER);
        if (!table)
            continue;
        standing->triggers = items_add(&standing->arena, standing->triggers,
                                       &standing->trigger_count, sizeof(*standing->triggers));
        standing->triggers[standing->trigger_count - 1] = (struct moved_trigger){
            arena_text(&standing->arena, cells[0]), arena_text(&standing->arena, cells[3]),
            (size_t)(table - standing->tables)};
    }
    rows_free(rows);
    return true;
}

static enum code_kind kind_of(struct text type)
{
    static const struct text types[] = {[CODE_VIEW] = TEXT("VIEW"),
                                        [CODE_EVENT] = TEXT("EVENT"),
                                        [CODE_FUNCTION] = TEXT("FUNCTION"),
                                        [CODE_PACKAGE] = TEXT("PACKAGE"),
                                        [CODE_PACKAGE_BODY] = TEXT("PACKAGE BODY")};
    unsigned kind = CODE_VIEW;

    while (kind > CODE_PROCEDURE && !text_equal(type, types[kind]))
        kind--;
    return (enum code_kind)kind;
}

/* `by` NULL: routines and events, which nobody locks. */
static bool read_texts(struct search *search, struct connection *connection, const char *by,
                       const char *sql, struct error *error)
{
    struct rows *rows = connection_query(connection, sql, NULL, error);

    if (!rows)
        return false;
    while (rows_next(rows))
        add_holder(search, rows->cells, by, kind_of(rows->cells[3]));
    rows_free(rows);
    return true;
}

/* --- indirect dependencies --- */

static void follow_texts(struct search *search, bool first)
{
    for (size_t i = 0; i < search->holder_count; i++) {
        struct holder *holder = &search->holders[i];
        const uint64_t fresh =
            moves_in(search, holder->words, holder->kind == CODE_VIEW) & ~holder->moves;
        if (!fresh)
            continue;
        holder->moves |= fresh;
        if (holder->by)
            hang(search->standing, holder->schema, holder->name,
                 first ? holder->by : "view or trigger, by way of another", fresh);
        if (holder->kind != CODE_EVENT)
            lead(search, holder->name, holder->kind == CODE_TRIGGER ? 0 : fresh, fresh);
    }
}

/* A write to a parent with a cascading foreign key also does whatever a write to the child does.
 */
static void follow_cascades(struct search *search)
{
    for (size_t i = 0; i < search->key_count; i++) {
        const struct foreign_key *above = &search->keys[i];
        for (size_t j = 0; j < search->key_count && above->moves; j++) {
            struct foreign_key *key = &search->keys[j];
            const uint64_t fresh = above->moves & ~key->moves;
            if (!fresh || !key->cascades || !text_equal(key->name, above->parent) ||
                !text_equal(key->schema, above->parent_schema))
                continue;
            key->moves |= fresh;
            hang(search->standing, key->parent_schema, key->parent,
                 "foreign key, by way of another", fresh);
            lead(search, key->parent, 0, fresh);
        }
    }
}

static bool read_all(struct search *search, struct connection *connection, struct error *error)
{
    return read_keys(search, connection, error) && read_triggers(search, connection, error) &&
           read_texts(search, connection, "view",
                      "SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION, 'VIEW' FROM"
                      " information_schema.VIEWS WHERE TABLE_SCHEMA NOT IN ('sys', 'mysql',"
                      " 'performance_schema')",
                      error) &&
           read_texts(search, connection, NULL,
                      "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_DEFINITION, ROUTINE_TYPE FROM"
                      " information_schema.ROUTINES WHERE ROUTINE_SCHEMA NOT IN ('sys', 'mysql')",
                      error) &&
           read_texts(search, connection, NULL,
                      "SELECT EVENT_SCHEMA, EVENT_NAME, EVENT_DEFINITION, 'EVENT' FROM"
                      " information_schema.EVENTS WHERE EVENT_SCHEMA NOT IN ('sys', 'mysql')",
                      error);
}

/* The code that was found, for each move. */
static void keep_codes(const struct search *search)
{
    struct standing *standing = search->standing;
    struct arena *arena = &standing->arena;

    for (size_t i = 0; i < search->holder_count; i++) {
        const struct holder *holder = &search->holders[i];
        const bool is_trigger = holder->kind == CODE_TRIGGER;
        for (unsigned move = 0; move < CONFIG_MOVES_MAX; move++) {
            if (!(holder->moves >> move & 1))
                continue;
            standing->codes =
                items_add(arena, standing->codes, &standing->code_count, sizeof(*standing->codes));
            standing->codes[standing->code_count - 1] = (struct stored_code){
                .schema = arena_text(arena, holder->schema),
                .name = arena_text(arena, is_trigger ? holder->trigger : holder->name),
                .table = arena_text(arena, is_trigger ? holder->name : TEXT("")),
                .kind = holder->kind,
                .move = move};
        }
    }
}

bool hanging_read(struct connection *connection, struct standing *standing, struct error *error)
{
    struct search search = {.standing = standing};
    bool first = true;

    for (size_t i = 0; i < standing->table_count; i++) {
        const uint64_t moves = (uint64_t)1 << standing->tables[i].move;
        lead(&search, standing->tables[i].name, moves, moves);
    }
    bool good = read_all(&search, connection, error);
    do {
        search.grown = false;
        follow_cascades(&search);
        follow_texts(&search, first);
        first = false;
    } while (good && search.grown);
    keep_codes(&search);
    hash_table_fini(&search.names);
    free(search.leads);
    arena_fini(&search.arena);
    return good;
}
