/* Slow logs. One entry is
 *
 *     # Time: 2026-11-28T01:01:00.071982Z       MariaDB: only where the second is another
 *     # User@Host: billing[billing] @  [127.0.0.1]  Id:    14
 *     # Thread_id: 8  Schema: nilecare  QC_hit: No                       MariaDB, Percona
 *     # Query_time: 0.000268  Lock_time: ...                             and more such lines
 *     use nilecare;                             where it is another than the last entry's
 *     SET timestamp=1795827660;
 *     SELECT ...;
 *
 * (MySQL manual, "The Slow Query Log"; MariaDB Knowledge Base, "Slow Query Log Overview".) Only
 * what was slow is in it: of the state that a session has set up before, the database alone.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "learn/internal.h"

enum part { NOTHING, HEAD, TEXT_LINES };

struct reading {
    struct learn *learn;
    struct source *lines;
    enum part part;
    char user[LEARN_NAME], host[LEARN_NAME];
    size_t user_length, host_length;
    /* the entry's database; the log writes it once for several entries */
    char database[LEARN_NAME];
    size_t database_length;
    uint64_t thread;
    int64_t time;
    int file_head;
    bool too_long;
    char *text;
    size_t length, room;
};

static bool starts(struct text line, const char *with)
{
    size_t length = strlen(with);
    return line.length >= length && memcmp(line.at, with, length) == 0;
}

static struct text behind(struct text line, size_t length)
{
    return (struct text){line.at + length, line.length - length};
}

static void keep(char *to, size_t *length, struct text from)
{
    *length = from.length < LEARN_NAME ? from.length : LEARN_NAME;
    memcpy(to, from.at, *length);
}

static void end_entry(struct reading *reading)
{
    struct learn *learn = reading->learn;
    struct text text = text_trim((struct text){reading->text, reading->length});
    enum part part = reading->part;

    reading->part = NOTHING;
    if (part != TEXT_LINES || text.length == 0)
        return;
    if (reading->too_long) {
        learn->counts.too_long++;
        return;
    }
    if (text.at[text.length - 1] == ';')
        text.length--;
    learn_put_literals(reading->text, reading->length);
    if (learn_is_prepare_without_text(text)) {
        learn->counts.prepares++;
        return;
    }
    /* What a session did between its slow statements is not in the log, so each statement begins
     * with a new session state. */
    struct learn_session one, *session = &one;
    learn_session_init(learn, session, reading->thread);
    learn_login(learn, session, (struct text){reading->user, reading->user_length},
                (struct text){reading->host, reading->host_length}, (struct text){NULL, 0},
                reading->time);
    if (reading->database_length > 0)
        learn_set_database(learn, session,
                           (struct text){reading->database, reading->database_length});
    learn_text(learn, session, text, reading->time);
    learn_session_fini(session);
}

/* "root[root] @ localhost [127.0.0.1]  Id:    13" */
static void read_user(struct reading *reading, struct text line)
{
    const char *bracket = memchr(line.at, '[', line.length);
    const char *at = memmem(line.at, line.length, "] @ ", 4);
    uint64_t thread;

    reading->user_length = reading->host_length = 0;
    reading->thread = 0;
    if (!bracket || !at || bracket > at) {
        learn_unknown_line(reading->learn, reading->lines);
        return;
    }
    /* In the brackets: the user name at login; before them the name of the account. */
    keep(reading->user, &reading->user_length,
         (struct text){bracket + 1, (size_t)(at - bracket) - 1});
    if (reading->user_length == 0)
        keep(reading->user, &reading->user_length,
             (struct text){line.at, (size_t)(bracket - line.at)});
    struct text rest = {at + 4, (size_t)(line.at + line.length - at) - 4};
    const char *open = memchr(rest.at, '[', rest.length);
    const char *close = memchr(rest.at, ']', rest.length);
    if (open && close && close > open + 1)
        keep(reading->host, &reading->host_length,
             (struct text){open + 1, (size_t)(close - open) - 1});
    else if (open)
        keep(reading->host, &reading->host_length,
             text_trim((struct text){rest.at, (size_t)(open - rest.at)}));
    const char *id = memmem(rest.at, rest.length, "Id:", 3);
    if (id &&
        text_number(text_trim((struct text){id + 3, (size_t)(rest.at + rest.length - id) - 3}),
                    &thread))
        reading->thread = thread;
}

/* "Thread_id: 8  Schema: nilecare  QC_hit: No": a word behind a name with a colon. */
static bool find_word(struct text line, const char *name, struct text *word)
{
    const char *at = memmem(line.at, line.length, name, strlen(name));

    if (!at)
        return false;
    struct text rest = {at + strlen(name), (size_t)(line.at + line.length - at) - strlen(name)};
    if (rest.length > 0 && rest.at[0] == ' ')
        rest = behind(rest, 1);
    size_t length = 0;
    while (length < rest.length && rest.at[length] != ' ')
        length++;
    *word = (struct text){rest.at, length};
    return true;
}

static void read_head(struct reading *reading, struct text line)
{
    struct text word;
    uint64_t thread;

    if (find_word(line, "Schema:", &word))
        keep(reading->database, &reading->database_length, word);
    if (find_word(line, "Thread_id:", &word) && text_number(word, &thread))
        reading->thread = thread;
}

/* "use nilecare;", with backticks in newer ones. */
static bool read_use(struct reading *reading, struct text line)
{
    if (!starts(line, "use ") || line.at[line.length - 1] != ';')
        return false;
    struct text name = {line.at + 4, line.length - 5};
    if (name.length > 1 && name.at[0] == '`' && name.at[name.length - 1] == '`') {
        name = (struct text){name.at + 1, name.length - 2};
        reading->database_length = 0;
        for (size_t i = 0; i < name.length && reading->database_length < LEARN_NAME; i++) {
            i += name.at[i] == '`' && i + 1 < name.length && name.at[i + 1] == '`';
            reading->database[reading->database_length++] = name.at[i];
        }
        return true;
    }
    keep(reading->database, &reading->database_length, name);
    return true;
}

/* "SET timestamp=1795827660;", and insert ids in between in older ones. */
static bool read_timestamp(struct reading *reading, struct text line)
{
    struct text value;
    uint64_t seconds;
    size_t digits = 0;

    if (!starts(line, "SET ") || !find_word(line, "timestamp=", &value))
        return false;
    while (digits < value.length && value.at[digits] >= '0' && value.at[digits] <= '9')
        digits++;
    if (!text_number((struct text){value.at, digits}, &seconds))
        return false;
    /* The line "# Time" has the fraction of the second; this one is not in a local time zone. */
    if (reading->time / 1000000 != (int64_t)seconds)
        reading->time = (int64_t)seconds * 1000000;
    return true;
}

static void add_text(struct reading *reading, struct text text)
{
    size_t needed = reading->length + text.length + 1;

    if (needed > LEARN_TEXT_MOST) {
        reading->too_long = true;
        return;
    }
    if (needed > reading->room) {
        reading->room = needed * 2 + 4096;
        reading->text = memory_resize(reading->text, reading->room);
    }
    if (text.length > 0)
        memcpy(reading->text + reading->length, text.at, text.length);
    reading->length += text.length;
    reading->text[reading->length++] = '\n';
}

static bool read_start(struct reading *reading, struct text line)
{
    int64_t time;

    if (starts(line, "# Time: ") && learn_read_time(behind(line, 8), &time)) {
        end_entry(reading);
        reading->time = time;
        reading->part = HEAD;
        return true;
    }
    if (!starts(line, "# User@Host: "))
        return false;
    end_entry(reading);
    reading->part = HEAD;
    reading->length = 0;
    reading->too_long = false;
    read_user(reading, behind(line, 13));
    return true;
}

/* The three lines that a server writes at the start of a file; after them it writes the database
 * again. */
static bool is_file_head(struct reading *reading, struct text line)
{
    if (learn_version(reading->learn, line)) {
        end_entry(reading);
        reading->database_length = 0;
        reading->file_head = 2;
        return true;
    }
    if (reading->file_head == 0)
        return false;
    reading->file_head--;
    return starts(line, "Tcp port:") || starts(line, "Time");
}

static void take_line(struct reading *reading, struct text line)
{
    if (read_start(reading, line) || is_file_head(reading, line))
        return;
    switch (reading->part) {
    case NOTHING:
        if (line.length > 0)
            learn_unknown_line(reading->learn, reading->lines);
        return;
    case HEAD:
        if (starts(line, "# administrator command: ")) {
            reading->part = NOTHING;
        } else if (starts(line, "#")) {
            read_head(reading, line);
        } else if (read_timestamp(reading, line)) {
            reading->part = TEXT_LINES;
        } else if (!read_use(reading, line)) { /* without a timestamp: unusual, but a statement */
            reading->part = TEXT_LINES;
            add_text(reading, line);
        }
        return;
    case TEXT_LINES:
        if (reading->length == 0 && starts(line, "# administrator command: ")) {
            reading->part = NOTHING;
            return;
        }
        add_text(reading, line);
        reading->too_long |= reading->lines->cut;
        return;
    }
}

void slow_read(struct learn *learn, struct source *lines, int64_t first)
{
    struct reading reading = {.learn = learn, .lines = lines, .time = first};
    struct text line;

    while (source_line(lines, &line))
        take_line(&reading, line);
    end_entry(&reading);
    free(reading.text);
}
