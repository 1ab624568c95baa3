/* Who may ask: hosts, origins and tokens, one line a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/guard.h"

static void test_hosts(void **state)
{
    static const struct {
        const char *host, *configured;
        bool known;
    } cases[] = {
        {"127.0.0.1",                   "127.0.0.1",     true },
        {"127.0.0.1:6480",              "127.0.0.1",     true },
        {"10.1.2.3:6480",               "0.0.0.0",       true },
        {"[::1]:6480",                  "::1",           true },
        {"[::1]",                       "::1",           true },
        {"localhost",                   "127.0.0.1",     true },
        {"LocalHost:80",                "127.0.0.1",     true },
        {"gate.internal:6480",          "gate.internal", true },
        {"Gate.Internal",               "gate.internal", true },
        {"evil.example",                "127.0.0.1",     false},
        {"evil.example:6480",           "127.0.0.1",     false},
        {"127.0.0.1.evil.example",      "127.0.0.1",     false},
        {"localhost.evil.example:6480", "127.0.0.1",     false},
        {"evil.example:127.0.0.1",      "127.0.0.1",     false},
        {"",                            "127.0.0.1",     false},
        {":6480",                       "127.0.0.1",     false},
        {"[",                           "127.0.0.1",     false},
        {"[]",                          "127.0.0.1",     false},
        {"[evil.example]:6480",         "127.0.0.1",     false},
        {"127.1",                       "127.0.0.1",     false},
        {"gate.internal.evil",          "gate.internal", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (guard_host(text_of(cases[i].host), text_of(cases[i].configured)) != cases[i].known)
            fail_msg("Host: %s with admin = %s", cases[i].host, cases[i].configured);
    }
    assert_false(guard_host((struct text){0}, TEXT("127.0.0.1")));
}

static void test_this_machines_name_is_known(void **state)
{
    char name[256] = "";

    (void)state;
    gethostname(name, sizeof(name) - 1);
    assert_true(guard_host(text_of(name), TEXT("127.0.0.1")));
}

static void test_origins(void **state)
{
    static const struct {
        const char *origin, *host;
        bool same;
    } cases[] = {
        {"http://localhost:6480",      "localhost:6480", true },
        {"https://localhost:6480",     "localhost:6480", true },
        {"http://LOCALHOST:6480",      "localhost:6480", true },
        {"http://localhost:6481",      "localhost:6480", false},
        {"http://localhost",           "localhost:6480", false},
        {"http://evil.example",        "localhost:6480", false},
        {"http://localhost:6480.evil", "localhost:6480", false},
        {"null",                       "localhost:6480", false},
        {"",                           "localhost:6480", false},
        {"http://",                    "",               false},
        {"ftp://localhost:6480",       "localhost:6480", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (guard_origin(text_of(cases[i].origin), text_of(cases[i].host)) != cases[i].same)
            fail_msg("Origin: %s, Host: %s", cases[i].origin, cases[i].host);
    }
}

static void test_same(void **state)
{
    (void)state;
    assert_true(guard_same(TEXT("secret"), "secret"));
    assert_false(guard_same(TEXT("secre"), "secret"));
    assert_false(guard_same(TEXT("secrets"), "secret"));
    assert_false(guard_same(TEXT("secretsecret"), "secret"));
    assert_false(guard_same(TEXT("Secret"), "secret"));
    assert_false(guard_same(TEXT(""), "secret"));
    assert_false(guard_same((struct text){0}, "secret"));
    assert_false(guard_same(TEXT("aaa"), "a"));
    /* As long as the token and 256 more: a length that is cut to a byte would take it. */
    char longer[256 + 6];
    for (size_t i = 0; i < sizeof(longer); i++)
        longer[i] = "secret"[i % 6];
    assert_false(guard_same((struct text){longer, sizeof(longer)}, "secret"));
}

static bool read_token(const char *content, char *token)
{
    char path[] = "/tmp/guard-XXXXXX";
    int file = mkstemp(path);
    struct error error;

    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), (ssize_t)strlen(content));
    close(file);
    bool read = guard_read_token(path, token, &error);
    unlink(path);
    assert_true(read || *error.text);
    return read;
}

static void test_token_files(void **state)
{
    char token[GUARD_TOKEN_SIZE], longest[2 * GUARD_TOKEN_SIZE];
    struct error error;

    (void)state;
    assert_true(read_token("secret", token));
    assert_string_equal(token, "secret");
    assert_true(read_token("  a b \r\nsecond line\n", token));
    assert_string_equal(token, "a b");
    assert_false(read_token("", token));
    assert_false(read_token("\nsecond line\n", token));
    assert_false(read_token("   \n", token));
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = 0;
    assert_false(read_token(longest, token));
    assert_false(guard_read_token("/nonexistent/token", token, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),       cmocka_unit_test(test_this_machines_name_is_known),
        cmocka_unit_test(test_origins),     cmocka_unit_test(test_same),
        cmocka_unit_test(test_token_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
