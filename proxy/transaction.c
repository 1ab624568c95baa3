/* See the header. It costs nothing without a violation that writes; with one, a check of the
 * owners of its objects.
 */
#include "proxy/transaction.h"

#include <stdlib.h>

#include "base/arena.h"
#include "judge/ruling.h"
#include "policy/policy.h"
#include "proxy/runtime.h"
#include "proxy/session.h"
#include "proxy/worker.h"
#include "violations/violations.h"

struct transaction {
    struct transaction *next; /* in the pool */
    struct owners read_again;
    bool more;
    uint8_t step_count;
    struct violations_step steps[VIOLATIONS_STEPS];
};

struct transactions {
    struct transaction *spare;
    uint32_t used; /* of `all`, from its start; the system allocates its pages as they are used */
    struct transaction all[TRANSACTIONS_MOST];
};

struct transactions *transactions_new(void)
{
    return memory_take_zeroed(sizeof(struct transactions));
}

void transactions_free(struct transactions *transactions)
{
    free(transactions);
}

static struct transaction *take(struct transactions *pool)
{
    struct transaction *taken = pool->spare;

    if (taken)
        pool->spare = taken->next;
    else if (pool->used < TRANSACTIONS_MOST)
        taken = &pool->all[pool->used++];
    if (taken)
        *taken = (struct transaction){.step_count = 0};
    return taken;
}

void transaction_drop(struct session *session)
{
    struct transactions *pool = session->worker->transactions;

    if (!session->transaction)
        return;
    session->transaction->next = pool->spare;
    pool->spare = session->transaction;
    session->transaction = NULL;
}

static void add_step(struct transaction *transaction, uint64_t digest, int16_t owner)
{
    for (uint8_t i = 0; i < transaction->step_count; i++) {
        if (transaction->steps[i].digest == digest && transaction->steps[i].owner == owner)
            return;
    }
    if (transaction->step_count == VIOLATIONS_STEPS)
        transaction->more = true;
    else
        transaction->steps[transaction->step_count++] = (struct violations_step){digest, owner};
}

void transaction_step(struct session *session, const struct sql_facts *facts, uint64_t digest)
{
    const struct binding *binding = session->binding;

    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        struct verdict verdict;
        if (!(object->access & (SQL_WRITE | SQL_DEFINE)) || object->session_only)
            continue;
        policy_check_object(binding->policy, binding->service, object,
                            session->belief.state.lower_case_table_names > 0,
                            session->worker->today, &verdict);
        if (verdict.action == VERDICT_ALLOW || verdict.owner == SERVICE_NONE)
            continue;
        if (!session->transaction)
            session->transaction = take(session->worker->transactions);
        if (session->transaction)
            add_step(session->transaction, digest, verdict.owner);
    }
}

void transaction_read(struct session *session, const struct ruling *ruling)
{
    if (!session->transaction)
        return;
    for (uint8_t i = 0; i < ruling->read_again.count; i++)
        owners_add(&session->transaction->read_again, ruling->read_again.list[i]);
}

static void tell(struct session *session)
{
    const struct transaction *transaction = session->transaction;
    const struct owners *written = &session->belief.written;
    const struct binding *binding = session->binding;
    struct violations_session who = {
        .session = session->id,
        .user = session->identity->user,
        .client = session->identity->client,
        .upstream = text_of(binding->upstream_name),
        .database = sql_state_database(&session->belief.state),
        .transaction_owners = written->list,
        .transaction_owner_count = written->count,
    };
    struct violations_transaction over = {
        .policy = binding->policy,
        .service = binding->service,
        .read_again = transaction->read_again.list,
        .read_again_count = transaction->read_again.count,
        .steps = transaction->steps,
        .step_count = transaction->step_count,
        .more = transaction->more || transaction->read_again.more || written->more,
    };

    violations_add_transaction(session->worker->records, &who, &over, worker_now());
}

void transaction_over(struct session *session)
{
    if (!session->transaction)
        return;
    if (session->belief.in_transaction && session->belief.written.count > 1)
        tell(session);
    transaction_drop(session);
}
