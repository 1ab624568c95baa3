/* Which thread a session's id means: among the same service's at the same upstream alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxy/registry.h"
#include "proxy/runtime.h"

static struct usage services[2], upstreams[2];

enum { COLLIDES = 4096 }; /* ids that are apart by this are in one bucket */

static void test_found_or_left_alone(void **state)
{
    static const struct {
        uint64_t id;
        int service, upstream; /* of who asks */
        uint32_t thread;       /* 0: none */
    } cases[] = {
        {REGISTRY_FIRST + 5,            0, 0, 70}, /* by silogate's id */
        {70,                            0, 0, 70}, /* by the server's */
        {REGISTRY_FIRST + 5,            1, 0, 0 }, /* another service's */
        {REGISTRY_FIRST + 5,            0, 1, 0 }, /* at another upstream */
        {REGISTRY_FIRST + 5 + COLLIDES, 0, 0, 0 },
        {70 + COLLIDES,                 0, 0, 0 },
        {REGISTRY_FIRST + 6,            1, 0, 71},
        {REGISTRY_FIRST + 7,            0, 0, 0 },
        {(UINT64_C(1) << 32) + 70,      0, 0, 0 },
        {UINT64_MAX,                    0, 0, 0 },
    };

    (void)state;
    registry_add(&(struct registry_entry){REGISTRY_FIRST + 5, 70, &services[0], &upstreams[0]});
    registry_add(&(struct registry_entry){REGISTRY_FIRST + 6, 71, &services[1], &upstreams[0]});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t thread = 12345;
        bool found = registry_find(cases[i].id, &services[cases[i].service],
                                   &upstreams[cases[i].upstream], &thread);
        assert_int_equal(found, cases[i].thread != 0);
        assert_int_equal(thread, found ? cases[i].thread : 12345);
    }
    struct registry_entry at = {.id = 0};
    assert_true(registry_at(REGISTRY_FIRST + 6, &upstreams[0], &at));
    assert_ptr_equal(at.service, &services[1]);
    assert_true(registry_at(70, &upstreams[0], &at));
    assert_int_equal(at.id, REGISTRY_FIRST + 5);
    assert_false(registry_at(70, &upstreams[1], &at));
    assert_false(registry_at(REGISTRY_FIRST + 7, &upstreams[0], &at));
    assert_true(registry_is_over(REGISTRY_FIRST + 7));
    assert_false(registry_is_over(REGISTRY_FIRST + 5)); /* it is there */
    assert_true(registry_is_over(REGISTRY_FIRST + (1 << REGISTRY_COUNT_BITS)));
    assert_false(registry_is_over(REGISTRY_FIRST + (1 << REGISTRY_INSTANCE_BITS))); /* another's */
    assert_false(registry_is_over(70));
    assert_false(registry_is_over((UINT64_C(1) << 32) + REGISTRY_FIRST + 7));
    registry_remove(REGISTRY_FIRST + 5);
    registry_remove(REGISTRY_FIRST + 6);
    uint32_t thread = 0;
    assert_false(registry_find(REGISTRY_FIRST + 5, &services[0], &upstreams[0], &thread));
    assert_true(registry_is_over(REGISTRY_FIRST + 5));
    /* Where the server's own numbers come near, nobody can say. */
    registry_add(
        &(struct registry_entry){REGISTRY_FIRST + 5, 1u << 29, &services[0], &upstreams[0]});
    registry_remove(REGISTRY_FIRST + 5);
    assert_false(registry_is_over(REGISTRY_FIRST + 5));
}

/* All have the instance in them, lie where no driver misreads them, and are different; the count
 * begins anywhere and comes round. */
static void test_ids(void **state)
{
    (void)state;
    registry_begin(63);
    const unsigned generation = registry_generation();
    uint32_t before = 0;
    for (uint32_t i = 0; i < (1u << REGISTRY_COUNT_BITS) + 6; i++) {
        uint32_t id = registry_id();
        if (id >> REGISTRY_COUNT_BITS != (512 | 63 << 3 | generation) || id == before)
            fail_msg("id %u behind %u", (unsigned)id, (unsigned)before);
        before = id;
    }
    assert_int_equal(registry_count(), before & ((1u << REGISTRY_INSTANCE_BITS) - 1));
    registry_add(&(struct registry_entry){before + 1, 9, &services[0], &upstreams[0]});
    assert_int_equal(registry_id(), before + 2); /* that one is taken */
    registry_remove(before + 1);
    registry_begin(0);
}

/* Processes of one instance that have sessions at the same time: a successor's range is neither its
 * predecessor's nor that of any other that is left. */
static void test_generations(void **state)
{
    static const unsigned none_left = (1u << REGISTRY_GENERATIONS) - 1;
    unsigned seen = 0;

    (void)state;
    registry_begin(5);
    for (unsigned i = 0; i < REGISTRY_GENERATIONS; i++) {
        seen |= 1u << registry_generation();
        assert_true(registry_succeed(registry_count(), 0));
        assert_int_equal(registry_instance(), 5);
        assert_int_equal(registry_id() >> REGISTRY_COUNT_BITS,
                         512 | 5 << 3 | registry_generation());
    }
    assert_int_equal(seen, none_left); /* the next are as far away as can be */
    for (unsigned before = 0; before < REGISTRY_GENERATIONS; before++) {
        for (unsigned left = 0; left < REGISTRY_GENERATIONS; left++) {
            const bool fine =
                registry_succeed(before << REGISTRY_COUNT_BITS | 77, none_left & ~(1u << left));
            assert_int_equal(fine, left != before); /* its predecessor's it never is */
            if (fine)
                assert_int_equal(registry_generation(), left);
        }
    }
    assert_false(registry_succeed(77, none_left));
    registry_begin(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_or_left_alone),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_generations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
