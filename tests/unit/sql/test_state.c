/* Versions, modes, character sets by name and number, and what statements do to a state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sql/state.h"
#include "tests/unit/sql/collations.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_versions(void **test)
{
    (void)test;
    static const struct {
        const char *text;
        enum sql_dialect dialect;
        uint32_t version;
    } cases[] = {
        {"9.7.4-2",                          SQL_MYSQL,   90704 },
        {"9.7",                              SQL_MYSQL,   90700 },
        {"8.0.45-0ubuntu0.24.04.1",          SQL_MYSQL,   80045 },
        {"5.7.44-48-log",                    SQL_MYSQL,   50744 },
        {"8.0.mysql_aurora.3.04.0",          SQL_MYSQL,   80000 },
        {"10.11.19-MariaDB-0+deb12u1",       SQL_MARIADB, 101119},
        {"5.5.5-10.11.19-MariaDB-0+deb12u1", SQL_MARIADB, 101119},
        {"5.5.5-10.4.6-renamed",             SQL_MARIADB, 100406},
        {"11.8.3-mariadb",                   SQL_MARIADB, 110803},
        {"12.1.2-MariaDB",                   SQL_MARIADB, 120102},
        {"8.4.100",                          SQL_MYSQL,   80499 },
        {"5.5.5-log",                        SQL_MYSQL,   50505 },
    };
    static const char *const bad[] = {"",        "x",         "9",     "9.",        ".9",
                                      "MariaDB", "99999.1.1", "0.1.2", "9.7.99999", "9.123.1"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sql_state state = {.dialect = 77};
        assert_true(sql_state_set_version(&state, text_of(cases[i].text)));
        assert_int_equal(state.dialect, cases[i].dialect);
        assert_int_equal(state.version, cases[i].version);
        assert_int_equal(state.patch_unknown, cases[i].version % 100 == 0);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct sql_state state = {.dialect = 77, .version = 5};
        assert_false(sql_state_set_version(&state, text_of(bad[i])));
        assert_int_equal(state.dialect, 77);
        assert_int_equal(state.version, 5);
    }
}

static void test_modes(void **test)
{
    (void)test;
    enum { ANSI = SQL_PIPES_AS_CONCAT | SQL_ANSI_QUOTES | SQL_IGNORE_SPACE };
    static const struct {
        const char *text;
        uint8_t mode;
    } cases[] = {
        {"",                                                                               0                                         },
        {"STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION",                                     0                                         },
        {"ANSI_QUOTES,NO_BACKSLASH_ESCAPES",                                               SQL_ANSI_QUOTES | SQL_NO_BACKSLASH_ESCAPES},
        {",,ansi_quotes,",                                                                 SQL_ANSI_QUOTES                           },
        {"ANSI_QUOTES ",                                                                   SQL_ANSI_QUOTES                           },
        {"ANSI_QUOTE",                                                                     0                                         },
        {"REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ONLY_FULL_GROUP_BY,ANSI", ANSI                                      },
        {"ANSI",                                                                           ANSI                                      },
        {"PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ORACLE,NO_KEY_OPTIONS",                 ANSI | SQL_ORACLE                         },
        {"ORACLE",                                                                         ANSI | SQL_ORACLE                         },
        {"MSSQL",                                                                          ANSI | SQL_MSSQL                          },
        {"DB2",                                                                            ANSI                                      },
        {"MAXDB",                                                                          ANSI                                      },
        {"POSTGRESQL",                                                                     ANSI                                      },
        {"MYSQL323,HIGH_NOT_PRECEDENCE",                                                   SQL_HIGH_NOT_PRECEDENCE                   },
        {"4",                                                                              0                                         },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(sql_mode_of(text_of(cases[i].text)), cases[i].mode);
}

static void test_unknown_words_of_sql_mode(void **test)
{
    (void)test;
    const struct {
        const char *text, *unknown;
    } cases[] = {
        {"",                              ""            },
        {",,ANSI_QUOTES,",                ""            },
        {"ansi_quotes,STRICT_ALL_TABLES", ""            },
        {"ANSI_QUOTE",                    "ANSI_QUOTE"  },
        {"ORACLE,nonsense,ANSI,more",     "nonsense"    },
        {"NO_ZERO_DATE,ANSI_QUOTES'",     "ANSI_QUOTES'"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_true(
            text_equal(sql_mode_unknown(text_of(cases[i].text)), text_of(cases[i].unknown)));
}

/* Written apart from sql/lexer/charset.c: by what the character sets are. */
static enum sql_charset class_of(const char *name)
{
    static const char *const utf8[] = {"utf8mb3", "utf8mb4", "binary"};
    static const char *const safe[] = {"ujis", "eucjpms", "euckr", "gb2312"};
    static const char *const none[] = {"ucs2", "utf16", "utf16le", "utf32", "swe7"};

    for (size_t i = 0; i < COUNT(utf8); i++) {
        if (strcmp(name, utf8[i]) == 0)
            return SQL_UTF8;
    }
    for (size_t i = 0; i < COUNT(safe); i++) {
        if (strcmp(name, safe[i]) == 0)
            return SQL_MULTI_BYTE_SAFE;
    }
    for (size_t i = 0; i < COUNT(none); i++) {
        if (strcmp(name, none[i]) == 0)
            return SQL_CHARSET_UNKNOWN;
    }
    return strcmp(name, "big5") == 0                                 ? SQL_BIG5
           : strcmp(name, "gbk") == 0                                ? SQL_GBK
           : strcmp(name, "gb18030") == 0                            ? SQL_GB18030
           : strcmp(name, "sjis") == 0 || strcmp(name, "cp932") == 0 ? SQL_SJIS
                                                                     : SQL_SINGLE_BYTE;
}

static const char *listed_charset(const struct listed *list, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (number >= list[i].first && number <= list[i].last)
            return list[i].charset;
    }
    return NULL;
}

static void test_collations(void **test)
{
    (void)test;

    for (uint32_t number = 0; number < 70000; number++) {
        const char *mysql = listed_charset(mysql_collations, COUNT(mysql_collations), number);
        const char *mariadb = listed_charset(mariadb_collations, COUNT(mariadb_collations), number);
        const char *any = mysql ? mysql : mariadb;
        if (mysql && mariadb)
            assert_string_equal(mysql, mariadb);
        assert_int_equal(sql_charset_of_collation(number),
                         any ? class_of(any) : SQL_CHARSET_UNKNOWN);
        assert_int_equal(sql_charset_of_handshake(SQL_MYSQL, number),
                         mysql ? class_of(mysql) : SQL_CHARSET_UNKNOWN);
        assert_int_equal(sql_charset_of_handshake(SQL_MARIADB, number),
                         mariadb ? class_of(mariadb) : SQL_CHARSET_UNKNOWN);
    }
    assert_int_equal(sql_charset_of_collation(UINT32_MAX), SQL_CHARSET_UNKNOWN);
    assert_int_equal(sql_charset_of_collation(28), SQL_GBK);
    assert_int_equal(sql_charset_of_collation(45), SQL_UTF8);
    assert_int_equal(sql_charset_of_handshake(SQL_MARIADB, 255), SQL_CHARSET_UNKNOWN);
}

static void test_charset_names(void **test)
{
    (void)test;

    for (size_t i = 0; i < COUNT(mysql_collations); i++)
        assert_int_equal(sql_charset_of(text_of(mysql_collations[i].charset)),
                         class_of(mysql_collations[i].charset));
    for (size_t i = 0; i < COUNT(mariadb_collations); i++)
        assert_int_equal(sql_charset_of(text_of(mariadb_collations[i].charset)),
                         class_of(mariadb_collations[i].charset));
    assert_int_equal(sql_charset_of(TEXT("UTF8")), SQL_UTF8);
    assert_int_equal(sql_charset_of(TEXT("utf8mb4_bin")), SQL_CHARSET_UNKNOWN);
    assert_int_equal(sql_charset_of(TEXT("")), SQL_CHARSET_UNKNOWN);
    assert_int_equal(sql_charset_of((struct text){NULL, 0}), SQL_CHARSET_UNKNOWN);
}

static void test_words_for_modes_and_names_for_classes(void **test)
{
    (void)test;
    enum { ANSI = SQL_PIPES_AS_CONCAT | SQL_ANSI_QUOTES | SQL_IGNORE_SPACE };
    char words[SQL_MODE_TEXT];

    for (unsigned mode = 0; mode < 128; mode++) {
        size_t length = sql_mode_words((uint8_t)mode, words);
        assert_true(length <= sizeof(words));
        unsigned implied = mode & (SQL_ORACLE | SQL_MSSQL) ? ANSI : 0;
        assert_int_equal(sql_mode_of((struct text){words, length}), mode | implied);
    }
    for (unsigned charset = 0; charset < SQL_CHARSET_UNKNOWN; charset++)
        assert_int_equal(sql_charset_of(sql_charset_name((enum sql_charset)charset)), charset);
    assert_null(sql_charset_name(SQL_CHARSET_UNKNOWN).at);
}

static void test_database(void **test)
{
    (void)test;
    struct sql_state state = {0};
    char longest[SQL_DATABASE_SIZE + 1];

    assert_null(sql_state_database(&state).at);
    sql_state_set_database(&state, TEXT("nilecare"));
    assert_true(text_equal(sql_state_database(&state), TEXT("nilecare")));
    sql_state_set_database(&state, sql_state_database(&state));
    assert_true(text_equal(sql_state_database(&state), TEXT("nilecare")));
    memset(longest, 'x', sizeof(longest));
    sql_state_set_database(&state, (struct text){longest, SQL_DATABASE_SIZE});
    assert_int_equal(sql_state_database(&state).length, SQL_DATABASE_SIZE);
    sql_state_set_database(&state, (struct text){longest, SQL_DATABASE_SIZE + 1});
    assert_null(sql_state_database(&state).at);
    sql_state_set_database(&state, TEXT("x"));
    sql_state_set_database(&state, (struct text){NULL, 0});
    assert_null(sql_state_database(&state).at);
}

static struct sql_facts facts;

static void apply(struct sql_state *state, unsigned effects, const char *database)
{
    facts.effects = (uint8_t)effects;
    facts.database = text_of(database);
    sql_state_apply(state, &facts);
}

static void test_effects(void **test)
{
    (void)test;
    struct sql_state state = {.mode_known = true};

    apply(&state, SQL_EFFECT_DATABASE, "a");
    assert_true(text_equal(sql_state_database(&state), TEXT("a")));
    apply(&state, SQL_EFFECT_DATABASE_DROPPED, "A");
    assert_true(state.has_database);
    state.lower_case_table_names = 1;
    apply(&state, SQL_EFFECT_DATABASE_DROPPED, "A");
    assert_false(state.has_database);
    apply(&state, SQL_EFFECT_DATABASE_DROPPED, "A");
    assert_false(state.has_database);

    facts.mode = SQL_ANSI_QUOTES;
    facts.charset = SQL_GBK;
    apply(&state, 0, NULL);
    assert_int_equal(state.mode, 0);
    assert_int_equal(state.charset, SQL_UTF8);
    apply(&state, SQL_EFFECT_UNKNOWN, NULL);
    assert_false(state.mode_known);
    assert_int_equal(state.charset, SQL_CHARSET_UNKNOWN);
    apply(&state, SQL_EFFECT_MODE, NULL);
    assert_true(state.mode_known);
    assert_int_equal(state.mode, SQL_ANSI_QUOTES);
    assert_int_equal(state.charset, SQL_CHARSET_UNKNOWN);
    apply(&state, SQL_EFFECT_CHARSET, NULL);
    assert_int_equal(state.charset, SQL_GBK);
    apply(&state, SQL_EFFECT_MODE | SQL_EFFECT_UNKNOWN, NULL);
    assert_false(state.mode_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_unknown_words_of_sql_mode),
        cmocka_unit_test(test_collations),
        cmocka_unit_test(test_charset_names),
        cmocka_unit_test(test_words_for_modes_and_names_for_classes),
        cmocka_unit_test(test_database),
        cmocka_unit_test(test_effects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
