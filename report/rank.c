/* The orders of the report's tables, and what is derived from them: what is still active, what can
 * move.
 */
#include <stdlib.h>
#include <time.h>

#include "report/report.h"

typedef int compare(const void *a, const void *b, void *report);

static uint32_t *rank(const struct report *report, uint32_t all,
                      bool (*wanted)(const struct report *report, uint32_t number, uint32_t of),
                      uint32_t of, compare *order, uint32_t *count)
{
    uint32_t *numbers = memory_take((all + 1) * sizeof(*numbers));

    *count = 0;
    for (uint32_t i = 0; i < all; i++) {
        if (!wanted || wanted(report, i, of))
            numbers[(*count)++] = i;
    }
    qsort_r(numbers, *count, sizeof(*numbers), order, (void *)report);
    return numbers;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_texts(struct text a, struct text b)
{
    size_t length = a.length < b.length ? a.length : b.length;
    int order = length ? memcmp(a.at, b.at, length) : 0;
    return order ? order : compare_numbers(a.length, b.length);
}

static int compare_services(const struct report *report, uint32_t a, uint32_t b)
{
    if (a == HASH_TABLE_NONE || b == HASH_TABLE_NONE)
        return compare_numbers(a, b);
    struct text first = report->services.keys[a], second = report->services.keys[b];
    bool first_is_none = first.length && first.at[0] == '(';
    bool second_is_none = second.length && second.at[0] == '(';
    return first_is_none != second_is_none ? first_is_none - second_is_none
                                           : compare_texts(first, second);
}

static int by_service(const void *a, const void *b, void *report)
{
    return compare_services(report, *(const uint32_t *)a, *(const uint32_t *)b);
}

static int by_edge(const void *a, const void *b, void *context)
{
    const struct report *report = context;
    const struct report_edge *first = &report->edges[*(const uint32_t *)a];
    const struct report_edge *second = &report->edges[*(const uint32_t *)b];
    int order = compare_numbers(second->counts.statements, first->counts.statements);

    order = order ? order : compare_services(report, first->user, second->user);
    return order ? order : compare_services(report, first->owner, second->owner);
}

static int by_query(const void *a, const void *b, void *context)
{
    const struct report *report = context;
    const struct report_query *first = &report->queries[*(const uint32_t *)a];
    const struct report_query *second = &report->queries[*(const uint32_t *)b];
    int order = compare_numbers(second->counts.statements, first->counts.statements);

    order = order ? order : compare_numbers(first->digest, second->digest);
    return order ? order : by_edge(&first->edge, &second->edge, context);
}

/* Transactions over several owners come before joins: the first need a saga, the second an API
 * call. */
static int by_hardness(const void *a, const void *b, void *context)
{
    const struct report *report = context;
    const struct report_query *first = &report->queries[*(const uint32_t *)a];
    const struct report_query *second = &report->queries[*(const uint32_t *)b];
    int order = (second->in_transaction > 0) - (first->in_transaction > 0);

    order = order ? order : (second->counts.writes > 0) - (first->counts.writes > 0);
    return order ? order : by_query(a, b, context);
}

static int by_object(const void *a, const void *b, void *context)
{
    const struct report *report = context;
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    int order =
        compare_services(report, report->objects[first].owner, report->objects[second].owner);

    return order
               ? order
               : compare_texts(report->object_names.keys[first], report->object_names.keys[second]);
}

static int by_touch(const void *a, const void *b, void *context)
{
    const struct report *report = context;
    const struct report_touch *first = &report->touches[*(const uint32_t *)a];
    const struct report_touch *second = &report->touches[*(const uint32_t *)b];
    int order = by_object(&first->object, &second->object, context);

    order = order ? order : compare_numbers(second->counts.statements, first->counts.statements);
    return order ? order : compare_services(report, first->service, second->service);
}

static int by_day(const void *a, const void *b, void *context)
{
    const struct report *report = context;
    int64_t first = report->days[*(const uint32_t *)a].day;
    int64_t second = report->days[*(const uint32_t *)b].day;
    return first < second ? -1 : first > second;
}

static uint32_t *top(const struct report *report, uint32_t *ranked, uint32_t *count)
{
    if (report->top > 0 && *count > report->top)
        *count = report->top;
    return ranked;
}

uint32_t *report_rank_edges(const struct report *report, uint32_t *count)
{
    uint32_t *edges = rank(report, report->edge_keys.count, NULL, 0, by_edge, count);

    return top(report, edges, count);
}

static bool is_of_edge(const struct report *report, uint32_t query, uint32_t edge)
{
    return edge == HASH_TABLE_NONE || report->queries[query].edge == edge;
}

uint32_t *report_rank_queries(const struct report *report, uint32_t edge, uint32_t *count)
{
    uint32_t *queries = rank(report, report->query_keys.count, is_of_edge, edge, by_query, count);

    return top(report, queries, count);
}

/* A query on two edges is listed once, on the first of them. */
static bool is_hard(const struct report *report, uint32_t number, uint32_t of)
{
    const struct report_query *query = &report->queries[number];

    (void)of;
    return query->joined > 0 || query->in_transaction > 0;
}

uint32_t *report_rank_hard(const struct report *report, uint32_t *count)
{
    return rank(report, report->query_keys.count, is_hard, 0, by_hardness, count);
}

static bool is_owned(const struct report *report, uint32_t object, uint32_t of)
{
    (void)of;
    return report->objects[object].owner != HASH_TABLE_NONE;
}

uint32_t *report_rank_objects(const struct report *report, uint32_t *count)
{
    return rank(report, report->object_names.count, is_owned, 0, by_object, count);
}

uint32_t *report_rank_touches(const struct report *report, uint32_t *count)
{
    return rank(report, report->touch_keys.count, NULL, 0, by_touch, count);
}

uint32_t *report_rank_days(const struct report *report, uint32_t *count)
{
    return rank(report, report->day_keys.count, NULL, 0, by_day, count);
}

uint32_t *report_rank_services(const struct report *report, uint32_t *count)
{
    return rank(report, report->services.count, NULL, 0, by_service, count);
}

bool report_is_active(const struct report *report, const struct report_span *span)
{
    return span->last > report->span.last - 86400000000;
}

bool report_is_ready(const struct report_object *object, int64_t since)
{
    return object->foreign.last < since && !object->catalogue;
}

int64_t report_ready_since(const struct report *report)
{
    return report->span.last - 7 * 86400000000;
}

const char *report_show_since(int64_t time, char *to)
{
    char shown[20];

    snprintf(to, 32, time > 0 ? " since %s" : "%s", time > 0 ? report_show_time(time, shown) : "");
    return to;
}

struct sent {
    uint64_t digest;
    uint32_t service;
};

static int by_sender(const void *a, const void *b)
{
    const struct sent *one = a, *other = b;

    return one->service != other->service
               ? (one->service > other->service) - (one->service < other->service)
               : (one->digest > other->digest) - (one->digest < other->digest);
}

uint32_t report_distinct(const struct report *report)
{
    struct sent *all = memory_take((report->query_keys.count + 1) * sizeof(*all));
    uint32_t count = 0, distinct = 0;

    for (uint32_t i = 0; i < report->query_keys.count; i++) {
        const struct report_query *query = &report->queries[i];
        if (query->counts.statements > 0)
            all[count++] = (struct sent){query->digest, report->edges[query->edge].user};
    }
    qsort(all, count, sizeof(*all), by_sender);
    for (uint32_t i = 0; i < count; i++)
        distinct += i == 0 || by_sender(&all[i - 1], &all[i]) != 0;
    free(all);
    return distinct;
}

const char *report_show_time(int64_t time, char *to)
{
    time_t seconds = (time_t)(time / 1000000);
    struct tm parts;

    if (time == 0 || !gmtime_r(&seconds, &parts) || strftime(to, 17, "%Y-%m-%d %H:%M", &parts) == 0)
        memcpy(to, "-", sizeof("-"));
    return to;
}

const char *report_show_day(int64_t day, char *to)
{
    report_show_time(day * 86400000000 + 1, to);
    to[strcspn(to, " ")] = '\0';
    return to;
}
