/* The violations of logs under two policies: what a change of the policy would do to them, by edge.
 * A log has only what was a violation when it was written: statements that the policy of that time
 * allowed are not in it.
 */
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/table.h"
#include "cmd/test.h"
#include "learn/source.h"
#include "report/report.h"

enum change { NEWLY_BLOCKED, NEWLY_ALLOWED, CHANGES };
enum { CALLERS_SHOWN = 4, EDGES_MOST = 10000, NAME = 300, TOLD = 5 };

struct changed_edge {
    enum change change;
    uint64_t statements;
    int64_t last;
    uint32_t digests;
    char callers[NAME];
    unsigned caller_count;
};

struct comparing {
    const struct offline *before, *next;
    struct hash_table keys;    /* "change<tab>service -> owner" */
    struct hash_table digests; /* edge and digest */
    struct hash_table callers; /* edge and caller */
    struct changed_edge edges[EDGES_MOST];
    uint64_t records, statements, changed[CHANGES], bad_lines, left_out;
};

static struct text string_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value)
               ? (struct text){json_string_value(value), json_string_length(value)}
               : (struct text){NULL, 0};
}

static void add_object(struct sql_facts *facts, const json_t *from)
{
    static const char *const types[] = {
        [SQL_TABLE] = "table", [SQL_ROUTINE] = "routine", [SQL_DATABASE] = "database"};
    struct text type = string_of(from, "type");
    struct sql_object object = {.schema = string_of(from, "schema"),
                                .name = string_of(from, "name")};
    const json_t *access = json_object_get(from, "access"), *item;
    size_t i;

    for (unsigned t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        if (text_equal(type, text_of(types[t])))
            object.type = (uint8_t)t;
    }
    json_array_foreach(access, i, item)
    {
        for (unsigned bit = SQL_READ; bit <= SQL_EXECUTE; bit <<= 1) {
            if (json_is_string(item) &&
                strcmp(json_string_value(item), sql_access_name((enum sql_access)bit)) == 0)
                object.access |= (uint8_t)bit;
        }
    }
    object.session_only = text_equal(string_of(from, "reason"), TEXT("session")) &&
                          !text_equal_fold(object.schema, TEXT("information_schema"));
    if (facts->object_count < SQL_OBJECTS)
        facts->objects[facts->object_count++] = object;
}

/* Fills in the facts of a statement from its record. */
static void read_facts(const json_t *record, struct sql_facts *facts)
{
    const json_t *objects = json_object_get(record, "objects"), *object;
    struct text reason = string_of(record, "reason");
    size_t i;

    memset(facts, 0, offsetof(struct sql_facts, objects));
    facts->determined = !text_equal(reason, TEXT("undetermined"));
    facts->administration = text_equal(reason, TEXT("administration"));
    json_array_foreach(objects, i, object) add_object(facts, object);
}

static void judge(const struct offline *offline, const json_t *record,
                  const struct sql_facts *facts, struct verdict *verdict)
{
    struct text user = string_of(record, "user"), name = string_of(record, "service");
    int service = user.at ? router_service(offline->router, user) : SERVICE_NONE;

    if (service == SERVICE_NONE && name.at)
        service = policy_service(offline->policy, name);
    policy_check(offline->policy, service, facts, false, offline->today, verdict);
}

/* Adds the caller of a record to "billing_service, node". */
static void add_caller(struct comparing *comparing, uint32_t number, const json_t *record)
{
    struct changed_edge *edge = &comparing->edges[number];
    struct text user = string_of(record, "user");
    struct text program = string_of(json_object_get(record, "app"), "program_name");
    char key[NAME + 16], caller[NAME];

    int length = snprintf(caller, sizeof(caller), "%.*s%s%.*s", TEXT_ARGS(user),
                          program.length ? " via " : "", TEXT_ARGS(program));
    if (length >= (int)sizeof(caller))
        length = sizeof(caller) - 1;
    for (int i = 0; i < length; i++)
        caller[i] = (unsigned char)caller[i] < ' ' || caller[i] == 0x7f ? '?' : caller[i];
    int size = snprintf(key, sizeof(key), "%u\t%s", number, caller);
    uint32_t before = comparing->callers.count;
    if (hash_table_add(&comparing->callers, (struct text){key, (size_t)size}) != before ||
        edge->caller_count++ >= CALLERS_SHOWN)
        return;
    size_t used = strlen(edge->callers);
    snprintf(edge->callers + used, sizeof(edge->callers) - used, "%s%s", used ? ", " : "", caller);
}

static struct text owner_name(const struct offline *offline, const struct verdict *verdict)
{
    return verdict->owner != SERVICE_NONE
               ? policy_service_name(offline->policy, verdict->owner)
               : text_of(verdict_reason_name((enum verdict_reason)verdict->reason));
}

static void add_change(struct comparing *comparing, enum change change, const json_t *record,
                       struct text owner)
{
    struct text service = string_of(record, "service"), digest = string_of(record, "digest");
    json_int_t count = json_integer_value(json_object_get(record, "count"));
    uint64_t times = count > 0 ? (uint64_t)count : 1;
    char key[NAME];
    int64_t last;

    service = service.at ? service : TEXT("(no service)");
    snprintf(key, sizeof(key), "%u\t%.*s -> %.*s", (unsigned)change, TEXT_ARGS(service),
             TEXT_ARGS(owner));
    comparing->changed[change] += times;
    uint32_t number = hash_table_find(&comparing->keys, text_of(key));
    if (number == HASH_TABLE_NONE && comparing->keys.count == EDGES_MOST) {
        comparing->left_out++;
        return;
    }
    number = hash_table_add(&comparing->keys, text_of(key));
    struct changed_edge *edge = &comparing->edges[number];
    edge->change = change;
    edge->statements += times;
    if (report_time(string_of(record, "last"), false, &last) && last > edge->last)
        edge->last = last;
    snprintf(key, sizeof(key), "%u\t%.*s", number, TEXT_ARGS(digest));
    uint32_t before = comparing->digests.count;
    edge->digests += hash_table_add(&comparing->digests, text_of(key)) == before;
    add_caller(comparing, number, record);
}

static void take_record(struct comparing *comparing, const json_t *record)
{
    static struct sql_facts facts; /* large */
    struct verdict before, next;
    json_int_t count = json_integer_value(json_object_get(record, "count"));

    if (!text_equal(string_of(record, "event"), TEXT("violation")))
        return;
    comparing->records++;
    comparing->statements += count > 0 ? (uint64_t)count : 1;
    read_facts(record, &facts);
    judge(comparing->before, record, &facts, &before);
    judge(comparing->next, record, &facts, &next);
    if (next.action == VERDICT_BLOCK && before.action != VERDICT_BLOCK)
        add_change(comparing, NEWLY_BLOCKED, record, owner_name(comparing->next, &next));
    else if (next.action != VERDICT_BLOCK && before.action == VERDICT_BLOCK)
        add_change(comparing, NEWLY_ALLOWED, record, owner_name(comparing->before, &before));
}

static bool read_log(struct comparing *comparing, const char *path)
{
    struct source source;
    struct error error;
    struct text line;

    if (!source_open(&source, path, isatty(STDERR_FILENO), &error)) {
        fprintf(stderr, "%s\n", error.text);
        return false;
    }
    while (source_line(&source, &line)) {
        json_t *record = json_loadb(line.at, line.length, JSON_ALLOW_NUL, NULL);
        if (json_is_object(record))
            take_record(comparing, record);
        else if (text_trim(line).length > 0 && comparing->bad_lines++ < TOLD)
            fprintf(stderr, "%s:%llu: not a violation record; left out\n", path,
                    (unsigned long long)source.number);
        json_decref(record);
    }
    if (source_close(&source, &error))
        return true;
    fprintf(stderr, "%s\n", error.text);
    return false;
}

static const struct comparing *sorted; /* for qsort, which has no context argument */

static int by_statements(const void *a, const void *b)
{
    const struct changed_edge *one = &sorted->edges[*(const uint32_t *)a];
    const struct changed_edge *other = &sorted->edges[*(const uint32_t *)b];

    if (one->statements != other->statements)
        return one->statements > other->statements ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

static void tell_changes(const struct comparing *comparing, enum change change, const char *what)
{
    uint32_t *numbers = memory_take((comparing->keys.count + 1) * sizeof(*numbers)), count = 0;
    char number[TABLE_NUMBER_SIZE], time[32];

    for (uint32_t i = 0; i < comparing->keys.count; i++) {
        if (comparing->edges[i].change == change)
            numbers[count++] = i;
    }
    sorted = comparing;
    qsort(numbers, count, sizeof(*numbers), by_statements);
    printf("%s: %s\n", what, table_show_number(comparing->changed[change], number));
    for (uint32_t i = 0; i < count; i++) {
        const struct changed_edge *edge = &comparing->edges[numbers[i]];
        struct text key = comparing->keys.keys[numbers[i]];
        printf("  %.*s  %s statement%s, %u distinct, last %s UTC, by %s%s\n", (int)key.length - 2,
               key.at + 2, table_show_number(edge->statements, number),
               edge->statements == 1 ? "" : "s", edge->digests, report_show_time(edge->last, time),
               edge->callers[0] ? edge->callers : "nobody who is known",
               edge->caller_count > CALLERS_SHOWN ? " and others" : "");
    }
    free(numbers);
}

bool what_if(const struct offline *before, const struct offline *next, char **logs, bool *good)
{
    struct comparing *comparing = memory_take_zeroed(sizeof(*comparing));
    char number[TABLE_NUMBER_SIZE];

    comparing->before = before;
    comparing->next = next;
    *good = true;
    for (; *logs; logs++)
        *good &= read_log(comparing, *logs);
    printf("of %s statements in the logs, policy %s instead of %s:\n",
           table_show_number(comparing->statements, number), policy_hash(next->policy),
           policy_hash(before->policy));
    tell_changes(comparing, NEWLY_BLOCKED, "newly blocked");
    tell_changes(comparing, NEWLY_ALLOWED, "newly allowed");
    fflush(stdout);
    if (comparing->records == 0 || comparing->bad_lines > 0 || comparing->left_out > 0) {
        fprintf(stderr,
                comparing->records == 0
                    ? "silogate test: the logs hold no violation: there is nothing to compare\n"
                    : "silogate test: lines of the logs were left out: this is not all\n");
        *good = false;
    }
    bool blocked = comparing->changed[NEWLY_BLOCKED] > 0;
    hash_table_fini(&comparing->keys);
    hash_table_fini(&comparing->digests);
    hash_table_fini(&comparing->callers);
    free(comparing);
    return blocked;
}
