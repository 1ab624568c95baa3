/* Sends a command's text through sql/ and policy/, statement by statement, as the proxy does. Where
 * the proxy would ask the server, nothing can be asked here: such a statement is undetermined.
 */
#include "learn/offline.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "sql/analyze.h"

bool offline_open(struct offline *offline, const char *path)
{
    struct config_problems problems = {0};

    *offline = (struct offline){.today = policy_today((int64_t)time(NULL))};
    offline->config = config_read(path, &problems);
    if (offline->config)
        offline->policy = policy_build(offline->config, offline->today, &problems);
    bool good = offline->config && offline->policy && problems.errors == 0;
    if (!good)
        config_problems_print(&problems, path);
    config_problems_fini(&problems);
    if (good)
        offline->router = router_build(offline->config, NULL);
    return good;
}

void offline_close(struct offline *offline)
{
    router_free(offline->router);
    policy_free(offline->policy);
    config_free(offline->config);
    *offline = (struct offline){.config = NULL};
}

void offline_enter(const struct offline *offline, struct offline_session *session, struct text name)
{
    bool fold = session->state.lower_case_table_names > 0;

    sql_state_set_database(&session->state,
                           router_database(offline->router, session->service, name, fold));
}

/* USE of an alias means the service's own database. */
static void map_database(const struct offline *offline, const struct offline_session *session,
                         struct sql_facts *facts)
{
    struct text name = facts->database;

    if (!(facts->effects & SQL_EFFECT_DATABASE) || !name.at)
        return;
    facts->database = router_database(offline->router, session->service, name,
                                      session->state.lower_case_table_names > 0);
    for (uint32_t i = 0; i < facts->object_count; i++) {
        struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_DATABASE && text_equal(object->schema, name))
            object->schema = facts->database;
    }
}

void offline_judge_facts(const struct offline *offline, const struct offline_session *session,
                         const struct sql_facts *facts, struct verdict *verdict)
{
    policy_check(offline->policy, session->service, facts,
                 session->state.lower_case_table_names > 0, offline->today, verdict);
}

void offline_enter_facts(const struct offline *offline, const struct offline_session *session,
                         struct text name, struct sql_facts *facts)
{
    memset(facts, 0, offsetof(struct sql_facts, objects));
    facts->determined = true;
    facts->kind = SQL_USE;
    facts->effects = SQL_EFFECT_DATABASE;
    facts->database = name;
    facts->object_count = 1;
    facts->objects[0] =
        (struct sql_object){.schema = name, .type = SQL_DATABASE, .access = SQL_READ};
    map_database(offline, session, facts);
}

enum verdict_action offline_judge(const struct offline *offline, struct offline_session *session,
                                  struct text text, offline_visit *visit, void *context,
                                  unsigned *parts)
{
    static struct sql_facts facts; /* static because it is large; never called from two threads */
    enum verdict_action strictest = VERDICT_ALLOW;
    struct offline_part part = {.facts = &facts};
    size_t offset = 0;

    do {
        struct sql_state before = session->state; /* `facts` may point into it */
        size_t start = offset;
        offset = sql_analyze(text, start, &before, session->sql, &facts);
        if (part.number > 0 && facts.kind == SQL_EMPTY && facts.determined && offset >= text.length)
            break;
        part.number++;
        part.text = (struct text){text.at + start, offset - start};
        part.offset = (uint32_t)start;
        part.state = &before;
        map_database(offline, session, &facts);
        /* KILL of any session counts as another service's: no session of its own exists here. */
        facts.administration |= (facts.effects & SQL_EFFECT_KILL) != 0;
        offline_judge_facts(offline, session, &facts, &part.verdict);
        if (part.verdict.action > strictest)
            strictest = (enum verdict_action)part.verdict.action;
        if (visit)
            visit(context, &part);
        sql_state_apply(&session->state, &facts);
        if (facts.effects & SQL_EFFECT_SESSION)
            sql_session_apply(&session->sql, &facts);
    } while (offset < text.length);
    if (parts)
        *parts = part.number;
    return strictest;
}
