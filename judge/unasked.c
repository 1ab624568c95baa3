/* Judges a command without asking the server first, although its state is not known, because a
 * question would change the command's answer. The text is read in every possible way, and passes
 * only if all are allowed; otherwise the server is asked. Called by text.c.
 */
#include <string.h>

#include "judge/judging.h"
#include "sql/asks.h"

/* A longer text is not worth eight readings. */
enum { UNASKED_MOST = 16384 };

/* In lower case: what a text has that asks about the statement before: its rows, its warnings, its
 * cost, its trace. */
static const struct text words[] = {
    {"found_rows",      10},
    {"row_count",       9 },
    {"rowcount",        8 },
    {"warning",         7 }, /* SHOW WARNINGS, @@warning_count */
    {"error",           5 },
    {"diagnostics",     11},
    {"status",          6 }, /* Last_query_cost */
    {"profil",          6 },
    {"optimizer_trace", 15},
};

/* In the names of the tables of the servers that tell this. */
static const struct text tables[] = {
    {"session_status",   14},
    {"status_by_thread", 16},
    {"profiling",        9 },
    {"optimizer_trace",  15},
};

static bool begins_with(const char *at, const char *end, struct text word)
{
    if ((size_t)(end - at) < word.length)
        return false;
    return text_equal_fold((struct text){at, word.length}, word);
}

static bool has_one(struct text text, const struct text *list, size_t count)
{
    for (const char *at = text.at, *end = at + text.length; at < end; at++) {
        for (size_t i = 0; i < count; i++) {
            if (text_lower(*at) == list[i].at[0] && begins_with(at, end, list[i]))
                return true;
        }
    }
    return false;
}

bool unasked_tells(struct text text, const struct sql_state *state)
{
    static const uint8_t modes[] = {0, SQL_NO_BACKSLASH_ESCAPES, SQL_ANSI_QUOTES,
                                    SQL_ANSI_QUOTES | SQL_NO_BACKSLASH_ESCAPES};
    struct sql_state one = *state;
    bool tells = has_one(text, tables, sizeof(tables) / sizeof(tables[0]));

    if (tells || !has_one(text, words, sizeof(words) / sizeof(words[0])))
        return tells;
    if (one.charset == SQL_CHARSET_UNKNOWN)
        one.charset = SQL_UTF8;
    if (one.mode_known)
        return sql_asks_back(text, &one);
    one.mode_known = one.escapes_known = true;
    for (size_t i = 0; i < sizeof(modes) && !tells; i++) {
        one.mode = modes[i];
        tells = sql_asks_back(text, &one);
    }
    return tells;
}

bool unasked_may_be(const struct belief *belief, struct text text)
{
    return !belief->asked && text.length <= UNASKED_MOST;
}

unsigned unasked_folds(const struct belief *belief)
{
    return belief->must_ask ? 2 : 1;
}

struct belief unasked_belief(const struct belief *belief, unsigned fold)
{
    struct belief unasked = *belief;

    if (fold > 0)
        unasked.state.lower_case_table_names = belief->state.lower_case_table_names == 0;

    if (belief->must_ask)
        belief_lose_all(&unasked);
    unasked.asked = true;
    return unasked;
}

void unasked_begin(struct ruling *ruling)
{
    const struct sql_moved *moved = ruling->moved;
    const struct text text = ruling->text, traceparent = ruling->traceparent;

    ruling_begin(ruling, ruling->today);
    ruling->moved = moved;
    ruling->text = text;
    ruling->traceparent = traceparent;
}

bool unasked_is_enough(const struct ruling *ruling)
{
    return ruling->outcome == RULING_ALLOW && ruling->strictest.action == VERDICT_ALLOW &&
           ruling->violation_count == 0 && !ruling->has_rest && !ruling->undetermined;
}

void unasked_settle(struct ruling *ruling)
{
    struct change *change = ruling->change;

    if (change)
        change->has_state = change->unknown = change->remembers = false;
    memset(ruling->allowed, 0, sizeof(ruling->allowed));
    ruling->allowed[ruling->strictest.reason] = 1;
}
