/* The prepared statements of one session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/arena.h"
#include "judge/prepared.h"

static uint32_t any(uint32_t below)
{
    static uint32_t seed = 1;

    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static struct prepared *statement(const char *text)
{
    static struct sql_facts facts;
    static struct sql_state state;

    return prepared_new(text_of(text), PREPARED_TEXT, &facts, &state);
}

static void test_prepared_is_a_table(void **test)
{
    (void)test;
    struct prepared_table table = {0};
    bool there[300] = {false};

    assert_null(prepared_find(&table, 1));
    assert_null(prepared_find(&table, PREPARED_LAST));
    prepared_remove(&table, 1);
    for (int turn = 0; turn < 5000; turn++) {
        uint32_t id = any(300);
        if (any(2)) {
            prepared_add(&table, statement("SELECT 1"), id);
            there[id] = true;
            assert_ptr_equal(prepared_find(&table, PREPARED_LAST), prepared_find(&table, id));
        } else {
            prepared_remove(&table, id);
            there[id] = false;
        }
        for (uint32_t i = 0; i < 300; i++)
            assert_true(there[i] == (prepared_find(&table, i) != NULL));
    }
    prepared_clear(&table);
    assert_null(prepared_find(&table, 1));
}

static void test_a_long_text_is_cut(void **test)
{
    (void)test;
    static char text[PREPARED_TEXT * 2];
    struct sql_facts *facts = memory_take_zeroed(sizeof(*facts));
    struct sql_state state = {0};

    struct prepared *prepared =
        prepared_new((struct text){text, sizeof(text)}, PREPARED_TEXT, facts, &state);
    assert_int_equal(prepared->text_length, PREPARED_TEXT);
    prepared_free(prepared);
    free(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepared_is_a_table),
        cmocka_unit_test(test_a_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
