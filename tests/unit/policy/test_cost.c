/* What a verdict costs does not grow with the policy: counted in questions to the table, not in
 * time, so that it is the same on every machine. And the trees under it, on their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/built.h"
#include "tests/unit/ini.h"

static struct policy *build(const char *ini)
{
    struct config_problems problems = {0};
    struct config *config = ini_good(ini);
    struct policy *policy = policy_build(config, 20000, &problems);

    if (!policy) {
        config_problems_print(&problems, "test");
        abort();
    }
    config_problems_fini(&problems);
    config_free(config);
    return policy;
}

/* `services` services with patterns of every shape, ten for each; those that would contradict each
 * other anywhere (with a piece in the middle) are all the first one's. */
static struct policy *large(unsigned services)
{
    size_t room = 1000 + services * 1000u, at;
    char *ini = malloc(room);

    at = (size_t)sprintf(ini, "[upstream:u]\naddress = 127.0.0.1:1\n[service:first]\nuser = u\n");
    for (unsigned i = 0; i < services; i++)
        at += (size_t)sprintf(ini + at, "owns = middle.*_m%05u_*\nowns = *_y%05u.a*b*c%05u\n", i, i,
                              i);
    for (unsigned i = 0; i < services; i++) {
        at += (size_t)sprintf(ini + at, "[service:s%05u]\nuser = u%05u\n", i, i);
        at += (size_t)sprintf(ini + at, "owns = db%05u.*\nowns = shared.t%05u\n", i, i);
        at += (size_t)sprintf(ini + at, "owns = shared.p%05u_*\nowns = tails.*_s%05u\n", i, i);
        at += (size_t)sprintf(ini + at, "owns = x%05u_*.*\nowns = *.only%05u\n", i, i);
        at += (size_t)sprintf(ini + at, "owns = shared.u%05u\nowns = shared.v%05u\n", i, i);
        at += (size_t)sprintf(ini + at, "reads = shared.r%05u*\nreads = shared.w*\n", i);
    }
    struct policy *policy = build(ini);
    free(ini);
    return policy;
}

struct count {
    struct matcher_visit visit;
    const struct matcher *matcher;
    struct text name;
    unsigned ends;
};

static bool count_end(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    (void)node;
    (void)value;
    ((struct count *)visit)->ends++;
    return true;
}

static bool count_schema(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    struct count *count = (struct count *)visit;

    (void)value;
    visit->visit = count_end;
    matcher_follow(count->matcher, node, count->name, visit);
    visit->visit = count_schema;
    return true;
}

/* The questions of a whole look-up, with no early end. */
static struct count look_up(const struct policy *policy, uint32_t root, const char *schema,
                            const char *name)
{
    struct count count = {.visit = {.visit = count_schema},
                          .matcher = &policy->views[0].matcher,
                          .name = text_of(name)};

    matcher_follow(count.matcher, root, text_of(schema), &count.visit);
    return count;
}

static void test_size_does_not_count(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"shared",    "t00003"         },
        {"shared",    "p00003_x"       },
        {"tails",     "x_s00003"       },
        {"middle",    "x_m00003_y"     },
        {"db00003",   "anything"       },
        {"x00003_y",  "z"              },
        {"elsewhere", "only00003"      },
        {"a_y00003",  "a1b2c00003"     },
        {"shared",    "nothing_at_all" },
        {"elsewhere", "x"              },
        {"shared",    "p00003_p00003_" },
        {"mysql",     "user"           },
        {"middle",    "_m00003_m00003_"},
        {"tails",     "_s00003_s00003" },
        {"shared",    "r00003"         },
    };
    struct policy *small = large(10), *big = large(1000);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct count few = look_up(small, small->views[0].ownership, names[i][0], names[i][1]);
        struct count many = look_up(big, big->views[0].ownership, names[i][0], names[i][1]);
        assert_int_equal(few.ends, many.ends);
        assert_int_equal(few.visit.steps, many.visit.steps);
        assert_true(many.visit.steps < 100);
        few = look_up(small, small->views[0].grants[3], names[i][0], names[i][1]);
        many = look_up(big, big->views[0].grants[3], names[i][0], names[i][1]);
        assert_int_equal(few.visit.steps, many.visit.steps);
    }
    policy_free(small);
    policy_free(big);
}

/* However many patterns begin like a name, what is asked is bounded by the name's own length. */
static void test_bounded_by_the_name(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct matcher matcher = {.arena = &arena};
    uint32_t root = matcher_root(&matcher);
    for (unsigned i = 0; i < 20000; i++) {
        char piece[40];
        sprintf(piece, "*%0*x*", 1 + (int)(i % 30), i);
        matcher_add(&matcher, root, arena_text(&arena, text_of(piece)));
    }
    char name[65];
    memset(name, '0', 64);
    name[64] = 0;
    struct count count = {.visit = {.visit = count_end}, .matcher = &matcher};
    matcher_follow(&matcher, root, text_of(name), &count.visit);
    assert_true(count.visit.steps <= 64 * 65 / 2 + 2);
    matcher_fini(&matcher);
    arena_fini(&arena);
}

/* One glob at a time, against names; twice the same glob is one end. */
static void test_globs(void **state)
{
    (void)state;
    static const struct {
        const char *glob, *name;
        bool matches;
    } cases[] = {
        {"a",         "a",      true },
        {"a",         "b",      false},
        {"a",         "",       false},
        {"a",         "aa",     false},
        {"*",         "",       true },
        {"*",         "a",      true },
        {"a*",        "a",      true },
        {"a*",        "ab",     true },
        {"a*",        "ba",     false},
        {"*a",        "a",      true },
        {"*a",        "ba",     true },
        {"*a",        "ab",     false},
        {"*a*",       "a",      true },
        {"*a*",       "bab",    true },
        {"*a*",       "b",      false},
        {"a*a",       "a",      false},
        {"a*a",       "aa",     true },
        {"a*a",       "aba",    true },
        {"ab*ba",     "aba",    false},
        {"ab*ba",     "abba",   true },
        {"*ab*ba*",   "aba",    false},
        {"*ab*ba*",   "xabbax", true },
        {"a*b*c",     "abc",    true },
        {"a*b*c",     "ac",     false},
        {"a*b*c",     "abbc",   true },
        {"a*b*c",     "acbc",   true },
        {"a*b*c",     "acb",    false},
        {"*aab",      "aaab",   true },
        {"*aab*",     "aaab",   true },
        {"*ab*ab*ab", "ababab", true },
        {"*ab*ab*ab", "abab",   false},
        {"*abc*bcd*", "abcd",   false},
        {"*abc*bcd*", "abcbcd", true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        struct matcher matcher = {.arena = &arena};
        uint32_t root = matcher_root(&matcher);
        uint32_t end = matcher_add(&matcher, root, text_of(cases[i].glob));
        assert_int_equal(matcher_add(&matcher, root, text_of(cases[i].glob)), end);
        struct count count = {.visit = {.visit = count_end}, .matcher = &matcher};
        matcher_follow(&matcher, root, text_of(cases[i].name), &count.visit);
        if (count.ends != cases[i].matches)
            fail_msg("'%s' on '%s': %u ends", cases[i].glob, cases[i].name, count.ends);
        assert_int_equal(glob_match(text_of(cases[i].glob), text_of(cases[i].name)),
                         cases[i].matches);
        matcher_fini(&matcher);
        arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_does_not_count),
        cmocka_unit_test(test_bounded_by_the_name),
        cmocka_unit_test(test_globs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
