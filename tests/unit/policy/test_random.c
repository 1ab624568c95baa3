/* Thousands of random policies, judged twice: by policy/ and by the rules written down as plainly
 * as they can be, over lists. And what must hold whatever the policy: a grant more never makes a
 * verdict stricter, order does not count, neither does case where names are folded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/policy/plain.h"

enum { POLICIES = 3000, QUESTIONS = 60, INI_SIZE = 16384 };

static uint64_t seed;

static unsigned any(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

/* ---- random policies and questions ---- */

static void any_name(char *to)
{
    static const char letters[] = "ababA";
    unsigned length = 1 + any(3);

    for (unsigned i = 0; i < length; i++)
        to[i] = letters[any(5)];
    to[length] = 0;
}

static void any_glob(char *to)
{
    unsigned stars = any(3);

    any_name(to);
    if (any(4) == 0)
        snprintf(to, 2, "*");
    while (stars-- > 0 && strlen(to) < 8) {
        size_t at = any((unsigned)strlen(to) + 1);
        memmove(to + at + 1, to + at, strlen(to + at) + 1);
        to[at] = '*';
    }
}

static void any_pattern(char *to)
{
    char schema[20], name[20];

    any_glob(schema);
    any_glob(name);
    if (any(12) == 0)
        snprintf(schema, sizeof(schema), "%s", any(2) ? "mysql" : "information_schema");
    sprintf(to, "%s.%s", schema, name);
}

static const char *const modes[] = {"off", "log", "block"}, *const actions[] = {"allow", "log",
                                                                                "block"};
static const char *const accesses[] = {"read", "write", "define", "execute", "all"};
static const char *const days[] = {"2024-10-03", "2024-10-04",
                                   "2024-10-05"}; /* the middle one is today */

static size_t add_grant(char *ini, size_t at, unsigned number, unsigned services)
{
    char pattern[60];

    any_pattern(pattern);
    at += (size_t)sprintf(ini + at, "[grant:g%u]\nservice = s%u\non = %s\naccess = %s\n", number,
                          any(services), pattern, accesses[any(5)]);
    if (any(3))
        at += (size_t)sprintf(ini + at, "until = %s\n", days[any(4) % 3]);
    return at;
}

/* Services, then edges; the grants stand at the end, so that one more can be written behind. */
static size_t any_policy(char *ini, unsigned *services, unsigned *grants)
{
    char text[60];
    size_t at = (size_t)sprintf(ini,
                                "[upstream:u]\naddress = 127.0.0.1:1\n[policy]\nmode = %s\n"
                                "unowned = %s\nadministration = %s\n",
                                modes[any(3)], actions[any(3)], any(4) ? actions[any(3)] : "mode");

    *services = 1 + any(4);
    for (unsigned i = 0; i < *services; i++) {
        at += (size_t)sprintf(ini + at, "[service:s%u]\nuser = s%u\n", i, i);
        if (any(2))
            at += (size_t)sprintf(ini + at, "mode = %s\n", modes[any(3)]);
        if (any(2)) {
            any_name(text);
            at += (size_t)sprintf(ini + at, "database = %s\n", text);
        }
        for (unsigned j = any(5); j > 0; j--) {
            any_pattern(text);
            at += (size_t)sprintf(ini + at, "%s = %s\n", any(5) ? "owns" : "reads", text);
        }
    }
    for (unsigned i = 0; i < *services; i++) {
        unsigned other = any(*services);
        if (other != i)
            at +=
                (size_t)sprintf(ini + at, "[edge:s%u->s%u]\nmode = %s\n", i, other, modes[any(3)]);
    }
    *grants = any(12);
    for (unsigned i = 0; i < *grants; i++)
        at = add_grant(ini, at, i, *services);
    return at;
}

static struct question any_question(unsigned services)
{
    struct question q = {.service = (int)any(services + 1) - 1,
                         .access = 1 + (int)any(15),
                         .database = any(3) == 0,
                         .fold = any(2) == 0};

    any_name(q.schema);
    if (any(10) == 0)
        snprintf(q.schema, sizeof(q.schema), "%s", any(2) ? "mysql" : "information_schema");
    any_name(q.name);
    if (q.database)
        q.name[0] = 0;
    q.routine = !q.database && any(4) == 0;
    if (any(2))
        q.access = SQL_READ;
    return q;
}

static struct verdict judge(const struct policy *policy, const struct question *q)
{
    struct sql_object object = {.schema = text_of(q->schema),
                                .name = text_of(q->name),
                                .type = q->database  ? SQL_DATABASE
                                        : q->routine ? SQL_ROUTINE
                                                     : SQL_TABLE,
                                .access = (uint8_t)q->access};
    struct verdict verdict;

    policy_check_object(policy, q->service, &object, q->fold, TODAY, &verdict);
    return verdict;
}

static void compare(const struct config *config, const struct policy *policy,
                    const struct question *q, const char *ini)
{
    struct verdict got = judge(policy, q);
    struct question plain = *q;
    plain.fold |= q->routine; /* servers fold the names of routines whatever else they do */
    struct said said = q->database ? plain_database(config, q) : plain_table(config, &plain);

    if (q->routine && !q->fold) { /* and their schemas in one of two places */
        plain.schema_as_written = true;
        struct said exact = plain_table(config, &plain);
        bool passes = said.reason <= REASON_GRANTED;
        if (exact.action > said.action ||
            (exact.action == said.action && (exact.reason > REASON_GRANTED || passes)))
            said = exact;
    }

    if (got.action == said.action && got.reason == said.reason && got.owner == said.owner)
        return;
    fprintf(stderr, "%s\n", ini);
    fail_msg("service %d on %s '%s'.'%s' access %d fold %d: expected %s %s %d, got %s %s %d by %s",
             q->service, q->database ? "database" : "table", q->schema, q->name, q->access, q->fold,
             verdict_action_name((enum verdict_action)said.action),
             verdict_reason_name((enum verdict_reason)said.reason), said.owner,
             verdict_action_name(got.action), verdict_reason_name(got.reason), got.owner, got.rule);
}

/* NULL where the policy contradicts itself, which the plain rules must see too. */
static struct policy *build(const struct config *config, const char *ini)
{
    struct config_problems problems = {0};
    struct policy *policy = policy_build(config, TODAY, &problems);

    if ((policy == NULL) != plain_contradicts(config)) {
        fprintf(stderr, "%s\n", ini);
        config_problems_print(&problems, "random");
        fail_msg("policy_build %s a contradiction", policy ? "did not see" : "saw");
    }
    config_problems_fini(&problems);
    return policy;
}

static void test_against_plain_rules(void **state)
{
    (void)state;
    static char ini[INI_SIZE];
    unsigned services, grants, built = 0, reasons[REASON_COUNT] = {0}, actions_seen[3] = {0};

    for (seed = 1; built < POLICIES; seed += 7919) {
        uint64_t start = seed;
        any_policy(ini, &services, &grants);
        struct config *config = ini_good(ini);
        struct policy *policy = build(config, ini);
        for (int i = 0; policy && i < QUESTIONS; i++) {
            struct question q = any_question(services);
            compare(config, policy, &q, ini);
            struct verdict verdict = judge(policy, &q);
            reasons[verdict.reason]++;
            actions_seen[verdict.action]++;
        }
        built += policy != NULL;
        policy_free(policy);
        config_free(config);
        seed = start;
    }
    /* Nothing of it may be so rare that it is not tested. */
    for (int i = REASON_SESSION; i <= REASON_EXPIRED_GRANT; i++)
        assert_true(reasons[i] > 300);
    for (int i = 0; i < 3; i++)
        assert_true(actions_seen[i] > 1000);
}

/* A grant more never makes a verdict stricter, and changes nothing for other services. */
static void test_one_grant_more(void **state)
{
    (void)state;
    static char ini[INI_SIZE];
    unsigned services, grants, built = 0, changed = 0;

    for (seed = 3; built < POLICIES / 3; seed += 104729) {
        uint64_t start = seed;
        size_t length = any_policy(ini, &services, &grants);
        struct config *config = ini_good(ini);
        struct policy *before = build(config, ini);
        config_free(config);
        add_grant(ini, length, grants, services);
        config = ini_good(ini);
        struct policy *after = build(config, ini);
        assert_int_equal(before == NULL, after == NULL);
        for (int i = 0; before && i < QUESTIONS; i++) {
            struct question q = any_question(services);
            struct verdict old = judge(before, &q), new = judge(after, &q);
            if (new.action > old.action) {
                fprintf(stderr, "%s\n", ini);
                fail_msg("the last grant made '%s'.'%s' stricter", q.schema, q.name);
            }
            assert_int_equal(old.owner >= 0 && old.reason == REASON_OWN,
                             new.owner >= 0 && new.reason == REASON_OWN);
            if (text_equal(config->grants[grants].service.value, TEXT("s0")) && q.service != 0)
                assert_int_equal(new.reason, old.reason);
            changed += new.reason != old.reason;
        }
        built += before != NULL;
        config_free(config);
        policy_free(before);
        policy_free(after);
        seed = start;
    }
    assert_true(changed > 100);
}

/* Where names are folded, case never changes a verdict. */
static void test_folded_case(void **state)
{
    (void)state;
    static char ini[INI_SIZE];
    unsigned services, grants, built = 0;

    for (seed = 5; built < POLICIES / 3; seed += 15485863) {
        uint64_t start = seed;
        any_policy(ini, &services, &grants);
        struct config *config = ini_good(ini);
        struct policy *policy = build(config, ini);
        for (int i = 0; policy && i < QUESTIONS; i++) {
            struct question q = any_question(services), other = q;
            other.fold = q.fold = true;
            for (char *c = other.schema; *c; c++)
                *c = *c >= 'a' && any(2) ? (char)(*c - 32) : *c;
            for (char *c = other.name; *c; c++)
                *c = text_lower(*c);
            struct verdict a = judge(policy, &q), b = judge(policy, &other);
            assert_int_equal(a.action, b.action);
            assert_int_equal(a.reason, b.reason);
            assert_int_equal(a.owner, b.owner);
        }
        built += policy != NULL;
        policy_free(policy);
        config_free(config);
        seed = start;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain_rules),
        cmocka_unit_test(test_one_grant_more),
        cmocka_unit_test(test_folded_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
