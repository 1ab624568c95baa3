/* The table of names that have moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "sql/moved.h"

static void expect(const struct sql_moved *moved, const char *schema, const char *name,
                   const char *stands)
{
    struct text found = sql_moved_stands(moved, SQL_TABLE, text_of(schema), text_of(name));

    if (!stands)
        assert_null(found.at);
    else
        assert_true(text_equal(found, text_of(stands)));
}

static void test_both_names(void **state)
{
    struct sql_moved *moved = sql_moved_new(false);

    (void)state;
    expect(moved, "o", "t", NULL);
    sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("t"), true, 3);
    sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("u"), false, 4);
    expect(moved, "o", "t", "b");
    expect(moved, "b", "t", NULL);
    expect(moved, "b", "u", "o");
    expect(moved, "o", "u", NULL);
    expect(moved, "x", "t", NULL);
    expect(moved, "O", "t", NULL);
    assert_null(sql_moved_stands(moved, SQL_ROUTINE, TEXT("o"), TEXT("t")).at);
    assert_int_equal(sql_moved_all(moved), 8 | 16);
    assert_int_equal(sql_moved_in(moved, TEXT("o")), 8 | 16);
    assert_int_equal(sql_moved_in(moved, TEXT("x")), 0);
    assert_true(
        text_equal(sql_moved_will_stand(moved, SQL_TABLE, TEXT("o"), TEXT("u")), TEXT("b")));
    assert_null(sql_moved_will_stand(moved, SQL_TABLE, TEXT("b"), TEXT("u")).at);
    assert_true(sql_moved_stand_in(moved, TEXT("o")) && sql_moved_stand_in(moved, TEXT("b")));
    assert_false(sql_moved_stand_in(moved, TEXT("x")) ||
                 sql_moved_stand_in(moved, (struct text){NULL, 0}));
    const uint64_t places = sql_moved_places(moved);
    sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("v"), false, 4);
    assert_true(sql_moved_places(moved) == places);
    sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("w"), true, 4);
    assert_true(sql_moved_places(moved) != places);
    sql_moved_drop(sql_moved_take(moved));
    sql_moved_drop(moved);
    moved = sql_moved_new(true);
    sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("T"), true, 0);
    expect(moved, "O", "t", "b");
    sql_moved_drop(moved);
}

/* Two of the same name out of two schemas: the new name is that of the one that stands there. */
static void test_one_new_name(void **state)
{
    (void)state;
    for (int there = 0; there < 3; there++) {
        struct sql_moved *moved = sql_moved_new(false);
        sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("t"), there == 1, 0);
        sql_moved_add(moved, SQL_TABLE, TEXT("p"), TEXT("b"), TEXT("t"), there == 2, 1);
        expect(moved, "b", "t", NULL);
        expect(moved, "o", "t", there == 1 ? "b" : NULL);
        expect(moved, "p", "t", there == 2 ? "b" : NULL);
        sql_moved_drop(moved);
    }
}

static struct sql_facts facts;

static uint64_t touches(const struct sql_moved *moved, const char *schema, const char *name,
                        enum sql_type type)
{
    facts.determined = true;
    facts.object_count = 1;
    facts.objects[0] = (struct sql_object){.schema = text_of(schema),
                                           .name = text_of(name),
                                           .type = (uint8_t)type,
                                           .access = type == SQL_ROUTINE ? SQL_EXECUTE : SQL_READ};
    return sql_moved_touches(moved, &facts);
}

static void test_touches(void **state)
{
    struct sql_moved *moved = sql_moved_new(false);

    (void)state;
    sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("t"), true, 0);
    sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("u"), true, 5);
    sql_moved_hang(moved, TEXT("o"), TEXT("child"), 5);
    assert_int_equal(touches(moved, "o", "t", SQL_TABLE), 1);
    assert_int_equal(touches(moved, "b", "t", SQL_TABLE), 1);
    assert_int_equal(touches(moved, "o", "child", SQL_TABLE), 32);
    assert_int_equal(touches(moved, "b", "child", SQL_TABLE), 0);
    assert_int_equal(touches(moved, "x", "f", SQL_ROUTINE), 33);
    facts.objects[0].session_only = true;
    touches(moved, "o", "t", SQL_TABLE);
    facts.objects[0].session_only = true;
    assert_int_equal(sql_moved_touches(moved, &facts), 0);
    facts.determined = false;
    assert_int_equal(sql_moved_touches(moved, &facts), 33);
    sql_moved_drop(moved);
}

static void test_many(void **state)
{
    struct sql_moved *moved = sql_moved_new(false);
    char name[20];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), text_of(name), true,
                      (unsigned)i % 64);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        expect(moved, "o", name, "b");
        expect(moved, "b", name, NULL);
    }
    expect(moved, "o", "t5000", NULL);
    sql_moved_drop(moved);
}

static bool begins(struct text pattern, struct text name)
{
    return name.length >= pattern.length &&
           text_equal((struct text){name.at, pattern.length}, pattern);
}

static void test_expected(void **state)
{
    struct sql_moved *moved = sql_moved_new(false);

    (void)state;
    assert_false(sql_moved_expects(moved, TEXT("o"), TEXT("t9")));
    sql_moved_expect(moved, TEXT("o"), TEXT("b"), TEXT("t"), begins);
    assert_true(sql_moved_expects(moved, TEXT("o"), TEXT("t9")));
    assert_true(sql_moved_expects(moved, TEXT("b"), TEXT("t9")));
    assert_false(sql_moved_expects(moved, TEXT("x"), TEXT("t9")));
    assert_false(sql_moved_expects(moved, TEXT("o"), TEXT("u")));
    assert_false(sql_moved_expects(moved, (struct text){NULL, 0}, TEXT("t9")));
    sql_moved_add(moved, SQL_TABLE, TEXT("o"), TEXT("b"), TEXT("t9"), true, 3);
    sql_moved_except(moved, TEXT("o"), TEXT("t8"));
    assert_false(sql_moved_expects(moved, TEXT("o"), TEXT("t9")));
    assert_false(sql_moved_expects(moved, TEXT("b"), TEXT("t9")));
    assert_false(sql_moved_expects(moved, TEXT("o"), TEXT("t8")));
    assert_false(sql_moved_has(moved, TEXT("o"), TEXT("t8")));
    assert_int_equal(sql_moved_all(moved), 8);
    sql_moved_drop(moved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_names), cmocka_unit_test(test_one_new_name),
        cmocka_unit_test(test_touches),    cmocka_unit_test(test_many),
        cmocka_unit_test(test_expected),
    };

    return cmocka_run_group_tests_name("sql/moved", tests, NULL, NULL);
}
