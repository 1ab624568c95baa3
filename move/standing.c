/* Reads from the catalogue which tables are where (move/hanging.c: the objects that depend on
 * them). Called by the mover and by the watch.
 */
#include "move/standing.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/hanging.h"
#include "move/rivals.h"
#include "policy/pattern.h"

enum { READS = 5 }; /* at most, where tables come and go all the time */

static struct text schema_of(struct text pattern)
{
    const char *dot = memchr(pattern.at, '.', pattern.length);

    return (struct text){pattern.at, dot ? (size_t)(dot - pattern.at) : pattern.length};
}

static struct text name_of(struct text pattern)
{
    struct text schema = schema_of(pattern);

    return (struct text){pattern.at + schema.length + 1, pattern.length - schema.length - 1};
}

static enum standing_kind kind_of(struct text type)
{
    if (text_equal_fold(type, TEXT("VIEW")) || text_equal_fold(type, TEXT("SYSTEM VIEW")))
        return STANDING_VIEW;
    if (text_equal_fold(type, TEXT("SEQUENCE")))
        return STANDING_SEQUENCE;
    return STANDING_TABLE;
}

static bool same_name(const struct standing *standing, struct text a, struct text b)
{
    return standing->fold ? text_equal_fold(a, b) : text_equal(a, b);
}

bool standing_matches(const struct standing *standing, struct text pattern, struct text name)
{
    return glob_exact(pattern) ? same_name(standing, pattern, name) : glob_match(pattern, name);
}

bool standing_is_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

bool standing_names_it(const struct standing *standing, struct text words, struct text name)
{
    for (size_t i = 0; words.at && name.length > 0 && i + name.length <= words.length; i++) {
        const size_t end = i + name.length;
        if ((i == 0 || !standing_is_of_name(words.at[i - 1])) &&
            (end == words.length || !standing_is_of_name(words.at[end])) &&
            same_name(standing, (struct text){words.at + i, name.length}, name))
            return true;
    }
    return false;
}

static int owner_of(const struct policy *policy, int service, struct text schema, struct text name,
                    bool fold)
{
    const struct sql_object object = {
        .schema = schema, .name = name, .type = SQL_TABLE, .access = SQL_ACCESS_ALL};
    struct verdict verdict;

    policy_check_object(policy, service, &object, fold, 0, &verdict);
    return verdict.owner;
}

/* Does the service own the table by both names? If not, its owner is kept. */
static bool is_own(struct standing *standing, const struct policy *policy, unsigned move,
                   int service, const struct text schemas[2], struct text name)
{
    for (int i = 0; i < 2; i++) {
        int owner = owner_of(policy, service, schemas[i], name, standing->fold);
        if (owner == service)
            continue;
        standing->left = items_add(&standing->arena, standing->left, &standing->left_count,
                                   sizeof(*standing->left));
        standing->left[standing->left_count - 1] =
            (struct left_table){arena_text(&standing->arena, schemas[i]),
                                arena_text(&standing->arena, name), owner, move};
        return false;
    }
    return true;
}

const struct moved_table *standing_find(const struct standing *standing, unsigned move,
                                        struct text from, struct text name)
{
    for (size_t i = 0; i < standing->table_count; i++) {
        const struct moved_table *table = &standing->tables[i];
        if (table->move == move && same_name(standing, table->name, name) &&
            same_name(standing, table->from, from))
            return table;
    }
    return NULL;
}

static struct moved_table *table_of(struct standing *standing, unsigned move, struct text from,
                                    struct text to, struct text name)
{
    const struct moved_table *known = standing_find(standing, move, from, name);

    if (known)
        return &standing->tables[known - standing->tables];
    standing->tables = items_add(&standing->arena, standing->tables, &standing->table_count,
                                 sizeof(*standing->tables));
    struct moved_table *table = &standing->tables[standing->table_count - 1];
    *table = (struct moved_table){.from = arena_text(&standing->arena, from),
                                  .to = arena_text(&standing->arena, to),
                                  .name = arena_text(&standing->arena, name),
                                  .move = move};
    return table;
}

/* Reads the tables of one pattern. */
static bool read_tables(struct connection *connection, const struct config_move *move,
                        unsigned number, struct text pattern, const struct policy *policy,
                        struct standing *standing, struct error *error)
{
    const struct text from = schema_of(pattern), to = move->to.value;
    const int service = (int)move->service_index;
    struct rows *rows = connection_query(
        connection,
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA IN (?, ?) ORDER BY TABLE_NAME",
        PARAMETERS(P_TEXT(from), P_TEXT(to)), error);

    if (!rows)
        return false;
    standing->patterns = items_add(&standing->arena, standing->patterns, &standing->pattern_count,
                                   sizeof(*standing->patterns));
    standing->patterns[standing->pattern_count - 1] =
        (struct moved_pattern){arena_text(&standing->arena, from), arena_text(&standing->arena, to),
                               arena_text(&standing->arena, name_of(pattern)), number};
    while (rows_next(rows)) {
        const struct text schema = rows->cells[0], name = rows->cells[1];
        /* MariaDB's catalogue compares names without case, even if its tables do not. */
        if ((!same_name(standing, schema, from) && !same_name(standing, schema, to)) ||
            !standing_matches(standing, name_of(pattern), name) ||
            !is_own(standing, policy, number, service, (struct text[]){from, to}, name))
            continue;
        struct moved_table *table = table_of(standing, number, from, to, name);
        if (same_name(standing, schema, from))
            table->at_from = kind_of(rows->cells[2]);
        else
            table->at_to = kind_of(rows->cells[2]);
    }
    rows_free(rows);
    return true;
}

bool standing_has(const struct standing *standing, unsigned move, struct text pattern)
{
    for (size_t i = 0; i < standing->table_count; i++) {
        const struct moved_table *table = &standing->tables[i];
        if (table->move == move && same_name(standing, table->from, schema_of(pattern)) &&
            standing_matches(standing, name_of(pattern), table->name))
            return true;
    }
    return false;
}

const struct moved_table *standing_moved_of(const struct standing *standing, struct text schema,
                                            struct text name)
{
    for (size_t i = 0; schema.at && name.at && i < standing->table_count; i++) {
        const struct moved_table *table = &standing->tables[i];
        if (same_name(standing, table->name, name) &&
            (same_name(standing, table->from, schema) || same_name(standing, table->to, schema)))
            return table;
    }
    return NULL;
}

/* What is no table of the move, but a view on one. */
static bool find_dropped(struct connection *connection, struct standing *standing,
                         struct error *error)
{
    for (size_t i = 0; i < standing->table_count; i++) {
        struct moved_table *table = &standing->tables[i];
        if (table->at_from != STANDING_VIEW || table->at_to != STANDING_NOTHING)
            continue;
        struct rows *rows = connection_query(
            connection,
            "SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ? AND"
            " TABLE_NAME = ?",
            PARAMETERS(P_TEXT(table->from), P_TEXT(table->name)), error);
        if (!rows)
            return false;
        table->dropped = rows_next(rows) &&
                         standing_names_it(standing, rows->cells[0], table->to) &&
                         standing_names_it(standing, rows->cells[0], table->name);
        rows_free(rows);
    }
    return true;
}

static bool read_lists(struct connection *connection, const struct config *config,
                       const struct policy *policy, size_t upstream, struct standing *standing,
                       struct error *error)
{
    for (size_t i = 0; i < config->move_count; i++) {
        const struct config_move *move = &config->moves[i];
        if (config->services[move->service_index].upstream_index != upstream)
            continue;
        for (size_t j = 0; j < move->tables.count; j++) {
            if (!read_tables(connection, move, (unsigned)i, move->tables.items[j].value, policy,
                             standing, error))
                return false;
        }
    }
    rivals_find(connection, standing);
    return !connection_lost(connection) || error_set(error, "the connection is lost");
}

static bool read_all(struct connection *connection, const struct config *config,
                     const struct policy *policy, size_t upstream, struct standing *standing,
                     struct error *error)
{
    struct rows *rows = connection_query(
        connection, "SELECT @@lower_case_table_names, @@GLOBAL.max_allowed_packet", NULL, error);

    *standing = (struct standing){0};
    if (!rows)
        return false;
    standing->fold = rows_next(rows) && rows_number(rows, 0, 0) != 0;
    standing->packet = (uint64_t)rows_number(rows, 1, 0);
    rows_free(rows);
    return read_lists(connection, config, policy, upstream, standing, error) &&
           (standing->table_count == 0 || (find_dropped(connection, standing, error) &&
                                           hanging_read(connection, standing, error)));
}

static bool same_places(const struct standing *a, const struct standing *b)
{
    bool same = a->table_count == b->table_count;

    for (size_t i = 0; same && i < a->table_count; i++) {
        const struct moved_table *one = &a->tables[i], *other = &b->tables[i];
        same = text_equal(one->name, other->name) && text_equal(one->from, other->from) &&
               one->move == other->move && one->at_from == other->at_from &&
               one->at_to == other->at_to;
    }
    return same;
}

/* MariaDB lists one folder, then the next, and waits at each table for a RENAME that is under way:
 * a table that has left the one behind the other's list is then in neither, or in both lists. So
 * the lists are read again, and what was read before counts if they are the same. */
bool standing_read(struct connection *connection, const struct config *config,
                   const struct policy *policy, size_t upstream, struct standing *standing,
                   struct error *error)
{
    for (int left = READS; left > 0; left--) {
        bool good = read_all(connection, config, policy, upstream, standing, error);
        struct standing again = {.fold = standing->fold};
        good = good && read_lists(connection, config, policy, upstream, &again, error);
        bool same = good && same_places(standing, &again);
        standing_fini(&again);
        if (same || (good && left == 1))
            break;
        standing_fini(standing);
        if (!good)
            return false;
    }
    return true;
}

void standing_fini(struct standing *standing)
{
    arena_fini(&standing->arena);
    *standing = (struct standing){0};
}

void standing_number(struct standing *standing, const uint8_t *numbers)
{
    for (size_t i = 0; i < standing->table_count; i++)
        standing->tables[i].move = numbers[standing->tables[i].move];
    for (size_t i = 0; i < standing->hanging_count; i++)
        standing->hanging[i].move = numbers[standing->hanging[i].move];
    for (size_t i = 0; i < standing->code_count; i++)
        standing->codes[i].move = numbers[standing->codes[i].move];
    for (size_t i = 0; i < standing->pattern_count; i++)
        standing->patterns[i].move = numbers[standing->patterns[i].move];
}

bool standing_is_in_to(const struct moved_table *table)
{
    return table->at_to == STANDING_TABLE &&
           (table->at_from != STANDING_TABLE || table->kept == PLACE_TO);
}

bool standing_is_at_both(const struct moved_table *table)
{
    return table->at_from == STANDING_TABLE && table->at_to == STANDING_TABLE;
}

bool standing_has_both(const struct standing *standing)
{
    for (size_t i = 0; i < standing->table_count; i++) {
        if (standing_is_at_both(&standing->tables[i]))
            return true;
    }
    return false;
}

enum standing_place standing_place(const struct moved_table *table)
{
    if (standing_is_at_both(table))
        return table->kept;
    return table->at_to == STANDING_TABLE     ? PLACE_TO
           : table->at_from == STANDING_TABLE ? PLACE_FROM
                                              : PLACE_UNKNOWN;
}

void standing_say(struct standing *standing, struct text from, struct text name, struct text db,
                  int64_t at)
{
    for (size_t i = 0; i < standing->table_count; i++) {
        struct moved_table *table = &standing->tables[i];
        if (!same_name(standing, table->name, name) || !same_name(standing, table->from, from))
            continue;
        table->said = same_name(standing, table->to, db)     ? PLACE_TO
                      : same_name(standing, table->from, db) ? PLACE_FROM
                                                             : PLACE_UNKNOWN;
        table->said_at = at;
    }
}

void standing_keep(struct standing *standing, const struct standing *before)
{
    for (size_t i = 0; i < standing->table_count; i++) {
        struct moved_table *table = &standing->tables[i];
        const struct moved_table *known =
            standing_find(before, table->move, table->from, table->name);
        table->kept = table->said != PLACE_UNKNOWN && table->settled != PLACE_UNKNOWN
                          ? table->settled
                          : table->said;
        if (table->kept == PLACE_UNKNOWN && known && same_name(standing, known->to, table->to))
            table->kept = standing_place(known);
        if (table->kept == PLACE_UNKNOWN)
            table->kept = table->settled;
    }
}

void put_name(FILE *to, struct text name)
{
    fputc('`', to);
    for (size_t i = 0; i < name.length; i++) {
        if (name.at[i] == '`')
            fputc('`', to);
        fputc(name.at[i], to);
    }
    fputc('`', to);
}

bool standing_is_in_call(const struct moved_table *table, struct text call)
{
    char *written;
    size_t length;
    FILE *to = open_memstream(&written, &length);

    put_name(to, table->from);
    fputc('.', to);
    put_name(to, table->name);
    fputc('\n', to);
    fclose(to);
    const bool is = memmem(call.at, call.length, written, length);
    free(written);
    return is;
}

static bool is_flipped(const struct flipped *flipped, const struct moved_table *table)
{
    return flipped && (int)table->move == flipped->move &&
           (!flipped->tables || standing_is_in_call(table, text_of(flipped->tables)));
}

void standing_settle(struct standing *standing, const struct flipped *flipped)
{
    const bool in_to = flipped->in_to;

    for (size_t i = 0; i < standing->table_count; i++) {
        struct moved_table *table = &standing->tables[i];
        const enum standing_kind stands = in_to ? table->at_to : table->at_from;
        const enum standing_kind leaves = in_to ? table->at_from : table->at_to;
        if (leaves != STANDING_TABLE || stands == STANDING_TABLE || !is_flipped(flipped, table))
            continue;
        table->at_from = in_to ? STANDING_NOTHING : STANDING_TABLE;
        table->at_to = in_to ? STANDING_TABLE : STANDING_NOTHING;
    }
}

static struct sql_moved *names_of(const struct standing *standing, const struct flipped *flipped,
                                  bool kept)
{
    struct sql_moved *names = sql_moved_new(standing->fold);

    if (standing->packet > 0)
        sql_moved_limit(names, standing->packet);
    for (size_t i = 0; i < standing->table_count; i++) {
        const struct moved_table *table = &standing->tables[i];
        bool there = is_flipped(flipped, table) ? flipped->in_to : standing_is_in_to(table);
        if (table->at_from != STANDING_TABLE && table->at_to != STANDING_TABLE && !table->dropped)
            continue;
        if (kept && !is_flipped(flipped, table) && table->at_from == STANDING_VIEW)
            continue;
        sql_moved_add(names, SQL_TABLE, table->from, table->to, table->name,
                      there || table->dropped, table->move);
    }
    for (size_t i = 0; i < standing->trigger_count; i++) {
        const struct moved_trigger *trigger = &standing->triggers[i];
        const struct moved_table *table = &standing->tables[trigger->table];
        bool there = is_flipped(flipped, table) ? flipped->in_to : standing_is_in_to(table);
        sql_moved_add(names, SQL_ROUTINE, table->from, table->to, trigger->name, there,
                      table->move);
    }
    for (size_t i = 0; i < standing->hanging_count; i++)
        sql_moved_hang(names, standing->hanging[i].schema, standing->hanging[i].name,
                       standing->hanging[i].move);
    for (size_t i = 0; i < standing->left_count; i++)
        sql_moved_except(names, standing->left[i].schema, standing->left[i].name);
    for (size_t i = 0; i < standing->pattern_count; i++)
        sql_moved_expect(names, standing->patterns[i].from, standing->patterns[i].to,
                         standing->patterns[i].name, glob_match);
    return names;
}

struct sql_moved *standing_names(const struct standing *standing, const struct flipped *flipped)
{
    return names_of(standing, flipped, false);
}

struct sql_moved *standing_names_kept(const struct standing *standing,
                                      const struct flipped *flipped)
{
    return names_of(standing, flipped, true);
}
