/* Modes, actions, names of rules, days and hashes of a policy, and what policy_build refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/policy/hospital.h"

/* The zero value of facts is undetermined, and that of an object asks for everything. */
static void test_zero_values(void **state)
{
    (void)state;
    static const struct sql_facts facts;
    struct policy *policy = policy_good(hospital);
    struct sql_object object = {.schema = TEXT("nilecare"), .name = TEXT("patients")};
    struct verdict verdict;
    policy_check(policy, 0, &facts, false, TODAY, &verdict);
    assert_string_equal(said(policy, &verdict), "log undetermined -");
    policy_check_object(policy, 0, &object, false, TODAY, &verdict);
    assert_string_equal(said(policy, &verdict), "block foreign clinical");
    object.session_only = true;
    policy_check_object(policy, 0, &object, false, TODAY, &verdict);
    assert_string_equal(said(policy, &verdict), "allow session -");
    policy_free(policy);
}

/* All ways in which undetermined, unowned and administration can be set, against each mode. */
static void test_actions_and_modes(void **state)
{
    (void)state;
    static const char *const modes[] = {"off", "log", "block"};
    static const char *const words[] = {"allow", "log", "block", "mode"};
    static struct sql_facts undetermined, administration, unowned;
    unowned.determined = administration.determined = administration.administration = true;
    unowned.objects[unowned.object_count++] =
        (struct sql_object){.schema = TEXT("no"), .name = TEXT("no"), .access = SQL_READ};
    for (int i = 0; i < 3 * 3 * 4 * 3; i++) {
        int by_default = i % 3, own = i / 3 % 3, word = i / 9 % 4, action = i / 36;
        char ini[400];
        struct verdict verdict;
        sprintf(ini,
                UPSTREAM "[policy]\nmode = %s\nundetermined = %s\nunowned = %s\n"
                         "administration = %s\n[service:a]\nuser = a\nmode = %s\n"
                         "[service:b]\nuser = b\n",
                modes[by_default], words[word], words[action], words[word], modes[own]);
        struct policy *policy = policy_good(ini);
        for (int service = 0; service < 2; service++) {
            int mode = service == 0 ? own : by_default;
            int expected = mode == 0 ? VERDICT_ALLOW : action;
            policy_check(policy, service, &unowned, false, TODAY, &verdict);
            assert_int_equal(verdict.action, expected);
            assert_int_equal(verdict.reason, REASON_UNOWNED);
            policy_check(policy, service, &administration, false, TODAY, &verdict);
            assert_int_equal(verdict.action, mode == 0 ? 0 : word == 3 ? mode : word);
            assert_int_equal(verdict.reason, REASON_ADMINISTRATION);
            policy_check(policy, service, &undetermined, false, TODAY, &verdict);
            assert_int_equal(verdict.action, mode == 0 ? 0 : word == 3 ? mode : word);
            assert_int_equal(verdict.reason, REASON_UNDETERMINED);
        }
        policy_free(policy);
    }
}

/* Which line of the file decided, in words. */
static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *service, *schema, *name, *rule;
        int line;
    } rules[] = {
        {"a", "s",                  "one",       "[service:a] owns = s.one",                    9 },
        {"a", "s",                  "two",       "[grant:g] on = s.two, until = 2026-06-15",    19},
        {"a", "r",                  "x",         "[service:a] reads = r.*",                     10},
        {"a", "s",                  "three",     "[edge:a->b] mode = block",                    23},
        {"a", "s",                  "four",      "[grant:old] on = s.four, until = 2026-06-14", 26},
        {"b", "s",                  "one",       "[service:b] mode = block",                    15},
        {"c", "s",                  "one",       "[policy] mode = log",                         0 },
        {"c", "s",                  "no",        "[policy] unowned = log",                      4 },
        {"c", "mysql",              "user",      "[policy] mode = log",                         0 },
        {"b", "mysql",              "user",      "[service:b] mode = block",                    15},
        {"c", "mysql",              "time_zone", "silogate itself",                             0 },
        {"c", "information_schema", "t",         "silogate itself",                             0 },
    };
    struct policy *policy = policy_good(UPSTREAM /* lines 1 and 2 */
                                        "[policy]\nunowned = log\n"
                                        "[service:c]\nuser = c\n"
                                        "[service:a]\nuser = a\nowns = s.one\nreads = r.*\n"
                                        "[service:b]\nuser = b\nowns = s.t*\nowns = s.four\n"
                                        "mode = block\n"
                                        "[grant:g]\nservice = a\n"
                                        "access = read\non = s.two\nuntil = 2026-06-15\n"
                                        "\n[edge:a->b]\nmode = block\n"
                                        "[grant:old]\nservice = a\non = s.four\naccess = all\n"
                                        "until = 2026-06-14\n");
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct sql_object object = {
            .schema = text_of(rules[i].schema), .name = text_of(rules[i].name), .access = SQL_READ};
        struct verdict verdict;
        int service = policy_service(policy, text_of(rules[i].service));
        policy_check_object(policy, service, &object, false, TODAY, &verdict);
        assert_string_equal(verdict.rule, rules[i].rule);
        assert_int_equal(verdict.line, rules[i].line);
    }
    policy_free(policy);
}

/* What is wrong, on which line, and how many errors and warnings there are in all. */
/* clang-format off */
static const struct mistake {
    const char *ini;
    const char *expected;
    int errors, warnings;
} mistakes[] = {
    /* one name, two owners */
    {"[service:a]\nowns = s.t\n[service:b]\nowns = s.t\n", "6: owns = s.t belongs to [service:a] already (line 4); a name has one owner", 1, 0},
    {"[service:a]\nowns = s.*\n[service:b]\nowns = s.*\n", "6: owns = s.* belongs to [service:a]", 1, 0},
    {"[service:a]\nowns = s.*\n[service:b]\nowns = s.**\n", "6: owns = s.** belongs to", 1, 0},
    {"[service:a]\nowns = s.T\n[service:b]\nowns = S.t\n", "6: owns = S.t belongs to [service:a]", 1, 0},
    {"[service:a]\nowns = s.a*\n[service:b]\nowns = s.*b\n", "6: owns = s.*b is as specific as [service:a] owns = s.a* (line 4), and there are names that", 1, 0},
    {"[service:a]\nowns = a*.x\n[service:b]\nowns = *b.x\n", "6: owns = *b.x is as specific as", 1, 0},
    {"[service:a]\nowns = ab.*\n[service:b]\nowns = *.cd\n", "6: owns = *.cd is as specific as", 1, 0},
    {"[service:a]\nowns = *a*.x\n[service:b]\nowns = *b*.x\n", "6: owns = *b*.x is as specific as", 1, 0},
    {"[service:a]\nowns = a*.x*\n[service:b]\nowns = *b.*y\n", "6: owns = *b.*y is as specific as", 1, 0},
    {"[service:a]\nowns = s.a*\n[service:b]\nowns = s.*b\nowns = s.*c\n", "6: owns = s.*b is as", 2, 0},
    {"[service:a]\nowns = s.t\n[service:b]\nowns = s.t\n[service:c]\nowns = s.t\n", "6: owns = s.t", 2, 0},
    {"[service:a]\nowns = s.caf\xc3\xa9\n[service:b]\nowns = s.Cafe\n", "6: owns = s.Cafe belongs to", 1, 0},
    /* no contradictions: other names, another rank, the same service */
    {"[service:a]\nowns = s.a*\n[service:b]\nowns = s.b*\n", "", 0, 0},
    {"[service:a]\nowns = s.a*\n[service:b]\nowns = s.ab*\n", "", 0, 0},
    {"[service:a]\nowns = s.*\n[service:b]\nowns = s.t\n", "", 0, 0},
    {"[service:a]\nowns = s.a*\nowns = s.*b\n", "", 0, 0},
    {"[service:a]\nowns = s1.*\n[service:b]\nowns = s2.*\n", "", 0, 0},
    {"[service:a]\nowns = ab.*\n[service:b]\nowns = *.cde\n", "", 0, 0},
    {"[service:a]\nowns = ab.c*\n[service:b]\nowns = *.abc\n", "", 0, 0},
    {"[service:a]\nowns = *x.a\n[service:b]\nowns = *y.a\n", "", 0, 0},
    /* patterns that nothing could match */
    {"[service:a]\nowns = nilecare\n", "4: owns = nilecare: no dot; write nilecare.* for all of", 1, 0},
    {"[service:a]\nowns = a.b.c\n", "4: owns = a.b.c: more than one dot", 1, 0},
    {"[service:a]\nowns = .b\n", "4: owns = .b: the schema part is empty", 1, 0},
    {"[service:a]\nreads = a.\n", "4: reads = a.: the name part is empty", 1, 0},
    {"[service:a]\nowns = a .b\n", "4: owns = a .b: white space around the schema part", 1, 0},
    {"[service:a]\nowns = a. b\n", "4: owns = a. b: white space around the name part", 1, 0},
    {"[service:a]\nowns = `a`.b\n", "4: owns = `a`.b: write names without quotes here", 1, 0},
    {"[service:a]\nowns = " "a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "4: owns = a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: no name has " "more than 64", 1, 0},
    {"[service:a]\nowns = " "a.*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa*\n", "", 0, 0},
    {"[service:a]\n[grant:g]\nservice = a\non = x\naccess = all\n", "6: on = x: no dot", 1, 0},
    /* names that point to nothing */
    {"[service:a]\n[grant:g]\nservice = b\non = x.y\naccess = all\n", "5: there is no [service:b]; did you mean a?", 1, 0},
    {"[service:abcdef]\n[grant:g]\nservice = xyz\non = x.y\naccess = all\n", "5: there is no [service:xyz]; write", 1, 0},
    {"[service:a]\n[edge:a->nobody]\nmode = log\n", "4: there is no [service:nobody]", 1, 0},
    {"[service:a]\n[edge:nobody->a]\nmode = log\n", "4: there is no [service:nobody]", 1, 0},
    {"[service:a]\n[edge:a->a]\nmode = log\n", "4: an edge from a service to itself", 1, 0},
    /* warnings */
    {"[service:a]\nowns = s.t\nowns = s.t\n", "5: owns = s.t is on line 4 already", 0, 1},
    {"[service:a]\nowns = *.t\n", "", 0, 0},
    {"[service:a]\nreads = m*.*\n", "4: reads = m*.* matches the server's own schemas too", 0, 1},
    {"[service:a]\nowns = s.%\n", "4: owns = s.%: % is not a wildcard", 0, 1},
    /* what one owns needs no permission, so these never decide anything */
    {"[service:a]\nowns = s.*\nreads = s.t\n", "5: reads = s.t never decides: [service:a] owns = s.* (line 4) comes first", 0, 1},
    {"[service:a]\nowns = s.a*\nreads = s.*\n", "", 0, 0},
    {"[service:a]\nowns = s.a*b\nreads = s.axb*\n", "", 0, 0},
    {"[service:a]\nowns = s*.a*b\n[grant:g]\nservice = a\non = s1.a*c*b\naccess = all\n", "7: on = s1.a*c*b never decides", 0, 1},
    {"[service:b]\nowns = s.x\n[service:a]\nowns = s.*\nreads = s.*\n", "", 0, 0},
    {"[service:b]\nowns = s*.*\n[service:a]\nowns = s.*\nreads = s.*\n", "7: reads = s.* never decides", 0, 1},
    {"[service:b]\nowns = s.*\n[service:a]\nreads = s.*\n", "", 0, 0},
    {"[service:a]\n[grant:g]\nservice = a\non = x.y\naccess = all\nuntil = 2026-06-14\n", "8: [grant:g] has expired: its last day was 2026-06-14", 0, 1},
    {"[service:a]\n[grant:g]\nservice = a\non = x.y\naccess = all\nuntil = 2026-06-15\n", "", 0, 0},
};
/* clang-format on */

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const struct mistake *mistake = &mistakes[i];
        struct config_problems problems = {0};
        char ini[1000], first[500] = "";
        snprintf(ini, sizeof(ini), "%s%s", UPSTREAM, mistake->ini);
        struct config *config = ini_good(ini);
        struct policy *policy = policy_build(config, TODAY, &problems);
        if (problems.count)
            snprintf(first, sizeof(first), "%u: %s", problems.items[0].line,
                     problems.items[0].text);
        size_t warnings = problems.count - problems.errors;
        if ((policy == NULL) != (mistake->errors > 0) ||
            problems.errors != (size_t)mistake->errors || warnings != (size_t)mistake->warnings ||
            strncmp(first, mistake->expected, strlen(mistake->expected)) != 0) {
            config_problems_print(&problems, "case");
            fail_msg("case %zu: expected '%s'", i, mistake->expected);
        }
        config_problems_fini(&problems);
        policy_free(policy);
        config_free(config);
    }
}

/* Grants hold to the end of their last day, for each access on its own. */
static void test_days(void **state)
{
    (void)state;
    struct policy *policy = policy_good(hospital);
    struct sql_object object = {
        .schema = TEXT("nilecare"), .name = TEXT("patients"), .access = SQL_READ};
    for (int32_t day = TODAY - 400; day < TODAY + 400; day++) {
        struct verdict verdict;
        policy_check_object(policy, 0, &object, false, day, &verdict);
        assert_int_equal(verdict.reason, day <= TODAY ? REASON_GRANTED : REASON_EXPIRED_GRANT);
    }
    policy_free(policy);
    assert_int_equal(policy_today(0), 0);
    assert_int_equal(policy_today(86399), 0);
    assert_int_equal(policy_today(86400), 1);
    assert_int_equal(policy_today(-1), -1);
    assert_int_equal(policy_today(1781568000 - 1), TODAY);
    assert_int_equal(policy_today(1781568000), TODAY + 1);
}

/* The hash is over what decides, and over nothing else. */
static void test_hash(void **state)
{
    (void)state;
    static const char base[] = UPSTREAM "[service:a]\nuser = u\nowns = s.a\n[service:b]\nuser = v\n"
                                        "[grant:g]\nservice = b\non = s.a\naccess = read\n";
    static const struct {
        const char *ini;
        bool same;
    } others[] = {
        {"; a comment\n[proxy]\nworkers = 3\n" UPSTREAM
         "[service:a]\nowns = s.a\nuser = u\n\n[service:b]\nuser = v\n"
         "[grant:other-name]\nservice = b\non = s.a\naccess = read\nticket = X\n",         true },
        {UPSTREAM "[service:a]\nuser = u\nowns = s.b\n[service:b]\nuser = v\n"
                  "[grant:g]\nservice = b\non = s.a\naccess = read\n",                     false},
        {UPSTREAM "[service:a]\nuser = u\nowns = s.a\n[service:b]\nuser = v\n"
                  "[grant:g]\nservice = b\non = s.a\naccess = write\n",                    false},
        {UPSTREAM "[service:a]\nuser = u\nowns = s.a\n[service:b]\nuser = v\nmode = log\n"
                  "[grant:g]\nservice = b\non = s.a\naccess = read\n",                     false},
        {UPSTREAM "[service:a]\nuser = u\nowns = s.a\n[service:b]\nuser = v\n"
                  "[grant:g]\nservice = b\non = s.a\naccess = read\nuntil = 2099-01-01\n", false},
        {UPSTREAM
         "[policy]\nmode = block\n[service:a]\nuser = u\nowns = s.a\n[service:b]\nuser = v\n"
         "[grant:g]\nservice = b\non = s.a\naccess = read\n",                              false},
    };
    struct policy *policy = policy_good(base);
    assert_int_equal(strlen(policy_hash(policy)), 8);
    assert_int_equal(strspn(policy_hash(policy), "0123456789abcdef"), 8);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct policy *other = policy_good(others[i].ini);
        assert_int_equal(strcmp(policy_hash(policy), policy_hash(other)) == 0, others[i].same);
        policy_free(other);
    }
    policy_free(policy);
}

static void test_services(void **state)
{
    (void)state;
    struct policy *policy = policy_good(hospital);
    assert_int_equal(policy_service(policy, TEXT("clinical")), 1);
    assert_int_equal(policy_service(policy, TEXT("Clinical")), SERVICE_NONE);
    assert_int_equal(policy_service(policy, TEXT("")), SERVICE_NONE);
    assert_true(text_equal(policy_service_name(policy, 1), TEXT("clinical")));
    assert_null(policy_service_name(policy, SERVICE_NONE).at);
    assert_null(policy_service_name(policy, 1000).at);
    policy_free(policy);
}

/* Names of any length and any bytes are judged, and none is read past its end. */
static void test_odd_names(void **state)
{
    (void)state;
    struct policy *policy = policy_good(hospital);
    for (size_t length = 1; length < 3000; length = length * 3 / 2 + 1) {
        char *bytes = malloc(length);
        memset(bytes, (int)(length * 37), length);
        struct sql_object object = {
            .schema = {bytes, length},
              .name = {bytes, length},
              .access = SQL_WRITE
        };
        struct verdict verdict;
        for (int i = 0; i < 8; i++) {
            object.type = i & 1 ? SQL_DATABASE : SQL_TABLE;
            object.schema = i & 2 ? TEXT("nilecare") : (struct text){bytes, length};
            policy_check_object(policy, 0, &object, i & 4, TODAY, &verdict);
            assert_int_not_equal(verdict.action, VERDICT_ALLOW);
        }
        free(bytes);
    }
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_values), cmocka_unit_test(test_actions_and_modes),
        cmocka_unit_test(test_rules),       cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_days),        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_services),    cmocka_unit_test(test_odd_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
