/* The event `transaction`: a transaction that has ended, wrote to data of several services, and had
 * violations among its statements. It names the owners that were written to and those that were
 * read again afterwards, and the digests of the violations that wrote, so that the report can say
 * which of them could run after the commit.
 */
#include <string.h>

#include "violations/record.h"
#include "violations/writer.h"

/* stands where a violation has its reason, so that no key of a violation can be the same */
enum { NO_VIOLATION = UINT16_MAX };

static struct text name_of(const struct violations_transaction *transaction, int owner)
{
    return owner == SERVICE_NONE ? (struct text){NULL, 0}
                                 : policy_service_name(transaction->policy, owner);
}

static void put_owners(struct json *json, const char *before,
                       const struct violations_transaction *transaction, const int16_t *owners,
                       size_t count)
{
    json_raw(json, text_of(before));
    for (size_t i = 0; i < count; i++) {
        json_raw(json, i > 0 ? TEXT(",") : TEXT(""));
        json_text(json, record_cut(name_of(transaction, owners[i]), FOLD_LINE / 16));
    }
    json_raw(json, TEXT("]"));
}

static void put_steps(struct json *json, const struct violations_transaction *transaction)
{
    json_raw(json, TEXT(",\"statements\":["));
    for (size_t i = 0; i < transaction->step_count; i++) {
        json_raw(json, i > 0 ? TEXT(",{\"digest\":") : TEXT("{\"digest\":"));
        json_hex(json, transaction->steps[i].digest);
        record_field(json, "owner", name_of(transaction, transaction->steps[i].owner));
        json_raw(json, TEXT("}"));
    }
    json_raw(json, transaction->more ? TEXT("],\"more\":true") : TEXT("],\"more\":false"));
}

static void write_head(struct json *json, const struct violations_session *who,
                       const struct violations_transaction *transaction, uint64_t id, int64_t now)
{
    record_start(json, now, "transaction", id);
    record_field(json, "service",
                 transaction->service == SERVICE_NONE
                     ? (struct text){NULL, 0}
                     : policy_service_name(transaction->policy, transaction->service));
    record_field(json, "user", who->user);
    record_field(json, "client", who->client);
    json_raw(json, TEXT(",\"session\":"));
    json_number(json, who->session);
    record_field(json, "upstream", who->upstream);
    record_field(json, "database", who->database);
    put_owners(json, ",\"owners\":[", transaction, who->transaction_owners,
               who->transaction_owner_count);
    put_owners(json, ",\"read_again\":[", transaction, transaction->read_again,
               transaction->read_again_count);
    put_steps(json, transaction);
    record_field(json, "policy", text_of(policy_hash(transaction->policy)));
}

static uint64_t hash_owners(const int16_t *owners, size_t count, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        seed = (seed ^ (uint16_t)owners[i]) * 0x9fb21c651e98df25u;
    return seed ^ seed >> 29 ^ count;
}

static void make_key(const struct violations_worker *worker, const struct violations_session *who,
                     const struct violations_transaction *transaction, struct fold_key *key)
{
    memset(key, 0, sizeof(*key));
    for (size_t i = 0; i < transaction->step_count; i++)
        key->digest = hash_owners(&transaction->steps[i].owner, 1,
                                  key->digest * 31 + transaction->steps[i].digest);
    key->who = worker_hash(who->user, worker->seed);
    key->who = worker_hash(who->upstream, key->who);
    key->who = worker_hash(who->database, key->who);
    key->objects = hash_owners(who->transaction_owners, who->transaction_owner_count, worker->seed);
    key->objects = hash_owners(transaction->read_again, transaction->read_again_count,
                               key->objects + transaction->more);
    memcpy(key->policy, policy_hash(transaction->policy), sizeof(key->policy));
    key->service = transaction->service;
    key->reason = NO_VIOLATION;
}

void violations_add_transaction(struct violations_worker *worker,
                                const struct violations_session *who,
                                const struct violations_transaction *transaction, int64_t now)
{
    int64_t repeat = atomic_load_explicit(&worker->violations->repeat, memory_order_relaxed);
    struct json json = {.at = worker->line, .size = RECORD_SIZE};
    struct fold_key key;

    make_key(worker, who, transaction, &key);
    struct fold_slot *slot = worker_find(worker, &key, now, repeat);
    if (slot) {
        worker_count(slot, now);
        return;
    }
    uint64_t id = writer_id(&worker->last_id, worker->number, now);
    write_head(&json, who, transaction, id, now);
    size_t head = json.length;
    record_tail(&json, 1, now, now);
    worker_put(worker, (struct text){json.at, json.length}, 1);
    if (repeat > 0 && head <= FOLD_LINE)
        worker_open(worker, &key, id, (struct text){worker->line, head}, now);
}
