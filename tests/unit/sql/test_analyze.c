/* What the golden corpus cannot say: places of names in the text, bounds, sizes, and that the work
 * is linear (10 MB of the worst must simply come to an end). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sql/analyze.h"
#include "tests/unit/sql/guard.h"

enum { LONG = 3 << 20 };

static struct sql_facts facts;

static struct sql_state shop(void)
{
    struct sql_state state = {.version = 90704, .mode_known = true};

    sql_state_set_database(&state, TEXT("shop"));
    return state;
}

static size_t analyze(struct text text)
{
    struct sql_state state = shop();

    memset(&facts, 0xa5, sizeof(facts)); /* whatever was there before must not matter */
    return sql_analyze(text, 0, &state, NULL, &facts);
}

static void expect_place(const char *sql, uint32_t offset, uint32_t length, const char *part)
{
    assert_int_equal(length, strlen(part));
    if (strncmp(sql + offset, part, length) != 0)
        fail_msg("%s: %u is not where %s stands", sql, offset, part);
}

static void test_places_of_names(void **test)
{
    const char *sql = "/* c */ SELECT 1 FROM `cli``nical` . patients p, t; SELECT 1";
    (void)test;

    assert_int_equal(analyze(guard_text(text_of(sql))), 51);
    assert_true(facts.determined);
    assert_int_equal(facts.object_count, 2);
    expect_place(sql, facts.objects[0].schema_offset, facts.objects[0].schema_length,
                 "`cli``nical`");
    expect_place(sql, facts.objects[0].name_offset, facts.objects[0].name_length, "patients");
    assert_true(text_equal(facts.objects[0].schema, TEXT("cli`nical")));
    assert_int_equal(facts.objects[1].schema_length, 0);
    expect_place(sql, facts.objects[1].name_offset, facts.objects[1].name_length, "t");
}

static void test_places_of_others(void **test)
{
    (void)test;

    analyze(TEXT("USE `x y`"));
    assert_true(facts.effects & SQL_EFFECT_DATABASE);
    expect_place("USE `x y`", facts.database_offset, facts.database_length, "`x y`");
    analyze(TEXT("KILL /**/ QUERY 17 ;"));
    assert_int_equal(facts.effects, SQL_EFFECT_KILL);
    assert_int_equal(facts.thread, 17);
    assert_true(facts.kill_query);
    expect_place("KILL /**/ QUERY 17 ;", facts.thread_offset, facts.thread_length, "17");
}

/* What a view in the place of `t` has not. */
static void test_needs_of_tables(void **test)
{
    static const struct {
        const char *sql;
        enum sql_dialect dialect;
        unsigned needs;
    } cases[] = {
        {"SELECT 1 FROM u, t",                                                SQL_MYSQL,   0              },
        {"SELECT 1 FROM u JOIN (t PARTITION (p) x USE/**/KEY (a))",           SQL_MYSQL,   SQL_NEEDS_INDEX},
        {"SELECT 1 FROM t IGNORE INDEX (a)",                                  SQL_MARIADB, SQL_NEEDS_INDEX},
        {"UPDATE t FOR PORTION OF p FROM 1 TO 2 USE INDEX (a) SET a = 1",     SQL_MARIADB,
         SQL_NEEDS_INDEX | SQL_NEEDS_TABLE                                                                },
        {"CREATE TABLE u LIKE t",                                             SQL_MYSQL,   SQL_NEEDS_TABLE},
        {"CREATE TABLE u (a INT REFERENCES t (a))",                           SQL_MYSQL,   SQL_NEEDS_TABLE},
        {"ALTER TABLE u ADD FOREIGN KEY (a) REFERENCES shop.t (a)",           SQL_MARIADB, SQL_NEEDS_TABLE},
        {"DELETE HISTORY FROM t",                                             SQL_MARIADB, SQL_NEEDS_TABLE},
        {"OPTIMIZE TABLE u, t",                                               SQL_MYSQL,   SQL_NEEDS_TABLE},
        {"SHOW INDEX FROM t",                                                 SQL_MYSQL,   SQL_NEEDS_TABLE},
        {"PREPARE s FROM 'SELECT 1 FROM t IGNORE INDEX (a)'",                 SQL_MYSQL,   SQL_NEEDS_INDEX},
        {"CREATE PROCEDURE f() BEGIN SELECT 1 FROM t; CHECKSUM TABLE t; END", SQL_MYSQL,
         SQL_NEEDS_TABLE                                                                                  },
    };
    (void)test;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sql_state state = shop();
        unsigned needs = 0, seen = 0;
        state.dialect = (uint8_t)cases[i].dialect;
        sql_analyze(guard_text(text_of(cases[i].sql)), 0, &state, NULL, &facts);
        for (uint32_t j = 0; j < facts.object_count; j++) {
            bool is_t = text_equal(facts.objects[j].name, TEXT("t"));
            seen += is_t;
            if (is_t)
                needs |= facts.objects[j].needs;
            else
                assert_int_equal(facts.objects[j].needs & ~SQL_NEEDS_TABLE, 0);
        }
        if (!facts.determined || seen != 1 || needs != cases[i].needs)
            fail_msg("%s: %u", cases[i].sql, needs);
    }
}

/* In a literal a name stands where its quotes and escapes have it; in a variable nowhere. */
static void test_places_in_a_prepared_text(void **test)
{
    const char *text = "PREPARE s FROM 'SELECT ''x'' FROM `a`.b'";
    (void)test;

    analyze(text_of(text));
    assert_int_equal(facts.object_count, 1);
    expect_place(text, facts.objects[0].schema_offset, facts.objects[0].schema_length, "`a`");
    expect_place(text, facts.objects[0].name_offset, facts.objects[0].name_length, "b");
    assert_false(facts.objects[0].unplaced);
}

static void test_offsets_go_on(void **test)
{
    const char *sql = "SELECT 1;; SELECT 2 FROM t;  ";
    struct sql_state state = shop();
    static const size_t ends[] = {9, 10, 27, 29};
    static const uint8_t kinds[] = {SQL_SELECT, SQL_EMPTY, SQL_SELECT, SQL_EMPTY};
    size_t offset = 0;
    (void)test;

    for (int i = 0; i < 4; i++) {
        offset = sql_analyze(text_of(sql), offset, &state, NULL, &facts);
        assert_true(facts.determined);
        assert_int_equal(offset, ends[i]);
        assert_int_equal(facts.kind, kinds[i]);
    }
}

/* FROM t0, t1 ... */
static struct text many_tables(char *to, int count, int different)
{
    size_t length = (size_t)sprintf(to, "SELECT 1 FROM ");

    for (int i = 0; i < count; i++)
        length += (size_t)sprintf(to + length, "%st%d", i ? "," : "", i % different);
    return (struct text){to, length};
}

static void test_many_objects(void **test)
{
    char *sql = malloc(1 << 21);
    (void)test;

    analyze(many_tables(sql, 100000, SQL_OBJECTS));
    assert_true(facts.determined);
    assert_int_equal(facts.object_count, SQL_OBJECTS);
    assert_true(text_equal(facts.objects[2047].name, TEXT("t2047")));
    analyze(many_tables(sql, SQL_OBJECTS + 1, SQL_OBJECTS + 1));
    assert_false(facts.determined);
    assert_int_equal(facts.object_count, SQL_OBJECTS);
    free(sql);
}

/* Every batch's objects, as if they were one list; checks that each name is there once, in order.
 */
static unsigned in_batches(struct text text, unsigned access, unsigned *batches)
{
    const struct sql_state database = shop();
    unsigned count = 0;
    uint32_t from = 0;
    char name[16];

    *batches = 0;
    do {
        size_t end = sql_analyze_batch(text, 0, from, &database, NULL, &facts);
        assert_true(facts.determined);
        assert_true(facts.object_count <= SQL_OBJECTS);
        for (uint32_t i = 0; i < facts.object_count; i++, count++) {
            const struct sql_object *object = &facts.objects[i];
            snprintf(name, sizeof(name), "t%u", count);
            assert_true(text_equal(object->name, text_of(name)));
            assert_int_equal(object->access, access);
            assert_memory_equal(text.at + object->name_offset, name, object->name_length);
            assert_false(object->unplaced);
        }
        assert_int_equal(facts.place_count, facts.object_count);
        assert_true(facts.list_next == 0 || facts.list_next > from);
        from = facts.list_next;
        assert_true(from || end == text.length - 9); /* before the next statement */
        ++*batches;
    } while (from);
    return count;
}

/* A list of names that is longer than can be looked at in one go is looked at in several: together
 * they say what a short list says at once. */
static void test_long_lists_come_in_batches(void **test)
{
    static const struct {
        const char *head, *behind, *tail;
        unsigned access;
    } lists[] = {
        {"LOCK TABLES ",                       " WRITE",      "",                SQL_WRITE           },
        {"LOCK TABLES ",                       " READ LOCAL", "",                SQL_READ            },
        {"DROP TABLE IF EXISTS ",              "",            " CASCADE",        SQL_DEFINE          },
        {"DROP VIEW ",                         "",            " RESTRICT",       SQL_DEFINE          },
        {"CHECK TABLE ",                       "",            " FOR UPGRADE",    SQL_READ            },
        {"CHECKSUM TABLES ",                   "",            " QUICK",          SQL_READ            },
        {"OPTIMIZE NO_WRITE_TO_BINLOG TABLE ", "",            "",                SQL_READ | SQL_WRITE},
        {"FLUSH TABLES ",                      "",            " WITH READ LOCK", SQL_READ            },
    };
    static const unsigned counts[] = {1, 999, 1000, 1001, 2048, 2049, 50001};
    char *sql = malloc(1 << 21);
    unsigned batches;
    (void)test;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            size_t length = (size_t)sprintf(sql, "%s", lists[i].head);
            for (unsigned n = 0; n < counts[c]; n++)
                length +=
                    (size_t)sprintf(sql + length, "%st%u%s", n ? ", " : "", n, lists[i].behind);
            length += (size_t)sprintf(sql + length, "%s; SELECT 1", lists[i].tail);
            assert_int_equal(in_batches((struct text){sql, length}, lists[i].access, &batches),
                             counts[c]);
            assert_int_equal(batches, (counts[c] + 999) / 1000);
            /* Whoever asks for all at once gets all or nothing. */
            analyze((struct text){sql, length});
            assert_int_equal(facts.determined, counts[c] <= SQL_OBJECTS);
            assert_int_equal(facts.list_next, 0);
        }
    }
    free(sql);
}

/* What would be read anew with every batch must be short; a body's list is no list of its own. */
static void test_lists_that_are_not_batched(void **test)
{
    static const struct {
        const char *head, *tail;
        unsigned blanks;
    } texts[] = {
        {"DROP TABLE ",                      "",    5000},
        {"/*!50000 DROP TABLE ",             " */", 0   },
        {"CREATE PROCEDURE p() DROP TABLE ", "",    0   },
        {"PREPARE s FROM 'DROP TABLE ",      "'",   0   },
    };
    const struct sql_state database = shop();
    char *sql = malloc(1 << 20);
    (void)test;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t length = (size_t)sprintf(sql, "%s%*s", texts[i].head, (int)texts[i].blanks, "");
        for (unsigned n = 0; n < 3000; n++)
            length += (size_t)sprintf(sql + length, "%st%u", n ? "," : "", n);
        length += (size_t)sprintf(sql + length, "%s", texts[i].tail);
        sql_analyze_batch((struct text){sql, length}, 0, 0, &database, NULL, &facts);
        assert_false(facts.determined);
        assert_int_equal(facts.list_next, 0);
    }
    free(sql);
}

static void test_names_that_must_be_rewritten_are_bounded(void **test)
{
    char *sql = malloc(1 << 20);
    size_t length = (size_t)sprintf(sql, "SELECT 1 FROM `a``b`");
    (void)test;

    for (int i = 0; i < 1000; i++)
        length += (size_t)sprintf(sql + length, ",`a``b`");
    analyze((struct text){sql, length});
    assert_true(facts.determined);
    assert_int_equal(facts.object_count, 1);
    for (int i = 0; i < 2000; i++)
        length += (size_t)sprintf(sql + length, ",`a``a long name of a table %d`", i);
    analyze((struct text){sql, length});
    assert_false(facts.determined);
    free(sql);
}

/* `count` times `part` behind `head`. */
static struct text repeat(const char *head, const char *part, const char *tail)
{
    char *at = malloc(LONG + 4096);
    size_t length = strlen(head), part_length = strlen(part), tail_length = strlen(tail);

    memcpy(at, head, length);
    for (; length + part_length < LONG; length += part_length)
        memcpy(at + length, part, part_length);
    memcpy(at + length, tail, tail_length);
    return (struct text){at, length + tail_length};
}

static void expect_long(const char *head, const char *part, const char *tail, bool determined)
{
    struct text text = repeat(head, part, tail);
    struct sql_state state = shop();

    for (int dialect = SQL_MYSQL; dialect <= SQL_MARIADB; dialect++) {
        size_t offset = 0;
        state.dialect = (uint8_t)dialect;
        state.version = dialect == SQL_MYSQL ? 90704 : 101119;
        do
            offset = sql_analyze(text, offset, &state, NULL, &facts);
        while (offset < text.length && facts.determined);
        if (facts.determined != determined)
            fail_msg("%s%s%s...: %s", head, part, part,
                     facts.determined ? "determined" : facts.why);
    }
    free((char *)(uintptr_t)text.at);
}

static void test_ten_megabytes(void **test)
{
    (void)test;

    expect_long("SELECT ", "(", "", false);
    expect_long("SELECT 1 FROM ", "(", "", false);
    expect_long("", "(", "SELECT 1", false);
    expect_long("SELECT ", "(SELECT ", "", false);
    expect_long("SELECT 1 FROM ", "(SELECT 1 FROM ", "", false);
    expect_long("SELECT ", "'", "", true); /* an even number of them */
    expect_long("SELECT '", "\\'", "", false);
    expect_long("SELECT 1", "/* */", "", true);
    expect_long("SELECT 1 /*", "* ", "", false);
    expect_long("", ";", "", true);
    expect_long("", ";", "'", false);
    expect_long("SELECT ", "`", "", true);
    expect_long("SELECT ", "a.", "", true); /* the servers refuse it */
    expect_long("SELECT 1", "+f(1)", "", true);
    expect_long("SELECT ", "{x ", "", false);
    expect_long("INSERT INTO t VALUES (1)", ",(1,'x',NULL)", "", true);
    expect_long("INSERT INTO t VALUES (1)", ",(1,'x''y',NULL", "", false);
    expect_long("SELECT 1 IN (1", ",2", ")", true);
    expect_long("WITH RECURSIVE ", "a AS (WITH RECURSIVE ", "", false);
    expect_long("WITH ", "a AS (WITH ", "", false);
    expect_long("CREATE TABLE t ", "(", "", false);
    expect_long("CREATE TABLE t (a INT", ", b INT", ")", true);
    expect_long("CREATE PROCEDURE p() ", "BEGIN ", "", false);
    expect_long("CREATE PROCEDURE p() BEGIN ", "SELECT 1;", " END", true);
    expect_long("CREATE PROCEDURE p() RETURN ", "CASE ", "", false);
    expect_long("EXPLAIN ", "EXPLAIN ", "", false);
    expect_long("SELECT 1", " UNION SELECT 1", "", true);
    expect_long("DELETE ", "a,", "a FROM a", false);
    expect_long("SET ", "@a=1,", "@b=2", true);
    expect_long("", "SELECT 1;", "", true);
    expect_long("SELECT '", "\xe9", "'", true);
}

static void test_too_long_a_text(void **test)
{
    struct sql_state state = shop();
    struct text text = {"SELECT 1", (size_t)UINT32_MAX + 1};
    (void)test;

    assert_int_equal(sql_analyze(text, 0, &state, NULL, &facts), text.length);
    assert_false(facts.determined);
}

static void test_nothing_at_all(void **test)
{
    (void)test;

    assert_int_equal(analyze((struct text){NULL, 0}), 0);
    assert_true(facts.determined);
    assert_int_equal(facts.kind, SQL_EMPTY);
}

static void test_every_kind_has_its_own_name(void **test)
{
    static const char *const names[] = {
#define SQL_KIND(symbol, name) name,
#include "sql/kinds.def"
#undef SQL_KIND
    };
    (void)test;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_string_equal(sql_kind_name((enum sql_kind)i), names[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_of_names),
        cmocka_unit_test(test_places_of_others),
        cmocka_unit_test(test_needs_of_tables),
        cmocka_unit_test(test_places_in_a_prepared_text),
        cmocka_unit_test(test_offsets_go_on),
        cmocka_unit_test(test_many_objects),
        cmocka_unit_test(test_long_lists_come_in_batches),
        cmocka_unit_test(test_lists_that_are_not_batched),
        cmocka_unit_test(test_names_that_must_be_rewritten_are_bounded),
        cmocka_unit_test(test_ten_megabytes),
        cmocka_unit_test(test_too_long_a_text),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_every_kind_has_its_own_name),
    };

    return cmocka_run_group_tests_name("sql/analyze", tests, NULL, NULL);
}
