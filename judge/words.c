/* The error that a client gets for a refused statement: MySQL's own code for a missing privilege,
 * and a message that names service, access, object, owner and rule. The violation's id is appended
 * when it is recorded.
 */
#include <stdio.h>

#include "judge/judging.h"

static const char *access_words(unsigned access)
{
    static const char *const words[] = {
        "use",
        "read",
        "write",
        "read and write",
        "define",
        "read and define",
        "write and define",
        "read, write and define",
        "execute",
    };

    return access < sizeof(words) / sizeof(words[0]) ? words[access] : "use";
}

static uint16_t error_code(const struct sql_facts *facts, const struct verdict *verdict)
{
    if (verdict->object == VERDICT_NO_OBJECT || verdict->object >= facts->object_count)
        return 1227;
    switch ((enum sql_type)facts->objects[verdict->object].type) {
    case SQL_TABLE:
        return 1142;
    case SQL_ROUTINE:
        return 1370;
    case SQL_DATABASE:
        return 1044;
    }
    return 1227;
}

static void word_object(const struct binding *binding, const struct sql_facts *facts,
                        const struct verdict *verdict, char *to, size_t size)
{
    const struct sql_object *object = &facts->objects[verdict->object];
    struct text schema = object->schema, name = object->name;
    struct text owner = verdict->owner == SERVICE_NONE
                            ? TEXT("nobody")
                            : policy_service_name(binding->policy, verdict->owner);

    if (schema.length > 64)
        schema.length = 64;
    if (name.length > 64)
        name.length = 64;
    snprintf(to, size, "may not %s %s '%.*s%s%.*s', which belongs to %s'%.*s'",
             access_words(object->access), sql_type_name(object->type), TEXT_ARGS(schema),
             schema.length > 0 && name.length > 0 ? "." : "", TEXT_ARGS(name),
             verdict->owner == SERVICE_NONE ? "" : "service ", TEXT_ARGS(owner));
}

void words_refuse(const struct binding *binding, const struct sql_facts *facts,
                  const struct verdict *verdict, struct refusal *refusal)
{
    struct text service = TEXT("(none)");
    char what[260];

    if (binding->service != SERVICE_NONE)
        service = policy_service_name(binding->policy, binding->service);
    refusal->code = error_code(facts, verdict);
    if (refusal->code != 1227)
        word_object(binding, facts, verdict, what, sizeof(what));
    else if (verdict->reason == REASON_UNDETERMINED)
        snprintf(what, sizeof(what), "may not run a statement that cannot be determined: %s",
                 facts->why ? facts->why : "it was not understood");
    else if (facts->xa_foreign)
        snprintf(
            what, sizeof(what),
            "may not end an XA transaction that none of its sessions is known to have prepared");
    else
        snprintf(what, sizeof(what), "may not administer the server");
    snprintf(refusal->message, sizeof(refusal->message), "silogate: service '%.*s' %s (%s; rule %s",
             TEXT_ARGS(service), what, verdict_reason_name(verdict->reason),
             verdict->rule ? verdict->rule : "default");
}
