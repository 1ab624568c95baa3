/* The records that are not violations: refused logins, reloads, overrides, rehearsals of moves,
 * upstreams that fail and recover. They may be added by any thread, under the lock. Refused logins
 * and rehearsals are summed up (violations/refusals.h). For kinds that may come in any number the
 * memory has a limit: events beyond it are counted, and become one record when there is room.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "violations/record.h"
#include "violations/writer.h"

enum { EVENT_SIZE = 16384, EVENTS_MOST = 4 << 20 };

/* The fields of an event; those that are empty are left out. */
struct event {
    const char *name;
    enum event_flood flood;
    struct text action, reason, service, user, client, upstream, address, policy;
    struct text session, schema, table, owner, lock;
    const uint64_t *digests; /* NULL: the event has none */
    size_t digest_count;
    uint64_t count; /* 0: it happened once, now */
    int64_t first, last;
};

static void put_field(struct json *json, const char *key, struct text value)
{
    if (value.length > 0)
        record_field(json, key, value);
}

static void put_digests(struct json *json, const struct event *event)
{
    char digits[24];

    json_raw(json, TEXT(",\"digests\":["));
    for (size_t i = 0; i < event->digest_count; i++) {
        snprintf(digits, sizeof(digits), "%s\"%016" PRIx64 "\"", i ? "," : "", event->digests[i]);
        json_raw(json, text_of(digits));
    }
    json_raw(json, TEXT("]"));
}

static int64_t now_microseconds(void)
{
    struct timespec clock;

    clock_gettime(CLOCK_REALTIME, &clock);
    return clock.tv_sec * 1000000 + clock.tv_nsec / 1000;
}

/* The caller holds the lock. */
static void put_event(struct violations *violations, const struct event *event, int64_t now)
{
    char line[EVENT_SIZE];
    struct json json = {.at = line, .size = sizeof(line)};
    const uint64_t count = event->count > 0 ? event->count : 1;

    if (event->flood != EVENT_RARE && queue_length(&violations->events) > EVENTS_MOST) {
        violations->events_left_out[event->flood] += count;
        return;
    }
    uint64_t id = writer_id(&violations->event_id, violations->worker_count, now);
    record_start(&json, now, event->name, id);
    put_field(&json, "action", event->action);
    put_field(&json, "reason", event->reason);
    put_field(&json, "service", event->service);
    put_field(&json, "user", event->user);
    put_field(&json, "client", event->client);
    put_field(&json, "session", event->session);
    put_field(&json, "upstream", event->upstream);
    put_field(&json, "schema", event->schema);
    put_field(&json, "table", event->table);
    put_field(&json, "owner", event->owner);
    put_field(&json, "lock", event->lock);
    if (event->digests)
        put_digests(&json, event);
    put_field(&json, "address", event->address);
    put_field(&json, "policy", event->policy);
    record_tail(&json, count, event->count > 0 ? event->first : now,
                event->count > 0 ? event->last : now);
    queue_put(&violations->events, (struct text){line, json.length});
}

static void write_event(struct violations *violations, const struct event *event)
{
    pthread_mutex_lock(&violations->lock);
    put_event(violations, event, now_microseconds());
    pthread_mutex_unlock(&violations->lock);
    writer_wake(violations, &violations->events);
}

/* Those that were left out, as soon as there is room: the next one of their kind may never come. */
static void put_left_out(struct violations *violations, int64_t now)
{
    static const char *const names[EVENT_FLOODS] = {
        [EVENT_LOGIN_REFUSED] = "login_refused",
        [EVENT_REHEARSAL] = "rehearsal",
        [EVENT_UNEXPLAINED] = "unexplained",
    };

    for (enum event_flood kind = 0; kind < EVENT_FLOODS; kind++) {
        const uint64_t count = violations->events_left_out[kind];
        if (count == 0 || queue_length(&violations->events) > EVENTS_MOST)
            continue;
        violations->events_left_out[kind] = 0;
        put_event(violations,
                  &(struct event){
                      .name = names[kind],
                      .flood = kind,
                      .reason = TEXT("left_out"),
                      .count = count,
                      .first = now,
                      .last = now,
                  },
                  now);
    }
}

void events_tick(struct violations *violations, bool all)
{
    int64_t period = atomic_load(&violations->repeat), now = now_microseconds();
    struct refusal_kind kind;

    pthread_mutex_lock(&violations->lock);
    while (refusals_take(&violations->refusals, now, period, all, &kind))
        put_event(violations,
                  &(struct event){
                      .name = "login_refused",
                      .flood = EVENT_LOGIN_REFUSED,
                      .reason = text_of(kind.reason),
                      .client = text_of(kind.client),
                      .count = kind.count,
                      .first = kind.first,
                      .last = kind.last,
                  },
                  now);
    while (refusals_take(&violations->rehearsals, now, period, all, &kind))
        put_event(violations,
                  &(struct event){
                      .name = "rehearsal",
                      .flood = EVENT_REHEARSAL,
                      .reason = text_of(kind.reason),
                      .service = text_of(kind.client),
                      .count = kind.count,
                      .first = kind.first,
                      .last = kind.last,
                  },
                  now);
    put_left_out(violations, now);
    pthread_mutex_unlock(&violations->lock);
}

void violations_event_login_refused(struct violations *violations, struct text service,
                                    struct text user, struct text client, struct text reason)
{
    int64_t now = now_microseconds();

    pthread_mutex_lock(&violations->lock);
    bool alone =
        refusals_add(&violations->refusals, client, reason, now, atomic_load(&violations->repeat));
    if (alone)
        put_event(violations,
                  &(struct event){
                      .name = "login_refused",
                      .flood = EVENT_LOGIN_REFUSED,
                      .reason = reason,
                      .service = service,
                      .user = user,
                      .client = client,
                  },
                  now);
    pthread_mutex_unlock(&violations->lock);
    if (alone)
        writer_wake(violations, &violations->events);
}

void violations_event_rehearsal(struct violations *violations, struct text service,
                                struct text reason, uint64_t digest)
{
    int64_t now = now_microseconds();

    pthread_mutex_lock(&violations->lock);
    bool alone = refusals_add(&violations->rehearsals, service, reason, now,
                              atomic_load(&violations->repeat));
    if (alone)
        put_event(violations,
                  &(struct event){
                      .name = "rehearsal",
                      .flood = EVENT_REHEARSAL,
                      .reason = reason,
                      .service = service,
                      .digests = &digest,
                      .digest_count = 1,
                  },
                  now);
    pthread_mutex_unlock(&violations->lock);
    if (alone)
        writer_wake(violations, &violations->events);
}

void violations_event_reload(struct violations *violations, const char *policy_hash, bool accepted,
                             struct text message)
{
    write_event(violations, &(struct event){
                                .name = "reload",
                                .flood = EVENT_RARE,
                                .action = accepted ? TEXT("accepted") : TEXT("refused"),
                                .reason = message,
                                .policy = text_of(policy_hash),
                            });
}

void violations_event_override(struct violations *violations, struct text action, struct text words,
                               struct text service, struct text who, const char *policy_hash)
{
    write_event(violations, &(struct event){
                                .name = "override",
                                .flood = EVENT_RARE,
                                .action = action,
                                .reason = words,
                                .service = service,
                                .user = who,
                                .policy = text_of(policy_hash),
                            });
}

void violations_event_upstream(struct violations *violations, struct text upstream,
                               struct text address, bool up, struct text reason)
{
    write_event(violations, &(struct event){
                                .name = up ? "upstream_up" : "upstream_down",
                                .flood = EVENT_RARE,
                                .reason = reason,
                                .upstream = upstream,
                                .address = address,
                            });
}

void violations_event_unexplained(struct violations *violations,
                                  const struct violations_unexplained *held)
{
    write_event(violations, &(struct event){
                                .name = "unexplained",
                                .flood = EVENT_UNEXPLAINED,
                                .session = held->session,
                                .service = held->service,
                                .user = held->user,
                                .client = held->client,
                                .upstream = held->upstream,
                                .owner = held->owner,
                                .schema = held->schema,
                                .table = held->table,
                                .lock = held->lock,
                                .digests = held->digests,
                                .digest_count = held->digest_count,
                            });
}
