/* The report for other programs: a CSV (RFC 4180) with one row for each query, and everything as
 * one JSON object. */
#include <stdlib.h>

#include "base/json.h"
#include "report/tables.h"

enum { CELL_MOST = 512 << 10 };

static void put_time(struct json *json, const char *key, int64_t time)
{
    char shown[32];

    json_raw(json, text_of(key));
    if (time == 0) {
        json_raw(json, TEXT("null"));
        return;
    }
    report_show_time(time, shown);
    snprintf(shown + 16, sizeof(shown) - 16, ":%02dZ", (int)(time / 1000000 % 60));
    shown[10] = 'T';
    json_text(json, text_of(shown));
}

/* Also after blanks, and in the full-width forms that some spreadsheets accept as the same
 * characters. */
static bool begins_formula(struct text t)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};

    while (t.length > 0 && (t.at[0] == ' ' || t.at[0] == '?')) {
        t.at++;
        t.length--;
    }
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        if (t.length >= 3 && memcmp(t.at, wide[i], 3) == 0)
            return true;
    }
    return t.length > 0 && strchr("=+-@", t.at[0]);
}

/* Quoted; if the first character would start a formula in a spreadsheet, an apostrophe is put
 * before it. */
static void put_cell(struct text t, const char *after, FILE *to)
{
    putc('"', to);
    if (begins_formula(t))
        putc('\'', to);
    for (size_t i = 0; i < t.length; i++) {
        if (t.at[i] == '"')
            putc('"', to);
        putc(t.at[i], to);
    }
    fprintf(to, "\"%s", after);
}

static void put_csv_time(int64_t time, FILE *to)
{
    char shown[32];
    fprintf(to, "%s,", time ? report_show_time(time, shown) : "");
}

void report_print_csv(const struct report *report, FILE *to)
{
    uint32_t count, *queries = report_rank_queries(report, HASH_TABLE_NONE, &count);
    char words[TABLE_WORDS_SIZE];

    fputs("service,owner,digest,kind,statements,reads,writes,blocked,first,last,active,joined,"
          "in_transaction,objects,sent_by,statement\r\n",
          to);
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        const struct report_edge *edge = &report->edges[query->edge];
        put_cell(report_service_name(report, edge->user), ",", to);
        put_cell(report_service_name(report, edge->owner), ",", to);
        fprintf(to, "%016llx,", (unsigned long long)query->digest);
        put_cell(query->kind, ",", to);
        fprintf(to, "%llu,%llu,%llu,%llu,", (unsigned long long)query->counts.statements,
                (unsigned long long)query->counts.reads, (unsigned long long)query->counts.writes,
                (unsigned long long)query->counts.blocked);
        put_csv_time(query->span.first, to);
        put_csv_time(query->span.last, to);
        fprintf(to, "%s,%llu,%llu,", report_is_active(report, &query->span) ? "yes" : "no",
                (unsigned long long)query->joined, (unsigned long long)query->in_transaction);
        put_cell(text_of(report_show_uses(report, query, words)), ",", to);
        put_cell(text_of(report_show_places(report, query, words)), ",", to);
        put_cell(query->statement, "\r\n", to);
    }
    free(queries);
}

static void put_number(struct json *json, const char *key, uint64_t number)
{
    json_raw(json, text_of(key));
    json_number(json, number);
}

static void put_counts(struct json *json, const struct report_counts *counts)
{
    put_number(json, "\"statements\":", counts->statements);
    put_number(json, ",\"reads\":", counts->reads);
    put_number(json, ",\"writes\":", counts->writes);
    put_number(json, ",\"blocked\":", counts->blocked);
}

static void put_seen(struct json *json, const struct report *report, const struct report_span *span)
{
    put_time(json, ",\"first\":", span->first);
    put_time(json, ",\"last\":", span->last);
    json_raw(json,
             report_is_active(report, span) ? TEXT(",\"active\":true") : TEXT(",\"active\":false"));
}

static void put_service(struct json *json, const struct report *report, const char *key,
                        uint32_t service)
{
    json_raw(json, text_of(key));
    if (service == HASH_TABLE_NONE)
        json_raw(json, TEXT("null"));
    else
        json_text(json, report->services.keys[service]);
}

static void put_edge(struct json *json, const struct report *report, uint32_t number)
{
    const struct report_edge *edge = &report->edges[number];

    put_service(json, report, "{\"service\":", edge->user);
    put_service(json, report, ",\"owner\":", edge->owner);
    json_raw(json, TEXT(","));
    put_counts(json, &edge->counts);
    put_number(json, ",\"queries\":", edge->query_count);
    put_number(json, ",\"catalogue\":", edge->catalogue);
    put_seen(json, report, &edge->span);
    json_raw(json, TEXT("}"));
}

static void put_text_or_null(struct json *json, const char *key, struct text t)
{
    json_raw(json, text_of(key));
    if (t.at)
        json_text(json, t);
    else
        json_raw(json, TEXT("null"));
}

static void put_query(struct json *json, const struct report *report, uint32_t number)
{
    const struct report_query *query = &report->queries[number];
    const char *before = "";

    put_service(json, report, "{\"service\":", report->edges[query->edge].user);
    put_service(json, report, ",\"owner\":", report->edges[query->edge].owner);
    json_raw(json, TEXT(",\"digest\":"));
    json_hex(json, query->digest);
    json_raw(json, TEXT(",\"id\":"));
    if (query->id)
        json_hex(json, query->id);
    else
        json_raw(json, TEXT("null"));
    put_text_or_null(json, ",\"kind\":", query->kind);
    put_text_or_null(json, ",\"statement\":", query->statement);
    json_raw(json, TEXT(","));
    put_counts(json, &query->counts);
    put_seen(json, report, &query->span);
    put_number(json, ",\"joined\":", query->joined);
    put_text_or_null(json, ",\"owners\":", query->owners);
    put_number(json, ",\"in_transaction\":", query->in_transaction);
    put_text_or_null(json, ",\"transaction\":", query->transaction);
    json_raw(json, TEXT(",\"objects\":["));
    for (const struct report_use *use = query->uses; use; use = use->next, before = ",") {
        json_raw(json, text_of(before));
        json_text(json, report->object_names.keys[use->object]);
    }
    json_raw(json, TEXT("],\"sent_by\":["));
    before = "{\"place\":";
    for (const struct report_place *place = query->places; place; place = place->next) {
        put_text_or_null(json, before, report->places.keys[place->name]);
        put_number(json, ",\"statements\":", place->statements);
        json_raw(json, TEXT("}"));
        before = ",{\"place\":";
    }
    json_raw(json, TEXT("]}"));
}

static void put_touch(struct json *json, const struct report *report, uint32_t number)
{
    const struct report_touch *touch = &report->touches[number];

    put_text_or_null(json, "{\"object\":", report->object_names.keys[touch->object]);
    put_text_or_null(json, ",\"type\":", report->objects[touch->object].type);
    put_service(json, report, ",\"owner\":", report->objects[touch->object].owner);
    put_service(json, report, ",\"service\":", touch->service);
    json_raw(json, touch->is_foreign ? TEXT(",\"foreign\":true,") : TEXT(",\"foreign\":false,"));
    put_counts(json, &touch->counts);
    put_seen(json, report, &touch->span);
    json_raw(json, TEXT("}"));
}

static void put_day(struct json *json, const struct report *report, uint32_t number)
{
    const struct report_day *day = &report->days[number];
    const struct report_counts counts = {day->statements, day->reads, day->writes, day->blocked};
    char shown[32];

    put_text_or_null(json, "{\"day\":", text_of(report_show_day(day->day, shown)));
    json_raw(json, TEXT(","));
    put_counts(json, &counts);
    put_number(json, ",\"queries\":", day->queries);
    put_number(json, ",\"edges\":", day->edges);
    json_raw(json, TEXT("}"));
}

/* The statements' texts are those of the queries with the same digest. */
static void put_rehearsals(struct json *json, const struct report *report, FILE *to)
{
    fputs(",\"rehearsals\":[", to);
    for (unsigned i = 0; i < report->rehearsal_count; i++) {
        const struct report_rehearsal *one = &report->rehearsals[i];
        json->length = 0;
        put_service(json, report, i > 0 ? ",{\"service\":" : "{\"service\":", one->service);
        put_text_or_null(json, ",\"reason\":", one->reason);
        put_number(json, ",\"count\":", one->times);
        put_seen(json, report, &one->span);
        json_raw(json, TEXT("}"));
        fwrite(json->at, 1, json->length, to);
    }
    fputs("]", to);
}

static void put_transaction(struct json *json, const struct report *report, uint32_t number)
{
    const struct report_transaction *transaction = &report->transactions[number];

    put_service(json, report, "{\"service\":", transaction->service);
    put_text_or_null(json, ",\"owners\":", transaction->owners);
    put_number(json, ",\"transactions\":", transaction->times);
    put_seen(json, report, &transaction->span);
    json_raw(json, TEXT(",\"statements\":["));
    for (unsigned i = 0; i < transaction->step_count; i++) {
        const struct report_step *step = &transaction->steps[i];
        json_raw(json, i > 0 ? TEXT(",{\"digest\":") : TEXT("{\"digest\":"));
        json_hex(json, step->digest);
        put_service(json, report, ",\"owner\":", step->owner);
        put_text_or_null(json, ",\"after_commit\":", text_of(report_show_after(transaction, step)));
        json_raw(json, TEXT("}"));
    }
    json_raw(json, transaction->more ? TEXT("],\"more\":true}") : TEXT("],\"more\":false}"));
}

/* A list; each member is formatted in the same buffer and then written. */
static void put_list(const struct report *report, const char *key, uint32_t *numbers,
                     uint32_t count,
                     void (*put)(struct json *json, const struct report *report, uint32_t number),
                     FILE *to)
{
    char *buffer = memory_take(CELL_MOST);

    fprintf(to, ",\n\"%s\":[", key);
    for (uint32_t i = 0; i < count; i++) {
        struct json json = {.at = buffer, .size = CELL_MOST};
        put(&json, report, numbers[i]);
        fputs(i > 0 ? ",\n" : "\n", to);
        fwrite(buffer, 1, json.length, to);
    }
    fputs("]", to);
    free(buffer);
    free(numbers);
}

/* The names of the objects that are ready to move. */
static void put_object(struct json *json, const struct report *report, uint32_t number)
{
    put_text_or_null(json, "{\"object\":", report->object_names.keys[number]);
    put_text_or_null(json, ",\"type\":", report->objects[number].type);
    put_service(json, report, ",\"owner\":", report->objects[number].owner);
    put_time(json, ",\"last_foreign\":", report->objects[number].foreign.last);
    json_raw(json, TEXT("}"));
}

static uint32_t *ready_objects(const struct report *report, int64_t since, uint32_t *count)
{
    uint32_t all, *objects = report_rank_objects(report, &all);

    *count = 0;
    for (uint32_t i = 0; i < all; i++) {
        if (report_is_ready(&report->objects[objects[i]], since))
            objects[(*count)++] = objects[i];
    }
    return objects;
}

void report_print_json(const struct report *report, int64_t since, FILE *to)
{
    char buffer[1024];
    struct json json = {.at = buffer, .size = sizeof(buffer)};
    uint32_t count, *numbers;

    put_number(&json, "{\"logs\":", report->logs);
    put_number(&json, ",\"records\":", report->records);
    put_number(&json, ",\"bad_lines\":", report->bad_lines);
    json_raw(&json, TEXT(","));
    put_counts(&json, &report->counts);
    put_time(&json, ",\"first\":", report->span.first);
    put_time(&json, ",\"last\":", report->span.last);
    put_number(&json, ",\"logins_refused\":", report->logins_refused);
    put_number(&json, ",\"reloads\":", report->reloads);
    put_number(&json, ",\"upstream_events\":", report->upstream_events);
    bool complete = !report->queries_left_out && !report->texts_left_out &&
                    !report->days_left_out && !report->transactions_left_out &&
                    !report->rehearsals_left_out;
    json_raw(&json, complete ? TEXT(",\"complete\":true") : TEXT(",\"complete\":false"));
    put_time(&json, ",\"ready_since\":", since);
    fwrite(buffer, 1, json.length, to);
    numbers = report_rank_edges(report, &count);
    put_list(report, "edges", numbers, count, put_edge, to);
    numbers = report_rank_queries(report, HASH_TABLE_NONE, &count);
    put_list(report, "queries", numbers, count, put_query, to);
    numbers = report_rank_touches(report, &count);
    put_list(report, "touches", numbers, count, put_touch, to);
    numbers = ready_objects(report, since, &count);
    put_list(report, "ready", numbers, count, put_object, to);
    numbers = report_rank_transactions(report, &count);
    put_list(report, "transactions", numbers, count, put_transaction, to);
    put_rehearsals(&json, report, to);
    numbers = report_rank_days(report, &count);
    put_list(report, "days", numbers, count, put_day, to);
    fputs("}\n", to);
}
