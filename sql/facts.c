/* Names of kinds, types and accesses, and the copy of facts that outlives the statement's text. */
#include "sql/facts.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "sql/session_internal.h"

const char *sql_kind_name(enum sql_kind kind)
{
    static const char *const names[] = {
#define SQL_KIND(symbol, name) [symbol] = (name),
#include "sql/kinds.def"
#undef SQL_KIND
    };

    assert((size_t)kind < sizeof(names) / sizeof(names[0]));
    return names[kind];
}

const char *sql_type_name(enum sql_type type)
{
    static const char *const names[] = {
        [SQL_TABLE] = "table",
        [SQL_ROUTINE] = "routine",
        [SQL_DATABASE] = "database",
    };

    assert((size_t)type < sizeof(names) / sizeof(names[0]));
    return names[type];
}

const char *sql_access_name(enum sql_access access)
{
    switch (access) {
    case SQL_READ:
        return "read";
    case SQL_WRITE:
        return "write";
    case SQL_DEFINE:
        return "define";
    case SQL_EXECUTE:
        return "execute";
    }
    assert(false && "one access at a time");
    return "";
}

bool sql_facts_run_code(const struct sql_facts *facts)
{
    if (facts->session.action & SQL_ACTION_EVALUATES)
        return true;
    if (!(facts->session.action & SQL_ACTION_RUNS_CODE))
        return false;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->access & SQL_EXECUTE)
            return true;
        if (object->type == SQL_TABLE && object->access & (SQL_READ | SQL_WRITE) &&
            !object->session_only && !text_equal(object->schema, TEXT("information_schema")))
            return true;
    }
    return false;
}

bool sql_facts_evaluate_early(const struct sql_facts *facts)
{
    const unsigned forgets =
        SQL_ACTION_FORGET_VARIABLES | SQL_ACTION_FORGET_ALL | SQL_ACTION_EVALUATES;

    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (facts->objects[i].access & SQL_EXECUTE)
            return true;
    }
    return facts->session.action & forgets;
}

/* Objects of one statement mostly share one schema: a schema equal to the previous object's is
 * stored once. */
static bool same_place(struct text a, struct text b)
{
    return a.at && b.at && text_equal(a, b);
}

static struct text put(char **to, struct text t)
{
    if (!t.at)
        return t;
    if (t.length)
        memcpy(*to, t.at, t.length);
    struct text copy = {*to, t.length};
    *to += t.length;
    return copy;
}

static size_t text_bytes(const struct sql_facts *facts)
{
    size_t bytes = facts->database.length + facts->xid.length + facts->session.name.length +
                   facts->session.value.length + facts->session.handler.length;

    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        bytes += object->name.length;
        if (i == 0 || !same_place(object->schema, object[-1].schema))
            bytes += object->schema.length;
    }
    return bytes;
}

size_t sql_facts_bytes(const struct sql_facts *facts)
{
    return offsetof(struct sql_facts, objects) + facts->object_count * sizeof(facts->objects[0]) +
           text_bytes(facts);
}

struct sql_facts *sql_facts_keep(const struct sql_facts *facts)
{
    return sql_facts_put(facts, memory_take(sql_facts_bytes(facts)));
}

struct sql_facts *sql_facts_put(const struct sql_facts *facts, void *memory)
{
    size_t head = offsetof(struct sql_facts, objects);
    size_t objects = facts->object_count * sizeof(facts->objects[0]);
    struct sql_facts *kept = memory;
    char *to = (char *)kept + head + objects;

    memcpy(kept, facts, head + objects);
    kept->names_length = kept->place_count = 0;
    kept->database = put(&to, facts->database);
    kept->xid = put(&to, facts->xid);
    kept->session.name = put(&to, facts->session.name);
    kept->session.value = put(&to, facts->session.value);
    kept->session.handler = put(&to, facts->session.handler);
    /* Facts of another statement may be freed before the copy is used: keep no pointer to them. */
    kept->session.facts = facts->session.facts == facts ? kept : NULL;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        bool repeated = i > 0 && same_place(object->schema, object[-1].schema);
        kept->objects[i].schema = repeated ? kept->objects[i - 1].schema : put(&to, object->schema);
        kept->objects[i].name = put(&to, object->name);
    }
    return kept;
}
