/* Replaces names that only silogate knows (aliases, session ids) by the server's.
 */
#include <stdio.h>

#include "judge/judging.h"

static bool cannot(struct sql_facts *facts)
{
    facts->determined = false;
    facts->why = "a name that must be mapped stands where it cannot be";
    return false;
}

/* USE of an alias means the service's own database. */
bool names_map_database(const struct judging *judging, struct sql_facts *facts)
{
    const struct binding *binding = judging->binding;
    struct text name = facts->database;
    struct text mapped = router_database(binding->router, binding->service, name,
                                         judging->belief->state.lower_case_table_names > 0);

    if (text_equal(name, mapped))
        return false;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (facts->objects[i].type == SQL_DATABASE && text_equal(facts->objects[i].schema, name))
            facts->objects[i].schema = mapped;
    }
    facts->database = mapped;
    return true;
}

static bool rewrite_database(struct judging *judging, struct sql_facts *facts)
{
    char quoted[SQL_DATABASE_SIZE * 2 + 2];
    size_t length = 0;

    /* If the text is the value of a literal, its names are not in the command itself. */
    if (facts->database.length > SQL_DATABASE_SIZE || facts->database_length == 0)
        return cannot(facts);
    quoted[length++] = '`';
    for (size_t i = 0; i < facts->database.length; i++) {
        if (facts->database.at[i] == '`')
            quoted[length++] = '`';
        quoted[length++] = facts->database.at[i];
    }
    quoted[length++] = '`';
    return ruling_rewrite(judging->ruling, facts->database_offset, facts->database_length,
                          (struct text){quoted, length}) ||
           cannot(facts);
}

bool names_find_thread(struct judging *judging, uint64_t id, uint32_t *thread)
{
    struct ruling *ruling = judging->ruling;

    if (judging->binding->find_thread(judging->binding, id, thread))
        return true;
    if (id > 0 && id <= UINT32_MAX && ruling->sought_count < RULING_SOUGHT)
        ruling->sought[ruling->sought_count++] = (uint32_t)id;
    /* The session to be killed has already ended: it is not administration to be told so. */
    if (!judging->binding->is_over || !judging->binding->is_over(id))
        return false;
    *thread = (uint32_t)id;
    return true;
}

/* KILL of a session of the same service is sent with the upstream's thread id; KILL of one that is
 * over is sent as it is; any other is administration. */
static bool map_kill(struct judging *judging, struct sql_facts *facts, bool rewrites)
{
    char number[12];
    uint32_t thread;

    if (!names_find_thread(judging, facts->thread, &thread)) {
        facts->administration = true;
        return true;
    }
    int length = snprintf(number, sizeof(number), "%u", thread);
    bool is_so = facts->thread == thread && facts->thread_length == (uint32_t)length;
    if (facts->thread_length == 0 || is_so || judging->repeats)
        return true;
    if (!rewrites)
        return cannot(facts);
    return ruling_rewrite(judging->ruling, facts->thread_offset, facts->thread_length,
                          (struct text){number, (size_t)length}) ||
           cannot(facts);
}

void names_branch(const struct judging *judging, struct sql_facts *facts, bool at_once)
{
    const struct binding *binding = judging->binding;

    if (facts->xa == SQL_XA_ENDS && facts->xa_foreign && facts->determined && at_once &&
        facts->xid.at && binding->find_branch && binding->find_branch(binding, facts->xid))
        facts->administration = false;
}

bool names_map(struct judging *judging, struct sql_facts *facts, bool rewrites)
{
    bool good = true;

    /* A statement may change the database without naming it, as CALL may: nothing to map then. */
    if (facts->effects & SQL_EFFECT_DATABASE && facts->database.at &&
        names_map_database(judging, facts) && !judging->repeats)
        good = rewrites ? rewrite_database(judging, facts) : cannot(facts);
    if (facts->effects & SQL_EFFECT_KILL)
        good = map_kill(judging, facts, rewrites) && good;
    return good;
}
