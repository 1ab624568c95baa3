/* Thousands of random policies, judged twice: by policy/ and by the rules written down as plainly
 * as they can be, over lists. And what must hold whatever the policy: a grant more never makes a
 * verdict stricter, order does not count, neither does case where names are folded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "tests/unit/ini.h"

enum { TODAY = 20000, POLICIES = 3000, QUESTIONS = 60, INI_SIZE = 16384 };

static uint64_t seed;

static unsigned any(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

/* ---- the rules, plainly ---- */

static bool plain_same(char a, char b, bool fold)
{
    return fold ? text_lower(a) == text_lower(b) : a == b;
}

static bool plain_match(const char *glob, const char *name, bool fold)
{
    if (*glob == '*')
        return plain_match(glob + 1, name, fold) || (*name && plain_match(glob, name + 1, fold));
    if (!*glob || !*name)
        return !*glob && !*name;
    return plain_same(*glob, *name, fold) && plain_match(glob + 1, name + 1, fold);
}

/* The two parts of a pattern. */
struct parts {
    char schema[64], name[64];
};

static struct parts plain_parts(struct text pattern)
{
    struct parts parts;
    const char *dot = strchr(pattern.at, '.');

    snprintf(parts.schema, sizeof(parts.schema), "%.*s", (int)(dot - pattern.at), pattern.at);
    snprintf(parts.name, sizeof(parts.name), "%s", dot + 1);
    return parts;
}

static int plain_rank(const struct parts *parts)
{
    int rank = 0;

    rank += strchr(parts->schema, '*') ? 0 : 1000;
    rank += strchr(parts->name, '*') ? 0 : 1000;
    for (const char *c = parts->schema; *c; c++)
        rank += *c != '*';
    for (const char *c = parts->name; *c; c++)
        rank += *c != '*';
    return rank;
}

struct question {
    char schema[24], name[24];
    int service, access;
    bool database, routine, fold;
};

struct said {
    int action, reason, owner;
};

/* The service whose pattern is the most specific of those that match; -1: none. */
static int plain_owner(const struct config *config, const struct question *q)
{
    int best = -1, owner = -1;

    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].owns.count; j++) {
            struct parts parts = plain_parts(config->services[i].owns.items[j].value);
            if (plain_rank(&parts) > best && plain_match(parts.schema, q->schema, q->fold) &&
                plain_match(parts.name, q->name, q->fold)) {
                best = plain_rank(&parts);
                owner = (int)i;
            }
        }
    }
    return owner;
}

/* Adds the accesses that one permission covers to those that hold or those that have expired. */
static void plain_permit(const struct question *q, struct text pattern, int access, int until,
                         int *holds, int *expired)
{
    struct parts parts = plain_parts(pattern);
    int *to = until >= TODAY ? holds : expired;

    if (!plain_match(parts.schema, q->schema, q->fold))
        return;
    if (!q->database) {
        if (plain_match(parts.name, q->name, q->fold))
            *to |= access;
        return;
    }
    *to |= SQL_READ; /* any permission opens the database it is in */
    if (strspn(parts.name, "*") == strlen(parts.name))
        *to |= access;
}

static void plain_grants(const struct config *config, const struct question *q, int *holds,
                         int *expired)
{
    if (q->service < 0)
        return;
    const struct config_service *service = &config->services[q->service];
    for (size_t i = 0; i < service->reads.count; i++)
        plain_permit(q, service->reads.items[i].value, SQL_READ, INT32_MAX, holds, expired);
    for (size_t i = 0; i < config->grant_count; i++) {
        const struct config_grant *grant = &config->grants[i];
        if (!text_equal(grant->service.value, service->name))
            continue;
        for (size_t j = 0; j < grant->on.count; j++)
            plain_permit(q, grant->on.items[j].value, grant->access,
                         grant->until.line ? grant->until.day : INT32_MAX, holds, expired);
    }
}

static int plain_mode(const struct config *config, int service)
{
    if (service >= 0 && config->services[service].mode.line)
        return config->services[service].mode.value;
    return config->policy.mode.value;
}

static int plain_action(int word)
{
    return word == CONFIG_BLOCK ? VERDICT_BLOCK : word == CONFIG_LOG ? VERDICT_LOG : VERDICT_ALLOW;
}

static struct said plain_other(const struct config *config, const struct question *q, int owner,
                               bool expired)
{
    int mode = plain_mode(config, q->service);

    if (text_equal_fold(text_of(q->schema), TEXT("information_schema")))
        return (struct said){VERDICT_ALLOW, REASON_SESSION, owner};
    if (text_equal_fold(text_of(q->schema), TEXT("mysql")))
        return (struct said){mode == CONFIG_OFF ||
                                     config->policy.administration.value == CONFIG_AS_MODE
                                 ? plain_action(mode)
                                 : plain_action(config->policy.administration.value),
                             REASON_SYSTEM, owner};
    if (owner < 0)
        return (struct said){mode == CONFIG_OFF ? VERDICT_ALLOW
                                                : plain_action(config->policy.unowned.value),
                             REASON_UNOWNED, -1};
    for (size_t i = 0; i < config->edge_count && q->service >= 0; i++) {
        if (text_equal(config->edges[i].user, config->services[q->service].name) &&
            text_equal(config->edges[i].owner, config->services[owner].name))
            mode = config->edges[i].mode.value;
    }
    return (struct said){plain_action(mode), expired ? REASON_EXPIRED_GRANT : REASON_FOREIGN,
                         owner};
}

static struct said plain_table(const struct config *config, const struct question *q)
{
    int owner = plain_owner(config, q), holds = 0, expired = 0;

    if (owner >= 0 && owner == q->service)
        return (struct said){VERDICT_ALLOW, REASON_OWN, owner};
    plain_grants(config, q, &holds, &expired);
    if ((q->access & ~holds) == 0)
        return (struct said){VERDICT_ALLOW, REASON_GRANTED, owner};
    return plain_other(config, q, owner, (q->access & ~holds & ~expired) == 0);
}

static struct said plain_foreign(const struct config *config, const struct question *q, int owner)
{
    return plain_other(config, q, owner, false);
}

static bool plain_is_database(const struct config *config, const struct question *q, size_t service)
{
    struct text database = config->services[service].database.value;

    return database.at && (q->fold ? text_equal_fold(database, text_of(q->schema))
                                   : text_equal(database, text_of(q->schema)));
}

/* What there is of ownership in a schema. */
struct plain_silo {
    int whole, whole_rank; /* SCHEMA.* */
    bool has_own;
    int rank[8]; /* each service's most specific pattern there; -1: none */
};

static struct plain_silo plain_silo(const struct config *config, const struct question *q)
{
    struct plain_silo silo = {
        -1, -1, false, {-1, -1, -1, -1, -1, -1, -1, -1}
    };

    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].owns.count; j++) {
            struct parts parts = plain_parts(config->services[i].owns.items[j].value);
            int rank = plain_rank(&parts);
            if (!plain_match(parts.schema, q->schema, q->fold))
                continue;
            silo.has_own |= (int)i == q->service;
            silo.rank[i] = rank > silo.rank[i] ? rank : silo.rank[i];
            if (strspn(parts.name, "*") == strlen(parts.name) && rank > silo.whole_rank) {
                silo.whole = (int)i;
                silo.whole_rank = rank;
            }
        }
    }
    return silo;
}

/* Of those whose things would be hit, the one that is dealt with the most strictly; -1: none. */
static int plain_obstacle(const struct config *config, const struct question *q,
                          const struct plain_silo *silo)
{
    int worst = -1;
    int64_t worst_score = -1;

    for (int i = 0; i < (int)config->service_count; i++) {
        bool below = silo->whole == q->service && silo->rank[i] <= silo->whole_rank;
        if (i == q->service || silo->rank[i] < 0 || (silo->whole >= 0 && below))
            continue;
        struct question plain = *q; /* a schema that is not the server's own */
        snprintf(plain.schema, sizeof(plain.schema), "x");
        int64_t score = (int64_t)plain_foreign(config, &plain, i).action * 1000000 +
                        (i == silo->whole ? 500000 : 0) + silo->rank[i];
        if (score > worst_score) {
            worst = i;
            worst_score = score;
        }
    }
    return worst;
}

static struct said plain_database(const struct config *config, const struct question *q)
{
    struct plain_silo silo = plain_silo(config, q);
    int obstacle = q->access == SQL_READ ? -1 : plain_obstacle(config, q, &silo);
    int own = 0, holds = 0, expired = 0, initial_db = -1, initial_dbs = 0, owner = -1;

    if (q->service >= 0 && (silo.has_own || plain_is_database(config, q, (size_t)q->service)))
        own = SQL_READ;
    if (q->service >= 0 && silo.whole == q->service && obstacle < 0)
        own = SQL_ACCESS_ALL;
    if ((q->access & ~own) == 0)
        return (struct said){VERDICT_ALLOW, REASON_OWN, q->service};
    plain_grants(config, q, &holds, &expired);
    int missing = q->access & ~own & ~holds;
    if (missing == 0)
        return (struct said){VERDICT_ALLOW, REASON_GRANTED, silo.whole};
    for (int i = 0; i < (int)config->service_count; i++) {
        if (plain_is_database(config, q, (size_t)i)) {
            initial_db = i;
            initial_dbs++;
        }
    }
    if (missing != SQL_READ && obstacle >= 0)
        owner = obstacle;
    else if (silo.whole >= 0 && silo.whole != q->service)
        owner = silo.whole;
    else if (initial_dbs == 1 && initial_db != q->service)
        owner = initial_db;
    struct said said = plain_other(config, q, owner, (missing & ~expired) == 0);
    if (said.reason == REASON_SYSTEM || said.reason == REASON_SESSION)
        said.owner = silo.whole;
    return said;
}

/* Two services with patterns of one rank and a name that both match: looked for among all short
 * names, one part at a time. */
static bool plain_meet(const char *a, const char *b)
{
    for (unsigned length = 0; length <= 8; length++) {
        for (unsigned bits = 0; bits < 1u << length; bits++) {
            char name[16] = "";
            for (unsigned i = 0; i < length; i++)
                name[i] = bits >> i & 1 ? 'a' : 'b';
            if (plain_match(a, name, true) && plain_match(b, name, true))
                return true;
        }
    }
    return plain_match(a, b, true) || plain_match(b, a, true);
}

static bool plain_contradicts(const struct config *config)
{
    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].owns.count; j++) {
            struct parts a = plain_parts(config->services[i].owns.items[j].value);
            for (size_t k = 0; k < i; k++) {
                for (size_t l = 0; l < config->services[k].owns.count; l++) {
                    struct parts b = plain_parts(config->services[k].owns.items[l].value);
                    if (plain_rank(&a) == plain_rank(&b) && plain_meet(a.schema, b.schema) &&
                        plain_meet(a.name, b.name))
                        return true;
                }
            }
        }
    }
    return false;
}

/* ---- random policies and questions ---- */

static void any_name(char *to)
{
    static const char casefolds[] = "ababA";
    unsigned length = 1 + any(3);

    for (unsigned i = 0; i < length; i++)
        to[i] = casefolds[any(5)];
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
