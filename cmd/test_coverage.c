/* Which rules of a policy its tests have used: a rule that no test uses may be wrong. */
#include "cmd/test.h"

static void note(struct coverage *coverage, const struct verdict *verdict)
{
    coverage->touched[verdict->line] = true;
}

void coverage_note(struct coverage *coverage, const struct offline_session *session,
                   const struct offline_part *part)
{
    const struct offline *offline = coverage->offline;
    bool fold = session->state.lower_case_table_names > 0;
    struct verdict verdict;

    note(coverage, &part->verdict);
    for (uint32_t i = 0; i < part->facts->object_count; i++) {
        const struct sql_object *object = &part->facts->objects[i];
        policy_check_object(offline->policy, session->service, object, fold, offline->today,
                            &verdict);
        note(coverage, &verdict);
        int owner = verdict.owner;
        if (owner == SERVICE_NONE || owner == session->service)
            continue;
        policy_check_object(offline->policy, owner, object, fold, offline->today, &verdict);
        if (verdict.reason == REASON_OWN)
            note(coverage, &verdict);
    }
}

/* The state while untouched rules are printed. */
struct telling {
    const struct coverage *coverage;
    FILE *to; /* NULL: only count */
    unsigned rules, untouched;
};

static void look(struct telling *telling, unsigned line, const char *kind, struct text section,
                 const char *key, struct text value)
{
    const struct config *config = telling->coverage->offline->config;

    telling->rules++;
    if (line <= UINT16_MAX && telling->coverage->touched[line])
        return;
    telling->untouched++;
    struct config_place place = config_place(&config->files, line);
    if (telling->to)
        fprintf(telling->to, "  %s:%u: [%s:%.*s] %s = %.*s\n", place.file, place.line, kind,
                TEXT_ARGS(section), key, TEXT_ARGS(value));
}

static void look_at_list(struct telling *telling, const struct config_list *list, const char *kind,
                         struct text section, const char *key)
{
    for (size_t i = 0; i < list->count; i++)
        look(telling, list->items[i].line, kind, section, key, list->items[i].value);
}

static void look_at_all(struct telling *telling)
{
    static const char *const modes[] = {"off", "log", "block", "allow", "mode"};
    const struct config *config = telling->coverage->offline->config;
    char edge[300];

    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        look_at_list(telling, &service->owns, "service", service->name, "owns");
        look_at_list(telling, &service->reads, "service", service->name, "reads");
    }
    for (size_t i = 0; i < config->grant_count; i++)
        look_at_list(telling, &config->grants[i].on, "grant", config->grants[i].name, "on");
    for (size_t i = 0; i < config->edge_count; i++) {
        const struct config_edge *one = &config->edges[i];
        snprintf(edge, sizeof(edge), "%.*s->%.*s", TEXT_ARGS(one->user), TEXT_ARGS(one->owner));
        look(telling, one->mode.line ? one->mode.line : one->line, "edge", text_of(edge), "mode",
             text_of(modes[one->mode.value]));
    }
}

void coverage_tell(const struct coverage *coverage, FILE *to)
{
    struct telling telling = {.coverage = coverage};

    look_at_all(&telling);
    if (telling.untouched == 0) {
        fprintf(to, "all %u rules are touched\n", telling.rules);
        return;
    }
    fprintf(to, "%u of %u rules are touched by no test:\n", telling.untouched, telling.rules);
    telling.rules = telling.untouched = 0;
    telling.to = to;
    look_at_all(&telling);
}
