/* Files that proxy.ini includes, and what values take from the environment. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/keys.h"

#define UPSTREAM "[upstream:main]\naddress = 127.0.0.1:3307\n"
#define INCLUDE  "[proxy]\ninclude = conf.d/*.ini\n" UPSTREAM

static char folder[] = "/tmp/silogate-include-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
    if (!text)
        return;
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct config *read_with(const char *ini, const char *a, const char *b,
                                struct config_problems *problems)
{
    char path[300];

    put("proxy.ini", ini);
    put("conf.d/a.ini", a);
    put("conf.d/b.ini", b);
    snprintf(path, sizeof(path), "%s/proxy.ini", folder);
    return config_read(path, problems);
}

/* clang-format off */
static const struct {
    const char *ini, *a, *b;
    const char *expected; /* FILE:LINE: TEXT of each problem, one a line; "" for none */
} cases[] = {
    {INCLUDE, "[service:a]\nuser = a\n", "[service:b]\nuser = b\n", ""},
    {INCLUDE, "\xef\xbb\xbf[service:a]\nuser = a", "\xef\xbb\xbf[service:b]\nuser = b", ""},
    {INCLUDE, "", "[service:b]\nuser = b\n", ""},
    {INCLUDE, NULL, NULL, "proxy.ini:2: include = conf.d/*.ini matches no file"},
    {"[proxy]\ninclude = nowhere/*.ini\n" UPSTREAM, NULL, NULL, "proxy.ini:2: include = nowhere/*.ini matches no file"},
    {"[proxy]\ninclude = conf.d/c.ini\n" UPSTREAM, NULL, NULL, "proxy.ini:2: include = conf.d/c.ini: there is no such file"},
    {"[proxy]\ninclude = conf.d\n" UPSTREAM, NULL, NULL, "proxy.ini:2: include: conf.d cannot be read: it is no file"},
    {"[proxy]\ninclude = *.ini\n" UPSTREAM, NULL, NULL, "proxy.ini:2: include: proxy.ini is read already"},
    {"[proxy]\ninclude = conf.d/a.ini\ninclude = conf.d/*.ini\n" UPSTREAM, "[service:a]\nuser = a\n", NULL,
     "proxy.ini:3: include: conf.d/a.ini is read already"},
    {INCLUDE, "[proxy]\nworkers = 2\n", NULL, "conf.d/a.ini:1: [proxy] stands in a file that is included; write it in proxy.ini"},
    {INCLUDE, "[policy]\nmode = off\n", NULL, "conf.d/a.ini:1: [policy] stands in"},
    {INCLUDE, "[upstream:x]\naddress = 127.0.0.1:1\n", NULL, "conf.d/a.ini:1: [upstream:x] stands in"},
    {INCLUDE, "user = x\n", NULL, "conf.d/a.ini:1: a key before any section"},
    {INCLUDE, "[service:a]\n", "user = x\n", "conf.d/b.ini:1: a key before any section\nconf.d/a.ini:1: [service:a] has no user"},
    {INCLUDE, "[service:a]\nuser = a\nmode = of\n", "[service:b]\nuser = b\nmoed = log\n",
     "conf.d/a.ini:3: mode = of: no such word\nconf.d/b.ini:3: [service:b] has no key 'moed'"},
    {INCLUDE, "[service:a]\nuser = a\n", "\n[service:a]\nuser = b\n",
     "conf.d/b.ini:2: [service:a] stands on line 1 of conf.d/a.ini already"},
    {INCLUDE "[service:a]\nuser = a\n", "[service:a]\nuser = b\n", NULL,
     "conf.d/a.ini:1: [service:a] stands on line 5 of proxy.ini already"},
    {INCLUDE, "[service:a]\nuser = u\n", "[service:b]\nuser = u\n",
     "conf.d/b.ini:2: user u belongs to [service:a] already (line 1 of conf.d/a.ini)"},
    {INCLUDE, "[service:a]\nuser = u\n indented = 1\n", NULL, "conf.d/a.ini:3: the line begins with white space"},
    {INCLUDE, "[grant:g]\n", NULL, "conf.d/a.ini:1: [grant:g] has no service\nconf.d/a.ini:1: [grant:g] has no on\n"
     "conf.d/a.ini:1: [grant:g] has no access"},
    {INCLUDE "[grant:g]\nservice = a\naccess = read\non = a.b\n", "[service:a]\nuser = ${SILOGATE_T_NAME}\n", NULL, ""},
    {INCLUDE, "[service:a]\nowns = a.b\nuser = ${SILOGATE_T_NONE}\n", NULL,
     "conf.d/a.ini:3: user = ${SILOGATE_T_NONE}: the environment has no SILOGATE_T_NONE"},
    {INCLUDE, "[service:a]\nowns = a.b\nuser = ${\n", NULL, "conf.d/a.ini:3: user = ${: ${ without }"},
    {INCLUDE, "[service:a]\nowns = a.b\nuser = ${}\n", NULL, "conf.d/a.ini:3: user = ${}: '${}' is not a variable"},
    {INCLUDE, "[service:a]\nowns = a.b\nuser = ${1A}\n", NULL, "conf.d/a.ini:3: user = ${1A}: '${1A}' is not a variable"},
    {INCLUDE, "[service:a]\nowns = a.b\nuser = ${SILOGATE_T_EMPTY}\n", NULL, "conf.d/a.ini:3: user has no value"},
    {INCLUDE, "[service:a]\nowns = a.b\nuser = x${SILOGATE_T_EMPTY}y\n", NULL, ""},
    {INCLUDE, "[service:a]\nowns = a.b\nuser = ${SILOGATE_T_LINES}\n", NULL,
     "conf.d/a.ini:3: user = ${SILOGATE_T_LINES}: the environment's SILOGATE_T_LINES holds bytes"},
};
/* clang-format on */

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_problems problems = {0};
        struct config *config = read_with(cases[i].ini, cases[i].a, cases[i].b, &problems);
        const char *expected = cases[i].expected;
        char got[2000] = "";
        bool same = true;

        assert_non_null(config);
        for (size_t j = 0; j < problems.count; j++) {
            struct config_place place = config_place(&problems.files, problems.items[j].line);
            size_t length = strlen(got);
            const char *file = place.file + strlen(folder) + 1;
            char line[700], text[500], *at;
            snprintf(text, sizeof(text), "%s", problems.items[j].text);
            for (char full[300];
                 snprintf(full, sizeof(full), "%s/", folder), (at = strstr(text, full)) != NULL;)
                memmove(at, at + strlen(full), strlen(at + strlen(full)) + 1);
            snprintf(line, sizeof(line), "%s:%u: %s", file, place.line, text);
            size_t wanted = strcspn(expected, "\n");
            same = same && wanted > 0 && strncmp(line, expected, wanted) == 0;
            expected += wanted + (expected[wanted] == '\n');
            snprintf(got + length, sizeof(got) - length, "%s\n", line);
        }
        if (!same || *expected)
            fail_msg("case %zu: expected '%s', got '%s'", i, cases[i].expected, got);
        config_problems_fini(&problems);
        config_free(config);
    }
}

static void test_values(void **state)
{
    (void)state;
    static const char *const values[][2] = {
        {"plain",                                "plain"              },
        {"${SILOGATE_T_NAME}",                   "billing"            },
        {"a${SILOGATE_T_NAME}b",                 "abillingb"          },
        {"${SILOGATE_T_NAME}${SILOGATE_T_NAME}", "billingbilling"     },
        {"$${SILOGATE_T_NAME}",                  "${SILOGATE_T_NAME}" },
        {"$$${SILOGATE_T_NAME}",                 "$${SILOGATE_T_NAME}"},
        {"$SILOGATE_T_NAME",                     "$SILOGATE_T_NAME"   },
        {"$",                                    "$"                  },
        {"a$",                                   "a$"                 },
        {"${SILOGATE_T_AGAIN}",                  "${SILOGATE_T_NAME}" }, /* what it holds is not read again */
    };
    struct arena arena = {0};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct error why = {.text = "none"};
        struct text to = {0};
        if (!environment_expand(&arena, text_of(values[i][0]), &to, &why))
            fail_msg("%s: %s", values[i][0], why.text);
        if (!text_equal(to, text_of(values[i][1])))
            fail_msg("%s: '%.*s', not '%s'", values[i][0], TEXT_ARGS(to), values[i][1]);
    }
    arena_fini(&arena);
}

/* By name, whatever the folder's own order: what stands first decides the same everywhere. */
static void test_order_and_a_pipe(void **state)
{
    (void)state;
    struct config_problems problems = {0};
    char path[300];

    put("conf.d/A.ini", "[service:first]\nuser = f\n");
    snprintf(path, sizeof(path), "%s/conf.d/p.ini", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct config *config = read_with(INCLUDE, "[service:a]\nuser = a\n", NULL, &problems);
    assert_non_null(config);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.items[0].text, "it is no file"));
    assert_int_equal(config->service_count, 2);
    assert_string_equal(config->services[0].name.at, "first");
    assert_non_null(strstr(config_line(&config->files, config->services[1].line), "line 1 of "));
    assert_int_equal(config_place(&config->files, config->services[1].line).line, 1);
    config_problems_fini(&problems);
    config_free(config);
    unlink(path);
    put("conf.d/A.ini", NULL);
}

static int begin(void **state)
{
    char path[300];

    (void)state;
    setenv("SILOGATE_T_NAME", "billing", 1);
    setenv("SILOGATE_T_EMPTY", "", 1);
    setenv("SILOGATE_T_LINES", "a\nb", 1);
    setenv("SILOGATE_T_AGAIN", "${SILOGATE_T_NAME}", 1);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/conf.d", folder);
    return mkdir(path, 0700);
}

static int end(void **state)
{
    char path[300];

    (void)state;
    put("conf.d/a.ini", NULL);
    put("conf.d/b.ini", NULL);
    put("proxy.ini", NULL);
    snprintf(path, sizeof(path), "%s/conf.d", folder);
    rmdir(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_order_and_a_pipe),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
