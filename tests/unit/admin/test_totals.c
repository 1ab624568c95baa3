/* What others have counted is added to /metrics: one line a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "admin/totals.h"

#define COUNTER "# HELP silogate_a_total A.\n# TYPE silogate_a_total counter\n"
#define GAUGE   "# HELP silogate_up Up.\n# TYPE silogate_up gauge\n"
#define OPEN    "# HELP silogate_sessions Open.\n# TYPE silogate_sessions gauge\n"
#define TIMES   "# TYPE silogate_t histogram\n"
#define PROCESS "# TYPE process_x_total counter\nprocess_x_total 5\n"
#define RELOADS "# TYPE silogate_reloads_total counter\nsilogate_reloads_total 2\n"

static char *write(const char *own, char *const *others, size_t count, bool counters)
{
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    assert_non_null(to);
    totals_write(to, own, others, count, counters);
    fclose(to);
    return text;
}

static void test_sums(void **state)
{
    static const struct {
        const char *own, *first, *second, *sum;
        bool counters;
    } cases[] = {
        {COUNTER "silogate_a_total 1\n",                                                          "silogate_a_total 2\n",            "silogate_a_total 4\n",
         COUNTER "silogate_a_total 7\n",                                                                                                                                                              false},
        {COUNTER "silogate_a_total{s=\"x y\"} 1\n",                                               "silogate_a_total{s=\"x y\"} 2\n", "",
         COUNTER "silogate_a_total{s=\"x y\"} 3\n",                                                                                                                                                   false},
 /* only another has it: in its own metric's group, also in the last one */
        {COUNTER "silogate_a_total{s=\"x\"} 1\n" GAUGE "silogate_up 1\n",
         "silogate_a_total{s=\"y\"} 2\n",                                                                                            "silogate_a_total{s=\"y\"} 3\n",
         COUNTER "silogate_a_total{s=\"x\"} 1\nsilogate_a_total{s=\"y\"} 5\n" GAUGE
                 "silogate_up 1\n",                                                                                                                                                                   false},
        {COUNTER "silogate_a_total{s=\"x\"} 1\n",                                                 "silogate_a_total{s=\"a\"} 2\n",   "",
         COUNTER "silogate_a_total{s=\"x\"} 1\nsilogate_a_total{s=\"a\"} 2\n",                                                                                                                        false},
        {COUNTER,                                                                                 "silogate_a_total 2\n",            "",                              COUNTER "silogate_a_total 2\n", false},
 /* a gauge is its own process's, but for what is open */
        {GAUGE "silogate_up 1\n",                                                                 "silogate_up 1\n",                 "",                              GAUGE "silogate_up 1\n",        false},
        {OPEN "silogate_sessions 1\n",                                                            "silogate_sessions 2\n",           "",                              OPEN "silogate_sessions 3\n",
         false                                                                                                                                                                                             },
        {OPEN "silogate_sessions 1\n" COUNTER "silogate_a_total 1\n",                             "silogate_sessions 2\n",           "",
         "# TYPE silogate_a_total counter\nsilogate_a_total 1\n",                                                                                                                                     true },
 /* names that begin alike */
        {OPEN "silogate_sessions 1\n",                                                            "silogate_sessions_open 2\n",      "",
         OPEN "silogate_sessions 1\n",                                                                                                                                                                false},
        {TIMES "silogate_t_bucket{le=\"1\"} 1\nsilogate_t_sum 0.500000000\nsilogate_t_count 1\n",
         "silogate_t_bucket{le=\"1\"} 2\nsilogate_t_sum 1\nsilogate_t_count 2\n",                                                    "",
         TIMES "silogate_t_bucket{le=\"1\"} 3\nsilogate_t_sum 1.500000000\nsilogate_t_count 3\n",
         false                                                                                                                                                                                             },
        {PROCESS,                                                                                 "process_x_total 7\n",             "",                              PROCESS,                        false},
        {RELOADS,                                                                                 "silogate_reloads_total 2\n",      "",                              RELOADS,                        false},
 /* another version's, and what is no such text */
        {COUNTER "silogate_a_total 1\n",                                                          "silogate_b_total 9\n",            "\n\n#\n \n1\nx y\n",
         COUNTER "silogate_a_total 1\n",                                                                                                                                                              false},
        {"",                                                                                      "silogate_a_total 1\n",            "",                              "",                             false},
        {COUNTER "silogate_a_total 9007199254740000\n",                                           "silogate_a_total 2\n",            "",
         COUNTER "silogate_a_total 9007199254740002\n",                                                                                                                                               false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *const others[] = {(char *)cases[i].first, (char *)cases[i].second};
        char *text = write(cases[i].own, others, 2, cases[i].counters);
        assert_string_equal(text, cases[i].sum);
        free(text);
    }
}

/* What has ended is added up again and again. */
static void test_folds(void **state)
{
    char *sum = NULL;

    (void)state;
    for (int i = 0; i < 3; i++) {
        char *next = write(COUNTER "silogate_a_total 2\n" OPEN "silogate_sessions 4\n", &sum,
                           sum ? 1 : 0, true);
        free(sum);
        sum = next;
    }
    assert_string_equal(sum, "# TYPE silogate_a_total counter\nsilogate_a_total 6\n");
    free(sum);
}

/* What a process that was killed still had is over. */
static void test_end(void **state)
{
    static const char *const cases[][2] = {
        {"silogate_commands_total{outcome=\"forwarded\"} 5\nsilogate_sessions_open_x 7\n"
         "silogate_commands_total{outcome=\"forwarded\"} 9\n"
         "silogate_answers_total{outcome=\"complete\"} 6\n"
         "silogate_answers_total{outcome=\"failed\"} 1\nsilogate_sessions_open 3\n", "silogate_sessions_closed_total{reason=\"ended\"} 3\n"
         "silogate_answers_total{outcome=\"failed\"} 2\n"},
        {"",                                                                                  "silogate_sessions_closed_total{reason=\"ended\"} 0\n"
             "silogate_answers_total{outcome=\"failed\"} 0\n"                                                                             },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = NULL;
        size_t length;
        FILE *to = open_memstream(&text, &length);
        assert_non_null(to);
        totals_end(to, cases[i][0]);
        fclose(to);
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
