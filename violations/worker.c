/* The worker's part: the first violation of a kind becomes a record at once; its repeats are
 * counted and summed up in one record for each period. A repeat costs its digest, a hash of who
 * sent it and what it touches, and one look-up. Called by proxy/ on the worker's own thread;
 * allocates only if lines do not fit into the queue.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/arena.h"
#include "base/log.h"
#include "sql/normalize.h"
#include "violations/describe.h"
#include "violations/record.h"
#include "violations/writer.h"

enum {
    SPILL_CALM =
        64 << 20, /* if the spill has more bytes than this, the worker waits for the writer */
    SPILL_MOST = 256
                 /* if it has more than this, records are lost; only one single command can produce
                  * so many */
                 << 20,
    WAIT_MILLISECONDS = 1000,
};

/* The arguments of one violations_add. */
struct adding {
    const struct violations_session *session;
    const struct violations_statement *statement;
    struct trace trace;
    struct fold_key key;
    int64_t now, first; /* first, count: for a call that counts many violations */
    uint64_t count;
};

void worker_init(struct violations_worker *worker, struct violations *violations, unsigned number)
{
    worker->violations = violations;
    worker->number = number;
    worker->queue = memory_take(sizeof(*worker->queue));
    queue_init(worker->queue, true);
    worker->fold = fold_new();
    worker->seen = seen_new();
    worker->line = memory_take(RECORD_SIZE);
    worker->normalized = memory_take(RECORD_NORMALIZED);
    if (getrandom(&worker->seed, sizeof(worker->seed), 0) != sizeof(worker->seed))
        worker->seed = number;
}

void worker_fini(struct violations_worker *worker)
{
    queue_fini(worker->queue);
    free(worker->queue);
    fold_free(worker->fold);
    seen_free(worker->seen);
    free(worker->line);
    free(worker->normalized);
}

bool violations_ready(const struct violations_worker *worker)
{
    return queue_ready(worker->queue);
}

/* Waits for room as long as the writer makes progress, so that one command of a million statements
 * cannot use all memory. False if there will be no room. */
static bool wait_for_writer(struct violations_worker *worker)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};
    atomic_size_t *spilled = &worker->queue->spilled;

    if (atomic_load(spilled) < SPILL_CALM) {
        worker->gave_up_waiting = false;
        return true;
    }
    for (int i = 0; i < WAIT_MILLISECONDS && !worker->gave_up_waiting; i++) {
        nanosleep(&millisecond, NULL);
        if (atomic_load(spilled) < SPILL_CALM)
            return true;
    }
    worker->gave_up_waiting = true;
    return atomic_load(spilled) < SPILL_MOST;
}

void worker_put(struct violations_worker *worker, struct text line, uint64_t count)
{
    if (!wait_for_writer(worker)) {
        if (atomic_fetch_add(&worker->lost, count) == 0)
            log_error("violation records are lost: one command has filled all memory for them");
        return;
    }
    queue_put(worker->queue, line);
    writer_wake(worker->violations, worker->queue);
}

/* Writes a record for the repeats that no record has counted yet. */
static void write_repeats(struct violations_worker *worker, struct fold_slot *slot, int64_t now)
{
    struct json json = {.at = worker->line, .size = RECORD_SIZE};

    if (slot->count == 0)
        return;
    json_raw(&json, (struct text){slot->line, slot->length});
    record_set_time(worker->line, now);
    record_tail(&json, slot->count, slot->first, slot->last);
    worker_put(worker, (struct text){worker->line, json.length}, slot->count);
}

/* Runs for every repeat, so it must be cheap. */
uint64_t worker_hash(struct text t, uint64_t seed)
{
    const uint64_t multiplier = 0x9fb21c651e98df25u;
    uint64_t word;

    if (!t.at)
        return seed * multiplier;
    seed = (seed ^ (t.length + 1)) * multiplier;
    for (; t.length >= sizeof(word); t.at += sizeof(word), t.length -= sizeof(word)) {
        memcpy(&word, t.at, sizeof(word));
        seed = (seed ^ word) * multiplier;
        seed ^= seed >> 32;
    }
    word = 0;
    if (t.length > 0)
        memcpy(&word, t.at, t.length);
    seed = (seed ^ word) * multiplier;
    return seed ^ seed >> 29;
}

static uint64_t hash_objects(const struct sql_facts *facts, uint64_t seed)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        seed = worker_hash(object->schema, seed);
        seed = worker_hash(object->name, seed);
        seed += (uint64_t)object->type << 8 | (uint64_t)object->access << 16 |
                (uint64_t)object->session_only << 24;
    }
    return seed;
}

static void make_key(const struct violations_worker *worker, struct adding *adding)
{
    const struct violations_session *session = adding->session;
    const struct violations_statement *statement = adding->statement;
    struct fold_key *key = &adding->key;
    size_t length;

    memset(key, 0, sizeof(*key));
    trace_read(&adding->trace, statement->text, statement->state);
    if (session->traceparent.at)
        trace_set_parent(&adding->trace, session->traceparent);
    uint64_t who = worker_hash(session->user, worker->seed);
    who = worker_hash(session->upstream, who);
    who = worker_hash(session->database, who);
    who = worker_hash(session->program_name, who);
    who = worker_hash(session->client_name, who);
    who = worker_hash(text_of(statement->kind), who) +
          (uint64_t)statement->today; /* because a grant may end with the day */
    for (size_t i = 0; session->transaction_owner_count > 1 && i < session->transaction_owner_count;
         i++)
        who = who * 31 + (uint64_t)session->transaction_owners[i];
    key->digest = sql_normalize(statement->text, statement->state, NULL, 0, &length);
    key->who = trace_hash(&adding->trace, who);
    key->objects = hash_objects(statement->facts, worker->seed);
    memcpy(key->policy, policy_hash(statement->policy), sizeof(key->policy));
    key->service = statement->service;
    key->reason = statement->verdict->reason;
    key->blocked = statement->blocked;
}

static struct text shown_statement(struct violations_worker *worker, struct adding *adding)
{
    const struct violations_statement *statement = adding->statement;
    int form = atomic_load_explicit(&worker->violations->statement, memory_order_relaxed);
    size_t length;

    if (form == CONFIG_NO_STATEMENT)
        return (struct text){NULL, 0};
    if (form == CONFIG_FULL)
        return record_cut(statement->text, RECORD_FULL);
    sql_normalize(statement->text, statement->state, worker->normalized, RECORD_NORMALIZED,
                  &length);
    return (struct text){worker->normalized, length};
}

void worker_open(struct violations_worker *worker, const struct fold_key *key, uint64_t id,
                 struct text head, int64_t now)
{
    struct fold *fold = worker->fold;
    char line[FOLD_LINE];

    assert(head.length <= FOLD_LINE);
    memcpy(line, head.at, head.length); /* the record that is written uses worker->line */
    if (fold_is_full(fold)) {
        struct fold_slot *oldest = fold_oldest(fold);
        write_repeats(worker, oldest, now);
        fold_close(fold, oldest);
    }
    struct fold_slot *slot = fold_open(fold, key, now);
    memcpy(slot->line, line, head.length);
    slot->length = (uint16_t)head.length;
    slot->id = id;
}

void worker_count(struct fold_slot *slot, int64_t now)
{
    if (slot->count++ == 0)
        slot->first = now;
    slot->last = now;
}

/* Keeps the line for the repeats; if it is too long, with a shorter statement. If it is still too
 * long, it is not folded: each violation is written as a record of its own. */
static void open_fold(struct violations_worker *worker, const struct adding *adding,
                      struct record *record, struct json *json)
{
    bool complete = true;

    if (json->length > FOLD_LINE) {
        size_t too_long = json->length - FOLD_LINE;
        record->shown = record_cut(
            record->shown, too_long < record->shown.length ? record->shown.length - too_long : 0);
        json->length = 0;
        record_head(json, record, &complete);
    }
    if (json->length <= FOLD_LINE && complete)
        worker_open(worker, &adding->key, record->id, (struct text){json->at, json->length},
                    adding->now);
}

static uint64_t add_first(struct violations_worker *worker, struct adding *adding, bool fold)
{
    struct record record = {
        .session = adding->session,
        .statement = adding->statement,
        .trace = &adding->trace,
        .shown = shown_statement(worker, adding),
        .id = writer_id(&worker->last_id, worker->number, adding->now),
        .digest = adding->key.digest,
        .now = adding->now,
    };
    struct json json = {.at = worker->line, .size = RECORD_SIZE};
    bool complete;

    record_head(&json, &record, &complete);
    size_t head = json.length;
    record_tail(&json, adding->count, adding->first, adding->now);
    worker_put(worker, (struct text){worker->line, json.length}, adding->count);
    json.length = head;
    if (fold && complete)
        open_fold(worker, adding, &record, &json);
    return record.id;
}

/* What makes two violations the same query on the dashboard: less than what makes them the same
 * record. After the end of a grant the same statement stands on more edges and is another query. */
static uint64_t seen_key(const struct fold_key *key, const struct violations_statement *statement)
{
    uint64_t word;

    memcpy(&word, key->policy, sizeof(word));
    word ^= (uint64_t)key->service << 8 ^ (uint64_t)key->reason << 1 ^ key->blocked;
    word += policy_ended(statement->policy, statement->today) << 40;
    word = (word ^ key->digest ^ key->objects) * 0x9fb21c651e98df25u;
    return word ^ word >> 29;
}

/* Fills in what the pages show of the query; it is new, or its entry was replaced. */
static void describe(struct violations_worker *worker, const struct adding *adding, uint64_t key,
                     uint64_t id)
{
    const struct violations_statement *statement = adding->statement;
    int form = atomic_load_explicit(&worker->violations->statement, memory_order_relaxed);
    struct description description = {
        .session = adding->session,
        .statement = statement,
        .trace = &adding->trace,
        .id = id,
        .digest = adding->key.digest,
    };
    size_t length = 0;

    if (form != CONFIG_NO_STATEMENT)
        sql_normalize(statement->text, statement->state, worker->normalized, RECORD_NORMALIZED,
                      &length);
    description.shown = (struct text){worker->normalized, length};
    describe_query(worker->seen, seen_put(worker->seen, key, adding->now), &description);
    seen_again(worker->seen, key, adding->now, 1);
}

void violations_seen(const struct violations_worker *worker, struct summary_slice *slice)
{
    seen_copy(worker->seen, slice);
}

static bool is_over(const struct fold_slot *slot, int64_t now, int64_t repeat)
{
    return now - slot->start >= repeat || slot->start - now > repeat; /* the clock was set back */
}

struct fold_slot *worker_find(struct violations_worker *worker, const struct fold_key *key,
                              int64_t now, int64_t repeat)
{
    struct fold_slot *slot = repeat > 0 ? fold_find(worker->fold, key) : NULL;

    if (!slot || !is_over(slot, now, repeat))
        return slot;
    write_repeats(worker, slot, now);
    if (slot->count > 0) {
        fold_renew(worker->fold, slot, now);
        return slot;
    }
    /* nothing for a whole period: the next one is written as a new first record */
    fold_close(worker->fold, slot);
    return NULL;
}

uint64_t violations_add(struct violations_worker *worker, const struct violations_session *session,
                        const struct violations_statement *statement, int64_t now)
{
    int64_t repeat = atomic_load_explicit(&worker->violations->repeat, memory_order_relaxed);
    struct adding adding; /* not zeroed as a whole, because it is large */

    adding.session = session;
    adding.statement = statement;
    adding.now = adding.first = now;
    adding.count = 1;
    make_key(worker, &adding);
    worker->last_digest = adding.key.digest;
    atomic_fetch_add_explicit(&worker->added, 1, memory_order_relaxed);
    struct fold_slot *slot = worker_find(worker, &adding.key, now, repeat);
    uint64_t key = seen_key(&adding.key, statement);
    struct summary_query *seen = seen_again(worker->seen, key, now, 1);
    uint64_t id = slot ? slot->id : add_first(worker, &adding, repeat > 0);
    if (!seen)
        describe(worker, &adding, key, id);
    else if (!slot)
        describe_caller(seen, session, &adding.trace);
    if (slot)
        worker_count(slot, now);
    return id;
}

uint64_t violations_last_digest(const struct violations_worker *worker)
{
    return worker->last_digest;
}

uint64_t violations_add_summed(struct violations_worker *worker,
                               const struct violations_session *session,
                               const struct violations_statement *statement, uint64_t count,
                               int64_t first, int64_t last)
{
    struct adding adding;

    adding.session = session;
    adding.statement = statement;
    adding.now = last;
    adding.first = first;
    adding.count = count;
    make_key(worker, &adding);
    atomic_fetch_add_explicit(&worker->added, count, memory_order_relaxed);
    return add_first(worker, &adding, false);
}

void violations_tick(struct violations_worker *worker, int64_t now)
{
    int64_t repeat = atomic_load_explicit(&worker->violations->repeat, memory_order_relaxed);
    struct fold_slot *slot;

    /* What does not fit into the queue now stays for the next call. */
    while ((slot = fold_oldest(worker->fold)) != NULL && is_over(slot, now, repeat) &&
           queue_ready(worker->queue)) {
        bool quiet = slot->count == 0;
        write_repeats(worker, slot, now);
        if (quiet || repeat == 0)
            fold_close(worker->fold, slot);
        else
            fold_renew(worker->fold, slot, now);
    }
}

void violations_flush(struct violations_worker *worker, int64_t now)
{
    struct fold_slot *slot;

    while ((slot = fold_oldest(worker->fold)) != NULL) {
        write_repeats(worker, slot, now);
        fold_close(worker->fold, slot);
    }
}

void worker_close_all(struct violations_worker *worker)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    violations_flush(worker, now.tv_sec * 1000000 + now.tv_nsec / 1000);
}
