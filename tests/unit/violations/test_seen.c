/* The table of violating queries: bounded, exact while it has room, and the frequent ones stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "violations/seen.h"

/* One violation; how many there were of it, as far as the table knows. */
static void add(struct seen *seen, uint64_t number, int64_t now)
{
    uint64_t key = (number * 0x9fb21c651e98df25u) | 1;

    if (seen_again(seen, key, now))
        return;
    struct violations_seen *place = seen_put(seen, key, now);
    assert_int_equal(place->statement[0], 0); /* nothing is left of who was there before */
    place->digest = number;
    place->statement[0] = 'x';
}

static struct violations_recent *copy(const struct seen *seen)
{
    struct violations_recent *recent = calloc(1, sizeof(*recent));

    seen_copy(seen, recent);
    return recent;
}

static void test_counts_and_orders(void **state)
{
    struct seen *seen = seen_new();

    (void)state;
    for (int64_t i = 1; i <= 20; i++) {
        for (int64_t times = 0; times < i; times++)
            add(seen, (uint64_t)i, 1000 - i);
    }
    struct violations_recent *recent = copy(seen);
    assert_int_equal(recent->busiest_count, 20);
    assert_int_equal(recent->latest_count, 20);
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(recent->busiest[i].digest, 20 - i);
        assert_int_equal(recent->busiest[i].count, 20 - i);
        assert_int_equal(recent->latest[i].digest, i + 1);
    }
    free(recent);
    seen_free(seen);
}

static void test_the_frequent_stay(void **state)
{
    struct seen *seen = seen_new();

    (void)state;
    for (uint64_t i = 0; i < 50; i++) {
        for (int times = 0; times < 100; times++)
            add(seen, i, 1);
    }
    for (uint64_t i = 1000; i < 200000; i++) /* each once: they take each other's places */
        add(seen, i, 2);
    struct violations_recent *recent = copy(seen);
    assert_int_equal(recent->busiest_count, VIOLATIONS_RECENT);
    assert_int_equal(recent->latest_count, VIOLATIONS_RECENT);
    unsigned kept = 0;
    for (size_t i = 0; i < recent->busiest_count; i++) {
        kept += recent->busiest[i].digest < 50 && recent->busiest[i].count == 100;
        assert_int_equal(recent->latest[i].last, 2);
    }
    assert_int_equal(kept, 50);
    free(recent);
    seen_free(seen);
}

static void test_empty(void **state)
{
    struct seen *seen = seen_new();
    struct violations_recent *recent = copy(seen);

    (void)state;
    assert_int_equal(recent->busiest_count, 0);
    assert_int_equal(recent->latest_count, 0);
    free(recent);
    seen_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_orders),
        cmocka_unit_test(test_the_frequent_stay),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
