/* Texts that are rewritten before they are read: the servers' own normalized ones, and
 * placeholders. Each lies right before a page that cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "learn/digest_text.h"
#include "learn/placeholders.h"
#include "learn/recognize.h"
#include "tests/unit/sql/guard.h"

static const struct {
    const char *from, *to;
    bool cut;
} digests[] = {
    {"",                                                        "",                                     false},
    {"SELECT `id` FROM `nilecare` . `patients` WHERE `id` = ?",
     "SELECT id FROM nilecare.patients WHERE id = ?",                                                   false},
    {"SELECT `order` , `a-b` FROM `select`",                    "SELECT `order` , `a-b` FROM `select`", false},
    {"SELECT ... FROM `t`",                                     "SELECT",                               true },
    {"SELECT ?, ... FROM `t`",                                  "SELECT ?, ? FROM t",                   false},
    {"SELECT * FROM `t` LIMIT ?, ...",                          "SELECT * FROM t LIMIT ?, ?",           false},
    {"INSERT INTO `t` VALUES (...) /* , ... */",                "INSERT INTO t VALUES (?)",             false},
    {"SELECT * FROM `t` WHERE `a` IN (...) AND `b` ...",        "SELECT * FROM t WHERE a IN (?) AND b",
     true                                                                                                    },
    {"SET @? = ?",                                              "SET @v = ?",                           false},
    {"CREATE SYSTEM_USER `a` @? IDENTIFIED BY ?",               "CREATE USER a @v IDENTIFIED BY ?",     false},
    {"SELECT SYSTEM_USER ( )",                                  "SELECT SYSTEM_USER ( )",               false},
    {"EXECUTE SELECT `a` FROM `t`",                             "SELECT a FROM t",                      false},
    {"EXECUTE `s` USING @?",                                    "EXECUTE s USING @v",                   false},
    {"EXECUTE IMMEDIATE ?",                                     "EXECUTE IMMEDIATE ?",                  false},
    {"SELECT `open",                                            "SELECT `open",                         false},
    {"SELECT `",                                                "SELECT `",                             false},
    {"..",                                                      "..",                                   false},
    {"(...",                                                    "(",                                    true },
};

static void test_digest_texts(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        struct text from = guard_text(text_of(digests[i].from));
        char *room = malloc(from.length + 16);
        bool cut;
        struct text to = digest_text_read(from, SQL_MYSQL, room, &cut);
        assert_int_equal(to.length, strlen(digests[i].to));
        assert_memory_equal(to.at, digests[i].to, to.length);
        assert_int_equal(cut, digests[i].cut);
        free(room);
    }
    assert_true(digest_text_is_prepare(TEXT("PREPARE SELECT `a` FROM `t`")));
    assert_true(digest_text_is_prepare(TEXT("DEALLOCATE SELECT `a` FROM `t`")));
    assert_false(digest_text_is_prepare(TEXT("PREPARE `s` FROM ?")));
    assert_false(digest_text_is_prepare(TEXT("DEALLOCATE PREPARE `s`")));
    assert_false(digest_text_is_prepare(TEXT("PREPARE ")));
}

static const struct {
    const char *from, *to, *missing;
} puts_in[] = {
    {"SELECT 1",                       "SELECT 1",                     ""       },
    {"${a}.t",                         "A.t",                          ""       },
    {"`${a}`.t, '${a}', \"{{ a }}\"",  "`A`.t, 'A', \"A\"",            ""       },
    {"{{a}} {{ a }} #{a}",             "A A A",                        ""       },
    {"${b}.t",                         "${b}.t",                       "${b}"   },
    {"`{{ b }}`",                      "`{{ b }}`",                    "{{ b }}"},
    {"'${b}' \"${b}\"",                "'${b}' \"${b}\"",              ""       },
    {"'it''s ${b}' '\\' ${b}'",        "'it''s ${b}' '\\' ${b}'",      ""       },
    {"/* ${b} */ -- ${b}\n1 # ${b}",   "/* ${b} */ -- ${b}\n1 # ${b}", ""       },
    {"/*! ${b} */",                    "/*! ${b} */",                  "${b}"   },
    {"id = :a AND x = :b",             "id = A AND x = ?",             ""       },
    {"'10:aa' a::b x:y @v:=1 :1",      "'10:aa' a::b x:y @v:=1 :1",    ""       },
    {"%s, %(a)s, %(b)s, 5 %s, 10%son", "?, A, ?, 5 ?, 10%son",         ""       },
    {"${",                             "${",                           ""       },
    {"{{ a",                           "{{ a",                         ""       },
    {"%(",                             "%(",                           ""       },
    {"1 %(1), (SELECT b FROM c)s",     "1 %(1), (SELECT b FROM c)s",   ""       },
    {"1 %(b)sum, 1 %(b)",              "1 %(b)sum, 1 %(b)",            ""       },
    {"1 %s(2), 1 %s .t(2)",            "1 %s(2), 1 %s .t(2)",          ""       },
    {"%s /* */ -- x\n# y\n (2)",       "%s /* */ -- x\n# y\n (2)",     ""       },
    {"%s /*!(2) */ %s -- (2)",         "%s /*!(2) */ ? -- (2)",        ""       },
    {":",                              ":",                            ""       },
    {"'open ${a}",                     "'open A",                      ""       },
    {"'open \\",                       "'open \\",                     ""       },
};

static void test_placeholders(void **state)
{
    (void)state;
    struct placeholders values = {.count = 0};
    char *room = NULL, missing[PLACEHOLDER_NAME];
    size_t room_size = 0;

    assert_true(placeholders_add(&values, "a=A"));
    assert_false(placeholders_add(&values, "a"));
    assert_false(placeholders_add(&values, "=a"));
    for (size_t i = 0; i < sizeof(puts_in) / sizeof(puts_in[0]); i++) {
        struct text from = guard_text(text_of(puts_in[i].from));
        struct text to = placeholders_put(&values, from, &room, &room_size, missing);
        assert_int_equal(to.length, strlen(puts_in[i].to));
        assert_memory_equal(to.at, puts_in[i].to, to.length);
        assert_string_equal(missing, puts_in[i].missing);
        if (strcmp(puts_in[i].from, puts_in[i].to) != 0)
            assert_true(placeholders_may_be_in(from));
    }
    assert_false(placeholders_may_be_in(TEXT("INSERT INTO t VALUES ('a', 5, NULL, '10:00')")));
    free(room);
}

static void test_logs_are_recognized(void **state)
{
    (void)state;
    static const struct {
        const char *start, *format;
    } starts[] = {
        {"2026-11-28T01:12:44.640000Z\t    9 Query\tSELECT 1\n",                  "general"},
        {"261128  1:00:54\t     3 Connect\troot@localhost on  using Socket\n",    "general"},
        {"# Time: 2026-11-28T01:01:00.031068Z\n# User@Host: root[root] @ h []\n", "slow"   },
        {"# Time: 261128  1:00:54\n",                                             "slow"   },
        {"/usr/sbin/mysqld, Version: 9.7.4. started with:\nTcp port: 0\nTime\tId\n"
         "# Time: 2026-11-28T01:01:00.031068Z\n",                        "slow"   },
        {"-- a script\n# Time: flies\nSELECT 1;\n",                               NULL     },
        {"SELECT 1\tFROM t",                                                      NULL     },
        {"",                                                                      NULL     },
    };

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        const char *format = recognize_log(guard_text(text_of(starts[i].start)));
        if (starts[i].format)
            assert_string_equal(format, starts[i].format);
        else
            assert_null(format);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_texts),
        cmocka_unit_test(test_placeholders),
        cmocka_unit_test(test_logs_are_recognized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
