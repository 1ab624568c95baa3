/* Names in a text, mapped to where the tables stand: each row of what a moved table needs, on both
 * servers. o is nilecare, b is nilecare_billing: invoices and lines have moved, patients not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "sql/analyze.h"
#include "sql/map.h"
#include "sql/session.h"

static struct sql_facts facts;
static struct sql_edits edits;

static bool is(struct text text, const char *name)
{
    return text_equal(text, text_of(name));
}

/* Both names mean the table at its new place; the trigger tr has moved along. */
static struct text stands(const void *moved, enum sql_type type, struct text schema,
                          struct text name)
{
    const struct text none = {NULL, 0};
    const char *to = moved;

    if (!is(schema, "o") && !is(schema, "b"))
        return none;
    if (type == SQL_TABLE ? !is(name, "invoices") && !is(name, "lines") : !is(name, "tr"))
        return none;
    return is(schema, to) ? none : text_of(to);
}

struct row {
    const char *text;
    const char *mapped; /* NULL: as it is; "!": it cannot be */
    int dialect;        /* -1: both */
};

#define BOTH -1
#define MY   SQL_MYSQL
#define MA   SQL_MARIADB

static const struct row rows[] = {
#include "tests/unit/sql/map_rows.h"
};

static void try_row(const struct row *row, enum sql_dialect dialect, const char *database,
                    const char *to)
{
    struct sql_state state = {.dialect = (uint8_t)dialect,
                              .mode_known = true,
                              .escapes_known = true,
                              .version = dialect == SQL_MYSQL ? 90704 : 101119};
    const struct sql_where where = {stands, to, NULL};
    const struct text text = text_of(row->text);
    const char *want = row->mapped ? row->mapped : row->text;
    static char mapped[100000];

    sql_state_set_database(&state, text_of(database));
    size_t end = sql_analyze(text, 0, &state, NULL, &facts);
    enum sql_mapped found = sql_map(&facts, &state, &where, &edits);
    if (found == SQL_MAP_CANNOT) {
        if (strcmp(want, "!") != 0)
            fail_msg("%s\n cannot be mapped: %s", row->text, edits.why);
        return;
    }
    mapped[sql_map_write(text, &edits, mapped)] = '\0';
    if (strcmp(mapped, want) != 0 || end != text.length)
        fail_msg("%s\n is mapped to\n%s\n not\n%s\n (%s)", row->text, mapped, want,
                 facts.determined ? "determined" : facts.why);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int dialect = SQL_MYSQL; dialect <= SQL_MARIADB; dialect++) {
            if (rows[i].dialect == BOTH || rows[i].dialect == dialect)
                try_row(&rows[i], (enum sql_dialect)dialect, "o", "b");
        }
    }
}

/* The text may be ahead of the table: before the move, and after the way back. */
static void test_old_place(void **state)
{
    static const struct row back[] = {
        {"SELECT * FROM invoices",                                                                "SELECT * FROM `o`.invoices",               BOTH},
        {"SELECT b.invoices.id FROM b.invoices",                                                  "SELECT `o`.invoices.id FROM `o`.invoices", BOTH},
        {"SELECT * FROM o.invoices JOIN patients",                                                NULL,                                       BOTH},
        {"CREATE TRIGGER tr BEFORE INSERT ON invoices FOR EACH ROW INSERT INTO audit VALUES (1)",
         "CREATE TRIGGER `o`.tr BEFORE INSERT ON `o`.invoices FOR EACH ROW INSERT INTO `b`.audit "
         "VALUES (1)",                                                                                                                        BOTH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
        try_row(&back[i], SQL_MYSQL, "b", "o");
        try_row(&back[i], SQL_MARIADB, "b", "o");
    }
}

/* Its table is looked for in the trigger's schema, not in the current database. */
static void test_trigger_of_another_schema(void **state)
{
    static const struct row row = {
        "CREATE TRIGGER o.tr BEFORE INSERT ON invoices FOR EACH ROW SET NEW.a = 1",
        "CREATE TRIGGER `b`.tr BEFORE INSERT ON `b`.invoices FOR EACH ROW SET NEW.a = 1", BOTH};

    (void)state;
    try_row(&row, SQL_MYSQL, "c", "b");
    try_row(&row, SQL_MARIADB, "c", "b");
}

/* A temporary table of the session is not the one that moved. */
static void test_names_of_others(void **state)
{
    static const struct row others[] = {
        {"SELECT * FROM x.invoices JOIN invoices", NULL, BOTH},
        {"SELECT x.invoices.id FROM x.invoices",   NULL, BOTH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        try_row(&others[i], SQL_MYSQL, "x", "b");
}

static void test_case_and_character_sets(void **state)
{
    struct sql_state folded = {.dialect = SQL_MYSQL,
                               .mode_known = true,
                               .escapes_known = true,
                               .lower_case_table_names = 1,
                               .version = 90704};
    const struct sql_where where = {stands, "b", NULL};
    struct text text = TEXT("SELECT O.`INVOICES`.ID, o.I.x FROM `Invoices`, lines AS i");
    char mapped[4000];

    (void)state;
    sql_state_set_database(&folded, TEXT("o"));
    sql_analyze(text, 0, &folded, NULL, &facts);
    assert_int_equal(sql_map(&facts, &folded, &where, &edits), SQL_MAP_EDITS);
    mapped[sql_map_write(text, &edits, mapped)] = '\0';
    assert_string_equal(mapped, "SELECT `b`.`INVOICES`.ID, `b`.I.x FROM `b`.`Invoices`, "
                                "`b`.lines AS i");
    folded.charset = SQL_CHARSET_UNKNOWN;
    assert_int_equal(sql_map(&facts, &folded, &where, &edits), SQL_MAP_CANNOT);
}

/* A temporary table where the table stands would answer instead of it. */
static void test_temporary_at_the_new_place(void **state)
{
    static const struct {
        const char *made, *text;
        enum sql_mapped mapped;
    } cases[] = {
        {"CREATE TEMPORARY TABLE b.invoices (id INT)", "SELECT * FROM invoices",          SQL_MAP_CANNOT },
        {"CREATE TEMPORARY TABLE b.invoices (id INT)", "SELECT * FROM patients, o.lines",
         SQL_MAP_EDITS                                                                                   },
        {"CREATE TEMPORARY TABLE b.invoices (id INT)", "SELECT * FROM b.invoices",        SQL_MAP_NOTHING},
        {"CREATE TEMPORARY TABLE invoices (id INT)",   "SELECT * FROM invoices",          SQL_MAP_NOTHING},
        {"CREATE TEMPORARY TABLE x.invoices (id INT)", "INSERT INTO invoices SELECT 1",
         SQL_MAP_EDITS                                                                                   },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sql_state my = {.mode_known = true, .escapes_known = true, .version = 90704};
        struct sql_session *session = NULL;
        sql_state_set_database(&my, TEXT("o"));
        sql_analyze(text_of(cases[i].made), 0, &my, NULL, &facts);
        sql_session_apply(&session, &facts);
        const struct sql_where where = {stands, "b", session};
        sql_analyze(text_of(cases[i].text), 0, &my, session, &facts);
        if (sql_map(&facts, &my, &where, &edits) != cases[i].mapped)
            fail_msg("%s; %s", cases[i].made, cases[i].text);
        sql_session_free(&session);
    }
}

/* Bounds: what has no room is not mapped in part. */
static void test_bounds(void **state)
{
    static char text[400000], mapped[1000000];
    struct sql_state both = {.mode_known = true, .escapes_known = true, .version = 90704};
    const struct sql_where where = {stands, "b", NULL};

    (void)state;
    sql_state_set_database(&both, TEXT("o"));
    for (unsigned count = 1; count <= 6000; count += count < 400 ? 57 : 1000) {
        size_t length = (size_t)sprintf(text, "SELECT 1 FROM invoices a0");
        for (unsigned i = 1; i < count; i++)
            length += (size_t)sprintf(text + length, ", invoices a%u", i);
        sql_analyze((struct text){text, length}, 0, &both, NULL, &facts);
        enum sql_mapped found = sql_map(&facts, &both, &where, &edits);
        if (count <= SQL_EDITS) {
            assert_int_equal(found, SQL_MAP_EDITS);
            assert_int_equal(sql_map_write((struct text){text, length}, &edits, mapped),
                             length + 4 * count);
        } else {
            assert_int_equal(found, SQL_MAP_CANNOT);
        }
    }
    for (unsigned count = 1; count <= 900; count += 299) {
        size_t length = (size_t)sprintf(text, "SELECT 1");
        for (unsigned i = 0; i < count; i++)
            length += (size_t)sprintf(text + length, ", o.invoices.id");
        length += (size_t)sprintf(text + length, " FROM invoices");
        sql_analyze((struct text){text, length}, 0, &both, NULL, &facts);
        assert_int_equal(sql_map(&facts, &both, &where, &edits),
                         count <= 512 ? SQL_MAP_EDITS : SQL_MAP_CANNOT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_old_place),
        cmocka_unit_test(test_trigger_of_another_schema),
        cmocka_unit_test(test_names_of_others),
        cmocka_unit_test(test_case_and_character_sets),
        cmocka_unit_test(test_temporary_at_the_new_place),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
