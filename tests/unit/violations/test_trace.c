/* Tags in comments: which are found, and that nothing that stands in a literal is. */
#include "tests/unit/violations/scene.h"

#include "violations/trace.h"

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void check(const char *text, const struct sql_state *state, const char *expected)
{
    char line[4096];
    struct json json = {.at = line, .size = sizeof(line) - 1};
    struct trace trace;

    trace_read(&trace, text_of(text), state);
    trace_write(&trace, &json);
    line[json.length] = '\0';
    if (strcmp(line, expected) != 0)
        fail_msg("%s\n gives    %s\n expected %s", text, line, expected);
}

static void test_tags(void **test)
{
    (void)test;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"SELECT 1",                                                 "null"                      },
        {"",                                                         "null"                      },
        {"/**/",                                                     "null"                      },
        {"SELECT 1 /*route='%2Fbills%2F%3Aid'*/",                    "{\"route\":\"/bills/:id\"}"},
        {"SELECT 1 /*route='a',traceparent='" PARENT "'*/ ; \n",
         "{\"traceparent\":\"" PARENT "\",\"route\":\"a\"}"                                      },
        {"SELECT 1 /* controller = 'bills' */",                      "null"                      },
        {"SELECT 1 /*controller='bills', action='show' , job='j'*/",
         "{\"controller\":\"bills\",\"action\":\"show\",\"job\":\"j\"}"                          },
        {"SELECT 1 /*route='it\\'s'*/",                              "{\"route\":\"it's\"}"      },
        {"SELECT 1 /*patient='John',route='r'*/",                    "{\"route\":\"r\"}"         },
        {"SELECT 1 /*traceparent='John Doe'*/",                      "null"                      },
        {"SELECT 1 /*route='r'*/ FROM t",                            "null"                      },
        {"SELECT 1 /*route='one'*/ /*route='two'*/",                 "{\"route\":\"two\"}"       },
        {"SELECT 'x' \"y\" `z` -- c '\n # \"\n /*route='r'*/",       "{\"route\":\"r\"}"         },
        {"SELECT 'don''t', 'a\\'b' /*route='r'*/",                   "{\"route\":\"r\"}"         },
        {"SELECT 5--1 /*route='r'*/",                                "{\"route\":\"r\"}"         },
 /* In literals, in code, or in doubt. */
        {"SELECT \"open /*route='secret'*/",                         "null"                      },
        {"SELECT 'open /*route=''secret''*/",                        "null"                      },
        {"SELECT `open /*route='secret'*/",                          "null"                      },
        {"SELECT 'a\\' /*route='secret'*/",                          "null"                      },
        {"SELECT \"a\\\" /*route='secret'*/",                        "null"                      },
        {"SELECT 1 -- /*route='secret'*/",                           "null"                      },
        {"SELECT 1 # /*route='secret'*/",                            "null"                      },
        {"SELECT $$ ' /*route='secret'*/",                           "null"                      },
        {"SELECT 1 /*! 'x */ ' /*route='secret'*/",                  "null"                      },
        {"SELECT 1 /*M! 'x */ ' /*route='secret'*/",                 "null"                      },
        {"SELECT 1 /*route='open*/",                                 "null"                      },
        {"SELECT 1 /*route=*/",                                      "null"                      },
        {"SELECT 1 /*route='*/",                                     "null"                      },
        {"SELECT 1 /*route=''*/",                                    "null"                      },
        {"SELECT 1 /*route='a\\*/",                                  "null"                      },
    };
    const struct sql_state state = {.mode_known = true};

    for (size_t i = 0; i < COUNT(cases); i++)
        check(cases[i].text, &state, cases[i].expected);
}

static void test_states(void **test)
{
    (void)test;
    const struct sql_state no_escapes = {.mode_known = true, .mode = SQL_NO_BACKSLASH_ESCAPES};
    const struct sql_state gbk = {.mode_known = true, .charset = SQL_GBK};
    const struct sql_state mssql = {.mode_known = true, .mode = SQL_MSSQL};
    const struct sql_state unknown = {.mode_known = false};

    check("SELECT 'a\\' /*route='r'*/", &no_escapes, "{\"route\":\"r\"}");
    check("SELECT 'a' /*route='r'*/", &gbk, "{\"route\":\"r\"}");
    check("SELECT '\x81\\' /*route='r'*/", &gbk, "null");
    check("SELECT [a'] /*route='r'*/", &mssql, "null");
    check("SELECT [a'] /*route='r'*/", &unknown, "null");
    check("SELECT a /*route='r'*/", &unknown, "{\"route\":\"r\"}");
}

static void test_long_values_are_cut(void **test)
{
    (void)test;
    char text[20000];
    const struct sql_state state = {.mode_known = true};
    struct trace trace;
    size_t at = (size_t)sprintf(text, "SELECT 1 /*");

    for (size_t k = 0; k < TRACE_KEY_COUNT; k++) {
        static const char *const names[] = {"x1",        "tracestate", "application",
                                            "framework", "controller", "action",
                                            "route",     "job",        "db_driver"};
        at += (size_t)sprintf(text + at, "%s%s='%01000d'", k ? "," : "", names[k], 0);
    }
    sprintf(text + at, "*/");
    trace_read(&trace, text_of(text), &state);
    size_t whole = 0;
    for (size_t k = 0; k < TRACE_KEY_COUNT; k++) {
        assert_true(trace.values[k].length <= 256);
        whole += trace.values[k].length;
    }
    assert_int_equal(whole, trace.length);
    assert_true(trace.length <= sizeof(trace.bytes));
}

static void test_query_attribute_wins(void **test)
{
    (void)test;
    const struct sql_state state = {.mode_known = true};
    struct trace trace;

    trace_read(&trace, TEXT("SELECT 1 /*traceparent='" PARENT "'*/"), &state);
    trace_set_parent(&trace, TEXT("00-00000000000000000000000000000001-0000000000000002-00"));
    assert_memory_equal(trace.values[TRACE_TRACEPARENT].at, "00-0000", 7);
    trace_set_parent(&trace, TEXT("not a traceparent at all, but something long enough to be one"));
    assert_memory_equal(trace.values[TRACE_TRACEPARENT].at, "00-0000", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_query_attribute_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
