/* The golden corpus, the files of tests/sql: a line of SQL, then one line for each statement in it
 * with what its facts must be. Lines that start with '#' are options ("# dialect mariadb", "#
 * database shop" or "# database ?", "# mode ANSI_QUOTES", "# charset gbk", "# version 80036", "#
 * fold 1", "# reset") or remarks
 * ("## ..."). SQL that starts with a backslash and a blank has C's escapes in it. Facts read
 *     > select: read shop.users, execute routine shop.f, administration, mode 4
 *     > undetermined: why
 * Each statement is analysed once more for each of its beginnings at a guard page, and once for
 * each dialect where no dialect is named. GOLDEN=print in the environment prints the corpus as it
 * is read now, for comparison.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sql/analyze.h"
#include "tests/unit/sql/guard.h"

enum { LINE = 16384 };

struct options {
    struct sql_state state;
    bool both;
};

static struct sql_facts facts;

static void add(char *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char *to, const char *format, ...)
{
    size_t used = strlen(to);
    va_list args;

    va_start(args, format);
    int written = vsnprintf(to + used, LINE - used, format, args);
    va_end(args);
    assert_true(written >= 0 && (size_t)written < LINE - used);
}

static void describe_object(const struct sql_object *object, char *to)
{
    const char *plus = "";

    for (unsigned access = SQL_READ; access <= SQL_EXECUTE; access <<= 1) {
        if (!(object->access & access))
            continue;
        add(to, "%s%s", plus, sql_access_name((enum sql_access)access));
        plus = "+";
    }
    if (object->session_only)
        add(to, " session");
    if (object->type != SQL_TABLE)
        add(to, " %s", sql_type_name((enum sql_type)object->type));
    add(to, " %.*s", object->schema.at ? (int)object->schema.length : 1,
        object->schema.at ? object->schema.at : "?");
    if (object->type != SQL_DATABASE)
        add(to, ".%.*s", TEXT_ARGS(object->name));
}

static void describe_effects(char *to)
{
    static const char *const charsets[] = {"utf8",    "single", "big5", "gbk",
                                           "gb18030", "sjis",   "safe", "unknown"};

    if (facts.effects & SQL_EFFECT_DATABASE)
        add(to, ", use %.*s", TEXT_ARGS(facts.database));
    if (facts.effects & SQL_EFFECT_DATABASE_DROPPED)
        add(to, ", dropped %.*s", TEXT_ARGS(facts.database));
    if (facts.effects & SQL_EFFECT_MODE)
        add(to, facts.mode == SQL_MODE_UNKNOWN ? ", mode ?" : ", mode %u", facts.mode);
    if (facts.effects & SQL_EFFECT_CHARSET)
        add(to, ", charset %s", charsets[facts.charset]);
    if (facts.effects & SQL_EFFECT_LOSSY && facts.lossy)
        add(to, facts.lossy & SQL_LOSSY_SIGNS ? ", lossy" : ", lossy beyond ascii");
    if (facts.effects & SQL_EFFECT_UNKNOWN)
        add(to, ", unknown");
    if (facts.effects & SQL_EFFECT_KILL)
        add(to, ", kill%s %llu", facts.kill_query ? " query" : "",
            (unsigned long long)facts.thread);
}

static void describe(char *to)
{
    to[0] = '\0';
    add(to, "> %s:", facts.determined ? sql_kind_name((enum sql_kind)facts.kind) : "undetermined");
    if (!facts.determined)
        add(to, " %s%s", facts.why, facts.needs_mode ? " (mode)" : "");
    for (unsigned i = 0; i < facts.object_count; i++) {
        add(to, "%s ", i > 0 || !facts.determined ? "," : "");
        describe_object(&facts.objects[i], to);
    }
    if (facts.administration)
        add(to, ", administration");
    describe_effects(to);
}

static size_t unescape_line(char *sql)
{
    size_t length = 0;

    for (char *from = sql + 2; *from; from++) {
        char c = *from;
        if (c == '\\' && from[1] == 'x') {
            char hex[3] = {from[2], from[3], '\0'};
            c = (char)strtoul(hex, NULL, 16);
            from += 3;
        } else if (c == '\\' && from[1] == 'n') {
            c = '\n';
            from++;
        } else if (c == '\\' && from[1] == '\\') {
            from++;
        }
        sql[length++] = c;
    }
    return length;
}

/* All beginnings of the text: nothing may be read behind them, and nothing may crash. */
static void read_beginnings(struct text text, const struct sql_state *state)
{
    for (size_t i = 0; i <= text.length; i++) {
        struct text beginning = guard_text((struct text){text.at, i});
        size_t offset = 0;
        do {
            size_t next = sql_analyze(beginning, offset, state, NULL, &facts);
            assert_true(next >= offset && next <= i);
            assert_true(facts.determined || facts.why);
            if (next == offset)
                break;
            offset = next;
        } while (offset < i);
    }
}

/* The descriptions of all statements in the text, a line each. */
static void describe_all(struct text text, struct sql_state state, char *to)
{
    struct sql_session *session = NULL;
    size_t offset = 0;

    to[0] = '\0';
    do {
        char line[LINE];
        offset = sql_analyze(text, offset, &state, session, &facts);
        if (offset == text.length && facts.kind == SQL_EMPTY && facts.determined && to[0])
            break;
        describe(line);
        add(to, "%s\n", line);
        sql_state_apply(&state, &facts);
        if (facts.effects & SQL_EFFECT_SESSION)
            sql_session_apply(&session, &facts);
    } while (offset < text.length);
    sql_session_free(&session);
}

static void set_dialect(struct options *options, const char *value)
{
    options->both = strcmp(value, "both") == 0;
    options->state.dialect = strcmp(value, "mariadb") == 0 ? SQL_MARIADB : SQL_MYSQL;
    options->state.version = options->state.dialect == SQL_MARIADB ? 101119 : 90704;
}

static void set_option(struct options *options, const char *line)
{
    char name[32], value[128] = "";

    if (sscanf(line, "# %31s %127s", name, value) < 1)
        fail_msg("not an option: %s", line);
    if (strcmp(name, "reset") == 0) {
        *options = (struct options){.state = {.mode_known = true}};
        sql_state_set_database(&options->state, TEXT("shop"));
        set_dialect(options, "both");
    } else if (strcmp(name, "dialect") == 0) {
        set_dialect(options, value);
    } else if (strcmp(name, "database") == 0) {
        bool unknown = strcmp(value, "?") == 0;
        sql_state_set_database(&options->state,
                               value[0] && !unknown ? text_of(value) : (struct text){NULL, 0});
        options->state.database_unknown = unknown;
    } else if (strcmp(name, "mode") == 0) {
        options->state.mode_known = strcmp(value, "unknown") != 0;
        options->state.mode = options->state.mode_known ? sql_mode_of(text_of(value)) : 0;
    } else if (strcmp(name, "charset") == 0) {
        options->state.charset = (uint8_t)sql_charset_of(text_of(value));
    } else if (strcmp(name, "version") == 0) {
        options->state.version = (uint32_t)atol(value);
    } else if (strcmp(name, "fold") == 0) {
        options->state.lower_case_table_names = (uint8_t)atoi(value);
    } else {
        fail_msg("no such option: %s", line);
    }
}

/* The SQL line with the expectations behind it. True when all is as expected. */
static bool run_case(const struct options *options, const char *path, unsigned number, char *sql,
                     const char *expected)
{
    static char got[LINE];
    size_t length = sql[0] == '\\' && sql[1] == ' ' ? unescape_line(sql) : strlen(sql);
    struct sql_state state = options->state;
    bool right = true;

    for (int i = 0; i < (options->both ? 2 : 1); i++) {
        if (options->both) {
            state.dialect = (uint8_t)i;
            state.version = i == SQL_MARIADB ? 101119 : 90704;
        }
        read_beginnings((struct text){sql, length}, &state);
        describe_all((struct text){sql, length}, state, got);
        if (getenv("GOLDEN") && i == 0)
            printf("%s", got);
        if (strcmp(got, expected) != 0) {
            fprintf(stderr, "%s:%u (%s): %.*s\n  expected %s  got      %s", path, number,
                    state.dialect == SQL_MARIADB ? "mariadb" : "mysql", (int)length, sql, expected,
                    got);
            right = false;
        }
    }
    return right;
}

static bool read_expected(FILE *file, char *expected, unsigned *number)
{
    char line[LINE];
    long back = ftell(file);

    expected[0] = '\0';
    while (fgets(line, sizeof(line), file) && line[0] == '>') {
        add(expected, "%s", line);
        back = ftell(file);
        (*number)++;
    }
    fseek(file, back, SEEK_SET);
    return expected[0] != '\0';
}

static unsigned run_file(const char *path, unsigned *cases)
{
    static char line[LINE], expected[LINE];
    struct options options;
    unsigned number = 0, wrong = 0;
    FILE *file = fopen(path, "r");

    if (!file)
        fail_msg("cannot open %s", path);
    set_option(&options, "# reset");
    while (fgets(line, sizeof(line), file)) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (getenv("GOLDEN"))
            printf("%s\n", line);
        if (line[0] == '\0' || (line[0] == '#' && line[1] == '#'))
            continue;
        if (line[0] == '#' && line[1] == ' ') {
            set_option(&options, line);
            continue;
        }
        unsigned at = number;
        if (!read_expected(file, expected, &number) && !getenv("GOLDEN"))
            fail_msg("%s:%u: no expectation", path, at);
        wrong += !run_case(&options, path, at, line, expected);
        (*cases)++;
    }
    fclose(file);
    return wrong;
}

static void test_golden(void **state)
{
    const char *pattern = getenv("GOLDEN_FILES") ? getenv("GOLDEN_FILES") : "tests/sql/*.test";
    unsigned cases = 0, wrong = 0;
    glob_t files;
    (void)state;

    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        wrong += run_file(files.gl_pathv[i], &cases);
    globfree(&files);
    assert_true(cases > 0);
    if (wrong && !getenv("GOLDEN"))
        fail_msg("%u of %u cases are wrong", wrong, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};

    return cmocka_run_group_tests_name("sql/golden", tests, NULL, NULL);
}
