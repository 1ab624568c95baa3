/* What a violation counts for: its objects, the edges that it crosses, their queries and days. A
 * record counts once on each edge that it crosses, so the edges' sums may be more than the
 * statements'.
 */
#include <stdlib.h>

#include "report/names.h"
#include "report/taken.h"

enum { USES_OF_QUERY = 64 };

static const int64_t day_length = 86400000000;

static void *room_for(void *items, uint32_t number, uint32_t *room, size_t size)
{
    if (number < *room)
        return items;
    uint32_t before = *room;
    *room = number < 32 ? 64 : number * 2;
    items = memory_resize(items, *room * size);
    memset((char *)items + before * size, 0, (*room - before) * size);
    return items;
}

void report_widen(struct report_span *span, const struct report_span *by)
{
    if (by->last == 0) /* findings in the server's catalogue */
        return;
    if (span->first == 0 || by->first < span->first)
        span->first = by->first;
    if (by->last > span->last)
        span->last = by->last;
}

static void count(struct report_counts *counts, const struct taken *taken, bool reads, bool writes)
{
    counts->statements += taken->count;
    counts->writes += writes ? taken->count : 0;
    counts->reads += reads && !writes ? taken->count : 0;
    counts->blocked += taken->blocked ? taken->count : 0;
}

/* "schema.name", "schema" for a database. */
static uint32_t object_number(struct report *report, const json_t *object)
{
    struct text schema = names_string(object, "schema"), name = names_string(object, "name");
    char both[2 * REPORT_NAME_BYTES + 1];
    size_t length = names_clean(schema, both, REPORT_NAME_BYTES).length;

    if (length > 0 && name.length > 0)
        both[length++] = '.';
    length += names_clean(name, both + length, REPORT_NAME_BYTES).length;
    uint32_t before = report->object_names.count;
    uint32_t number = hash_table_add(&report->object_names, (struct text){both, length});
    report->objects =
        room_for(report->objects, number, &report->object_room, sizeof(*report->objects));
    if (number == before) {
        char type[32];
        report->objects[number].type = arena_text(
            &report->arena, names_clean(names_string(object, "type"), type, sizeof(type)));
    }
    return number;
}

static void find_access(const json_t *object, bool *reads, bool *writes)
{
    const json_t *access = json_object_get(object, "access"), *item;
    size_t i;

    json_array_foreach(access, i, item)
    {
        const char *word = json_string_value(item);
        if (word && strcmp(word, "read") == 0)
            *reads = true;
        else
            *writes = true;
    }
}

static void add_touch(struct report *report, const struct taken *taken, uint32_t object,
                      bool is_foreign, bool reads, bool writes)
{
    uint32_t key[2] = {taken->service, object};
    uint32_t number =
        hash_table_add(&report->touch_keys, (struct text){(const char *)key, sizeof(key)});

    report->touches =
        room_for(report->touches, number, &report->touch_room, sizeof(*report->touches));
    struct report_touch *touch = &report->touches[number];
    touch->service = taken->service;
    touch->object = object;
    touch->is_foreign |= is_foreign;
    touch->catalogue |= taken->catalogue;
    report->objects[object].catalogue |= taken->catalogue && is_foreign;
    count(&touch->counts, taken, reads, writes);
    report_widen(&touch->span, &taken->span);
    if (is_foreign)
        report_widen(&report->objects[object].foreign, &taken->span);
}

static void cross(struct taken *taken, uint32_t owner, bool reads, bool writes)
{
    size_t i = 0;

    while (i < taken->edge_count && taken->edges[i].owner != owner)
        i++;
    if (i == EDGES_OF_RECORD)
        return;
    if (i == taken->edge_count) {
        taken->edge_count++;
        taken->edges[i].owner = owner;
        taken->edges[i].reads = taken->edges[i].writes = false;
    }
    taken->edges[i].reads |= reads;
    taken->edges[i].writes |= writes;
}

static void take_object(struct report *report, struct taken *taken, const json_t *object)
{
    struct text owner = names_string(object, "owner"), reason = names_string(object, "reason");
    bool is_violation = !text_equal(names_string(object, "verdict"), TEXT("allow"));
    bool reads = false, writes = false;
    uint32_t number = object_number(report, object);

    find_access(object, &reads, &writes);
    uint32_t owner_number = HASH_TABLE_NONE;
    if (owner.at)
        owner_number = names_add(&report->services, owner);
    report->objects[number].owner = owner_number;
    bool is_system = text_equal(reason, TEXT("system"));
    if (!is_system && !text_equal(reason, TEXT("session")))
        add_touch(report, taken, number, owner.at && owner_number != taken->service, reads, writes);
    if (!is_violation)
        return;
    if (!owner.at)
        owner_number = hash_table_add(&report->services,
                                      is_system ? TEXT(SUMMARY_SYSTEM) : TEXT(SUMMARY_UNOWNED));
    cross(taken, owner_number, reads, writes);
}

static void add_place(struct report *report, struct report_query *query, const struct taken *taken)
{
    struct report_place *place = query->places;

    if (taken->place == HASH_TABLE_NONE)
        return;
    while (place && place->name != taken->place)
        place = place->next;
    if (!place && query->place_count == REPORT_PLACES) {
        query->more_places = true;
        return;
    }
    if (!place) {
        place = arena_take(&report->arena, sizeof(*place));
        place->name = taken->place;
        place->next = query->places;
        query->places = place;
        query->place_count++;
    }
    place->statements += taken->count;
}

static void keep_statement(struct report *report, struct report_query *query, const json_t *record)
{
    struct text statement = names_string(record, "statement");

    if (!statement.at || query->statement.length >= statement.length)
        return;
    if (report->text_bytes + statement.length > REPORT_TEXT_BYTES) {
        report->texts_left_out = true;
        return;
    }
    char *cleaned = arena_take(&report->arena, statement.length + 1);
    query->statement = names_clean(statement, cleaned, statement.length);
    report->text_bytes += statement.length;
}

/* The objects of this owner that the query touches. */
static void keep_uses(struct report *report, struct report_query *query, const json_t *record,
                      uint32_t owner)
{
    const json_t *objects = json_object_get(record, "objects"), *object;
    bool is_nobodys = report->services.keys[owner].at[0] == '(';
    size_t i, kept = 0;

    json_array_foreach(objects, i, object)
    {
        uint32_t number = object_number(report, object);
        uint32_t owned_by = report->objects[number].owner;
        if (text_equal(names_string(object, "verdict"), TEXT("allow")) ||
            owned_by != (is_nobodys ? HASH_TABLE_NONE : owner) || kept++ >= USES_OF_QUERY)
            continue;
        struct report_use *use = arena_take(&report->arena, sizeof(*use));
        *use = (struct report_use){query->uses, number};
        query->uses = use;
    }
}

static struct report_query *find_query(struct report *report, const struct taken *taken,
                                       uint32_t edge, uint32_t owner, uint32_t *number)
{
    struct text digest = names_string(taken->record, "digest");
    struct {
        uint64_t edge, digest;
    } key = {edge, digest.at ? strtoull(digest.at, NULL, 16) : 0};
    struct text bytes = {(const char *)&key, sizeof(key)};
    uint32_t before = report->query_keys.count;

    *number = before < REPORT_QUERIES ? hash_table_add(&report->query_keys, bytes)
                                      : hash_table_find(&report->query_keys, bytes);
    if (*number == HASH_TABLE_NONE) {
        report->queries_left_out = true;
        return NULL;
    }
    report->queries =
        room_for(report->queries, *number, &report->query_room, sizeof(*report->queries));
    struct report_query *query = &report->queries[*number];
    if (*number == before) {
        char kind[64];
        query->edge = edge;
        query->digest = key.digest;
        query->kind = arena_text(
            &report->arena, names_clean(names_string(taken->record, "kind"), kind, sizeof(kind)));
        report->edges[edge].query_count++;
        keep_uses(report, query, taken->record, owner);
    }
    return query;
}

/* True the first time that this (query or edge) is seen on this day. */
static bool is_new_on_day(struct report *report, uint32_t day, bool is_query, uint32_t number)
{
    uint32_t key[3] = {day, is_query, number};
    uint32_t before = report->seen_by_day.count;

    if (before >= REPORT_DAY_QUERIES) {
        report->days_left_out = true;
        return false;
    }
    return hash_table_add(&report->seen_by_day, (struct text){(const char *)key, sizeof(key)}) ==
           before;
}

static uint32_t day_number(struct report *report, const struct taken *taken)
{
    int64_t day = taken->time / day_length;
    uint32_t number =
        hash_table_add(&report->day_keys, (struct text){(const char *)&day, sizeof(day)});

    report->days = room_for(report->days, number, &report->day_room, sizeof(*report->days));
    report->days[number].day = day;
    return number;
}

static void add_edge(struct report *report, const struct taken *taken, size_t i, uint32_t day)
{
    uint32_t owner = taken->edges[i].owner, query_number;
    uint32_t key[2] = {taken->service, owner};
    uint32_t number =
        hash_table_add(&report->edge_keys, (struct text){(const char *)key, sizeof(key)});
    bool reads = taken->edges[i].reads, writes = taken->edges[i].writes;

    report->edges = room_for(report->edges, number, &report->edge_room, sizeof(*report->edges));
    struct report_edge *edge = &report->edges[number];
    edge->user = taken->service;
    edge->owner = owner;
    count(&edge->counts, taken, reads, writes);
    report_widen(&edge->span, &taken->span);
    if (!taken->catalogue)
        report->days[day].edges += is_new_on_day(report, day, false, number);
    struct report_query *query = find_query(report, taken, number, owner, &query_number);
    if (!query)
        return;
    if (!taken->catalogue)
        report->days[day].queries += is_new_on_day(report, day, true, query_number);
    edge->catalogue += taken->catalogue && query->span.last == 0 && query->statement.length == 0;
    if (query->id == 0 && !taken->catalogue)
        query->id = strtoull(
            names_string(taken->record, "id").at ? names_string(taken->record, "id").at : "", NULL,
            16);
    count(&query->counts, taken, reads, writes);
    report_widen(&query->span, &taken->span);
    keep_statement(report, query, taken->record);
    add_place(report, query, taken);
    if (json_is_true(json_object_get(taken->record, "joined"))) {
        query->joined += taken->count;
        if (!query->owners.at)
            query->owners = names_join(report, json_object_get(taken->record, "owners"));
    }
    const json_t *transaction = json_object_get(taken->record, "transaction");
    if (json_array_size(transaction) > 1) {
        query->in_transaction += taken->count;
        if (!query->transaction.at)
            query->transaction = names_join(report, transaction);
    }
}

static void add_wanted_edge(struct report *report, const struct taken *taken, size_t i,
                            uint32_t day)
{
    if (!report->only_owner.at ||
        text_equal(report->services.keys[taken->edges[i].owner], report->only_owner))
        add_edge(report, taken, i, day);
}

void report_take_violation(struct report *report, struct taken *taken)
{
    const json_t *objects = json_object_get(taken->record, "objects"), *object;
    struct text service = names_string(taken->record, "service");
    struct text reason = names_string(taken->record, "reason");
    size_t i;

    taken->service = names_add(&report->services, service.at ? service : TEXT("(no service)"));
    taken->place = names_place(report, taken->record);
    taken->blocked = text_equal(names_string(taken->record, "action"), TEXT("blocked"));
    json_array_foreach(objects, i, object) take_object(report, taken, object);
    if (text_equal(reason, TEXT("administration")))
        cross(taken, hash_table_add(&report->services, TEXT(SUMMARY_SERVER)), false, false);
    else if (text_equal(reason, TEXT("undetermined")) || taken->edge_count == 0)
        cross(taken, hash_table_add(&report->services, TEXT(SUMMARY_UNDETERMINED)), false, false);
    bool reads = false, writes = false;
    for (i = 0; i < taken->edge_count; i++) {
        reads |= taken->edges[i].reads;
        writes |= taken->edges[i].writes;
    }
    if (taken->catalogue) {
        report->catalogue++;
        for (i = 0; i < taken->edge_count; i++)
            add_wanted_edge(report, taken, i, 0);
        return;
    }
    count(&report->counts, taken, reads, writes);
    uint32_t day = day_number(report, taken);
    struct report_counts of_day = {0};
    count(&of_day, taken, reads, writes);
    report->days[day].statements += of_day.statements;
    report->days[day].reads += of_day.reads;
    report->days[day].writes += of_day.writes;
    report->days[day].blocked += of_day.blocked;
    for (i = 0; i < taken->edge_count; i++)
        add_wanted_edge(report, taken, i, day);
}
