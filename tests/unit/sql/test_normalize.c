/* What is left of a statement without its values, which statements count as the same, and that no
 * value ever comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "sql/normalize.h"
#include "tests/unit/sql/guard.h"

static const struct sql_state mysql = {.dialect = SQL_MYSQL, .version = 90704, .mode_known = true};
static const struct sql_state mariadb = {
    .dialect = SQL_MARIADB, .version = 101119, .mode_known = true};

/* Right before a page that cannot be read. */
static uint64_t normalize(const char *text, const struct sql_state *state, char *to, size_t size)
{
    size_t written;
    uint64_t digest =
        sql_normalize(guard_text(text_of(text)), state, to, size ? size - 1 : 0, &written);

    if (size) {
        assert_true(written < size);
        to[written] = 0;
    } else {
        assert_int_equal(written, 0);
    }
    return digest;
}

static uint64_t digest_of(const char *text)
{
    return normalize(text, &mysql, NULL, 0);
}

static void test_forms(void **test)
{
    (void)test;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"",                                                                                         ""                                        },
        {" \n /* x */ ",                                                                             ""                                        },
        {"SELECT 1",                                                                                 "SELECT ?"                                },
        {"select  a ,b\nfrom `T` where id=5",                                                        "select a, b from `T` where id = ?"       },
        {"SELECT * FROM t WHERE name = ‘Mary O’Brien’ AND b = 1",                              "SELECT * FROM t WHERE name = ?"          },
        {"SELECT a AS größe FROM t WHERE name = “Smith”",
         "SELECT a AS größe FROM t WHERE name = ?"                                                                                           },
        {"INSERT INTO t VALUES (1, «Smith», 2)",                                                   "INSERT INTO t VALUES (?, ?"              },
        {"SELECT * FROM db . t",                                                                     "SELECT * FROM db.t"                      },
        {"SELECT t.*, COUNT(*) FROM db.t",                                                           "SELECT t.*, COUNT(*) FROM db.t"          },
        {"SELECT 'a', \"b\", N'c', x'41', 0x41, b'01', 0b01, 1.5e3, .5",
         "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?"                                                                                                    },
        {"SELECT 'it''s', 'a\\'b', ''",                                                              "SELECT ?, ?, ?"                          },
        {"SELECT 'a' 'b'\n'c'",                                                                      "SELECT ?"                                },
        {"SELECT _utf8mb4'a', _utf8'b' 'c', _latin1 x'41', _binary 'd'",                             "SELECT ?, ?, ?, ?"                       },
        {"SELECT _col FROM t",                                                                       "SELECT _col FROM t"                      },
        {"SELECT DATE'2020-01-01', TIMESTAMP '2020-01-01 10:00', time '10:00'",                      "SELECT ?, ?, ?"                          },
        {"SELECT date, time FROM t",                                                                 "SELECT date, time FROM t"                },
        {"SELECT DATE(d), {d '2020-01-01'}",                                                         "SELECT DATE(d), { d ? }"                 },
        {"WHERE a = -5 AND b = +5 AND c = - 5",                                                      "WHERE a = ? AND b = ? AND c = ?"         },
        {"SELECT a-5, a - -5, (a)-5, 5-3, -a, f(-1)",
         "SELECT a - ?, a - ?, (a) - ?, ? - ?, - a, f(?)"                                                                                      },
        {"SELECT CASE WHEN 1 THEN -2 ELSE -3 END - 4",                                               "SELECT CASE WHEN ? THEN ? ELSE ? END - ?"},
        {"BETWEEN -5 AND -3",                                                                        "BETWEEN ? AND ?"                         },
        {"WHERE a IN (1)",                                                                           "WHERE a IN (?)"                          },
        {"WHERE a IN (1, 2,3)",                                                                      "WHERE a IN (?)"                          },
        {"WHERE a IN (-1, 'x', NULL, TRUE, ?)",                                                      "WHERE a IN (?)"                          },
        {"WHERE (a, b) IN ((1,2),(3,4))",                                                            "WHERE (a, b) IN ((?))"                   },
        {"WHERE a IN (1, b, 2)",                                                                     "WHERE a IN (?, b, ?)"                    },
        {"WHERE a IN (1, - b)",                                                                      "WHERE a IN (?, - b)"                     },
        {"SELECT (1), -(2)",                                                                         "SELECT (?), -(?)"                        },
        {"SELECT (1), 2, (3)",                                                                       "SELECT (?), ?, (?)"                      },
        {"SELECT f(a, 1, 2), ()",                                                                    "SELECT f(a, ?, ?), ()"                   },
        {"INSERT INTO t (a, b) VALUES (1, 2), (3, 4),(5,6)",                                         "INSERT INTO t (a, b) VALUES (?)"         },
        {"INSERT INTO t VALUES (1, NOW()), (2, NOW()), (3, DEFAULT), (4, NOW())",
         "INSERT INTO t VALUES (?, NOW()), (?, DEFAULT)"                                                                                       },
        {"INSERT INTO t VALUES (1, f(2, 3)), (1, f(2))",                                             "INSERT INTO t VALUES (?, f(?))"          },
        {"INSERT INTO t VALUES (), ()",                                                              "INSERT INTO t VALUES ()"                 },
        {"INSERT INTO t VALUES (a), (b)",                                                            "INSERT INTO t VALUES (a), (b)"           },
        {"VALUES ROW(1, a), ROW(2, a) ORDER BY 1",                                                   "VALUES ROW(?, a) ORDER BY ?"             },
        {"INSERT INTO t VALUES (1, a), (2, a) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b)",
         "INSERT INTO t VALUES (?, a) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b)"                                                    },
        {"SELECT a IS NULL, b IS NOT NULL, NULL, c.null FROM t",
         "SELECT a IS NULL, b IS NOT NULL, ?, c.null FROM t"                                                                                   },
        {"CREATE TABLE t (a INT NOT NULL DEFAULT NULL)",
         "CREATE TABLE t (a INT NOT NULL DEFAULT ?)"                                                                                           },
        {"SELECT a<=>b, a<=b, a->'$.x', a->>'$.y', @a:=1, a||b, a!=b",
         "SELECT a <=> b, a <= b, a -> ?, a ->> ?, @a := ?, a || b, a != b"                                                                    },
        {"SELECT @@session.sql_mode, @x, @`y z`, @'q', @\"r\"",
         "SELECT @@session.sql_mode, @x, @`y z`, @?, @?"                                                                                       },
        {"CREATE USER 'u'@'h' IDENTIFIED BY 'p'",                                                    "CREATE USER ?@? IDENTIFIED BY ?"         },
        {"CREATE USER u@localhost",                                                                  "CREATE USER u@localhost"                 },
        {"SELECT 1 -- 'x'\n , /* 2 */ 3 # 4",                                                        "SELECT ?, ?"                             },
        {"SELECT /*+ BKA(t) */ 1 /*! + 2 */ /*!99999 + 3 */",                                        "SELECT ? + ?"                            },
        {"SELECT 1 LIMIT 5, 10",                                                                     "SELECT ? LIMIT ?, ?"                     },
        {"SELECT 1;",                                                                                "SELECT ?"                                },
        {"SELECT 1; ; ",                                                                             "SELECT ?"                                },
        {"BEGIN NOT ATOMIC SELECT 1; SELECT 2; END",                                                 "BEGIN NOT ATOMIC SELECT ?; SELECT ?; END"},
        {"SELECT 0X41, a.1st, `1` FROM 2fa, b.2fa",                                                  "SELECT ?, a.1st, `1` FROM 2fa, b.2fa"    },
        {"SELECT a WHERE b=4711and c IN(4711,12or)",                                                 "SELECT a WHERE b = ? c IN(?)"            },
        {"SELECT a FROM t WHERE b = 'O'Brien Miller",                                                "SELECT a FROM t WHERE b = ?"             },
        {"SELECT 'x' FROM t WHERE b = 'O'Brien 'x' Miller",                                          "SELECT ? FROM ?"                         },
        {"SELECT 'x'AS a, 'y'LIKE b, 'z' c FROM t",                                                  "SELECT ? AS a, ? LIKE b, ? c FROM t"     },
        {"SELECT a, 'x', b FROM t WHERE c = 'open",                                                  "SELECT a, ?, ?"                          },
        {"SELECT 'open",                                                                             "SELECT ?"                                },
        {"SELECT a, 'open ( , b",                                                                    "SELECT a, ?"                             },
        {"SELECT a /* open",                                                                         "SELECT a ?"                              },
        {"SELECT \x01 'x'",                                                                          "SELECT ?"                                },
        {"SELECT $x$secret$x$, a",                                                                   "SELECT ?, a"                             },
    };
    char to[256];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        normalize(cases[i].text, &mysql, to, sizeof(to));
        assert_string_equal(to, cases[i].expected);
    }
}

static void test_forms_of_other_states(void **test)
{
    (void)test;
    struct sql_state ansi = mysql, mssql = mariadb, unknown = mysql, plain = mysql, gbk = mysql;
    char to[256];

    ansi.mode = SQL_ANSI_QUOTES;
    normalize("SELECT \"a b\", 'c'", &ansi, to, sizeof(to));
    assert_string_equal(to, "SELECT \"a b\", ?");
    normalize(
        "SELECT \"a\" FROM t WHERE \"a\" = \"x\" AND t.\"b\" < \"t\".\"c\" OR \"a\" IN (\"x\", 5)",
        &ansi, to, sizeof(to));
    assert_string_equal(
        to, "SELECT \"a\" FROM t WHERE \"a\" = ? AND t.\"b\" < \"t\".\"c\" OR \"a\" IN (?)");
    normalize("INSERT INTO t (\"a\") VALUES (\"x\") ON DUPLICATE KEY UPDATE \"a\" = \"x\"", &ansi,
              to, sizeof(to));
    assert_string_equal(to, "INSERT INTO t (\"a\") VALUES (?) ON DUPLICATE KEY UPDATE \"a\" = ?");
    mssql.mode = SQL_MSSQL | SQL_ANSI_QUOTES;
    normalize("SELECT [a b], 'c'", &mssql, to, sizeof(to));
    assert_string_equal(to, "SELECT [a b], ?");
    unknown.mode_known = false;
    normalize("SELECT \"a\", b", &unknown, to, sizeof(to));
    assert_string_equal(to, "SELECT ?");
    plain.mode = SQL_NO_BACKSLASH_ESCAPES;
    normalize("SELECT 'a\\', b", &plain, to, sizeof(to));
    assert_string_equal(to, "SELECT ?, b");
    gbk.charset = SQL_GBK;
    normalize("SELECT '\xbf\\', b", &gbk, to, sizeof(to));
    assert_string_equal(to, "SELECT ?, b");
    normalize("SELECT 1 /*M! + a */", &mysql, to, sizeof(to));
    assert_string_equal(to, "SELECT ?");
    normalize("SELECT 1 /*M! + a */", &mariadb, to, sizeof(to));
    assert_string_equal(to, "SELECT ? + a");
    normalize("SELECT \\N", &mariadb, to, sizeof(to));
    assert_string_equal(to, "SELECT ?");
}

/* Of each line, all have one digest; of different lines, different ones. */
static void test_digests(void **test)
{
    (void)test;
    enum { FORMS = 6 };
    /* clang-format off */
    static const char *const lines[][FORMS] = {
        {"SELECT * FROM t WHERE id = 5", "select * from T where ID=?", "SELECT*FROM t WHERE id=-7.5",
         "SELECT /* c */ * FROM t -- x\n WHERE id = 'x' ;", "SELECT * FROM `t` WHERE id = NULL",
         "SELECT * FROM t WHERE id = _utf8mb4'x' 'y'"},
        {"SELECT * FROM t WHERE id IN (5)", "SELECT * FROM t WHERE id IN (?,?)",
         "SELECT * FROM t WHERE id IN (1,-2, NULL)"},
        {"INSERT INTO t VALUES (?, ?)", "INSERT INTO t VALUES (1, NULL)",
         "INSERT INTO t VALUES (1, 'x'), (-2, x'41')"},
        {"INSERT INTO t VALUES (?, NOW())", "INSERT INTO t VALUES (1, now()), (2, NOW())"},
        {"SELECT * FROM t WHERE id = a", NULL},
        {"SELECT * FROM u WHERE id = 5", NULL},
        {"SELECT * FROM t WHERE id < 5", "select * from t where id < 0x1F"},
        {"SELECT * FROM t WHERE id IS NULL", NULL},
        {"SELECT * FROM `T` WHERE id = 5", NULL},
        {"SELECT * FROM t WHERE id = 5; SELECT 1", NULL},
        {"SELECT a b", NULL},
        {"SELECT ab", NULL},
        {"SELECT a, b", NULL},
        {"SELECT a.b", NULL},
        {"", "  ", "/* x */", ";"},
    };
    /* clang-format on */
    enum { LINES = sizeof(lines) / sizeof(lines[0]) };

    for (size_t i = 0; i < LINES; i++) {
        uint64_t digest = digest_of(lines[i][0]);
        for (size_t j = 1; j < FORMS && lines[i][j]; j++)
            assert_int_equal(digest_of(lines[i][j]), digest);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(digest_of(lines[j][0]), digest);
    }
}

/* Each beginning of a statement is a statement that ends too early. */
static void test_every_beginning(void **test)
{
    (void)test;
    static const char text[] =
        "INSERT INTO `a b` VALUES (1, -2.5e3, N'x', _utf8'y' 'z', x'41', DATE'2020-01-01', @'v', "
        "$t$zq$t$), (NULL, \"w\") /*! , (?) */ -- c\n ON DUPLICATE KEY UPDATE a = VALUES(a) - 1;";
    char to[512];

    for (size_t length = 0; length < sizeof(text); length++) {
        size_t written;
        struct text beginning = guard_text((struct text){text, length});
        uint64_t digest = sql_normalize(beginning, &mysql, to, sizeof(to), &written);
        assert_true(written <= sizeof(to));
        assert_int_equal(sql_normalize(beginning, &mysql, NULL, 0, &written), digest);
        beginning = guard_text((struct text){text, length});
        sql_normalize(beginning, &mariadb, to, sizeof(to), &written);
    }
}

/* The digest is written down in logs: it must stay what it is from one version to the next. */
static void test_digest_is_stable(void **test)
{
    (void)test;
    assert_int_equal(digest_of("SELECT * FROM t WHERE id = 5"), UINT64_C(0x45a9a6159242f03a));
}

static void test_cut_at_a_token(void **test)
{
    (void)test;
    static const char text[] = "SELECT alpha, 'x', (1, 2), beta FROM `g\xc3\xa4mma` WHERE d = 1";
    char whole[128], part[128];
    uint64_t digest = normalize(text, &mysql, whole, sizeof(whole));

    assert_string_equal(whole, "SELECT alpha, ?, (?), beta FROM `g\xc3\xa4mma` WHERE d = ?");
    for (size_t size = 0; size <= sizeof(whole); size++) {
        assert_int_equal(normalize(text, &mysql, part, size), digest);
        if (size == 0)
            continue;
        size_t length = strlen(part);
        assert_true(strncmp(whole, part, length) == 0);
        char behind = whole[length];
        assert_true(length == 0 || strchr(" ,().", behind) || behind == 0 ||
                    part[length - 1] == '(');
    }
}

static uint64_t seed = 1;

static unsigned pick(unsigned count)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % count;
}

/* Every literal holds the letters "zq" or the digits 8765: no name and no keyword does. */
static const char *const literals[] = {
    "'zq'",          "\"zq\"",       "'z\\'zq'",       "'zq''zq'",  "N'zq'",     "8765",
    "-8765",         "8765.8765",    ".8765",          "8765e5",    "0x8765",    "0X8765",
    "x'8765'",       "X'8765'",      "DATE'8765-zq'",  "'zq' 'zq'", "_utf8'zq'", "_gbk 'zq'",
    "_utf8 x'8765'", "- 8765",       "'a\nzq'",        "'/* zq'",   "'-- zq'",   "'`zq'",
    "\"'zq\"",       "'\"zq'",       "'zq\xbf'",       "'zq\\\\'",  "@'zq'",     "1.8765",
    "8765.",         "'\xc3\xa4zq'", "timestamp 'zq'", "''",        "‘zq’",      "“a zq”",
    "«zq»",          "O’zq",         "`a` ‘zq",        "„zq“",      "＇zq＇",    "@‘zq’",
    "´zq´",
};
static const char *const others[] = {
    "SELECT", "FROM",      "t",    "`a b`",    "(",         ")",
    ",",      "(",         ",",    ")",        "VALUES",    "IN",
    "=",      "-",         "+",    "*",        "AS",        "NOT",
    "NULL",   "/* zq */",  "/*! ", "*/",       "-- 8765\n", "# zq\n",
    "ROW",    "@v",        "@@x",  ".",        ";",         "DATE",
    "_utf8",  "/*+ zq */", "IS",   "END",      "?",         "/*!99999 zq */",
    "\n",     "IF(",       "b.c",  "VALUES (", "),(",       "{",
    "/*M! ",  ":=",        "TRUE",
};

static void build_statement(char *to, size_t size)
{
    size_t length = 0;

    for (unsigned left = 1 + pick(20); left > 0; left--) {
        bool literal = pick(3) == 0;
        const char *piece = literal ? literals[pick(sizeof(literals) / sizeof(literals[0]))]
                                    : others[pick(sizeof(others) / sizeof(others[0]))];
        /* A literal that touches a word would be a part of it, a comment that touches a sign none.
         */
        bool apart = literal || strstr(piece, "zq") || strstr(piece, "8765") || *piece == '-';
        const char *gap = apart || pick(2) ? " " : "";
        int written = snprintf(to + length, size - length, "%s%s%s", gap, piece, gap);
        assert_true(written >= 0 && (size_t)written < size - length);
        length += (size_t)written;
    }
}

/* Random statements, most of them nonsense, in every state: no value comes out. */
static void test_values_never_come_out(void **test)
{
    (void)test;
    static const uint8_t charsets[] = {SQL_UTF8, SQL_GBK, SQL_SJIS, SQL_SINGLE_BYTE,
                                       SQL_CHARSET_UNKNOWN};
    char text[2048], to[4096], small[64];
    unsigned with_values = 0;

    for (unsigned i = 0; i < 200000; i++) {
        struct sql_state state = pick(2) ? mysql : mariadb;
        state.charset = charsets[pick(sizeof(charsets))];
        state.mode_known = pick(8) != 0;
        build_statement(text, sizeof(text));
        uint64_t digest = normalize(text, &state, to, sizeof(to));
        if (strstr(to, "zq") || strstr(to, "8765"))
            fail_msg("%s\ngives\n%s", text, to);
        assert_true(strlen(to) <= 2 * strlen(text) + 1);
        assert_int_equal(normalize(text, &state, small, sizeof(small)), digest);
        with_values += strstr(to, "?") != NULL;
    }
    assert_true(with_values > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_forms_of_other_states),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_every_beginning),
        cmocka_unit_test(test_digest_is_stable),
        cmocka_unit_test(test_cut_at_a_token),
        cmocka_unit_test(test_values_never_come_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
