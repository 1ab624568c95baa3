/* A table of a [move:] has two names but is one object: the owner and the grants of one name hold
 * for the other name too, so that neither a move nor a rename is a way around the policy. Called
 * by policy/build.c after all lines of the file were added.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/built.h"
#include "policy/system.h"

#define wrong(building, line, ...)                                                                 \
    config_problem_add((building)->problems, line, false, __VA_ARGS__)

/* A table of a move, by both names. */
struct moved {
    const struct config_move *move;
    const struct config_text *table;
    struct pattern from, to; /* in lower case */
    struct text name;        /* as written */
};

static struct text joined(struct arena *arena, struct text schema, struct text name)
{
    char *at = arena_take(arena, schema.length + name.length + 2);

    int length = sprintf(at, "%.*s.%.*s", TEXT_ARGS(schema), TEXT_ARGS(name));
    return (struct text){at, (size_t)length};
}

static bool read_moved(struct building *building, const struct config_move *move,
                       const struct config_text *table, struct moved *moved)
{
    struct pattern forms[NAME_FORMS];
    struct config_text to = {.line = table->line};

    *moved = (struct moved){.move = move, .table = table};
    if (!move->to.value.at || !pattern_take(building, "table", table, forms))
        return false;
    moved->from = forms[IN_LOWER_CASE];
    moved->name = forms[AS_WRITTEN].name;
    to.value = joined(&building->arena, move->to.value, moved->name);
    if (!pattern_take(building, "table", &to, forms))
        return false;
    moved->to = forms[IN_LOWER_CASE];
    return true;
}

static bool owns(const struct building *building, int service, const struct pattern *pattern)
{
    for (size_t i = 0; i < building->owned_count; i++) {
        const struct owned *owned = &building->owned[i];
        if (owned->service == service && pattern_covers(&owned->pattern[IN_LOWER_CASE], pattern))
            return true;
    }
    return false;
}

/* Has the service itself a pattern for all of `to` that is more specific than `other`? */
static bool owns_rather(const struct building *building, int service, const struct pattern *to,
                        const struct pattern *other)
{
    for (size_t i = 0; i < building->owned_count; i++) {
        const struct owned *owned = &building->owned[i];
        const struct pattern *pattern = &owned->pattern[IN_LOWER_CASE];
        if (owned->service == service && pattern_covers(pattern, to) &&
            pattern_covers(other, pattern) && !pattern_covers(pattern, other))
            return true;
    }
    return false;
}

/* A [move:] must not give a service what another one owns, although the new name is more specific.
 */
static bool is_free(struct building *building, const struct moved *moved)
{
    const struct config *config = building->config;
    const int service = (int)moved->move->service_index;

    for (size_t i = 0; i < building->owned_count; i++) {
        const struct owned *owned = &building->owned[i];
        const struct pattern *pattern = &owned->pattern[IN_LOWER_CASE];
        if (owned->service == service || !pattern_overlap(pattern, &moved->to) ||
            owns_rather(building, service, &moved->to, pattern))
            continue;
        wrong(building, moved->table->line,
              "[move:%s] to = %s: table %s would stand among what [service:%s] owns (%s, %s); "
              "write another `to`",
              moved->move->name.at, moved->move->to.value.at, moved->table->value.at,
              config->services[owned->service].name.at, owned->written,
              config_line(&config->files, owned->line));
        return false;
    }
    return true;
}

/* The new name gets the same owner as the old one, with a pattern as specific as the one in the
 * [move:]. */
static void own_new_name(struct building *building, const struct moved *moved)
{
    const int service = (int)moved->move->service_index;
    const struct config_text to = {
        joined(&building->policy->arena, moved->move->to.value, moved->name), moved->table->line};

    if (!owns(building, service, &moved->from)) {
        wrong(building, moved->table->line,
              "[move:%s] table = %s does not belong to [service:%s]; write owns = %s there",
              moved->move->name.at, moved->table->value.at, moved->move->service.value.at,
              moved->table->value.at);
        return;
    }
    for (size_t i = 0; i < building->owned_count; i++) {
        const struct owned *owned = &building->owned[i];
        if (owned->service == service && text_equal(text_of(owned->written), to.value))
            return; /* the service has a pattern for it itself */
    }
    if (!is_free(building, moved))
        return;
    take_owned(building, (size_t)service, &to);
}

/* The names that both `granted` and `part` match, with the other schema's name. False: there are
 * none. */
static bool other_name(struct building *building, const struct granted *granted,
                       const struct pattern *part, struct text schema, struct text *other)
{
    const struct pattern *pattern = &granted->pattern[IN_LOWER_CASE];

    if (!pattern_overlap(pattern, part))
        return false;
    if (pattern_covers(pattern, part))
        *other = joined(&building->policy->arena, schema, part->name);
    else if (pattern_covers(part, pattern))
        *other = joined(&building->policy->arena, schema, granted->pattern[AS_WRITTEN].name);
    else
        return false;
    return true;
}

static bool overlaps_in_part(const struct granted *granted, const struct pattern *part)
{
    const struct pattern *pattern = &granted->pattern[IN_LOWER_CASE];

    return pattern_overlap(pattern, part) && !pattern_covers(pattern, part) &&
           !pattern_covers(part, pattern);
}

static void add_other(struct building *building, const struct granted *granted,
                      const struct pattern *part, struct text schema, const struct moved *moved)
{
    struct granted more = *granted;
    struct config_text text = {.line = granted->line};

    if (overlaps_in_part(granted, part))
        wrong(building, granted->line,
              "%s = %s is some of what [move:%s] table = %s moves and not all of it; write the "
              "names of the tables that are meant",
              granted->key, granted->written, moved->move->name.at, moved->table->value.at);
    if (!other_name(building, granted, part, schema, &text.value))
        return;
    take_granted(building, granted->key, &text, more, building->policy->rules[granted->rule].text);
    building->granted[building->granted_count - 1].follows = true;
}

static void grant_both_names(struct building *building, const struct moved *moved)
{
    /* the grants that are added here need no other name */
    const size_t count = building->granted_count;

    for (size_t i = 0; i < count; i++) {
        const struct granted granted = building->granted[i];
        if (granted.follows)
            continue;
        const struct text from = {moved->table->value.at,
                                  moved->table->value.length - moved->name.length - 1};
        add_other(building, &granted, &moved->from, moved->move->to.value, moved);
        add_other(building, &granted, &moved->to, from, moved);
    }
}

/* Is the schema one of the server's own, or silogate's? */
static bool is_reserved(struct text schema)
{
    return system_schema(schema) || system_is_silogates(schema) ||
           text_equal_fold(schema, TEXT("information_schema"));
}

/* Tables move from a service's database to a service's. */
static void check_places(struct building *building, const struct config_move *move)
{
    struct pattern forms[NAME_FORMS];

    if (move->to.value.at && is_reserved(move->to.value))
        wrong(building, move->to.line,
              "[move:%s] to = %s: that database is the server's own or silogate's; write another "
              "`to`",
              move->name.at, move->to.value.at);
    for (size_t i = 0; i < move->tables.count; i++) {
        const struct config_text *table = &move->tables.items[i];
        if (pattern_take(building, "table", table, forms) &&
            is_reserved(forms[IN_LOWER_CASE].schema))
            wrong(building, table->line,
                  "[move:%s] table = %s stands in a database of the server's own or silogate's; "
                  "take it out",
                  move->name.at, table->value.at);
    }
}

/* A table moves once: no move may take it from where another one has put it. It would have three
 * places, and a [move:] has two. */
static void check_chain(struct building *building, const struct moved *moved)
{
    const struct config *config = building->config;
    struct pattern forms[NAME_FORMS];

    for (size_t i = 0; i < config->move_count; i++) {
        const struct config_move *other = &config->moves[i];
        for (size_t j = 0; j < other->tables.count; j++) {
            const struct config_text *table = &other->tables.items[j];
            if (table == moved->table || !pattern_take(building, "table", table, forms) ||
                !pattern_overlap(&forms[IN_LOWER_CASE], &moved->to))
                continue;
            wrong(
                building, moved->table->line,
                "[move:%s] table = %s, to = %s: from there [move:%s] table = %s moves it on (%s); "
                "move it in one step, or finish the first move and take its section out",
                moved->move->name.at, moved->table->value.at, moved->move->to.value.at,
                other->name.at, table->value.at, config_line(&config->files, table->line));
        }
    }
}

/* Two tables cannot have one name. Which of the tables that wildcards match have the same one, the
 * server tells: a mover refuses the second. */
static void check_target(struct building *building, const struct moved *moved,
                         const struct config_move *other, const struct config_text *table)
{
    const struct config *config = building->config;
    struct config_text to = {.line = table->line};
    struct pattern from[NAME_FORMS], forms[NAME_FORMS];

    if (!other->to.value.at || !pattern_take(building, "table", table, from))
        return;
    to.value = joined(&building->arena, other->to.value, from[AS_WRITTEN].name);
    if (!glob_exact(moved->to.name) || !glob_exact(from[IN_LOWER_CASE].name) ||
        !pattern_take(building, "table", &to, forms) ||
        !pattern_overlap(&forms[IN_LOWER_CASE], &moved->to) ||
        text_equal(from[IN_LOWER_CASE].schema, moved->from.schema))
        return;
    wrong(building, moved->table->line,
          "[move:%s] table = %s would get the same name in %s as table = %s of [move:%s] (%s); "
          "write another `to`, or rename one of the tables",
          moved->move->name.at, moved->table->value.at, moved->move->to.value.at, table->value.at,
          other->name.at, config_line(&config->files, table->line));
}

/* No table may be in two moves of its owner: it could be at three places. Tables of other services
 * that a wildcard matches are left out of the move, so they do not count. */
static void check_apart(struct building *building, size_t number, const struct moved *moved)
{
    const struct config *config = building->config;
    struct pattern forms[NAME_FORMS];

    for (size_t i = 0; i < number; i++) {
        const struct config_move *other = &config->moves[i];
        if (other->service_index != moved->move->service_index)
            continue;
        for (size_t j = 0; j < other->tables.count; j++) {
            const struct config_text *table = &other->tables.items[j];
            if (pattern_take(building, "table", table, forms) &&
                pattern_overlap(&forms[IN_LOWER_CASE], &moved->from) &&
                !text_equal_fold(table->value, moved->table->value)) /* already reported */
                wrong(building, moved->table->line,
                      "table = %s takes in what [move:%s] table = %s moves (%s); write names that "
                      "are in one of them alone",
                      moved->table->value.at, other->name.at, table->value.at,
                      config_line(&config->files, table->line));
        }
    }
}

/* Of the tables that are written before this one, in any section. */
static void check_targets(struct building *building, const struct moved *moved)
{
    const struct config *config = building->config;

    for (size_t i = 0; i < config->move_count; i++) {
        const struct config_move *other = &config->moves[i];
        for (size_t j = 0; j < other->tables.count; j++) {
            if (&other->tables.items[j] == moved->table)
                return;
            check_target(building, moved, other, &other->tables.items[j]);
        }
    }
}

void moves_add(struct building *building)
{
    const struct config *config = building->config;
    struct moved moved;

    for (size_t i = 0; i < config->move_count; i++) {
        const struct config_move *move = &config->moves[i];
        check_places(building, move);
        for (size_t j = 0; j < move->tables.count; j++) {
            if (!read_moved(building, move, &move->tables.items[j], &moved))
                continue;
            check_apart(building, i, &moved);
            check_targets(building, &moved);
            check_chain(building, &moved);
            own_new_name(building, &moved);
            grant_both_names(building, &moved);
        }
    }
}

bool moves_put_aside(struct text name)
{
    const struct text aside = TEXT("silogate_moving_");

    return name.length > aside.length &&
           text_equal_fold((struct text){name.at, aside.length}, aside);
}
