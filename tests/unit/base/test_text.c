/* What must not reach a terminal, a page or a log as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

static const struct {
    const char *bytes, *log, *json;
} cases[] = {
    {"plain",                                "plain",                                "\"plain\""                               },
    {"\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80", "\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80",
     "\"\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80\""                                                                                },
    {"a\x1b[31mb",                           "a?[31mb",                              "\"a\\u001b[31mb\""                       },
    {"a\nb\tc\x7f",                          "a?b?c?",                               "\"a\\nb\\tc\\u007f\""                    },
    {"\x9b"
     "31m",                             "?31m",
     "\"\xef\xbf\xbd"
     "31m\""                                                                                                                   }, /* C1 as a byte */
    {"\xc2\x9b"
     "31m",                             "?31m",                                 "\"\\u009b31m\""                          }, /* C1 as UTF-8 */
    {"\xc2\xa0",                             "\xc2\xa0",                             "\"\xc2\xa0\""                            },
    {"a\xe2\x80\xae"
     "b",                               "a?b",                                  "\"a\\u202eb\""                           },
    {"\xe2\x81\xa6\xe2\x81\xa9",             "??",                                   "\"\\u2066\\u2069\""                      },
    {"\xd8\x9c\xe2\x80\x8e\xe2\x80\x8b",     "???",                                  "\"\\u061c\\u200e\\u200b\""               },
    {"\xf3\xa0\x81\x81",                     "?",                                    "\"\\udb40\\udc41\""                      },
    {"\xed\xa0\x80",                         "???",                                  "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xf0\x9f",                             "??",                                   "\"\xef\xbf\xbd\xef\xbf\xbd\""            },
};

static void test_log(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int ends[2], error = dup(STDERR_FILENO);
        char line[400] = "", wanted[100];
        assert_int_equal(pipe(ends), 0);
        dup2(ends[1], STDERR_FILENO);
        log_notice("user '%s'", cases[i].bytes);
        dup2(error, STDERR_FILENO);
        ssize_t length = read(ends[0], line, sizeof(line) - 1);
        close(ends[0]);
        close(ends[1]);
        close(error);
        assert_true(length > 0);
        snprintf(wanted, sizeof(wanted), " notice user '%s'\n", cases[i].log);
        assert_non_null(strstr(line, wanted));
    }
}

static void test_json(void **state)
{
    char buffer[200];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json json = {.at = buffer, .size = sizeof(buffer) - 1};
        json_text(&json, text_of(cases[i].bytes));
        buffer[json.length] = '\0';
        assert_string_equal(buffer, cases[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
