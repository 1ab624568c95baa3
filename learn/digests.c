/* performance_schema's tables events_statements_summary_by_digest and events_statements_history
 * (also _long and _current), as rows of tabs with the names of the columns in the first line
 * (`mysql -B`), or as JSON: objects one after another, or in an array.
 *
 * The text of a row is the statement as it was sent (QUERY_SAMPLE_TEXT, SQL_TEXT) where the server
 * has kept it whole, else the server's own normalized one.
 */
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/arena.h"
#include "learn/digest_text.h"
#include "learn/internal.h"
#include "report/report.h"

enum { COLUMNS_MOST = 200, JSON_MOST = 512 << 20 };

enum column { SCHEMA, SAMPLE, NORMALIZED, USER, COUNT, FIRST, LAST, COLUMN_COUNT, UNUSED };

static const struct {
    const char *name;
    enum column column;
} column_names[] = {
    {"SCHEMA_NAME",       SCHEMA    },
    {"CURRENT_SCHEMA",    SCHEMA    },
    {"QUERY_SAMPLE_TEXT", SAMPLE    },
    {"SQL_TEXT",          SAMPLE    },
    {"DIGEST_TEXT",       NORMALIZED},
    {"PROCESSLIST_USER",  USER      },
    {"USER",              USER      },
    {"COUNT_STAR",        COUNT     },
    {"FIRST_SEEN",        FIRST     },
    {"LAST_SEEN",         LAST      },
};

struct reading {
    struct learn *learn;
    int64_t now;
    char *room; /* room for a text that is rewritten */
    size_t room_size;
};

static enum column find_column(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(column_names) / sizeof(column_names[0]); i++) {
        if (strlen(column_names[i].name) == length &&
            strncasecmp(name, column_names[i].name, length) == 0)
            return column_names[i].column;
    }
    return UNUSED;
}

/* "2026-11-28 01:00:59.598692" without a zone: in the time zone of TZ. */
static int64_t read_time(struct text text, int64_t otherwise)
{
    struct tm tm = {.tm_isdst = -1};
    char copy[40];
    int64_t utc;

    if (text.length < 19 || text.length >= sizeof(copy) - 1)
        return otherwise;
    memcpy(copy, text.at, text.length);
    copy[text.length] = 'Z';
    if (!report_time((struct text){copy, text.length + 1}, false, &utc))
        return report_time(text, false, &utc) ? utc : otherwise;
    time_t seconds = (time_t)(utc / 1000000);
    gmtime_r(&seconds, &tm);
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * 1000000 + utc % 1000000;
}

static bool is_cut(struct text text)
{
    return text.length > 3 && memcmp(text.at + text.length - 3, "...", 3) == 0;
}

static void take_text(struct reading *reading, struct learn_session *session,
                      const struct text fields[COLUMN_COUNT], const struct learn_seen *seen)
{
    struct learn *learn = reading->learn;
    struct text sample = text_trim(fields[SAMPLE]), text = fields[NORMALIZED];
    bool cut = false;

    if (!reading->room || text.length + sample.length + 16 > reading->room_size) {
        reading->room_size = (text.length + sample.length) * 2 + 64;
        reading->room = memory_resize(reading->room, reading->room_size);
    }
    if (sample.length > 0 && (!is_cut(sample) || text.length == 0)) {
        memcpy(reading->room, sample.at, sample.length);
        learn_put_literals(reading->room, sample.length);
        learn_summed(learn, session, (struct text){reading->room, sample.length}, is_cut(sample),
                     seen);
        return;
    }
    struct sql_state *state = &session->belief.state;
    text = digest_text_read(text, (enum sql_dialect)state->dialect, reading->room, &cut);
    /* The server's text has a blank before every bracket, and names that are keywords in capitals.
     */
    state->mode |= SQL_IGNORE_SPACE;
    state->lower_case_table_names = 1;
    learn_summed(learn, session, text, cut, seen);
}

/* One row. Fields that are not there have `at` NULL. */
static void take_row(struct reading *reading, const struct text fields[COLUMN_COUNT])
{
    struct learn *learn = reading->learn;
    struct learn_seen seen = {.count = 1};
    struct learn_session session;

    if (fields[COUNT].at && !text_number(fields[COUNT], &seen.count))
        seen.count = 1;
    if (seen.count == 0)
        return;
    seen.first = read_time(fields[FIRST], reading->now);
    seen.last = read_time(fields[LAST], seen.first);
    if (fields[NORMALIZED].length == 0 && fields[SAMPLE].length == 0) {
        learn->counts.without_text += seen.count;
        return;
    }
    if (digest_text_is_prepare(fields[NORMALIZED]))
        return;
    learn_session_init(learn, &session, 0);
    if (fields[USER].length > 0)
        learn_login(learn, &session, fields[USER], TEXT(""), (struct text){NULL, 0}, seen.first);
    /* Without a user the service is not known: judged as a user without a service. */
    session.judged |= session.user == HASH_TABLE_NONE;
    learn->counts.of_nobody += session.user == HASH_TABLE_NONE ? seen.count : 0;
    if (fields[SCHEMA].length > 0)
        learn_set_database(learn, &session, fields[SCHEMA]);
    take_text(reading, &session, fields, &seen);
    learn_session_fini(&session);
}

/* `mysql -B` writes tabs, newlines, backslashes and NUL bytes as \t, \n, \\ and \0, and NULL as a
 * word. Undone in place. */
static struct text take_field(char **at, char *end)
{
    char *from = *at, *to = *at, *start = *at;

    while (from < end && *from != '\t') {
        if (*from == '\\' && from + 1 < end) {
            from++;
            *to++ = *from == 't' ? '\t' : *from == 'n' ? '\n' : *from == '0' ? 0 : *from;
            from++;
        } else {
            *to++ = *from++;
        }
    }
    *at = from < end ? from + 1 : end + 1;
    if (to - start == 4 && memcmp(start, "NULL", 4) == 0)
        return (struct text){NULL, 0};
    return (struct text){start, (size_t)(to - start)};
}

static bool read_table(struct reading *reading, struct source *lines, struct text line)
{
    enum column columns[COLUMNS_MOST];
    size_t count = 0;
    bool useful = false;

    for (struct text rest = line; rest.length > 0 && count < COLUMNS_MOST;) {
        const char *tab = memchr(rest.at, '\t', rest.length);
        size_t length = tab ? (size_t)(tab - rest.at) : rest.length;
        columns[count] = find_column(rest.at, length);
        useful |= columns[count] == NORMALIZED || columns[count] == SAMPLE;
        count++;
        rest = tab ? (struct text){tab + 1, rest.length - length - 1} : (struct text){NULL, 0};
    }
    if (!useful)
        return false;
    while (source_line(lines, &line)) {
        struct text fields[COLUMN_COUNT] = {
            {NULL, 0}
        };
        char *at = memory_take(line.length + 1), *copy = at, *end = at + line.length;
        size_t found = 0;
        memcpy(copy, line.at, line.length);
        for (; found < count && at <= end; found++) {
            struct text field = take_field(&at, end);
            if (columns[found] < COLUMN_COUNT && field.at)
                fields[columns[found]] = field;
        }
        if (found == count)
            take_row(reading, fields);
        else
            learn_unknown_line(reading->learn, lines);
        free(copy);
    }
    return true;
}

static bool take_object(struct reading *reading, json_t *object)
{
    struct text fields[COLUMN_COUNT] = {
        {NULL, 0}
    };
    char number[32];
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return false;
    json_object_foreach(object, key, value)
    {
        enum column column = find_column(key, strlen(key));
        if (column == UNUSED)
            continue;
        if (json_is_string(value)) {
            fields[column] = (struct text){json_string_value(value), json_string_length(value)};
        } else if (json_is_integer(value) && column == COUNT) {
            int length =
                snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
            fields[column] = (struct text){number, (size_t)length};
        }
    }
    take_row(reading, fields);
    return true;
}

/* Objects, or arrays of objects, one after another. */
static void take_json(struct reading *reading, struct source *lines, struct text all)
{
    while ((all = text_trim(all)).length > 0) {
        json_error_t error;
        json_t *value =
                   json_loadb(all.at, all.length, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error),
               *item;
        size_t i;
        bool good = value != NULL;
        json_array_foreach(value, i, item) good = take_object(reading, item) && good;
        if (json_is_object(value))
            good = take_object(reading, value);
        json_decref(value);
        if (!good)
            learn_unknown_line(reading->learn, lines);
        if (!value || error.position <= 0)
            return;
        all = (struct text){all.at + error.position, all.length - (size_t)error.position};
    }
}

static bool read_json(struct reading *reading, struct source *lines, struct text line,
                      struct error *error)
{
    size_t length = 0, room = 1 << 20;
    char *all = memory_take(room);

    do {
        if (length + line.length + 1 > JSON_MOST) {
            free(all);
            return error_set(error, "%s:1: more than 512 MB of JSON; write it with tabs (mysql -B)",
                             lines->path);
        }
        while (length + line.length + 1 > room)
            all = memory_resize(all, room *= 2);
        memcpy(all + length, line.at, line.length);
        length += line.length;
        all[length++] = '\n';
    } while (source_line(lines, &line));
    take_json(reading, lines, (struct text){all, length});
    free(all);
    return true;
}

bool digests_read(struct learn *learn, const char *path, struct error *error)
{
    struct reading reading = {.learn = learn, .now = learn_now()};
    struct source lines;
    struct text line;
    bool good = true;

    if (!source_open(&lines, path, learn->progress, error))
        return false;
    while (source_line(&lines, &line) && text_trim(line).length == 0)
        ;
    struct text start = lines.number ? text_trim(line) : (struct text){NULL, 0};
    if (start.length == 0)
        good = error_set(
            error, "%s:1: empty, so nothing is learned from it; name a file that holds a table",
            path);
    else if (start.at[0] == '{' || start.at[0] == '[')
        good = read_json(&reading, &lines, line, error);
    else if (!read_table(&reading, &lines, line))
        good = error_set(error,
                         "%s:1: no column DIGEST_TEXT or SQL_TEXT in its first line; write it "
                         "with mysql -B",
                         path);
    learn->counts.lines += lines.number;
    learn->counts.bytes += lines.bytes;
    free(reading.room);
    return good ? source_close(&lines, error)
                : (source_close(&lines, &(struct error){{0}, 0}), false);
}
