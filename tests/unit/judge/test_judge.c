/* Judging is a function: of what is believed, of whose the session is, and of the command. No
 * sockets, no server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/fuzz/judged.h"
#include "tests/unit/ini.h"

static struct judged judged;

static int fresh(void **test)
{
    (void)test;
    judged_end(&judged);
    memset(&judged.belief, 0, sizeof(judged.belief));
    judged.belief.state =
        (struct sql_state){.dialect = SQL_MYSQL, .version = 90704, .mode_known = true};
    sql_state_set_database(&judged.belief.state, TEXT("own"));
    return 0;
}

enum { PREPARE = 0, INIT_DB = 1, EXECUTE = 3, QUERY = 4 };

/* What became of it, the oracle watching. */
static enum ruling_outcome run_as(unsigned what, const char *text, bool good)
{
    judged_command(&judged, what, good, text_of(text));
    return judged.one.outcome;
}

static enum ruling_outcome run(const char *text)
{
    return run_as(QUERY, text, true);
}

static void test_zero_refuses(void **test)
{
    (void)test;
    static struct ruling ruling;

    assert_int_equal(ruling.outcome, RULING_REFUSE);
    ruling_begin(&ruling, 0);
    assert_int_equal(ruling.outcome, RULING_REFUSE);
    ruling_fini(&ruling);
}

/* Commands one after the other in one session, and what becomes of each. */
static void test_sessions(void **test)
{
    (void)test;
    static const struct {
        const char *text;
        /* 'o' OK, 'e' error, 'r' refused, 'a' the server is asked; '-' a new session */
        char answer;
    } steps[] = {
        {"SELECT * FROM t",                                                                      'o'},
        {"SELECT * FROM secret.t",                                                               'r'},
 /* a trial reading leaves nothing behind */
        {"SET sql_mode = LOWER(''); SELECT '\\'; CREATE TEMPORARY TABLE secret.t (a int); -- '",
         'o'                                                                                        },
        {"SELECT * FROM secret.t",                                                               'a'},
        {"SELECT * FROM secret.t",                                                               'r'},
        {"",                                                                                     '-'},
 /* nor what is refused or fails */
        {"SELECT * FROM secret.t; CREATE TEMPORARY TABLE secret.t (a int)",                      'r'},
        {"CREATE TEMPORARY TABLE secret.t (a int)",                                              'e'},
        {"SELECT * FROM secret.t",                                                               'r'},
        {"CREATE TEMPORARY TABLE secret.t (a int); SELECT * FROM secret.t",                      'o'},
        {"SELECT * FROM secret.t",                                                               'o'},
        {"DROP TEMPORARY TABLE secret.t; SELECT 1 FROM t",                                       'e'},
        {"SELECT * FROM secret.t",                                                               'r'},
        {"",                                                                                     '-'},
        {"PREPARE s FROM 'SELECT \"a\" FROM t'",                                                 'o'},
        {"EXECUTE s",                                                                            'o'},
        {"SET sql_mode = 'ANSI_QUOTES'",                                                         'o'},
        {"EXECUTE s",                                                                            'r'},
        {"SET sql_mode = ''",                                                                    'o'},
        {"EXECUTE s",                                                                            'o'},
        {"XA ROLLBACK 'x'",                                                                      'o'}, /* logged */
        {"HANDLER secret.t OPEN",                                                                'r'},
        {"HANDLER t READ FIRST",                                                                 'r'},
        {"HANDLER t OPEN",                                                                       'o'},
        {"HANDLER t READ FIRST",                                                                 'o'},
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].answer == '-') {
            fresh(NULL);
            continue;
        }
        enum ruling_outcome outcome = run_as(QUERY, steps[i].text, steps[i].answer != 'e');
        enum ruling_outcome wanted = steps[i].answer == 'r'   ? RULING_REFUSE
                                     : steps[i].answer == 'a' ? RULING_ASK
                                                              : RULING_ALLOW;
        if (outcome != wanted)
            fail_msg("%zu: %s", i, steps[i].text);
    }
}

/* What would be answered from silogate's own question is judged in every reading instead, and what
 * names nothing too; nothing is let through so that is not sure. */
static void test_what_is_judged_unasked(void **test)
{
    (void)test;
    static const struct {
        const char *text;
        char mode, all; /* what is not known; 'o' it passes unasked, 'a' the server is asked first,
                           'r' refused */
    } cases[] = {
        {"SELECT FOUND_ROWS()",                                  'o', 'o'},
        {"SELECT FOUND_ROWS() AS \"n\"",                         'o', 'o'},
        {"SELECT FOUND_ROWS() FROM t",                           'o', 'a'},
        {"SELECT \"x\", FOUND_ROWS() FROM t",                    'o', 'a'},
        {"SELECT \"x\" FROM t",                                  'a', 'a'},
        {"SELECT \"x\", FOUND_ROWS() FROM secret.t",             'a', 'a'},
        {"SELECT FOUND_ROWS(), \"\\\" FROM secret.t -- \"",      'a', 'a'},
        {"SELECT FOUND_ROWS(); SELECT \"x\" FROM secret.t",      'a', 'a'},
        {"SELECT FOUND_ROWS(), `FROM secret.t",                  'r', 'a'},
        {"SHOW WARNINGS",                                        'o', 'o'},
        {"SHOW /* \"it\" */ WARNINGS",                           'o', 'o'},
        {"SHOW TABLE STATUS",                                    'o', 'a'},
        {"SHOW TABLES",                                          'o', 'a'},
        {"SELECT QUERY FROM information_schema.OPTIMIZER_TRACE", 'o', 'o'},
        {"SELECT 1",                                             'o', 'o'},
        {"COMMIT",                                               'o', 'o'},
        {"SET @n = ROW_COUNT()",                                 'o', 'o'},
        {"SET @n = ROW_COUNT(), @m = \"x\"",                     'a', 'a'},
        {"SET @n = \"x\"",                                       'a', 'a'},
        {"SET @n = 'x'",                                         'o', 'a'},
        {"SET sql_mode = ROW_COUNT()",                           'o', 'o'},
        {"SET NAMES utf8mb4",                                    'o', 'o'},
        {"USE own",                                              'o', 'a'},
        {"KILL 5",                                               'o', 'a'},
        {"KILL 6",                                               'o', 'a'}, /* it is over */
        {"INSERT INTO own.t VALUES (ROW_COUNT(), \"x\")",        'o', 'o'},
        {"SET GLOBAL max_connections = ROW_COUNT()",             'o', 'a'},
        {"SELECT \"x\", 'status' AS error FROM own.t",           'a', 'a'}, /* tells nothing */
        {"DELETE FROM own.t; SELECT \"x\", ROW_COUNT() FROM t",  'a', 'a'}, /* its own rows */
        {"DELETE FROM own.t; SELECT \"x\", FOUND_ROWS() FROM t", 'o', 'a'},
    };

    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        bool all = i % 2;
        char wanted = all ? cases[i / 2].all : cases[i / 2].mode;
        fresh(NULL);
        judged.belief.state.mode_known = false;
        judged.belief.must_ask = all;
        enum ruling_outcome outcome = run(cases[i / 2].text);
        if (outcome != (wanted == 'o' ? RULING_ALLOW : wanted == 'r' ? RULING_REFUSE : RULING_ASK))
            fail_msg("%s, %s", cases[i / 2].text, all ? "all unknown" : "the mode unknown");
    }
}

static void test_prepared_is_read_again(void **test)
{
    (void)test;
    static const char text[] = "SELECT name \"\\\" FROM secret.t -- \" FROM own.t";

    assert_int_equal(run_as(PREPARE, text, true), RULING_ALLOW);
    assert_int_equal(run_as(EXECUTE, "", true), RULING_ALLOW);
    run("SET sql_mode = 'ANSI_QUOTES'");
    assert_int_equal(run_as(EXECUTE, "", true), RULING_REFUSE);
    assert_int_equal(judged.one.refusal.code, 1142);
    run("SET sql_mode = ''");
    assert_int_equal(run_as(EXECUTE, "", true), RULING_ALLOW);
    run("SET sql_mode = LOWER('')");
    assert_int_equal(run_as(EXECUTE, "", true), RULING_ASK);
}

static void test_each_violation_is_kept(void **test)
{
    (void)test;
    static char text[20000];
    size_t length = 0;

    while (length < sizeof(text) - 60)
        length += (size_t)snprintf(text + length, 60, "SELECT %zu FROM secret.t;SELECT 1 FROM t;",
                                   length);
    assert_int_equal(run(text), RULING_REFUSE);
    assert_true(judged.one.has_rest);
    assert_int_equal(judged.one.violation_count, RULING_PARTS);
}

static void test_many_lost_modes(void **test)
{
    (void)test;
    static char text[60000];

    for (size_t i = 0; i + 40 < sizeof(text);)
        i += (size_t)snprintf(text + i, 40, "SET sql_mode=LOWER('');");
    judged.belief.state.dialect = SQL_MARIADB;
    judged.belief.state.version = 101119;
    assert_int_equal(run(text), RULING_ALLOW);
    assert_true(judged.belief.must_ask);
}

static void test_written(void **test)
{
    (void)test;
    judged.belief.in_transaction = true;
    run("INSERT INTO secret.t VALUES (1)");
    assert_int_equal(judged.belief.written.count, 0);
    run("INSERT INTO t VALUES (1)");
    assert_int_equal(judged.belief.written.count, 1);
    assert_int_equal(judged.belief.written.list[0], 0);
}

static void test_an_alias_is_rewritten(void **test)
{
    (void)test;
    assert_int_equal(run("USE shop; SELECT 1; USE db"), RULING_ALLOW);
    assert_int_equal(judged.two.rewrite_count, 2);
    assert_int_equal(run_as(INIT_DB, "shop", true), RULING_ALLOW);
    assert_int_equal(run_as(INIT_DB, "secret", true), RULING_REFUSE);
    assert_int_equal(judged.one.refusal.code, 1044);
}

static char *list_of(char *text, const char *head, const char *last)
{
    size_t length = (size_t)sprintf(text, "%s", head);

    for (unsigned i = 0; i < 5000; i++)
        length += (size_t)sprintf(text + length, "t%u, ", i);
    sprintf(text + length, "%s", last);
    return text;
}

/* A list longer than the facts can hold: what its last name is decides as what its first is. */
static void test_a_long_list_is_judged_whole(void **test)
{
    (void)test;
    static char text[100000], wanted[400];

    assert_int_equal(run(list_of(text, "DROP TABLE ", "last")), RULING_ALLOW);
    assert_int_equal(judged.two.parts, 1);
    assert_int_equal(judged.two.allowed[REASON_OWN], 1);
    assert_int_equal(judged.two.violation_count, 0);

    run("DROP TABLE secret.last");
    strcpy(wanted, judged.one.refusal.message);
    assert_int_equal(run(list_of(text, "DROP TABLE ", "secret.last")), RULING_REFUSE);
    assert_string_equal(judged.one.refusal.message, wanted);
    assert_int_equal(judged.one.violation_count, 1);
    assert_int_equal(judged.one.parts, 1);
    assert_int_equal(run(list_of(text, "DROP TABLE secret.first, ", "last")), RULING_REFUSE);
    assert_int_equal(run(list_of(text, "DROP TABLE ", "last no_such_word")), RULING_REFUSE);
    assert_int_equal(judged.one.violation_count, 1);

    /* The record's statement ends where it ends, and the one behind it is judged too. */
    assert_int_equal(run(list_of(text, "CHECK TABLE ", "secret.last; SELECT 1")), RULING_REFUSE);
    assert_int_equal(judged.one.violation_count, 1);
    assert_int_equal(judged.one.violations[0].end, strlen(text) - strlen(" SELECT 1"));
    assert_int_equal(run(list_of(text, "CHECK TABLE ", "last; SELECT 1 FROM secret.t")),
                     RULING_REFUSE);
    assert_int_equal(judged.one.parts, 2);

    /* A temporary table in the last batch is forgotten: its name is the real one's from then on. */
    assert_int_equal(run("CREATE TEMPORARY TABLE secret.tt (a int)"), RULING_ALLOW);
    assert_int_equal(run("SELECT * FROM secret.tt"), RULING_ALLOW);
    assert_int_equal(run(list_of(text, "DROP TABLE IF EXISTS ", "secret.tt")), RULING_ALLOW);
    assert_int_equal(run("SELECT * FROM secret.tt"), RULING_REFUSE);
    assert_int_equal(run("CREATE TEMPORARY TABLE secret.tt (a int)"), RULING_ALLOW);
    assert_int_equal(run_as(QUERY, list_of(text, "DROP TABLE secret.tt, ", "last"), false),
                     RULING_ALLOW);
    assert_int_equal(run("SELECT * FROM secret.tt"), RULING_REFUSE);

    /* What is prepared is kept whole or not at all. */
    assert_int_equal(run_as(PREPARE, list_of(text, "DROP TABLE ", "last"), true), RULING_REFUSE);
}

static uint64_t mode_after(const char *text, bool good)
{
    if (run_as(QUERY, text, good) == RULING_ASK)
        run_as(QUERY, text, good);
    return belief_mode(&judged.belief);
}

/* The same number only for the same sql_mode: a literal's, or nothing has set one in between. */
static void test_the_mode_as_a_number(void **test)
{
    (void)test;
    static const char *const each_time_another[] = {
        "SET sql_mode = CONCAT(@@sql_mode, ',IGNORE_SPACE')",
        "SET sql_mode = REPLACE(@@sql_mode, 'IGNORE_SPACE', '')",
        "SET sql_mode = @@sql_mode",
        "SET sql_mode = DEFAULT",
        "SET sql_mode = @m",
        "SET sql_mode = (SELECT '')",
        "SET sql_mode = 'NOT_KNOWN'",
        "SET sql_mode = '', sql_mode = @@sql_mode",
        "SET sql_mode = ''; SET sql_mode = @@sql_mode",
        "SET sql_mode = @m; SELECT 1",
        "PREPARE s FROM 'SET sql_mode = '''''; EXECUTE s",
    };
    const uint64_t first = mode_after("SET NAMES latin1", true);

    assert_int_equal(mode_after("SELECT 1; SET NAMES utf8mb4", true), first);
    const uint64_t nulls = mode_after("SET sql_mode = 'EMPTY_STRING_IS_NULL'", true);
    const uint64_t none = mode_after("SET sql_mode = ''", true);
    assert_true(first != 0 && nulls != 0 && none != 0);
    assert_true(nulls != first && none != first && nulls != none);
    assert_int_equal(mode_after("SET sql_mode = EMPTY_STRING_IS_NULL, NAMES utf8mb4", true), nulls);
    assert_int_equal(mode_after("SET NAMES utf8mb4 COLLATE utf8mb4_bin", true), nulls);
    assert_int_equal(mode_after("SELECT 1 FROM t", false), nulls);
    assert_int_equal(mode_after("SET @m = ''; SET NAMES utf8mb4, sql_mode = ''", true), none);

    for (size_t i = 0; i < sizeof(each_time_another) / sizeof(each_time_another[0]); i++) {
        mode_after("SET sql_mode = ''", true);
        const uint64_t one = mode_after(each_time_another[i], true);
        const uint64_t two = mode_after(each_time_another[i], true);
        if (one == two || one == none || two == none)
            fail_msg("%s", each_time_another[i]);
    }
    assert_int_equal(mode_after("SET sql_mode = ''", true), none);
    const uint64_t failed = mode_after("SET sql_mode = ''", false);
    assert_true(failed != none && mode_after("SET sql_mode = ''", false) != failed);
    assert_int_equal(mode_after("SET sql_mode = ''", true), none);
    belief_reset(&judged.belief);
    assert_true(belief_mode(&judged.belief) != none);
}

static struct config *config;

static int set_up(void **test)
{
    (void)test;
    config = ini_good(JUDGED_INI);
    judged_begin(&judged, config);
    return 0;
}

static int tear_down(void **test)
{
    (void)test;
    judged_end(&judged);
    ruling_fini(&judged.one);
    ruling_fini(&judged.two);
    policy_free((struct policy *)judged.binding.policy);
    router_free((struct router *)judged.binding.router);
    config_free(config);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_zero_refuses, fresh),
        cmocka_unit_test_setup(test_sessions, fresh),
        cmocka_unit_test_setup(test_what_is_judged_unasked, fresh),
        cmocka_unit_test_setup(test_prepared_is_read_again, fresh),
        cmocka_unit_test_setup(test_each_violation_is_kept, fresh),
        cmocka_unit_test_setup(test_many_lost_modes, fresh),
        cmocka_unit_test_setup(test_written, fresh),
        cmocka_unit_test_setup(test_an_alias_is_rewritten, fresh),
        cmocka_unit_test_setup(test_a_long_list_is_judged_whole, fresh),
        cmocka_unit_test_setup(test_the_mode_as_a_number, fresh),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
