/* Builds a policy from a configuration: the rules and their texts, each service's actions, edges,
 * the hash. contradictions.c and views.c handle the patterns.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "policy/built.h"

#define wrong(building, line, ...)                                                                 \
    config_problem_add((building)->problems, line, false, __VA_ARGS__)
#define warn(building, line, ...) config_problem_add((building)->problems, line, true, __VA_ARGS__)

__attribute__((format(printf, 5, 6))) static uint32_t rule_add(struct building *building,
                                                               int service, unsigned line,
                                                               uint32_t rank, const char *format,
                                                               ...)
{
    struct policy *policy = building->policy;
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    policy->rules =
        items_add(&policy->arena, policy->rules, &policy->rule_count, sizeof(*policy->rules));
    policy->rules[policy->rule_count - 1] = (struct rule){
        .text = arena_text(&policy->arena, text_of(text)).at,
        .rank = rank,
        .service = (int16_t)service,
        .line = line,
    };
    return (uint32_t)policy->rule_count - 1;
}

/* Reads a pattern, and keeps it in each form of names; reports what is wrong with it. */
bool pattern_take(struct building *building, const char *key, const struct config_text *text,
                  struct pattern pattern[NAME_FORMS])
{
    struct arena *arena = &building->policy->arena;
    struct error why;

    if (!pattern_read(text->value, arena, pattern, &why)) {
        wrong(building, text->line, "%s = %s: %s", key, text->value.at, why.text);
        return false;
    }
    for (int form = AS_WRITTEN + 1; form < NAME_FORMS; form++) {
        pattern[form] = *pattern;
        pattern[form].schema = schema_in((enum name_form)form, pattern->schema,
                                         arena_take(arena, pattern->schema.length + 1));
        pattern[form].name = name_in((enum name_form)form, pattern->name,
                                     arena_take(arena, pattern->name.length + 1));
    }
    if (!pattern->schema_exact && glob_any(pattern->name) &&
        glob_match(pattern[IN_LOWER_CASE].schema, TEXT("mysql")))
        warn(building, text->line,
             "%s = %s matches the server's own schemas too, such as mysql; name the schemas that "
             "are "
             "meant",
             key, text->value.at);
    if (memchr(text->value.at, '%', text->value.length))
        warn(building, text->line,
             "%s = %s: %% is not a wildcard but a character like any other; write *", key,
             text->value.at);
    return true;
}

void take_owned(struct building *building, size_t service, const struct config_text *text)
{
    struct owned owned = {.service = (int16_t)service, .line = text->line};

    if (!pattern_take(building, "owns", text, owned.pattern))
        return;
    owned.written = arena_text(&building->arena, text->value).at;
    owned.rule =
        rule_add(building, (int)service, text->line, owned.pattern->rank, "[service:%s] owns = %s",
                 building->policy->names[service].at, owned.written);
    building->owned =
        items_add(&building->arena, building->owned, &building->owned_count, sizeof(owned));
    building->owned[building->owned_count - 1] = owned;
}

void take_granted(struct building *building, const char *key, const struct config_text *text,
                  struct granted granted, const char *rule)
{
    if (!pattern_take(building, key, text, granted.pattern))
        return;
    granted.key = key;
    granted.written = arena_text(&building->arena, text->value).at;
    granted.line = text->line;
    granted.rule =
        rule_add(building, granted.service, text->line, granted.pattern->rank, "%s", rule);
    building->granted =
        items_add(&building->arena, building->granted, &building->granted_count, sizeof(granted));
    building->granted[building->granted_count - 1] = granted;
}

static void add_patterns(struct building *building)
{
    for (size_t i = 0; i < building->config->service_count; i++) {
        const struct config_service *service = &building->config->services[i];
        for (size_t j = 0; j < service->owns.count; j++)
            take_owned(building, i, &service->owns.items[j]);
        for (size_t j = 0; j < service->reads.count; j++) {
            const struct config_text *text = &service->reads.items[j];
            char rule[512];
            snprintf(rule, sizeof(rule), "[service:%s] reads = %s", service->name.at,
                     text->value.at);
            take_granted(
                building, "reads", text,
                (struct granted){.service = (int16_t)i, .access = SQL_READ, .until = FOR_GOOD},
                rule);
        }
    }
}

/* Finds a service by name. If there is none, the problem is added. */
static int service_find(struct building *building, unsigned line, struct text name)
{
    const struct policy *policy = building->policy;
    uint32_t at;

    if (index_find(&policy->index, name, &at))
        return (int)at;
    if (!name.at) /* the key is missing, which is already reported */
        return SERVICE_NONE;
    struct text meant = nearest(name, policy->names, policy->service_count);
    if (meant.at)
        wrong(building, line, "there is no [service:%.*s]; did you mean %s?", TEXT_ARGS(name),
              meant.at);
    else
        wrong(building, line, "there is no [service:%.*s]; write that section, or the name of one",
              TEXT_ARGS(name));
    return SERVICE_NONE;
}

static int by_day(const void *a, const void *b)
{
    const int32_t one = *(const int32_t *)a, other = *(const int32_t *)b;

    return (one > other) - (one < other);
}

static void add_last_days(struct policy *policy, const struct config *config)
{
    policy->last_days =
        arena_take(&policy->arena, (config->grant_count + 1) * sizeof(*policy->last_days));
    for (size_t i = 0; i < config->grant_count; i++) {
        if (config->grants[i].until.line)
            policy->last_days[policy->last_day_count++] = config->grants[i].until.day;
    }
    qsort(policy->last_days, policy->last_day_count, sizeof(*policy->last_days), by_day);
}

size_t policy_ended(const struct policy *policy, int32_t today)
{
    size_t least = 0, most = policy->last_day_count;

    while (least < most) {
        size_t middle = least + (most - least) / 2;
        if (policy->last_days[middle] < today)
            least = middle + 1;
        else
            most = middle;
    }
    return least;
}

static void add_grants(struct building *building, int32_t today)
{
    add_last_days(building->policy, building->config);
    for (size_t i = 0; i < building->config->grant_count; i++) {
        const struct config_grant *grant = &building->config->grants[i];
        bool ends = grant->until.line != 0;
        int service = service_find(building, grant->service.line, grant->service.value);
        char rule[512];
        if (ends && grant->until.day < today)
            warn(building, grant->until.line,
                 "[grant:%s] has expired: its last day was %s; take it out, or write a later day",
                 grant->name.at, grant->until.written.at);
        for (size_t j = 0; j < grant->on.count; j++) {
            const struct config_text *text = &grant->on.items[j];
            struct pattern pattern[NAME_FORMS];
            if (service == SERVICE_NONE) {
                pattern_take(building, "on", text, pattern);
                continue;
            }
            if (grant->granted_by.at)
                snprintf(rule, sizeof(rule), "%s", grant->granted_by.at);
            else
                snprintf(rule, sizeof(rule), "[grant:%s] on = %s%s%s", grant->name.at,
                         text->value.at, ends ? ", until = " : "",
                         ends ? grant->until.written.at : "");
            take_granted(building, "on", text,
                         (struct granted){.service = (int16_t)service,
                                          .access = grant->access.bits,
                                          .until = ends ? grant->until.day : FOR_GOOD},
                         rule);
        }
    }
}

static uint8_t action_of(int word)
{
    return word == CONFIG_BLOCK ? VERDICT_BLOCK : word == CONFIG_LOG ? VERDICT_LOG : VERDICT_ALLOW;
}

static const char *word_of(int word)
{
    static const char *const words[] = {
        [CONFIG_OFF] = "off",     [CONFIG_LOG] = "log",      [CONFIG_BLOCK] = "block",
        [CONFIG_ALLOW] = "allow", [CONFIG_AS_MODE] = "mode",
    };
    return words[word];
}

static struct answer answer_policy(struct building *building, const char *key,
                                   const struct config_choice *choice)
{
    uint32_t rule = rule_add(building, SERVICE_NONE, choice->line, 0, "[policy] %s = %s", key,
                             word_of(choice->value));

    return (struct answer){rule, action_of(choice->value)};
}

static bool is_as_mode(const struct config_choice *choice)
{
    return choice->value == CONFIG_AS_MODE;
}

/* Sets each service's actions: by its own mode or the default one. Mode off comes before all other
 * settings.
 */
static void add_answers(struct building *building)
{
    const struct config *config = building->config;
    struct policy *policy = building->policy;
    size_t count = policy->service_count;
    struct answer mode = answer_policy(building, "mode", &config->policy.mode);
    struct answer unowned = answer_policy(building, "unowned", &config->policy.unowned);
    struct answer administration =
        answer_policy(building, "administration", &config->policy.administration);
    struct answer undetermined =
        answer_policy(building, "undetermined", &config->policy.undetermined);

    policy->answers = arena_take(&policy->arena, (count + 1) * sizeof(*policy->answers));
    for (size_t i = 0; i <= count; i++) {
        const struct config_choice *own = i < count ? &config->services[i].mode : NULL;
        struct answer *answers = policy->answers[i];
        int word = config->policy.mode.value;
        answers[ASK_FOREIGN] = mode;
        if (own && (own->line || config->services[i].mode_by.at)) {
            word = own->value;
            uint32_t rule =
                config->services[i].mode_by.at
                    ? rule_add(building, (int)i, 0, 0, "%s", config->services[i].mode_by.at)
                    : rule_add(building, (int)i, own->line, 0, "[service:%s] mode = %s",
                               policy->names[i].at, word_of(word));
            answers[ASK_FOREIGN] = (struct answer){rule, action_of(word)};
        }
        const struct answer *by_mode = &answers[ASK_FOREIGN];
        const bool off = word == CONFIG_OFF;
        answers[ASK_UNOWNED] = off ? *by_mode : unowned;
        answers[ASK_ADMINISTRATION] =
            off || is_as_mode(&config->policy.administration) ? *by_mode : administration;
        answers[ASK_UNDETERMINED] =
            off || is_as_mode(&config->policy.undetermined) ? *by_mode : undetermined;
    }
}

static void add_edges(struct building *building)
{
    struct policy *policy = building->policy;

    policy->edges =
        arena_take(&policy->arena, building->config->edge_count * sizeof(*policy->edges));
    for (size_t i = 0; i < building->config->edge_count; i++) {
        const struct config_edge *edge = &building->config->edges[i];
        int user = service_find(building, edge->line, edge->user);
        int owner = service_find(building, edge->line, edge->owner);
        if (user == SERVICE_NONE || owner == SERVICE_NONE)
            continue;
        if (user == owner)
            wrong(building, edge->line, "an edge from a service to itself; name two services");
        uint32_t rule = edge->mode_by.at ? rule_add(building, user, 0, 0, "%s", edge->mode_by.at)
                                         : rule_add(building, user, edge->mode.line, 0,
                                                    "[edge:%s->%s] mode = %s", edge->user.at,
                                                    edge->owner.at, word_of(edge->mode.value));
        int16_t *key = arena_take(&policy->arena, 2 * sizeof(*key));
        index_add(&policy->edge_index, edge_key(user, owner, key), (uint32_t)policy->edge_count);
        policy->edges[policy->edge_count++] = (struct answer){rule, action_of(edge->mode.value)};
    }
}

static void hash_text(uint64_t *hash, struct text t)
{
    *hash = text_hash(t, *hash + t.length, false);
}

static void hash_number(uint64_t *hash, int64_t number)
{
    hash_text(hash, (struct text){(const char *)&number, sizeof(number)});
}

static void hash_list(uint64_t *hash, const struct config_list *list)
{
    hash_number(hash, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++)
        hash_text(hash, list->items[i].value);
}

/* The hash of everything that decides a verdict, in the order of the file; without line numbers,
 * comments and tickets.
 */
static void set_hash(struct policy *policy, const struct config *config)
{
    uint64_t hash = 0;

    hash_number(&hash, config->policy.mode.value);
    hash_number(&hash, config->policy.undetermined.value);
    hash_number(&hash, config->policy.unowned.value);
    hash_number(&hash, config->policy.administration.value);
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        hash_text(&hash, service->name);
        hash_text(&hash, service->database.value);
        hash_number(&hash, service->mode.line || service->mode_by.at ? service->mode.value : -1);
        hash_list(&hash, &service->users);
        hash_list(&hash, &service->aliases);
        hash_list(&hash, &service->owns);
        hash_list(&hash, &service->reads);
    }
    for (size_t i = 0; i < config->grant_count; i++) {
        const struct config_grant *grant = &config->grants[i];
        hash_text(&hash, grant->service.value);
        hash_list(&hash, &grant->on);
        hash_number(&hash, grant->access.bits);
        hash_number(&hash, grant->until.line ? grant->until.day : FOR_GOOD);
    }
    for (size_t i = 0; i < config->edge_count; i++) {
        hash_text(&hash, config->edges[i].user);
        hash_text(&hash, config->edges[i].owner);
        hash_number(&hash, config->edges[i].mode.value);
    }
    for (size_t i = 0; i < config->move_count; i++) {
        hash_text(&hash, config->moves[i].service.value);
        hash_text(&hash, config->moves[i].to.value);
        hash_list(&hash, &config->moves[i].tables);
    }
    snprintf(policy->hash, sizeof(policy->hash), "%08x", (unsigned)(hash >> 32));
}

static const uint32_t *add_services(struct building *building)
{
    const struct config *config = building->config;
    struct policy *policy = building->policy;
    uint32_t *database_rule;

    policy->service_count = config->service_count;
    policy->names = arena_take(&policy->arena, policy->service_count * sizeof(*policy->names));
    database_rule = arena_take(&policy->arena, policy->service_count * sizeof(*database_rule));
    for (size_t i = 0; i < policy->service_count; i++) {
        const struct config_service *service = &config->services[i];
        policy->names[i] = arena_text(&policy->arena, service->name);
        index_add(&policy->index, policy->names[i], (uint32_t)i);
        if (service->database.line)
            database_rule[i] =
                rule_add(building, (int)i, service->database.line, 0, "[service:%s] database = %s",
                         service->name.at, service->database.value.at);
    }
    return database_rule;
}

struct policy *policy_build(const struct config *config, int32_t today,
                            struct config_problems *problems)
{
    struct policy *policy = memory_take_zeroed(sizeof(*policy));
    struct building building = {.policy = policy, .config = config, .problems = problems};
    size_t errors = problems->errors;

    rule_add(&building, SERVICE_NONE, 0, 0, "silogate itself"); /* rule 0 */
    const uint32_t *database_rule = add_services(&building);
    add_patterns(&building);
    add_grants(&building, today);
    moves_add(&building);
    add_answers(&building);
    add_edges(&building);
    contradictions_find(&building);
    set_hash(policy, config);
    if (problems->errors == errors) {
        for (int form = 0; form < NAME_FORMS; form++)
            view_build(&policy->views[form], &building, database_rule, (enum name_form)form);
    }
    arena_fini(&building.arena);
    if (problems->errors == errors)
        return policy;
    policy_free(policy);
    return NULL;
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    for (int form = 0; form < NAME_FORMS; form++)
        view_fini(&policy->views[form]);
    index_fini(&policy->index);
    index_fini(&policy->edge_index);
    arena_fini(&policy->arena);
    free(policy);
}

int32_t policy_today(int64_t unix_seconds)
{
    int64_t day = unix_seconds / 86400;

    return (int32_t)(unix_seconds % 86400 < 0 ? day - 1 : day);
}

int policy_service(const struct policy *policy, struct text name)
{
    uint32_t at;

    return index_find(&policy->index, name, &at) ? (int)at : SERVICE_NONE;
}

struct text policy_service_name(const struct policy *policy, int service)
{
    if (service < 0 || (size_t)service >= policy->service_count)
        return (struct text){NULL, 0};
    return policy->names[service];
}

const char *policy_hash(const struct policy *policy)
{
    return policy->hash;
}
