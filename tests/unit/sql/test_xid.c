/* Identifiers of XA transactions as the servers have them, and whose they are taken to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "sql/analyze.h"

static struct sql_facts facts;

static const char *written(struct text xid)
{
    static char to[300];
    size_t length = 0;

    if (!xid.at)
        return "-";
    for (size_t i = 0; i < xid.length; i++)
        length += (size_t)snprintf(to + length, sizeof(to) - length, "%02x", (uint8_t)xid.at[i]);
    return to;
}

static void test_identifiers(void **test)
{
    (void)test;
    /* lengths, gtrid and bqual; '-': nobody can tell */
    static const struct {
        const char *text, *xid;
    } cases[] = {
        {"XA START 'a'",                                                                "010061"    },
        {"XA BEGIN \"a\"",                                                              "010061"    },
        {"XA COMMIT 'a','b'",                                                           "01016162"  },
        {"XA COMMIT 'a' , /* c */ 'b' , 7 ONE PHASE",                                   "01016162"  },
        {"XA ROLLBACK 0x61,X'62',0x10",                                                 "01016162"  },
        {"XA PREPARE 0x123",                                                            "02000123"  },
        {"XA PREPARE 0x616263",                                                         "0300616263"},
        {"XA PREPARE x''",                                                              "0000"      },
        {"XA PREPARE ''",                                                               "0000"      },
        {"XA PREPARE 'a',''",                                                           "010061"    },
        {"XA PREPARE 'a','',2147483647",                                                "010061"    },
        {"XA PREPARE 'a','',2147483648",                                                "010061"    },
        {"XA PREPARE 'a','',0x80000000",                                                "010061"    },
        {"XA PREPARE 'a','',1e1",                                                       "010061"    },
        {"XA PREPARE 'a','','1'",                                                       "-"         },
        {"XA PREPARE 'a','',1,2",                                                       "-"         },
        {"XA PREPARE 'a',",                                                             "-"         },
        {"XA PREPARE ,'a'",                                                             "-"         },
        {"XA PREPARE 'a' 'b'",                                                          "-"         },
        {"XA PREPARE 'it''s'",                                                          "-"         },
        {"XA PREPARE 'a\\b'",                                                           "-"         },
        {"XA PREPARE '\xc3\xa9'",                                                       "-"         },
        {"XA PREPARE N'a'",                                                             "-"         },
        {"XA PREPARE b'01'",                                                            "010001"    },
        {"XA PREPARE 0b101100001,B''",                                                  "02000161"  },
        {"XA PREPARE b'012'",                                                           "-"         },
        {"XA PREPARE 5",                                                                "-"         },
        {"XA PREPARE 0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
         "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00", "-"         },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned dialect = 0; dialect < 2; dialect++) {
            const struct sql_state state = {.dialect = dialect ? SQL_MARIADB : SQL_MYSQL,
                                            .version = dialect ? 101119 : 90704,
                                            .mode_known = true,
                                            .escapes_known = true};
            sql_analyze(text_of(cases[i].text), 0, &state, NULL, &facts);
            if (strcmp(written(facts.xid), cases[i].xid) != 0)
                fail_msg("%s: %s", cases[i].text, written(facts.xid));
        }
    }
}

/* Letters between quotes are other bytes in some character sets. */
static void test_what_depends_on_the_connection(void **test)
{
    (void)test;
    struct sql_state state = {.version = 90704, .mode_known = true, .lossy = SQL_LOSSY};

    sql_analyze(TEXT("XA PREPARE 'a'"), 0, &state, NULL, &facts);
    assert_null(facts.xid.at);
    sql_analyze(TEXT("XA PREPARE 0x61"), 0, &state, NULL, &facts);
    assert_non_null(facts.xid.at);
    state.lossy = SQL_LOSSY_HIGH;
    state.charset = SQL_CHARSET_UNKNOWN;
    sql_analyze(TEXT("XA PREPARE 'a'"), 0, &state, NULL, &facts);
    assert_null(facts.xid.at);
}

static void test_what_is_done_with_it(void **test)
{
    (void)test;
    static const struct {
        const char *text;
        enum sql_xa xa;
        bool foreign;
    } cases[] = {
        {"XA START 'a'",        SQL_XA_STARTS,   false},
        {"XA START 'a' JOIN",   SQL_XA_JOINS,    true },
        {"XA START 'a' RESUME", SQL_XA_JOINS,    true },
        {"XA END 'a'",          SQL_XA_NONE,     false},
        {"XA PREPARE 'a'",      SQL_XA_PREPARES, false},
        {"XA COMMIT 'a'",       SQL_XA_ENDS,     true },
        {"XA ROLLBACK 'a'",     SQL_XA_ENDS,     true },
        {"COMMIT",              SQL_XA_NONE,     false},
    };
    const struct sql_state state = {.version = 90704, .mode_known = true};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sql_analyze(text_of(cases[i].text), 0, &state, NULL, &facts);
        assert_int_equal(facts.xa, cases[i].xa);
        assert_int_equal(facts.xa_foreign, cases[i].foreign);
        assert_int_equal(facts.administration, cases[i].foreign);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_what_depends_on_the_connection),
        cmocka_unit_test(test_what_is_done_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
