/* Puts the patterns of a policy into trees: owners, and each service's grants. There are trees for
 * each form of names, because the upstream and the kind of object decide which form counts.
 */
#include <string.h>

#include "policy/built.h"

/* The number at a node; if it has none yet, it gets the next one. */
static uint32_t number_at(struct matcher *matcher, uint32_t node, size_t *count)
{
    uint32_t *value = matcher_value(matcher, node);

    if (!*value)
        *value = (uint32_t)++ * count;
    return *value;
}

/* Patterns are added service by service, so a service is the first in the list or not in it yet. */
static void silo_add(struct view *view, const struct rule *rules, struct silo *silo, uint32_t rule)
{
    struct silo_owner *head = &view->silo_owners[silo->owners];

    if (silo->owners && rules[head->rule].service == rules[rule].service) {
        if (rules[rule].rank > rules[head->rule].rank)
            head->rule = rule;
        return;
    }
    uint32_t number = (uint32_t)++view->silo_owner_count;
    view->silo_owners[number] = (struct silo_owner){rule, silo->owners};
    silo->owners = number;
}

static void add_owned(struct view *view, const struct policy *policy, const struct owned *owned,
                      const struct pattern *pattern)
{
    struct matcher *matcher = &view->matcher;
    uint32_t schema = matcher_add(matcher, view->ownership, pattern->schema);
    uint32_t end = matcher_add(matcher, schema, pattern->name);
    struct silo *silo = &view->silos[number_at(matcher, schema, &view->silo_count)];

    silo_add(view, policy->rules, silo, owned->rule);
    if (glob_any(pattern->name) && !silo->whole)
        silo->whole = owned->rule;
    if (!*matcher_value(matcher, end))
        *matcher_value(matcher, end) = owned->rule;

    schema = matcher_add(matcher, view->grants[owned->service], pattern->schema);
    struct entry *entry = &view->entries[number_at(matcher, schema, &view->entry_count)];
    if (!entry->own)
        entry->own = owned->rule;
}

static void add_granted(struct view *view, const struct granted *granted,
                        const struct pattern *pattern)
{
    struct matcher *matcher = &view->matcher;
    uint32_t schema = matcher_add(matcher, view->grants[granted->service], pattern->schema);
    uint32_t end = matcher_add(matcher, schema, pattern->name);
    struct entry *entry = &view->entries[number_at(matcher, schema, &view->entry_count)];
    uint32_t number = number_at(matcher, end, &view->permit_count);
    struct permit *permit = &view->permits[number];

    if (glob_any(pattern->name))
        entry->whole = number;
    if (!entry->granted || granted->until > entry->until) {
        entry->granted = granted->rule;
        entry->until = granted->until;
    }
    for (int bit = 0; bit < ACCESS_BITS; bit++) {
        if (!(granted->access >> bit & 1) ||
            (permit->rule[bit] && granted->until <= permit->until[bit]))
            continue;
        permit->rule[bit] = granted->rule;
        permit->until[bit] = granted->until;
    }
}

static void add_initial_db(struct view *view, struct policy *policy, int16_t service,
                           struct text database, enum name_form form)
{
    char *copy = arena_take(&policy->arena, database.length + 1);
    struct text name = schema_in(form, arena_text(&policy->arena, database), copy);
    uint32_t number = (uint32_t)view->initial_db_count + 1;

    view->database[service] = name;
    if (index_add(&view->databases, name, number)) {
        view->initial_dbs[number] = (struct initial_db){view->database_rule[service], service};
        view->initial_db_count++;
    } else if (index_find(&view->databases, name, &number)) {
        view->initial_dbs[number].service = SERVICE_NONE;
    }
}

void view_build(struct view *view, const struct building *building, const uint32_t *database_rule,
                enum name_form form)
{
    struct policy *policy = building->policy;
    struct arena *arena = &policy->arena;
    size_t services = policy->service_count;

    view->matcher.arena = arena;
    view->ownership = matcher_root(&view->matcher);
    view->grants = arena_take(arena, services * sizeof(*view->grants));
    view->database = arena_take(arena, services * sizeof(*view->database));
    view->database_rule = database_rule;
    view->silos = arena_take(arena, (building->owned_count + 1) * sizeof(*view->silos));
    view->silo_owners = arena_take(arena, (building->owned_count + 1) * sizeof(*view->silo_owners));
    view->permits = arena_take(arena, (building->granted_count + 1) * sizeof(*view->permits));
    view->entries = arena_take(arena, (building->owned_count + building->granted_count + 1) *
                                          sizeof(*view->entries));
    view->initial_dbs = arena_take(arena, (services + 1) * sizeof(*view->initial_dbs));
    for (size_t i = 0; i < services; i++) {
        view->grants[i] = matcher_root(&view->matcher);
        if (building->config->services[i].database.line)
            add_initial_db(view, policy, (int16_t)i, building->config->services[i].database.value,
                           form);
    }
    for (size_t i = 0; i < building->owned_count; i++) {
        const struct owned *owned = &building->owned[i];
        add_owned(view, policy, owned, &owned->pattern[form]);
    }
    for (size_t i = 0; i < building->granted_count; i++) {
        const struct granted *granted = &building->granted[i];
        add_granted(view, granted, &granted->pattern[form]);
    }
}

void view_fini(struct view *view)
{
    matcher_fini(&view->matcher);
    index_fini(&view->databases);
}
