/* What a worker has seen of violations: exact while it has room, bounded when it has none, and the
 * edges exact always; counts by time; and the sum over workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "violations/seen.h"

static const int64_t start = 1795180695123456; /* 2026-11-20T13:18:15Z */
static const int64_t minute = 60000000;

/* `count` violations of query `number`, of service `user`, on the edges to the owners named by a
 * string of letters. */
static void add(struct seen *seen, uint64_t number, const char *user, const char *owners,
                int64_t now, uint64_t count)
{
    uint64_t key = number * 0x9fb21c651e98df25u;

    if (seen_again(seen, key, now, count))
        return;
    struct summary_query *query = seen_put(seen, key, now);
    assert_int_equal(query->statement[0], 0); /* nothing is left of who was there before */
    query->digest = number;
    query->statement[0] = 'x';
    snprintf(query->service, sizeof(query->service), "%s", user);
    for (; *owners; owners++)
        seen_edge(seen, query, text_of(user), (struct text){owners, 1});
    assert_non_null(seen_again(seen, key, now, count));
}

/* All slices, added to `summary`. */
static void copy(const struct seen *seen, struct summary *summary)
{
    struct summary_slice *slice = calloc(1, sizeof(*slice));
    struct summary_edge *edges = calloc(SUMMARY_EDGES, sizeof(*edges));
    struct summary_query *queries = calloc(SUMMARY_QUERIES, sizeof(*queries));
    size_t edge_count = 0, query_count = 0;

    slice->wants_queries = true;
    do {
        seen_copy(seen, slice);
        memcpy(edges + edge_count, slice->edges, slice->edge_count * sizeof(*edges));
        memcpy(queries + query_count, slice->queries, slice->query_count * sizeof(*queries));
        edge_count += slice->edge_count;
        query_count += slice->query_count;
    } while (slice->more);
    summary_add(summary, edges, edge_count, queries, query_count);
    summary_add_all(summary, &slice->all);
    summary->forgotten += slice->forgotten;
    free(slice);
    free(edges);
    free(queries);
}

static void test_edges_and_queries_add_up(void **state)
{
    struct seen *seen[] = {seen_new(), seen_new()};
    struct summary summary = {0};

    (void)state;
    for (uint64_t i = 1; i <= 2000; i++)
        add(seen[i % 2], i % 700, i % 3 ? "billing" : "payment", i % 5 ? "a" : "ab", start, i % 7);
    copy(seen[0], &summary);
    copy(seen[1], &summary);
    uint64_t all = 0, edges = 0, queries = 0;
    for (uint64_t i = 1; i <= 2000; i++)
        all += i % 7;
    for (size_t i = 0; i < summary.edge_count; i++)
        edges += summary.edges[i].logged;
    for (size_t i = 0; i < summary.query_count; i++) {
        const struct summary_query *query = &summary.queries[i];
        queries += query->count;
        assert_true(summary_reaches(&summary, query, TEXT("a")));
        assert_int_equal(summary_query_count(query, SUMMARY_HOUR, summary_piece(start)),
                         query->count);
    }
    assert_int_equal(summary.all.logged, all);
    assert_int_equal(queries, all);
    assert_true(edges > all); /* those on two edges count on both */
    assert_int_equal(summary.edge_count, 4);
    summary_fini(&summary);
    seen_free(seen[0]);
    seen_free(seen[1]);
}

static void test_the_frequent_stay(void **state)
{
    struct seen *seen = seen_new();
    struct summary summary = {0};
    enum { RARE = 100000 };

    (void)state;
    for (uint64_t i = 0; i < 50; i++)
        add(seen, i, "billing", "a", start, 100);
    for (uint64_t i = 1000; i < 1000 + RARE; i++) /* each once: they take each other's places */
        add(seen, i, "billing", "b", start, 1);
    copy(seen, &summary);
    assert_int_equal(summary.query_count, SUMMARY_QUERIES);
    unsigned kept = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < summary.query_count; i++) {
        kept += summary.queries[i].digest < 50 && summary.queries[i].count == 100;
        sum += summary.queries[i].count;
    }
    assert_int_equal(kept, 50);
    assert_int_equal(sum + summary.forgotten, 50 * 100 + RARE);
    assert_int_equal(summary_edge(&summary, TEXT("billing"), TEXT("b"))->logged, RARE);
    assert_int_equal(summary.all.logged, 50 * 100 + RARE);
    summary_fini(&summary);
    seen_free(seen);
}

/* Past the last place all further edges are one, and none is lost. */
static void test_more_edges_than_there_is_room(void **state)
{
    struct seen *seen = seen_new();
    struct summary summary = {0};
    char user[16];
    uint64_t sum = 0;

    (void)state;
    for (uint64_t i = 0; i < SUMMARY_EDGES + 500; i++) {
        snprintf(user, sizeof(user), "s%llu", (unsigned long long)i);
        add(seen, i, user, "a", start, 1);
    }
    copy(seen, &summary);
    for (size_t i = 0; i < summary.edge_count; i++)
        sum += summary.edges[i].logged;
    assert_int_equal(sum, SUMMARY_EDGES + 500);
    assert_int_equal(summary_edge(&summary, TEXT(SUMMARY_OTHERS), TEXT(SUMMARY_OTHERS))->logged,
                     501);
    summary_fini(&summary);
    seen_free(seen);
}

static void test_times(void **state)
{
    static const struct {
        int64_t minutes_later;
        uint64_t hour, day, month;
    } cases[] = {
        {0,          10, 10, 10},
        {59,         10, 10, 10},
        {66,         0,  10, 10},
        {23 * 60,    0,  10, 10},
        {26 * 60,    0,  0,  10},
        {29 * 1440,  0,  0,  10},
        {32 * 1440,  0,  0,  0 },
        {400 * 1440, 0,  0,  0 },
    };
    struct summary_times times = {0};

    (void)state;
    summary_times_add(&times, summary_piece(start), 10);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t now = summary_piece(start + cases[i].minutes_later * minute);
        assert_int_equal(summary_times_sum(&times, SUMMARY_HOUR, now), cases[i].hour);
        assert_int_equal(summary_times_sum(&times, SUMMARY_DAY, now), cases[i].day);
        assert_int_equal(summary_times_sum(&times, SUMMARY_MONTH, now), cases[i].month);
    }
}

/* Rings against a plain list of what was added, in order and not. */
static void test_times_at_random(void **state)
{
    enum { ADDED = 400 };
    static uint32_t pieces[ADDED];
    uint32_t random = 7, now = summary_piece(start);

    (void)state;
    for (int round = 0; round < 50; round++) {
        struct summary_times times[3] = {0};
        for (int i = 0; i < ADDED; i++) {
            random = random * 1103515245 + 12345;
            pieces[i] = now - (random >> 8) % (round % 2 ? 15 : 9000);
            summary_times_add(&times[i % 2], pieces[i], 1);
        }
        summary_times_add(&times[0], now, 1); /* both end where they are looked at */
        summary_times_add(&times[1], now, 1);
        summary_times_merge(&times[2], &times[0]);
        summary_times_merge(&times[2], &times[1]);
        uint64_t hour = 2, most = 2;
        for (int i = 0; i < ADDED; i++) {
            hour += now - pieces[i] < SUMMARY_FIVES;
            most += now / 288 - pieces[i] / 288 < SUMMARY_DAYS;
        }
        /* What came before another that was later may have found no place: never more than it was.
         */
        assert_true(summary_times_sum(&times[2], SUMMARY_HOUR, now) <= hour);
        assert_int_equal(summary_times_sum(&times[2], SUMMARY_MONTH, now), most);
        assert_int_equal(summary_times_sum(&times[2], SUMMARY_HOUR, now), hour);
    }
}

static void test_empty(void **state)
{
    struct seen *seen = seen_new();
    struct summary summary = {0};

    (void)state;
    copy(seen, &summary);
    assert_int_equal(summary.edge_count + summary.query_count + summary.forgotten, 0);
    summary_fini(&summary);
    seen_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges_and_queries_add_up),
        cmocka_unit_test(test_the_frequent_stay),
        cmocka_unit_test(test_more_edges_than_there_is_room),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_times_at_random),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
