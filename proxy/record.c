/* Fills violations/' structs out of a session, and words the error that a blocked client gets:
 * MySQL's own code for a missing privilege, and a message that names service, access, object,
 * owner, rule and the record's id.
 */
#include "proxy/record.h"

#include <stdio.h>
#include <string.h>

#include "proxy/worker.h"

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

static void word_object(const struct session *session, const struct sql_facts *facts,
                        const struct verdict *verdict, char *to, size_t size)
{
    const struct sql_object *object = &facts->objects[verdict->object];
    struct text schema = object->schema, name = object->name;
    struct text owner = verdict->owner == SERVICE_NONE
                            ? TEXT("nobody")
                            : policy_service_name(session->worker->runtime->policy, verdict->owner);

    if (schema.length > 64)
        schema.length = 64;
    if (name.length > 64)
        name.length = 64;
    snprintf(to, size, "may not %s %s '%.*s%s%.*s', which belongs to %s'%.*s'",
             access_words(object->access), sql_type_name(object->type), TEXT_ARGS(schema),
             schema.length > 0 && name.length > 0 ? "." : "", TEXT_ARGS(name),
             verdict->owner == SERVICE_NONE ? "" : "service ", TEXT_ARGS(owner));
}

static void refuse(struct session *session, const struct sql_facts *facts,
                   const struct verdict *verdict, uint64_t id)
{
    struct refusal *refusal = &session->worker->judged.refusal;
    struct text service = TEXT("(none)");
    char what[260];

    if (session->service != SERVICE_NONE)
        service = policy_service_name(session->worker->runtime->policy, session->service);
    refusal->code = error_code(facts, verdict);
    if (refusal->code != 1227)
        word_object(session, facts, verdict, what, sizeof(what));
    else if (verdict->reason == REASON_UNDETERMINED)
        snprintf(what, sizeof(what), "may not run a statement that cannot be determined: %s",
                 facts->why ? facts->why : "it was not understood");
    else
        snprintf(what, sizeof(what), "may not administer the server");
    snprintf(refusal->message, sizeof(refusal->message),
             "silogate: service '%.*s' %s (%s; rule %s; violation %016llx)", TEXT_ARGS(service),
             what, verdict_reason_name(verdict->reason), verdict->rule ? verdict->rule : "default",
             (unsigned long long)id);
}

void record_begin(struct session *session)
{
    session->worker->judged.refusal.code = 0;
}

void record_violation(struct session *session, const struct sql_facts *facts,
                      const struct verdict *verdict, const struct sql_state *state,
                      struct text text, uint32_t offset, const char *kind, bool blocked)
{
    struct worker *worker = session->worker;
    const struct identity *identity = session->identity;
    struct violations_session who = {
        .session = session->id,
        .user = identity->user,
        .client = identity->client,
        .upstream = text_of(router_upstream_name(worker->runtime->router, session->upstream_index)),
        .database = sql_state_database(state),
        .program_name = identity->program_name,
        .client_name = identity->client_name,
        .traceparent = worker->judged.traceparent,
        .transaction_owners = session->transaction_owners,
        .transaction_owner_count = session->transaction_owner_count,
    };
    struct violations_statement statement = {
        .text = text,
        .state = state,
        .facts = facts,
        .kind = kind,
        .policy = worker->runtime->policy,
        .service = session->service,
        .fold = session->sql_state.lower_case_table_names > 0,
        .today = worker->today,
        .verdict = verdict,
        .blocked = blocked,
        .offset = offset,
    };
    uint64_t id = violations_add(worker->records, &who, &statement, worker_now());

    if (verdict->action == VERDICT_BLOCK && worker->judged.refusal.code == 0)
        refuse(session, facts, verdict, id);
}

void record_written(struct session *session, const struct sql_facts *facts)
{
    const struct worker *worker = session->worker;

    for (uint32_t i = 0; i < facts->object_count; i++) {
        struct verdict verdict;
        uint8_t at = 0;

        if (!(facts->objects[i].access & SQL_WRITE))
            continue;
        policy_check_object(worker->runtime->policy, session->service, &facts->objects[i],
                            session->sql_state.lower_case_table_names > 0, worker->today, &verdict);
        while (at < session->transaction_owner_count &&
               session->transaction_owners[at] != verdict.owner)
            at++;
        if (at < session->transaction_owner_count || at == TRANSACTION_OWNERS ||
            verdict.owner == SERVICE_NONE)
            continue;
        session->transaction_owners[session->transaction_owner_count++] = verdict.owner;
    }
}
