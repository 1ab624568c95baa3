/* What a session remembers, and above all what it forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "sql/session_internal.h"

static struct sql_facts facts;
static struct sql_session *session;

static int fresh(void **state)
{
    (void)state;
    sql_session_free(&session);
    return 0;
}

static struct sql_facts *statement(unsigned action, const char *name, const char *value)
{
    facts = (struct sql_facts){.determined = true, .effects = SQL_EFFECT_SESSION};
    facts.session.action = (uint16_t)action;
    facts.session.name = text_of(name);
    facts.session.value = text_of(value);
    return &facts;
}

static void add_object(enum sql_type type, unsigned access, const char *schema, const char *name)
{
    facts.objects[facts.object_count++] = (struct sql_object){.schema = text_of(schema),
                                                              .name = text_of(name),
                                                              .type = (uint8_t)type,
                                                              .access = (uint8_t)access};
}

static void settled(bool kept)
{
    struct arena arena = {0};

    sql_session_settle(&session, sql_session_after(session, &facts, &arena), kept, false);
    arena_fini(&arena);
}

static void remember_one_of_each(void)
{
    statement(SQL_ACTION_CREATE_TEMPORARY, "t", "db");
    settled(true);
    facts.session.facts = statement(SQL_ACTION_PREPARE, "s", NULL);
    add_object(SQL_TABLE, SQL_READ, "db", "x");
    settled(true);
    statement(SQL_ACTION_SET_VARIABLE, "v", "SELECT 1");
    settled(true);
}

static bool has_table(void)
{
    return sql_session_has_table(session, TEXT("db"), TEXT("t"));
}

static bool has_variable(void)
{
    return sql_session_variable(session, TEXT("v")).at;
}

static bool has_statement(void)
{
    return sql_session_statement(session, TEXT("s"));
}

static void test_empty(void **state)
{
    (void)state;
    assert_false(has_table());
    assert_false(has_variable());
    assert_false(has_statement());
    sql_session_settle(&session, NULL, true, false);
    assert_false(sql_session_disturbed(session, statement(0, NULL, NULL)));
    statement(SQL_ACTION_FORGET_ALL | SQL_ACTION_FORGET_VARIABLES | SQL_ACTION_DROP_TABLES, "x",
              "y");
    add_object(SQL_TABLE, SQL_DEFINE, "db", "t");
    settled(true);
    statement(SQL_ACTION_DEALLOCATE, "s", NULL);
    settled(true);
    assert_null(session);
}

static void test_tables(void **state)
{
    (void)state;

    statement(SQL_ACTION_CREATE_TEMPORARY, "t", "db");
    settled(true);
    assert_true(has_table());
    assert_false(sql_session_has_table(session, TEXT("db"), TEXT("T")));
    assert_false(sql_session_has_table(session, TEXT("other"), TEXT("t")));
    assert_false(sql_session_has_table(session, (struct text){NULL, 0}, TEXT("t")));

    statement(SQL_ACTION_DROP_TABLES, NULL, NULL);
    add_object(SQL_TABLE, SQL_READ, "db", "t");
    add_object(SQL_DATABASE, SQL_DEFINE, "db", "t");
    add_object(SQL_TABLE, SQL_DEFINE, "other", "t");
    settled(true);
    assert_true(has_table());
    add_object(SQL_TABLE, SQL_DEFINE | SQL_WRITE, "db", "t");
    settled(false);
    assert_false(has_table());
}

static void test_failed_command_adds_nothing(void **state)
{
    (void)state;

    struct arena arena = {0};
    statement(SQL_ACTION_CREATE_TEMPORARY, "t", "db");
    const struct sql_session *after = sql_session_after(session, &facts, &arena);
    statement(SQL_ACTION_SET_VARIABLE, "v", "x");
    after = sql_session_after(after, &facts, &arena);
    facts.session.facts = statement(SQL_ACTION_PREPARE, "s", NULL);
    after = sql_session_after(after, &facts, &arena);
    assert_true(sql_session_has_table(after, TEXT("db"), TEXT("t")));
    assert_true(sql_session_variable(after, TEXT("v")).at);
    assert_non_null(sql_session_statement(after, TEXT("s")));
    assert_false(has_table() || has_variable() || has_statement());
    sql_session_settle(&session, after, false, false);
    assert_false(has_table() || has_variable() || has_statement());
    sql_session_settle(&session, after, true, false);
    arena_fini(&arena);
    assert_true(has_table() && has_variable() && has_statement());
    sql_session_free(&session);
    remember_one_of_each();
    statement(SQL_ACTION_CREATE_TEMPORARY, "t", "db");
    settled(false); /* CREATE OR REPLACE may have dropped what was there before */
    assert_false(has_table());
    statement(SQL_ACTION_SET_VARIABLE, "v", "y");
    settled(false);
    assert_false(has_variable());
    facts.session.facts = statement(SQL_ACTION_PREPARE, "s", NULL);
    settled(false);
    assert_false(has_statement());
}

static void test_variables(void **state)
{
    (void)state;
    static const struct {
        unsigned action;
        const char *name, *value;
        const char *after; /* what @v holds then */
    } cases[] = {
        {SQL_ACTION_SET_VARIABLE,                               "V",        "b",  "b"       },
        {SQL_ACTION_SET_VARIABLE,                               "v",        "",   ""        },
        {SQL_ACTION_SET_VARIABLE,                               "w",        "b",  "SELECT 1"},
        {SQL_ACTION_SET_VARIABLE,                               "v",        NULL, NULL      },
        {SQL_ACTION_SET_VARIABLE,                               "v ",       "b",  NULL      }, /* MySQL pads */
        {SQL_ACTION_SET_VARIABLE,                               "\xc3\xbf", "b",  NULL      }, /* accents do not count in MySQL */
        {SQL_ACTION_SET_VARIABLE,                               "",         "b",  NULL      },
        {SQL_ACTION_FORGET_VARIABLES,                           NULL,       NULL, NULL      },
        {SQL_ACTION_FORGET_VARIABLES | SQL_ACTION_SET_VARIABLE, "v",        "b",  NULL      },
        {SQL_ACTION_FORGET_ALL,                                 NULL,       NULL, NULL      },
        {SQL_ACTION_DEALLOCATE,                                 "v",        NULL, "SELECT 1"},
        {SQL_ACTION_CREATE_TEMPORARY,                           "v",        "db", "SELECT 1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sql_session_free(&session);
        remember_one_of_each();
        statement(cases[i].action, cases[i].name, cases[i].value);
        settled(true);
        struct text value = sql_session_variable(session, TEXT("v"));
        assert_int_equal(value.at != NULL, cases[i].after != NULL);
        assert_true(text_equal(value, text_of(cases[i].after)));
    }
    assert_null(sql_session_variable(session, TEXT("v\xc3\xbf")).at);
}

static void test_statements(void **state)
{
    (void)state;

    remember_one_of_each();
    const struct sql_facts *kept = sql_session_statement(session, TEXT("S"));
    assert_non_null(kept);
    assert_int_equal(kept->object_count, 1);
    assert_true(text_equal(kept->objects[0].name, TEXT("x")));
    assert_int_equal(kept->session.action, 0);

    statement(SQL_ACTION_PREPARE, "s", NULL); /* of something unknown */
    settled(true);
    assert_false(has_statement());
    remember_one_of_each();
    statement(SQL_ACTION_DEALLOCATE, "S", NULL);
    settled(true);
    assert_false(has_statement());
    remember_one_of_each();
    facts.session.facts = statement(SQL_ACTION_PREPARE, "s ", NULL);
    settled(true);
    assert_false(has_statement());
    assert_null(sql_session_statement(session, TEXT("s ")));
    remember_one_of_each();
    struct sql_facts inner = {.determined = false};
    statement(SQL_ACTION_PREPARE, "s", NULL)->session.facts = &inner;
    settled(true);
    assert_false(has_statement());
}

static void test_disturbances(void **state)
{
    (void)state;

    remember_one_of_each();
    assert_false(sql_session_disturbed(session, statement(0, NULL, NULL)));
    add_object(SQL_TABLE, SQL_DEFINE, "db", "x");
    add_object(SQL_ROUTINE, SQL_DEFINE, "db", "f");
    add_object(SQL_TABLE, SQL_WRITE, "db", "t");
    facts.objects[2].session_only = true;
    assert_false(sql_session_disturbed(session, &facts));
    settled(true);
    assert_true(has_table() && has_variable() && has_statement());

    statement(SQL_ACTION_RUNS_CODE, NULL, NULL); /* a trigger may set variables */
    add_object(SQL_TABLE, SQL_WRITE, "db", "x");
    assert_true(sql_session_disturbed(session, &facts));
    settled(true);
    assert_true(has_table() && !has_variable() && has_statement());
    assert_false(sql_session_disturbed(session, &facts));

    remember_one_of_each();
    statement(0, NULL, NULL); /* SHOW CREATE, LOCK TABLES and DDL run none */
    add_object(SQL_TABLE, SQL_READ, "db", "x");
    assert_false(sql_session_disturbed(session, &facts));
    statement(SQL_ACTION_RUNS_CODE, NULL, NULL); /* nor is there any in information_schema */
    add_object(SQL_TABLE, SQL_READ, "information_schema", "x");
    assert_false(sql_session_disturbed(session, &facts));
    statement(SQL_ACTION_RUNS_CODE, NULL, NULL); /* so may a view's function */
    add_object(SQL_TABLE, SQL_READ, "db", "x");
    assert_true(sql_session_disturbed(session, &facts));
    settled(true);
    assert_true(has_table() && !has_variable() && has_statement());

    remember_one_of_each();
    statement(SQL_ACTION_RUNS_CODE, NULL, NULL);
    add_object(SQL_ROUTINE, SQL_EXECUTE, "db", "f");
    assert_true(sql_session_disturbed(session, &facts));
    settled(true);
    assert_true(has_table() && !has_variable() && has_statement());

    remember_one_of_each();
    statement(SQL_ACTION_SET_VARIABLE, "v", "x");
    facts.determined = false;
    assert_true(sql_session_disturbed(session, &facts));
    settled(true);
    assert_false(has_table() || has_variable() || has_statement());
}

/* A statement's facts may point into what the statement makes the session forget. */
static void test_facts_that_point_into_the_session(void **state)
{
    (void)state;

    remember_one_of_each();
    struct text value = sql_session_variable(session, TEXT("v"));
    facts.session.facts = statement(SQL_ACTION_PREPARE, "s", NULL); /* and v is forgotten */
    add_object(SQL_TABLE, SQL_READ, NULL, NULL);
    facts.objects[0].name = value;
    settled(true);
    assert_true(
        text_equal(sql_session_statement(session, TEXT("s"))->objects[0].name, TEXT("SELECT 1")));

    remember_one_of_each();
    statement(SQL_ACTION_SET_VARIABLE, "v", NULL);
    facts.session.value = sql_session_variable(session, TEXT("v"));
    settled(true);
    assert_true(text_equal(sql_session_variable(session, TEXT("v")), TEXT("SELECT 1")));
}

static void test_prepared_before_the_temporary_table_went(void **state)
{
    (void)state;
    struct sql_facts prepared = {.determined = true, .object_count = 2};

    prepared.objects[0] =
        (struct sql_object){.schema = TEXT("db"), .name = TEXT("t"), .session_only = true};
    prepared.objects[1] = (struct sql_object){.schema = TEXT("db"), .name = TEXT("t")};
    remember_one_of_each();
    sql_session_renew(session, &prepared);
    assert_true(prepared.objects[0].session_only);
    assert_false(prepared.objects[1].session_only);
    sql_session_free(&session);
    sql_session_renew(session, &prepared);
    assert_false(prepared.objects[0].session_only);
}

/* What is open under a HANDLER READ's name at its execution is read besides. */
static void test_prepared_before_the_handler_was_another_table_s(void **state)
{
    (void)state;
    static struct sql_facts prepared;

    prepared.determined = true;
    prepared.session.handler = TEXT("h");
    sql_session_renew(session, &prepared);
    assert_false(prepared.determined);
    facts.session.facts = statement(SQL_ACTION_OPEN_HANDLER, "h", NULL);
    add_object(SQL_TABLE, SQL_READ, NULL, NULL);
    facts.objects[0].name = TEXT("other");
    settled(true);
    prepared.determined = true;
    sql_session_renew(session, &prepared);
    assert_true(prepared.determined);
    assert_int_equal(prepared.object_count, 1);
    assert_true(text_equal(prepared.objects[0].name, TEXT("other")));
}

static struct text numbered(char *to, size_t size, const char *letter, int number)
{
    return (struct text){to, (size_t)snprintf(to, size, "%s%d", letter, number)};
}

static void test_bounds(void **state)
{
    (void)state;
    char name[16];
    enum { MORE = 10 };

    for (int i = 0; i < SQL_SESSION_ENTRIES + MORE; i++) {
        statement(SQL_ACTION_CREATE_TEMPORARY, NULL, "db");
        facts.session.name = numbered(name, sizeof(name), "t", i);
        settled(true);
    }
    for (int i = 0; i < SQL_SESSION_ENTRIES + MORE; i++)
        assert_int_equal(
            sql_session_has_table(session, TEXT("db"), numbered(name, sizeof(name), "t", i)),
            i >= MORE);

    char *large = calloc(1, SQL_SESSION_BYTES);
    statement(SQL_ACTION_SET_VARIABLE, "v", NULL);
    facts.session.value = (struct text){large, SQL_SESSION_BYTES / 2};
    settled(true);
    assert_true(has_variable());
    statement(SQL_ACTION_SET_VARIABLE, "w", NULL);
    facts.session.value = (struct text){large, SQL_SESSION_BYTES / 2};
    settled(true);
    assert_false(has_variable());
    assert_non_null(sql_session_variable(session, TEXT("w")).at);
    statement(SQL_ACTION_SET_VARIABLE, "w", NULL);
    facts.session.value = (struct text){large, SQL_SESSION_BYTES};
    settled(true);
    assert_null(sql_session_variable(session, TEXT("w")).at);
    free(large);
}

static void test_kept_facts_own_their_texts(void **state)
{
    (void)state;
    char schema[] = "db", name[] = "one", other[] = "two";

    statement(SQL_ACTION_SET_VARIABLE, name, other);
    facts.session.facts = &facts;
    facts.database = text_of(schema);
    add_object(SQL_TABLE, SQL_READ, schema, name);
    add_object(SQL_TABLE, SQL_WRITE, schema, other);
    add_object(SQL_DATABASE, SQL_DEFINE, NULL, "");
    struct sql_facts *kept = sql_facts_keep(&facts);
    memset(schema, '?', sizeof(schema));
    memset(name, '?', sizeof(name));
    memset(other, '?', sizeof(other));
    assert_ptr_equal(kept->session.facts, kept);
    assert_true(text_equal(kept->session.name, TEXT("one")));
    assert_true(text_equal(kept->session.value, TEXT("two")));
    assert_true(text_equal(kept->database, TEXT("db")));
    assert_int_equal(kept->object_count, 3);
    assert_true(text_equal(kept->objects[0].schema, TEXT("db")));
    assert_true(text_equal(kept->objects[1].schema, TEXT("db")));
    assert_true(text_equal(kept->objects[1].name, TEXT("two")));
    assert_null(kept->objects[2].schema.at);
    assert_int_equal(kept->objects[2].name.length, 0);
    free(kept);

    statement(0, NULL, NULL);
    struct sql_facts inner = {.determined = true};
    facts.session.facts = &inner;
    kept = sql_facts_keep(&facts);
    assert_null(kept->session.facts);
    free(kept);
}

static void test_names_of_facts(void **state)
{
    (void)state;

    assert_string_equal(sql_kind_name(SQL_UNKNOWN), "unknown");
    assert_string_equal(sql_kind_name(SQL_SELECT), "select");
    assert_string_equal(sql_type_name(SQL_TABLE), "table");
    assert_string_equal(sql_type_name(SQL_ROUTINE), "routine");
    assert_string_equal(sql_type_name(SQL_DATABASE), "database");
    assert_string_equal(sql_access_name(SQL_READ), "read");
    assert_string_equal(sql_access_name(SQL_WRITE), "write");
    assert_string_equal(sql_access_name(SQL_DEFINE), "define");
    assert_string_equal(sql_access_name(SQL_EXECUTE), "execute");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, fresh, fresh),
        cmocka_unit_test_setup_teardown(test_tables, fresh, fresh),
        cmocka_unit_test_setup_teardown(test_failed_command_adds_nothing, fresh, fresh),
        cmocka_unit_test_setup_teardown(test_variables, fresh, fresh),
        cmocka_unit_test_setup_teardown(test_statements, fresh, fresh),
        cmocka_unit_test_setup_teardown(test_disturbances, fresh, fresh),
        cmocka_unit_test_setup_teardown(test_facts_that_point_into_the_session, fresh, fresh),
        cmocka_unit_test_setup_teardown(test_prepared_before_the_temporary_table_went, fresh,
                                        fresh),
        cmocka_unit_test_setup_teardown(test_prepared_before_the_handler_was_another_table_s, fresh,
                                        fresh),
        cmocka_unit_test_setup_teardown(test_bounds, fresh, fresh),
        cmocka_unit_test(test_kept_facts_own_their_texts),
        cmocka_unit_test(test_names_of_facts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
