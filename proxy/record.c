/* Fills the structs of violations/ from a session and a ruling, and counts the ruling's
 * statements. Judges nothing: what was judged is recorded.
 */
#include "proxy/record.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "judge/judge.h"
#include "proxy/observe.h"
#include "proxy/runtime.h"
#include "proxy/transaction.h"
#include "proxy/worker.h"

static bool reaches_across(const struct verdict *verdict)
{
    return verdict->owner != SERVICE_NONE &&
           (verdict->reason == REASON_FOREIGN || verdict->reason == REASON_EXPIRED_GRANT);
}

/* A statement that passes because its mode is off is also counted on an edge for each owner, like
 * a violation, but without a record. */
static void count_allowed(struct session *session, struct ruling *ruling,
                          const struct ruling_part *part, struct service_counters *counters)
{
    const struct binding *binding = session->binding;
    const struct sql_facts *facts = judge_facts(&session->belief, binding, part, ruling);
    struct owners counted = {.count = 0};

    for (uint32_t i = 0; i < facts->object_count; i++) {
        struct verdict one;
        policy_check_object(binding->policy, binding->service, &facts->objects[i],
                            part->state.lower_case_table_names > 0, ruling->today, &one);
        if (one.action == VERDICT_ALLOW && reaches_across(&one))
            owners_add(&counted, one.owner);
    }
    for (uint8_t i = 0; i < counted.count; i++)
        observe_allowed(counters, binding->runtime->service_usages[counted.list[i]]);
    if (counted.more)
        observe_allowed(counters, NULL);
}

static void count(struct session *session, struct ruling *ruling, const struct ruling_part *part,
                  bool blocked)
{
    const struct verdict *verdict = &part->verdict;
    unsigned action = blocked && verdict->action != VERDICT_ALLOW ? VERDICT_BLOCK : verdict->action;
    struct service_counters *counters =
        worker_counters(session->worker, session->binding->service_usage);

    counters->statements[verdict->reason][action]++;
    if (!blocked)
        count_allowed(session, ruling, part, counters);
}

/* The owners written in the open transaction, with those of this command if it passes. */
static struct owners owners_written(const struct session *session, const struct ruling *ruling)
{
    struct owners owners = session->belief.written;

    if (!session->belief.in_transaction || ruling->outcome == RULING_REFUSE)
        return owners;
    for (uint8_t i = 0; i < ruling->written.count; i++)
        owners_add(&owners, ruling->written.list[i]);
    return owners;
}

static uint64_t write_record(struct session *session, struct ruling *ruling,
                             const struct ruling_part *part, const struct owners *owners)
{
    const struct binding *binding = session->binding;
    const struct identity *identity = session->identity;
    const struct sql_facts *facts = judge_facts(&session->belief, binding, part, ruling);
    struct violations_session who = {
        .session = session->id,
        .user = identity->user,
        .client = identity->client,
        .upstream = text_of(binding->upstream_name),
        .database = sql_state_database(&part->state),
        .program_name = identity->program_name,
        .client_name = identity->client_name,
        .traceparent = ruling->traceparent,
        .transaction_owners = owners->list,
        .transaction_owner_count = owners->count,
    };
    struct violations_statement statement = {
        .text = {ruling->text.at + part->start, part->end - part->start},
        .state = &part->state,
        .facts = facts,
        .kind = ruling->kind ? ruling->kind : sql_kind_name((enum sql_kind)facts->kind),
        .policy = binding->policy,
        .service = binding->service,
        .fold = part->state.lower_case_table_names > 0,
        .today = ruling->today,
        .verdict = &part->verdict,
        .blocked = ruling->outcome == RULING_REFUSE,
        .offset = part->start,
    };

    uint64_t id = violations_add(session->worker->records, &who, &statement, worker_now());
    if (!statement.blocked)
        transaction_step(session, facts, violations_last_digest(session->worker->records));
    return id;
}

/* Appends the record's id to the client's error. */
static void name_record(struct refusal *refusal, uint64_t id)
{
    size_t length = strlen(refusal->message);

    snprintf(refusal->message + length, sizeof(refusal->message) - length, "; violation %016llx)",
             (unsigned long long)id);
}

void record_ruling(struct session *session, struct ruling *ruling)
{
    bool blocked = ruling->outcome == RULING_REFUSE, named = false;
    struct owners owners = owners_written(session, ruling);
    struct service_counters *counters =
        worker_counters(session->worker, session->binding->service_usage);

    for (unsigned reason = 0; reason < REASON_COUNT; reason++)
        counters->statements[reason][VERDICT_ALLOW] += ruling->allowed[reason];
    for (;;) {
        for (unsigned i = 0; i < ruling->violation_count; i++) {
            const struct ruling_part *part = &ruling->violations[i];
            count(session, ruling, part, blocked);
            if (part->verdict.action == VERDICT_ALLOW)
                continue;
            uint64_t id = write_record(session, ruling, part, &owners);
            if (blocked && !named && part->verdict.action == VERDICT_BLOCK) {
                name_record(&ruling->refusal, id);
                log_debug("session %u: a statement is refused with error %u, violation %016llx",
                          session->id, ruling->refusal.code, (unsigned long long)id);
                session->refused = id;
                named = true;
            }
        }
        if (!ruling->has_rest)
            break;
        judge_rest(&session->belief, session->binding, ruling);
    }
    if (blocked)
        return;
    transaction_read(session, ruling);
    for (uint8_t i = 0; i < ruling->used.count; i++)
        owners_add(&session->used, ruling->used.list[i]);
}
