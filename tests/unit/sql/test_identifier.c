/* Names outside of statements, as MySQL 9.7 and MariaDB 10.11 were seen to take them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sql/identifier.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char longest[400];

static void test_users(void **test)
{
    (void)test;
    static const struct {
        const char *name;
        enum sql_dialect dialect;
        uint32_t collation;
        const char *user; /* NULL: refused */
    } cases[] = {
        {"spy",              SQL_MYSQL,   45,   "spy"    },
        {"'spy'",            SQL_MYSQL,   45,   "spy"    },
        {"'spy'",            SQL_MARIADB, 45,   "spy"    },
        {"''spy''",          SQL_MYSQL,   45,   "'spy'"  },
        {"'spy",             SQL_MYSQL,   45,   "'spy"   },
        {"spy'",             SQL_MYSQL,   45,   "spy'"   },
        {"'",                SQL_MYSQL,   45,   "'"      },
        {"''",               SQL_MYSQL,   45,   ""       },
        {"",                 SQL_MYSQL,   45,   ""       },
        {"\"spy\"",          SQL_MYSQL,   45,   "\"spy\""},
        {"spy ",             SQL_MYSQL,   45,   "spy "   },
        {"SPY",              SQL_MYSQL,   45,   "SPY"    },
        {"sp\xc3\xbd",       SQL_MYSQL,   45,   "spý"   },
        {"sp\xc3\xbd",       SQL_MYSQL,   255,  "spý"   },
        {"sp\xc3\xbd",       SQL_MARIADB, 255,  NULL     }, /* it goes on in latin1 */
        {"sp\xfd",           SQL_MYSQL,   8,    NULL     },
        {"sp\xc3\xbd",       SQL_MYSQL,   8,    NULL     },
        {"sp\xc3\xbd",       SQL_MYSQL,   11,   NULL     },
        {"sp\xc3\xbd",       SQL_MARIADB, 63,   NULL     },
        {"spy",              SQL_MYSQL,   8,    "spy"    },
        {"spy\xff",          SQL_MYSQL,   45,   NULL     },
        {"spy\xc3",          SQL_MYSQL,   45,   NULL     },
        {"'spy\xff'",        SQL_MYSQL,   45,   NULL     },
        {"spy\xf0\x9f",      SQL_MYSQL,   45,   NULL     },
        {"\xf0\x9f\x98\x80", SQL_MYSQL,   45,   NULL     },
        {"spy\x81",          SQL_MYSQL,   28,   NULL     },
        {"sp{",              SQL_MYSQL,   45,   "sp{"    },
        {"sp{",              SQL_MYSQL,   10,   NULL     },
        {"sp`",              SQL_MARIADB, 1034, NULL     },
        {"sp|y",             SQL_MARIADB, 82,   NULL     },
        {"spy-1",            SQL_MYSQL,   10,   "spy-1"  },
    };
    struct text user;

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool good = sql_identifier_user(text_of(cases[i].name), cases[i].dialect,
                                        cases[i].collation, &user);
        if (good != (cases[i].user != NULL) || (good && !text_equal(user, text_of(cases[i].user))))
            fail_msg("%s: %s", cases[i].name, good ? "taken for another" : "refused");
    }
}

static void test_long_users(void **test)
{
    (void)test;
    static const struct {
        size_t bytes;
        enum sql_dialect dialect;
        bool good;
    } cases[] = {
        {32, SQL_MYSQL,   true },
        {33, SQL_MYSQL,   false},
        {80, SQL_MARIADB, true },
        {81, SQL_MARIADB, false},
        {0,  SQL_MYSQL,   true },
    };
    struct text user;

    memset(longest, 'x', sizeof(longest));
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(sql_identifier_user((struct text){longest, cases[i].bytes},
                                             cases[i].dialect, 45, &user),
                         cases[i].good);
    assert_false(sql_identifier_user((struct text){"spy\0x", 5}, SQL_MYSQL, 45, &user));
}

static void test_tables(void **test)
{
    (void)test;
    static const struct {
        struct text name;
        uint8_t charset, fold;
        const char *as_read; /* NULL: not known */
    } cases[] = {
        {{"secret", 6},           SQL_UTF8,            0, "secret" },
        {{"SECRET", 6},           SQL_UTF8,            0, "SECRET" },
        {{"SECRET", 6},           SQL_UTF8,            1, "secret" },
        {{"Größe", 7},          SQL_UTF8,            0, "Größe"},
        {{"GRÖßE", 7},          SQL_UTF8,            2, "größe"},
        {{"secret\0", 7},         SQL_UTF8,            0, NULL     },
        {{"secret\xff", 7},       SQL_UTF8,            0, NULL     },
        {{"secret\xc3", 7},       SQL_UTF8,            0, NULL     },
        {{"secret\xe2\x82", 8},   SQL_UTF8,            0, NULL     },
        {{"\xc0\xae", 2},         SQL_UTF8,            0, NULL     },
        {{"\xe0\x80\xae", 3},     SQL_UTF8,            0, NULL     },
        {{"\xed\xa0\x80", 3},     SQL_UTF8,            0, NULL     },
        {{"\xf0\x9f\x98\x80", 4}, SQL_UTF8,            0, NULL     },
        {{"\xe4", 1},             SQL_SINGLE_BYTE,     0, NULL     },
        {{"v{lt", 4},             SQL_UTF8,            0, "v{lt"   },
        {{"v{lt", 4},             SQL_CHARSET_UNKNOWN, 0, NULL     },
        {{"v@lt", 4},             SQL_CHARSET_UNKNOWN, 0, NULL     },
        {{"v\\lt", 4},            SQL_CHARSET_UNKNOWN, 0, NULL     },
        {{"v-l+t", 5},            SQL_CHARSET_UNKNOWN, 0, "v-l+t"  },
        {{"secret", 6},           SQL_GBK,             1, "secret" },
        {{"ban\xe2\x84\xaa", 6},  SQL_UTF8,            1, NULL     },
        {{"\xc4\xb0KL", 4},       SQL_UTF8,            2, NULL     },
        {{"#mysql50#secret", 15}, SQL_UTF8,            0, NULL     },
        {{"", 0},                 SQL_UTF8,            1, ""       },
    };
    char room[SQL_IDENTIFIER_BYTES];
    struct text as_read;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sql_state state = {.charset = cases[i].charset,
                                  .lower_case_table_names = cases[i].fold};
        const char *why = sql_identifier_table(cases[i].name, &state, room, &as_read);
        if ((why == NULL) != (cases[i].as_read != NULL) ||
            !text_equal(as_read, why ? cases[i].name : text_of(cases[i].as_read)))
            fail_msg("case %zu: %s", i, why ? why : "read as another");
    }
}

static void test_long_tables(void **test)
{
    (void)test;
    struct sql_state state = {.lower_case_table_names = 1};
    char room[SQL_IDENTIFIER_BYTES];
    struct text as_read;

    memset(longest, 'X', sizeof(longest));
    assert_null(sql_identifier_table((struct text){longest, 64}, &state, room, &as_read));
    assert_non_null(sql_identifier_table((struct text){longest, 65}, &state, room, &as_read));
    assert_non_null(sql_identifier_table((struct text){longest, 400}, &state, room, &as_read));
    for (size_t i = 0; i < 192; i += 3)
        memcpy(longest + i, "\xe8\xa1\xa8", 3);
    assert_null(sql_identifier_table((struct text){longest, 192}, &state, room, &as_read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_long_users),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_long_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
