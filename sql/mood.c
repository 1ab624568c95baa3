/* What decides how a session's next statement is read: version, sql_mode, character set, current
 * database. Owns the words and numbers of both dialects; reads no statement.
 */
#include "sql/mood.h"

#include <string.h>

struct text sql_mood_database(const struct sql_mood *mood)
{
    if (!mood->has_database)
        return (struct text){NULL, 0};
    return (struct text){mood->database, mood->database_length};
}

/* No server has a database whose name is that long: one that does not fit is no database. */
void sql_mood_set_database(struct sql_mood *mood, struct text database)
{
    mood->has_database =
        database.at && database.length > 0 && database.length <= sizeof(mood->database);
    mood->database_length = mood->has_database ? (uint8_t)database.length : 0;
    if (mood->has_database)
        memmove(mood->database, database.at, database.length);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Up to four decimal digits off the front of `t`; false where there are none or more. */
static bool take_number(struct text *t, uint32_t *number)
{
    size_t digits = 0;

    *number = 0;
    while (digits < t->length && is_digit(t->at[digits])) {
        if (digits == 4)
            return false;
        *number = *number * 10 + (uint32_t)(t->at[digits++] - '0');
    }
    t->at += digits;
    t->length -= digits;
    return digits > 0;
}

static bool take_dot(struct text *t)
{
    if (t->length < 2 || t->at[0] != '.' || !is_digit(t->at[1]))
        return false;
    t->at++;
    t->length--;
    return true;
}

static bool contains_fold(struct text t, struct text word)
{
    for (size_t i = 0; i + word.length <= t.length; i++) {
        if (text_equal_fold((struct text){t.at + i, word.length}, word))
            return true;
    }
    return false;
}

/* MariaDB puts "5.5.5-" before versions from 10 on for the sake of old replicas. */
bool sql_mood_set_version(struct sql_mood *mood, struct text version)
{
    static const struct text prefix = {"5.5.5-", 6};
    bool mariadb = contains_fold(version, TEXT("mariadb"));
    uint32_t major, minor, patch = 0;

    if (version.length > prefix.length + 1 && is_digit(version.at[prefix.length]) &&
        memcmp(version.at, prefix.at, prefix.length) == 0) {
        version.at += prefix.length;
        version.length -= prefix.length;
        mariadb = true;
    }
    if (!take_number(&version, &major) || !take_dot(&version) || !take_number(&version, &minor))
        return false;
    if (take_dot(&version) && !take_number(&version, &patch))
        return false;
    if (major == 0 || major > 99 || minor > 99)
        return false;
    mood->dialect = mariadb ? SQL_MARIADB : SQL_MYSQL;
    mood->version = major * 10000 + minor * 100 + (patch > 99 ? 99 : patch);
    return true;
}

/* The combined modes are there for operators and for literals in SET: @@sql_mode spells their parts
 * out. On MySQL 5.7 and MariaDB alike the names of other databases imply ANSI_QUOTES. */
uint8_t sql_mode_of(struct text sql_mode)
{
    enum { ANSI = SQL_PIPES_AS_CONCAT | SQL_ANSI_QUOTES | SQL_IGNORE_SPACE };
    static const struct {
        struct text word;
        uint8_t bits;
    } words[] = {
        {{"ANSI_QUOTES", 11},          SQL_ANSI_QUOTES         },
        {{"NO_BACKSLASH_ESCAPES", 20}, SQL_NO_BACKSLASH_ESCAPES},
        {{"PIPES_AS_CONCAT", 15},      SQL_PIPES_AS_CONCAT     },
        {{"IGNORE_SPACE", 12},         SQL_IGNORE_SPACE        },
        {{"HIGH_NOT_PRECEDENCE", 19},  SQL_HIGH_NOT_PRECEDENCE },
        {{"ANSI", 4},                  ANSI                    },
        {{"ORACLE", 6},                ANSI | SQL_ORACLE       },
        {{"MSSQL", 5},                 ANSI | SQL_MSSQL        },
        {{"DB2", 3},                   ANSI                    },
        {{"MAXDB", 5},                 ANSI                    },
        {{"POSTGRESQL", 10},           ANSI                    },
        {{"MYSQL323", 8},              SQL_HIGH_NOT_PRECEDENCE },
        {{"MYSQL40", 7},               SQL_HIGH_NOT_PRECEDENCE },
    };
    unsigned mode = 0;

    while (sql_mode.length > 0) {
        const char *comma = memchr(sql_mode.at, ',', sql_mode.length);
        size_t length = comma ? (size_t)(comma - sql_mode.at) : sql_mode.length;
        struct text word = text_trim((struct text){sql_mode.at, length});
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (text_equal_fold(word, words[i].word))
                mode |= words[i].bits;
        }
        size_t used = comma ? length + 1 : length;
        sql_mode.at += used;
        sql_mode.length -= used;
    }
    return (uint8_t)mode;
}

size_t sql_mode_words(uint8_t mode, char *to)
{
    static const char *const words[] = {
        "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "IGNORE_SPACE", "ORACLE",
        "MSSQL",       "HIGH_NOT_PRECEDENCE"};
    size_t length = 0;

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!(mode >> i & 1))
            continue;
        if (length > 0)
            to[length++] = ',';
        memcpy(to + length, words[i], strlen(words[i]));
        length += strlen(words[i]);
    }
    return length;
}

static bool drops_current(const struct sql_mood *mood, struct text database)
{
    struct text current = sql_mood_database(mood);

    if (!current.at)
        return false;
    return mood->lower_case_table_names ? text_equal_fold(current, database)
                                        : text_equal(current, database);
}

void sql_mood_apply(struct sql_mood *mood, const struct sql_facts *facts)
{
    if (facts->effects & SQL_EFFECT_DATABASE)
        sql_mood_set_database(mood, facts->database);
    if (facts->effects & SQL_EFFECT_DATABASE_DROPPED && drops_current(mood, facts->database))
        sql_mood_set_database(mood, (struct text){NULL, 0});
    if (facts->effects & SQL_EFFECT_MODE) {
        mood->mode = facts->mode;
        mood->mode_known = true;
    }
    if (facts->effects & SQL_EFFECT_CHARSET)
        mood->charset = facts->charset;
    if (facts->effects & SQL_EFFECT_UNKNOWN) {
        mood->mode_known = false;
        mood->charset = SQL_CHARSET_UNKNOWN;
    }
}
