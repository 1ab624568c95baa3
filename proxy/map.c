/* What a statement names for its service, put into the server's words. */
#include "proxy/map.h"

#include <stdio.h>
#include <string.h>

#include "proxy/registry.h"
#include "proxy/runtime.h"
#include "proxy/worker.h"

static void add_rewrite(struct judged *judged, uint32_t offset, uint32_t length,
                        struct sql_facts *facts, const char *bytes, size_t bytes_length)
{
    struct rewrite *rewrite = &judged->rewrites[judged->rewrite_count];

    if (judged->no_rewrites || judged->rewrite_count == JUDGE_REWRITES ||
        bytes_length > sizeof(rewrite->bytes)) {
        facts->determined = false;
        facts->why = "a name that must be mapped stands where it cannot be";
        return;
    }
    *rewrite = (struct rewrite){.offset = offset, .length = length};
    memcpy(rewrite->bytes, bytes, bytes_length);
    rewrite->bytes_length = (uint32_t)bytes_length;
    judged->rewrite_count++;
}

/* USE of an alias means the service's own database. */
bool map_database(struct session *session, struct sql_facts *facts)
{
    const struct router *router = session->worker->runtime->router;
    struct text name = facts->database;
    struct text mapped = router_database(router, session->service, name,
                                         session->sql_state.lower_case_table_names > 0);

    if (text_equal(name, mapped))
        return false;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (facts->objects[i].type == SQL_DATABASE && text_equal(facts->objects[i].schema, name))
            facts->objects[i].schema = mapped;
    }
    facts->database = mapped;
    return true;
}

static void rewrite_database(struct session *session, struct sql_facts *facts)
{
    char quoted[SQL_DATABASE_SIZE * 2 + 2];
    size_t length = 0;

    if (facts->database.length > SQL_DATABASE_SIZE)
        return;
    quoted[length++] = '`';
    for (size_t i = 0; i < facts->database.length; i++) {
        if (facts->database.at[i] == '`')
            quoted[length++] = '`';
        quoted[length++] = facts->database.at[i];
    }
    quoted[length++] = '`';
    add_rewrite(&session->worker->judged, facts->database_offset, facts->database_length, facts,
                quoted, length);
}

bool map_thread(const struct session *session, uint64_t id, uint32_t *thread)
{
    return registry_find(id, session->service_usage, session->upstream_usage, thread);
}

/* KILL of a session of the same service gets the upstream's number; any other is administration. */
static void map_kill(struct session *session, struct sql_facts *facts)
{
    char number[12];
    uint32_t thread;

    if (!map_thread(session, facts->thread, &thread)) {
        facts->administration = true;
        return;
    }
    int length = snprintf(number, sizeof(number), "%u", thread);
    if (facts->thread_length > 0 && facts->thread != thread)
        add_rewrite(&session->worker->judged, facts->thread_offset, facts->thread_length, facts,
                    number, (size_t)length);
}

void map_names(struct session *session, struct sql_facts *facts, bool recording)
{
    unsigned before = session->worker->judged.rewrite_count;

    /* Without a name: the statement may move the session, nobody knows where to. */
    if (facts->effects & SQL_EFFECT_DATABASE && facts->database.at && map_database(session, facts))
        rewrite_database(session, facts);
    if (facts->effects & SQL_EFFECT_KILL)
        map_kill(session, facts);
    if (recording)
        session->worker->judged.rewrite_count = before;
}
