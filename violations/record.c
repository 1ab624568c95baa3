/* Formats records. Every field that a client can make long is cut, so that the length of a line has
 * a limit. Names come from the facts, never from the text; the text itself is written only with
 * statement = full. Called by the workers through violations/worker.c and for the other events by
 * violations/event.c.
 */
#include "violations/record.h"

#include <assert.h>

enum { NAME_MOST = 256, OWNERS_MOST = SUMMARY_EDGES_OF, NOBODYS = -2, NOBODYS_SYSTEM = -3 };

struct text record_cut(struct text t, size_t most)
{
    if (t.length <= most)
        return t;
    for (size_t back = 0; back < 3 && most > 0 && ((unsigned char)t.at[most] & 0xc0) == 0x80;
         back++)
        most--;
    t.length = most;
    return t;
}

static void put_digits(char *to, int64_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        to[i] = (char)('0' + number % 10);
}

/* RFC 3339 in UTC. The date is computed from days since 1970 by the proleptic Gregorian calendar.
 */
static void format_time(char to[RECORD_TIME], int64_t now)
{
    int64_t microseconds = now < 0 ? 0 : now;
    int64_t seconds = microseconds / 1000000;
    int64_t day = seconds / 86400 + 719468; /* days from 0000-03-01 */
    int64_t era = day / 146097;
    int64_t day_of_era = day % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* the month, counted from March */
    int64_t year = year_of_era + era * 400 + (month >= 10);

    memcpy(to, "0000-00-00T00:00:00.000000Z", RECORD_TIME);
    put_digits(to, year, 4);
    put_digits(to + 5, month < 10 ? month + 3 : month - 9, 2);
    put_digits(to + 8, day_of_year - (153 * month + 2) / 5 + 1, 2);
    put_digits(to + 11, seconds / 3600 % 24, 2);
    put_digits(to + 14, seconds / 60 % 60, 2);
    put_digits(to + 17, seconds % 60, 2);
    put_digits(to + 20, microseconds % 1000000, 6);
}

static void put_time(struct json *json, int64_t now)
{
    char time[RECORD_TIME];

    format_time(time, now);
    json_raw(json, TEXT("\""));
    json_raw(json, (struct text){time, sizeof(time)});
    json_raw(json, TEXT("\""));
}

void record_set_time(char *line, int64_t now)
{
    format_time(line + RECORD_TIME_OFFSET, now);
}

static void put_text(struct json *json, struct text value)
{
    if (value.at)
        json_text(json, record_cut(value, NAME_MOST));
    else
        json_raw(json, TEXT("null"));
}

void record_field(struct json *json, const char *key, struct text value)
{
    json_key(json, key);
    put_text(json, value);
}

void record_start(struct json *json, int64_t now, const char *event, uint64_t id)
{
    json_raw(json, TEXT("{\"ts\":"));
    put_time(json, now);
    record_field(json, "event", text_of(event));
    json_key(json, "id");
    json_hex(json, id);
}

static struct text service_name(const struct policy *policy, int service)
{
    return service == SERVICE_NONE ? (struct text){NULL, 0} : policy_service_name(policy, service);
}

static void put_object(struct json *json, const struct violations_statement *statement,
                       const struct sql_object *object, const struct verdict *verdict)
{
    const char *before = "[";

    json_raw(json, TEXT("{\"schema\":"));
    put_text(json, object->schema);
    record_field(json, "name", object->name.at ? object->name : TEXT(""));
    record_field(json, "type", text_of(sql_type_name((enum sql_type)object->type)));
    json_key(json, "access");
    for (unsigned access = SQL_READ; access <= SQL_EXECUTE; access <<= 1) {
        if (!(object->access & access))
            continue;
        json_raw(json, text_of(before));
        json_text(json, text_of(sql_access_name((enum sql_access)access)));
        before = ",";
    }
    json_raw(json, *before == '[' ? TEXT("[]") : TEXT("]"));
    record_field(json, "owner", service_name(statement->policy, verdict->owner));
    record_field(json, "verdict",
                 text_of(verdict_action_name((enum verdict_action)verdict->action)));
    record_field(json, "reason",
                 text_of(verdict_reason_name((enum verdict_reason)verdict->reason)));
    json_raw(json, TEXT("}"));
}

struct owners {
    int16_t items[OWNERS_MOST];
    size_t count;
};

static void add_owner(struct owners *owners, int16_t owner)
{
    for (size_t i = 0; i < owners->count; i++) {
        if (owners->items[i] == owner)
            return;
    }
    if (owner != SERVICE_NONE && owners->count < OWNERS_MOST)
        owners->items[owners->count++] = owner;
}

static void put_owners(struct json *json, const struct policy *policy, const int16_t *owners,
                       size_t count)
{
    json_raw(json, TEXT("["));
    for (size_t i = 0; i < count; i++) {
        json_raw(json, i > 0 ? TEXT(",") : TEXT(""));
        put_text(json, service_name(policy, owners[i]));
    }
    json_raw(json, TEXT("]"));
}

/* Is it the first object of its owner (or the first without an owner) among those that are not
 * allowed? */
static bool is_first_of_owner(struct owners *told, const struct verdict *verdict)
{
    int16_t owner = verdict->owner;

    if (owner == SERVICE_NONE)
        owner = verdict->reason == REASON_SYSTEM ? NOBODYS_SYSTEM : NOBODYS;
    for (size_t i = 0; i < told->count; i++) {
        if (told->items[i] == owner)
            return false;
    }
    if (told->count == OWNERS_MOST)
        return false;
    told->items[told->count++] = owner;
    return true;
}

enum part { ALL, FIRST_OF_OWNER, OTHERS };

/* The objects one after another: all, or only those that are not allowed. False if they do not fit
 * into RECORD_OBJECTS bytes. */
static bool put_objects(struct json *json, const struct violations_statement *statement,
                        enum part part, size_t start, struct owners *owners)
{
    const struct sql_facts *facts = statement->facts;
    struct owners told = {.count = 0};

    for (uint32_t i = 0; i < facts->object_count; i++) {
        size_t before = json->length;
        struct verdict verdict;
        policy_check_object(statement->policy, statement->service, &facts->objects[i],
                            statement->fold, statement->today, &verdict);
        if (part != ALL && (verdict.action == VERDICT_ALLOW ||
                            is_first_of_owner(&told, &verdict) != (part == FIRST_OF_OWNER)))
            continue;
        json_raw(json, json->at[json->length - 1] == '[' ? TEXT("") : TEXT(","));
        put_object(json, statement, &facts->objects[i], &verdict);
        if (json->length - start > RECORD_OBJECTS) {
            json->length = before;
            return false;
        }
        add_owner(owners, verdict.owner);
    }
    return true;
}

/* If not all fit, those that are not allowed, with one of each owner first: so the record names
 * every edge. */
static bool put_all_objects(struct json *json, const struct violations_statement *statement,
                            struct owners *owners)
{
    json_key(json, "objects");
    json_raw(json, TEXT("["));
    size_t start = json->length;
    bool complete = put_objects(json, statement, ALL, start, owners);
    if (!complete) {
        json->length = start;
        owners->count = 0;
        if (put_objects(json, statement, FIRST_OF_OWNER, start, owners))
            put_objects(json, statement, OTHERS, start, owners);
    }
    json_raw(json, TEXT("]"));
    return complete;
}

static void put_app(struct json *json, const struct violations_session *session)
{
    json_key(json, "app");
    if (session->program_name.length == 0 && session->client_name.length == 0) {
        json_raw(json, TEXT("null"));
        return;
    }
    json_raw(json, TEXT("{\"program_name\":"));
    put_text(json, session->program_name);
    record_field(json, "client_name", session->client_name);
    json_raw(json, TEXT("}"));
}

static void put_touched(struct json *json, const struct record *record, bool *complete)
{
    const struct violations_session *session = record->session;
    const struct policy *policy = record->statement->policy;
    struct owners owners = {.count = 0};

    *complete = put_all_objects(json, record->statement, &owners);
    json_key(json, "owners");
    put_owners(json, policy, owners.items, owners.count);
    json_key(json, "joined");
    json_raw(json, owners.count > 1 ? TEXT("true") : TEXT("false"));
    json_key(json, "transaction");
    if (session->transaction_owner_count > 1)
        put_owners(json, policy, session->transaction_owners, session->transaction_owner_count);
    else
        json_raw(json, TEXT("null"));
}

void record_head(struct json *json, const struct record *record, bool *complete)
{
    const struct violations_session *session = record->session;
    const struct violations_statement *statement = record->statement;

    record_start(json, record->now, "violation", record->id);
    record_field(json, "action", statement->blocked ? TEXT("blocked") : TEXT("logged"));
    record_field(json, "reason",
                 text_of(verdict_reason_name((enum verdict_reason)statement->verdict->reason)));
    record_field(json, "service", service_name(statement->policy, statement->service));
    record_field(json, "user", session->user);
    record_field(json, "client", session->client);
    json_key(json, "session");
    json_number(json, session->session);
    record_field(json, "upstream", session->upstream);
    record_field(json, "database", session->database);
    record_field(json, "kind", text_of(statement->kind));
    put_touched(json, record, complete);
    json_key(json, "digest");
    json_hex(json, record->digest);
    json_key(json, "statement");
    if (record->shown.length > 0)
        json_text(json, record->shown);
    else
        json_raw(json, TEXT("null"));
    put_app(json, session);
    json_key(json, "trace");
    trace_write(record->trace, json);
    record_field(json, "policy", text_of(policy_hash(statement->policy)));
    assert(!json->full);
}

void record_tail(struct json *json, uint64_t count, int64_t first, int64_t last)
{
    json_key(json, "count");
    json_number(json, count);
    json_key(json, "first");
    put_time(json, first);
    json_key(json, "last");
    put_time(json, last);
    json_raw(json, TEXT("}\n"));
    assert(!json->full);
}
