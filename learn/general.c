/* General logs. One entry is a line
 *
 *     2026-11-28T01:01:00.071982Z<tab>   14 Query<tab>SELECT 1        MySQL from 5.7 on
 *     261128  1:00:54<tab>     8 Query<tab>SELECT 1                   MariaDB, and MySQL up to 5.6
 *     <tab><tab>     8 Query<tab>SELECT 1                             the same in the same second
 *
 * and, for a text of several lines, the lines behind it that do not look like that. A server writes
 * three lines when it opens the file, also after FLUSH LOGS. (MySQL manual, "The General Query
 * Log"; MariaDB Knowledge Base, "General Query Log".)
 *
 * What each server writes of a command: MySQL one entry for each statement in it and none for a
 * syntax error; MariaDB one for the whole command. Both write the text of PREPARE and EXECUTE in
 * SQL once more, as Prepare and Execute; MySQL leaves it out of the PREPARE itself.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/arena.h"
#include "learn/internal.h"
#include "sql/analyze.h"

enum command {
    CONNECT,
    CHANGE_USER,
    INIT_DB,
    QUERY,
    PREPARE,
    EXECUTE,
    QUIT,
    RESET,
    FIELD_LIST,
    KILL,
    ADMINISTRATION,
    OTHER, /* needs no permission, or is not sent by a client */
};

static const struct command_word {
    const char *word;
    enum command command;
    const char *kind; /* as an administration command, the same as in silogate's own records */
} command_words[] = {
    {"Query",                                      QUERY,          NULL              },
    {"Execute",                                    EXECUTE,        NULL              },
    {"Bulk_execute",                               EXECUTE,        NULL              },
    {"Prepare",                                    PREPARE,        NULL              },
    {"Connect",                                    CONNECT,        NULL              },
    {"Quit",                                       QUIT,           NULL              },
    {"Init DB",                                    INIT_DB,        NULL              },
    {"Change user",                                CHANGE_USER,    NULL              },
    {"Reset Connection",                           RESET,          NULL              },
    {"Reset connection",                           RESET,          NULL              },
    {"Refresh",                                    ADMINISTRATION, "refresh"         },
    {"Shutdown",                                   ADMINISTRATION, "shutdown"        },
    {"Processlist",                                ADMINISTRATION, "process_info"    },
    {"Debug",                                      ADMINISTRATION, "debug"           },
    {"Binlog Dump",                                ADMINISTRATION, "binlog_dump"     },
    {"Binlog Dump GTID",                           ADMINISTRATION, "binlog_dump"     },
    {"Register Slave",                             ADMINISTRATION, "register_replica"},
    {"Register Replica",                           ADMINISTRATION, "register_replica"},
    {"Kill",                                       KILL,           NULL              },
    {"Close stmt",                                 OTHER,          NULL              },
    {"Reset stmt",                                 OTHER,          NULL              },
    {"Long Data",                                  OTHER,          NULL              },
    {"Fetch",                                      OTHER,          NULL              },
    {"Field List",                                 FIELD_LIST,     NULL              },
    {"Statistics",                                 OTHER,          NULL              },
    {"Ping",                                       OTHER,          NULL              },
    {"Set option",                                 OTHER,          NULL              },
    {"Sleep",                                      OTHER,          NULL              },
    {"Time",                                       OTHER,          NULL              },
    {"Delayed insert",                             OTHER,          NULL              },
    {"Error",                                      OTHER,          NULL              },
    {"Daemon",                                     OTHER,          NULL              },
    {"Create DB",                                  OTHER,          NULL              },
    {"Drop DB",                                    OTHER,          NULL              },
    {"Table Dump",                                 OTHER,          NULL              },
    {"Connect Out",                                OTHER,          NULL              },
    {"Clone",                                      OTHER,          NULL              },
    {"clone",                                      OTHER,          NULL              },
    {"Slave_IO",                                   OTHER,          NULL              },
    {"Slave_SQL",                                  OTHER,          NULL              },
    {"Slave_worker",                               OTHER,          NULL              },
    {"Unimpl get tid",                             OTHER,          NULL              },
    {"Group Replication Data Stream subscription", OTHER,          NULL              },
};

/* The entry that is being read. */
struct entry {
    bool open;
    int64_t time;
    uint64_t thread;
    const struct command_word *word;
    bool too_long;
    char *text;
    size_t length, room;
};

struct reading {
    struct learn *learn;
    struct source *lines;
    struct entry entry;
    int64_t time;  /* last seen */
    int file_head; /* lines at the start of a file that may still come */
};

static const struct command_word *find_word(struct text word)
{
    for (size_t i = 0; i < sizeof(command_words) / sizeof(command_words[0]); i++) {
        if (text_equal(word, text_of(command_words[i].word)))
            return &command_words[i];
    }
    return NULL;
}

/* The text up to the next tab, which is skipped; `at` NULL if there is none. */
static struct text take_field(struct text *line)
{
    const char *tab = line->length ? memchr(line->at, '\t', line->length) : NULL;

    if (!tab)
        return (struct text){NULL, 0};
    struct text field = {line->at, (size_t)(tab - line->at)};
    size_t used = field.length + 1;
    *line = (struct text){line->at + used, line->length - used};
    return field;
}

/* "   14 Query": the id and the command. */
static bool read_command(struct text field, uint64_t *thread, const struct command_word **word)
{
    size_t i = 0;

    while (i < field.length && field.at[i] == ' ')
        i++;
    size_t start = i;
    while (i < field.length && isdigit((unsigned char)field.at[i]))
        i++;
    if (i == start || i == field.length || field.at[i] != ' ' ||
        !text_number((struct text){field.at + start, i - start}, thread))
        return false;
    *word = find_word((struct text){field.at + i + 1, field.length - i - 1});
    return *word != NULL;
}

/* Does an entry start here? If so, `line` becomes its text. */
static bool read_start(struct reading *reading, struct text *line, struct entry *entry)
{
    struct text rest = *line;
    struct text time = take_field(&rest);

    if (!time.at)
        return false;
    if (time.length == 0) {
        struct text blank = take_field(&rest);
        if (!blank.at || blank.length > 0)
            return false;
        entry->time = reading->time;
    } else if (!learn_read_time(time, &entry->time)) {
        return false;
    }
    struct text command = take_field(&rest);
    if (!command.at || !read_command(command, &entry->thread, &entry->word))
        return false;
    *line = rest;
    return true;
}

static void add_text(struct entry *entry, struct text text)
{
    if (entry->length + text.length > LEARN_TEXT_MOST) {
        entry->too_long = true;
        return;
    }
    if (entry->length + text.length > entry->room) {
        entry->room = (entry->length + text.length) * 2 + 4096;
        entry->text = memory_resize(entry->text, entry->room);
    }
    if (text.length > 0)
        memcpy(entry->text + entry->length, text.at, text.length);
    entry->length += text.length;
}

/* "user@host on database using TCP/IP"; older servers write "user@host as anonymous on ". */
static bool read_login(struct text text, struct text *user, struct text *host,
                       struct text *database)
{
    static const struct text on = {" on ", 4}, using = {" using ", 7};
    const char *at = NULL;

    for (size_t i = text.length; i >= using.length; i--) {
        if (memcmp(text.at + i - using.length, using.at, using.length) == 0) {
            text.length = i - using.length;
            break;
        }
    }
    /* Names of users can have blanks and @ in them, those of hosts cannot. */
    for (size_t i = text.length; i >= on.length && !at; i--) {
        if (memcmp(text.at + i - on.length, on.at, on.length) == 0)
            at = text.at + i - on.length;
    }
    if (!at)
        return false;
    struct text who = {text.at, (size_t)(at - text.at)};
    *database = (struct text){at + on.length, (size_t)(text.at + text.length - at) - on.length};
    const char *sign = memrchr(who.at, '@', who.length);
    if (!sign)
        return false;
    *user = (struct text){who.at, (size_t)(sign - who.at)};
    *host = (struct text){sign + 1, (size_t)(who.at + who.length - sign) - 1};
    const char *blank = memchr(host->at, ' ', host->length);
    if (blank)
        host->length = (size_t)(blank - host->at);
    return true;
}

static bool is_denial(struct text text)
{
    return text.length > 13 && memcmp(text.at, "Access denied", 13) == 0;
}

static void take_login(struct reading *reading, struct learn_session *session, struct text text)
{
    struct text user, host, database;

    if (is_denial(text)) {
        sessions_end(reading->learn, session);
        return;
    }
    if (read_login(text, &user, &host, &database))
        learn_login(reading->learn, session, user, host, database, reading->entry.time);
    else
        learn_unknown_line(reading->learn, reading->lines);
}

/* PREPARE with the text that the next line contains, as the client may have written it. */
static void take_held(struct reading *reading, struct learn_session *session, struct text text)
{
    struct entry whole = {.length = 0};
    char *held = session->held;

    session->held = NULL;
    add_text(&whole, text_of(held));
    add_text(&whole, TEXT("'"));
    for (size_t i = 0; i < text.length; i++) {
        bool doubled =
            text.at[i] == '\'' ||
            (text.at[i] == '\\' && !(session->belief.state.mode & SQL_NO_BACKSLASH_ESCAPES));
        add_text(&whole, (struct text){&text.at[i], 1});
        if (doubled)
            add_text(&whole, (struct text){&text.at[i], 1});
    }
    add_text(&whole, TEXT("'"));
    learn_text(reading->learn, session, (struct text){whole.text, whole.length},
               reading->entry.time);
    free(whole.text);
    free(held);
}

/* Could a statement in it be a PREPARE or an EXECUTE? */
static bool may_echo(struct text text)
{
    for (size_t i = 0; i + 7 <= text.length; i++) {
        char c = text.at[i] | 0x20;
        if ((c == 'e' && text_equal_fold((struct text){text.at + i, 7}, TEXT("EXECUTE"))) ||
            (c == 'p' && text_equal_fold((struct text){text.at + i, 7}, TEXT("PREPARE"))))
            return true;
    }
    return false;
}

static void count_echoes(struct learn_session *session, struct text text)
{
    static struct sql_facts facts; /* large */
    struct sql_state state = session->belief.state;
    const struct sql_session *remembered = session->belief.remembered;
    struct arena arena = {NULL};
    size_t offset = 0;

    if (!may_echo(text))
        return;
    do {
        struct sql_state before = state; /* `facts` may point into it */
        offset = sql_analyze(text, offset, &before, remembered, &facts);
        bool immediate = facts.kind == SQL_EXECUTE_IMMEDIATE;
        session->echo_prepares += facts.kind == SQL_PREPARE || immediate;
        session->echo_executes += facts.kind == SQL_EXECUTE_STATEMENT || immediate;
        sql_state_apply(&state, &facts);
        if (facts.effects & SQL_EFFECT_SESSION)
            remembered = sql_session_after(remembered, &facts, &arena);
    } while (offset < text.length);
    arena_fini(&arena);
}

static void take_query(struct reading *reading, struct learn_session *session, struct text text)
{
    const size_t dots = 3;

    learn_put_literals(reading->entry.text, text.length);
    if (learn_is_prepare_without_text(text)) {
        session->held = memory_take(text.length - dots + 1);
        memcpy(session->held, text.at, text.length - dots);
        session->held[text.length - dots] = 0;
        return;
    }
    count_echoes(session, text);
    learn_text(reading->learn, session, text, reading->entry.time);
}

static void take_prepared(struct reading *reading, struct learn_session *session, struct text text)
{
    bool prepares = reading->entry.word->command == PREPARE;
    unsigned *echoes = prepares ? &session->echo_prepares : &session->echo_executes;

    if (prepares && session->held) {
        take_held(reading, session, text);
    } else if (*echoes > 0) {
        --*echoes;
    } else if (!prepares) { /* a prepared statement is counted when it is executed */
        reading->learn->counts.executions++;
        learn_text(reading->learn, session, text, reading->entry.time);
    }
}

/* Of a Field List: behind the table a blank and the wildcard, which may be empty. */
static struct text field_list_table(struct text text)
{
    for (size_t i = text.length; i > 0; i--) {
        if (text.at[i - 1] == ' ' || text.at[i - 1] == '\t')
            return (struct text){text.at, i - 1};
    }
    return text;
}

static void take_command(struct reading *reading, struct learn_session *session)
{
    struct entry *entry = &reading->entry;
    struct text text = {entry->text ? entry->text : "", entry->length};
    enum command command = entry->word->command;
    uint64_t thread;

    if (command != PREPARE && command != EXECUTE)
        session->echo_prepares = session->echo_executes = 0;
    if (session->held && command != PREPARE) {
        free(session->held);
        session->held = NULL;
        reading->learn->counts.prepares++;
    }
    switch (command) {
    case CONNECT:
    case CHANGE_USER:
        take_login(reading, session, text);
        break;
    case INIT_DB:
        if (!is_denial(text))
            learn_enter(reading->learn, session, text, entry->time);
        break;
    case QUERY:
        take_query(reading, session, text);
        break;
    case PREPARE:
    case EXECUTE:
        take_prepared(reading, session, text);
        break;
    case QUIT:
        sessions_end(reading->learn, session);
        break;
    case RESET:
        learn_reset(session);
        break;
    case FIELD_LIST:
        learn_field_list(reading->learn, session, field_list_table(text), entry->time);
        break;
    case KILL:
        if (text_number(text_trim(text), &thread))
            learn_kill(reading->learn, session, thread, entry->time);
        break;
    case ADMINISTRATION:
        learn_administration(reading->learn, session, entry->word->kind, entry->time);
        break;
    case OTHER:
        break;
    }
}

static void end_entry(struct reading *reading)
{
    struct entry *entry = &reading->entry;

    if (!entry->open)
        return;
    entry->open = false;
    learn_time(reading->learn, entry->time);
    if (entry->too_long)
        reading->learn->counts.too_long++;
    else if (entry->word->command != OTHER)
        take_command(reading, sessions_find(reading->learn, entry->thread));
}

/* The three lines that a server writes at the start of a file. */
static bool is_head(struct reading *reading, struct text line)
{
    if (learn_version(reading->learn, line)) {
        reading->file_head = 2;
        return true;
    }
    if (reading->file_head == 0)
        return false;
    reading->file_head--;
    return (line.length > 9 && memcmp(line.at, "Tcp port:", 9) == 0) ||
           (line.length > 4 && memcmp(line.at, "Time", 4) == 0);
}

static void take_line(struct reading *reading, struct text line)
{
    struct entry *entry = &reading->entry;
    struct entry next = {.open = true, .text = entry->text, .room = entry->room};

    if (read_start(reading, &line, &next)) {
        end_entry(reading);
        reading->time = next.time;
        reading->file_head = 0;
        *entry = next;
    } else if (is_head(reading, line)) {
        end_entry(reading);
        return;
    } else if (entry->open && entry->word->command != OTHER) {
        add_text(entry, TEXT("\n"));
    } else {
        if (!entry->open && line.length > 0)
            learn_unknown_line(reading->learn, reading->lines);
        return;
    }
    add_text(entry, line);
    entry->too_long |= reading->lines->cut;
}

void general_read(struct learn *learn, struct source *lines, int64_t first)
{
    struct reading reading = {.learn = learn, .lines = lines, .time = first};
    struct text line;

    while (source_line(lines, &line))
        take_line(&reading, line);
    end_entry(&reading);
    free(reading.entry.text);
}
