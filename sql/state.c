/* What decides how a session's next statement is read: version, sql_mode, character set, current
 * database. It has the words and numbers of both dialects; it reads no statements.
 */
#include "sql/state.h"

#include <string.h>

struct text sql_state_database(const struct sql_state *state)
{
    if (!state->has_database)
        return (struct text){NULL, 0};
    return (struct text){state->database, state->database_length};
}

/* No server allows a longer name: one that does not fit is the name of no database. */
void sql_state_set_database(struct sql_state *state, struct text database)
{
    state->database_unknown = false;
    state->has_database =
        database.at && database.length > 0 && database.length <= sizeof(state->database);
    state->database_length = state->has_database ? (uint8_t)database.length : 0;
    if (state->has_database)
        memmove(state->database, database.at, database.length);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes one to four decimal digits off the front of `t`; false if there are none, or more. */
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

/* MariaDB from 10 on puts "5.5.5-" before its version, for old replicas. */
bool sql_state_set_version(struct sql_state *state, struct text version)
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
    const bool has_patch = take_dot(&version);
    if (has_patch && !take_number(&version, &patch))
        return false;
    if (major == 0 || major > 99 || minor > 99)
        return false;
    state->dialect = mariadb ? SQL_MARIADB : SQL_MYSQL;
    state->patch_unknown = !has_patch;
    state->version = major * 10000 + minor * 100 + (patch > 99 ? 99 : patch);
    return true;
}

/* Combined modes are needed for command-line options and for literals in SET; @@sql_mode lists
 * their parts. On MySQL 5.7 and MariaDB the names of other databases (DB2, ORACLE, ...) include
 * ANSI_QUOTES. */
enum { ANSI = SQL_PIPES_AS_CONCAT | SQL_ANSI_QUOTES | SQL_IGNORE_SPACE };
static const struct mode_word {
    const char *word;
    uint8_t bits; /* 0: the mode does not change how text is read */
} mode_words[] = {
    {"ANSI_QUOTES",                SQL_ANSI_QUOTES         },
    {"NO_BACKSLASH_ESCAPES",       SQL_NO_BACKSLASH_ESCAPES},
    {"PIPES_AS_CONCAT",            SQL_PIPES_AS_CONCAT     },
    {"IGNORE_SPACE",               SQL_IGNORE_SPACE        },
    {"HIGH_NOT_PRECEDENCE",        SQL_HIGH_NOT_PRECEDENCE },
    {"ANSI",                       ANSI                    },
    {"ORACLE",                     ANSI | SQL_ORACLE       },
    {"MSSQL",                      ANSI | SQL_MSSQL        },
    {"DB2",                        ANSI                    },
    {"MAXDB",                      ANSI                    },
    {"POSTGRESQL",                 ANSI                    },
    {"MYSQL323",                   SQL_HIGH_NOT_PRECEDENCE },
    {"MYSQL40",                    SQL_HIGH_NOT_PRECEDENCE },
    {"ALLOW_INVALID_DATES",        0                       },
    {"EMPTY_STRING_IS_NULL",       0                       },
    {"ERROR_FOR_DIVISION_BY_ZERO", 0                       },
    {"IGNORE_BAD_TABLE_OPTIONS",   0                       },
    {"INTERPRET_UTF8_AS_UTF8MB4",  0                       },
    {"NO_AUTO_CREATE_USER",        0                       },
    {"NO_AUTO_VALUE_ON_ZERO",      0                       },
    {"NO_DIR_IN_CREATE",           0                       },
    {"NO_ENGINE_SUBSTITUTION",     0                       },
    {"NO_FIELD_OPTIONS",           0                       },
    {"NO_KEY_OPTIONS",             0                       },
    {"NO_TABLE_OPTIONS",           0                       },
    {"NO_UNSIGNED_SUBTRACTION",    0                       },
    {"NO_ZERO_DATE",               0                       },
    {"NO_ZERO_IN_DATE",            0                       },
    {"ONLY_FULL_GROUP_BY",         0                       },
    {"PAD_CHAR_TO_FULL_LENGTH",    0                       },
    {"REAL_AS_FLOAT",              0                       },
    {"SIMULTANEOUS_ASSIGNMENT",    0                       },
    {"STRICT_ALL_TABLES",          0                       },
    {"STRICT_TRANS_TABLES",        0                       },
    {"TIME_ROUND_FRACTIONAL",      0                       },
    {"TIME_TRUNCATE_FRACTIONAL",   0                       },
    {"TRADITIONAL",                0                       },
};

/* Takes the next word off a list. */
static struct text next_mode(struct text *list)
{
    const char *comma = memchr(list->at, ',', list->length);
    size_t length = comma ? (size_t)(comma - list->at) : list->length;
    struct text word = text_trim((struct text){list->at, length});
    size_t used = comma ? length + 1 : length;

    list->at += used;
    list->length -= used;
    return word;
}

static const struct mode_word *find_mode(struct text word)
{
    for (size_t i = 0; i < sizeof(mode_words) / sizeof(mode_words[0]); i++) {
        if (text_equal_fold(word, text_of(mode_words[i].word)))
            return &mode_words[i];
    }
    return NULL;
}

uint8_t sql_mode_of(struct text sql_mode)
{
    unsigned mode = 0;

    while (sql_mode.length > 0) {
        const struct mode_word *found = find_mode(next_mode(&sql_mode));
        mode |= found ? found->bits : 0;
    }
    return (uint8_t)mode;
}

bool sql_mode_of_number(uint64_t number, uint8_t *mode)
{
    enum { KNOWN_BITS = 35 };
    static const uint8_t bits[KNOWN_BITS] = {
        [1] = SQL_PIPES_AS_CONCAT,
        [2] = SQL_ANSI_QUOTES,
        [3] = SQL_IGNORE_SPACE,
        [8] = ANSI, /* POSTGRESQL */
        [9] = ANSI | SQL_ORACLE,
        [10] = ANSI | SQL_MSSQL,
        [11] = ANSI,                    /* DB2 */
        [12] = ANSI,                    /* MAXDB */
        [16] = SQL_HIGH_NOT_PRECEDENCE, /* MYSQL323 */
        [17] = SQL_HIGH_NOT_PRECEDENCE, /* MYSQL40 */
        [18] = ANSI,
        [20] = SQL_NO_BACKSLASH_ESCAPES,
        [29] = SQL_HIGH_NOT_PRECEDENCE,
    };
    unsigned found = 0;

    for (unsigned i = 0; i < KNOWN_BITS; i++)
        found |= number >> i & 1 ? bits[i] : 0;
    *mode = (uint8_t)found;
    return number >> KNOWN_BITS == 0;
}

struct text sql_mode_unknown(struct text sql_mode)
{
    while (sql_mode.length > 0) {
        struct text word = next_mode(&sql_mode);
        if (word.length > 0 && !find_mode(word))
            return word;
    }
    return (struct text){NULL, 0};
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

static bool drops_current(const struct sql_state *state, struct text database)
{
    struct text current = sql_state_database(state);

    if (!current.at)
        return false;
    return state->lower_case_table_names ? text_equal_fold(current, database)
                                         : text_equal(current, database);
}

void sql_state_apply(struct sql_state *state, const struct sql_facts *facts)
{
    if (facts->effects & SQL_EFFECT_DATABASE) {
        sql_state_set_database(state, facts->database);
        state->database_unknown = !facts->database.at;
    }
    if (facts->effects & SQL_EFFECT_DATABASE_DROPPED && drops_current(state, facts->database))
        sql_state_set_database(state, (struct text){NULL, 0});
    if (facts->effects & SQL_EFFECT_MODE && facts->mode == SQL_MODE_UNKNOWN) {
        sql_state_lose_mode(state);
    } else if (facts->effects & SQL_EFFECT_MODE) {
        state->mode = facts->mode;
        state->mode_known = true;
    }
    if (facts->effects & SQL_EFFECT_CHARSET)
        state->charset = facts->charset;
    if (facts->effects & SQL_EFFECT_LOSSY)
        state->lossy = facts->lossy;
    if (facts->effects & SQL_EFFECT_UNKNOWN) {
        state->lossy = SQL_LOSSY;
        sql_state_lose_mode(state);
        state->charset = SQL_CHARSET_UNKNOWN;
    }
}

void sql_state_lose_mode(struct sql_state *state)
{
    state->mode_known = state->escapes_known = false;
}
