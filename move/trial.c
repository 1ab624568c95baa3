/* The switch, tried beforehand on an empty table that nobody knows: rights that the account lacks
 * (on either database, by whatever way it has its rights) are found before anybody waits, and so is
 * a RENAME of so many tables that it would take longer than the hold.
 */
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "config/keys.h"
#include "move/mover_internal.h"

enum { STATEMENTS = 16, MANY = 20, TRIPS = 3 };
/* Of servers: a right is missing. NEED_SUPER: for triggers, where there is a binary log. */
enum { DB_DENIED = 1044, TABLE_DENIED = 1142, NEED_SUPER = 1419, SERVER_DENIED = 1227 };

struct trial {
    struct text source, target;
    struct text statements[STATEMENTS];
    unsigned count;
    const struct text *at; /* the database that has the table; NULL: not made yet */
    int64_t shortest;      /* of its RENAMEs, in microseconds */
};

static const struct text trial_name = TEXT(MOVER_TRIAL);
static const struct text aside_name = TEXT("silogate_moving_left");

/* Of `form`, s and t are the table in the source and in the target, each `.` the next of the words.
 */
static void add(struct mover *mover, struct trial *trial, const char *form, ...)
{
    va_list words;
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);

    va_start(words, form);
    for (; *form; form++) {
        if (*form == '.')
            fputs(va_arg(words, const char *), to);
        else
            put_table(to, *form == 's' ? trial->source : trial->target, trial_name);
    }
    va_end(words);
    fclose(to);
    if (trial->count < STATEMENTS)
        trial->statements[trial->count++] = keep_text(mover, sql, length);
}

/* In this order nothing is made that could not be dropped: DROP VIEW needs the right for it and
 * drops no table. A trigger is tried although there may be
 * none: without the right to have one an account sees none. */
static void write_statements(struct mover *mover, struct trial *trial)
{
    const bool locks = mover->trigger_count > 0 && !connection_is_mariadb(mover->connection);

    add(mover, trial, ".s.t", "DROP VIEW IF EXISTS ", ", ");
    add(mover, trial, ".t.", "CREATE TABLE ", " (id INT PRIMARY KEY) ENGINE=InnoDB");
    add(mover, trial, ".t.s", "RENAME TABLE ", " TO ");
    add(mover, trial, ".s.s.", "CREATE TRIGGER ", " BEFORE INSERT ON ",
        " FOR EACH ROW SET NEW.id = 1");
    add(mover, trial, ".s", "DROP TRIGGER IF EXISTS ");
    if (locks)
        add(mover, trial, ".s.", "LOCK TABLES ", " WRITE");
    add(mover, trial, ".s.t", "RENAME TABLE ", " TO ");
    if (locks)
        add(mover, trial, ".", "UNLOCK TABLES");
    add(mover, trial, ".t", "DROP TABLE ");
}

/* The shortest way to the server and back, in microseconds. */
static int64_t measure_trip(struct mover *mover)
{
    int64_t shortest = INT64_MAX;

    for (int i = 0; i < TRIPS; i++) {
        const int64_t began = clock_us();
        connection_run(mover->connection, "DO 0", NULL, &(struct error){0});
        const int64_t took = clock_us() - began;
        if (took < shortest)
            shortest = took;
    }
    return shortest;
}

static bool run_one(struct mover *mover, struct trial *trial, struct text sql)
{
    const int64_t began = clock_us();
    const bool good = run_sql(mover, sql);
    const int64_t took = clock_us() - began - mover->trip_us;

    const bool renames = memcmp(sql.at, "RENAME", 6) == 0;
    if (renames && took < trial->shortest)
        trial->shortest = took;
    if (good && renames)
        trial->at = trial->at == &trial->source ? &trial->target : &trial->source;
    else if (good && memcmp(sql.at, "CREATE TABLE", 12) == 0)
        trial->at = &trial->target;
    return good || (connection_code(mover->connection) == NEED_SUPER && mover->trigger_count == 0);
}

static bool is_denied(unsigned code)
{
    return code == DB_DENIED || code == TABLE_DENIED || code == NEED_SUPER || code == SERVER_DENIED;
}

/* Leaves nothing behind, if the account may drop it. */
static void clean(struct mover *mover, const struct trial *trial)
{
    const struct error why = *mover->error;
    struct error ignored;

    connection_run(mover->connection, "UNLOCK TABLES", NULL, &ignored);
    if (!trial->at ||
        connection_run(mover->connection, "DROP TABLE ?.?",
                       PARAMETERS(P_NAME(*trial->at), P_NAME(trial_name)), &ignored)) {
        trial_note(mover, trial->source, true);
        trial_note(mover, trial->target, true);
    }
    *mover->error = why;
}

static void check_time(struct mover *mover, const struct trial *trial)
{
    const long long all = trial->shortest * (long long)mover->todo_count / 1000;
    const long long seconds = all / 1000 + 1;

    if (mover->todo_count >= MANY && all > mover->move->hold.value)
        refuse(mover,
               "a RENAME takes this server %.1f ms, that of %zu tables about %lld ms, which is "
               "longer than the hold; move fewer tables by one section, or write hold = %llds",
               (double)trial->shortest / 1000, mover->todo_count, all, 2 * seconds);
}

static bool try_pair(struct mover *mover, struct text source, struct text target)
{
    struct trial trial = {.source = source, .target = target, .shortest = INT64_MAX};

    write_statements(mover, &trial);
    if (!mover->order->dry_run &&
        (!trial_note(mover, source, false) || !trial_note(mover, target, false)))
        return false;
    for (unsigned i = 0; i < trial.count; i++) {
        if (mover->order->dry_run) {
            say(mover, "  %.*s", TEXT_ARGS(trial.statements[i]));
        } else if (!run_one(mover, &trial, trial.statements[i])) {
            const struct error why = *mover->error;
            const bool denied = is_denied(connection_code(mover->connection));
            if (connection_lost(mover->connection))
                return false;
            clean(mover, &trial);
            refuse(mover, "an empty table cannot be moved from %.*s to %.*s and back (%.*s)%s: %s",
                   TEXT_ARGS(source), TEXT_ARGS(target), TEXT_ARGS(trial.statements[i]),
                   denied ? "; give the account the right that it lacks, on both databases" : "",
                   why.text);
            return true;
        }
    }
    if (!mover->order->dry_run) {
        check_time(mover, &trial);
        if (trial.shortest > mover->rename_us)
            mover->rename_us = trial.shortest;
        return trial_note(mover, source, true) && trial_note(mover, target, true);
    }
    return true;
}

/* --- whose table it is --- */

static struct text written(struct mover *mover, struct text schema, struct text name)
{
    return connection_text(mover->connection, &mover->arena, "?.?",
                           PARAMETERS(P_NAME(schema), P_NAME(name)));
}

static bool note(struct mover *mover, struct text schema, struct text name, bool dropped)
{
    return mover_note(mover, dropped ? "trial_dropped" : "trial", written(mover, schema, name));
}

bool trial_note(struct mover *mover, struct text schema, bool dropped)
{
    return note(mover, schema, trial_name, dropped);
}

static bool is_there(struct mover *mover, struct text schema, struct text name)
{
    return ask_number(mover,
                      "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND"
                      " TABLE_NAME = ?",
                      PARAMETERS(P_TEXT(schema), P_TEXT(name)), 0) > 0;
}

/* Only what a mover has written to the journal is its table. */
static bool is_left(struct mover *mover, struct text schema, struct text name)
{
    const struct text detail = written(mover, schema, name);

    return is_there(mover, schema, name) &&
           ask_number(mover,
                      "SELECT COUNT(*) FROM silogate.journal WHERE detail = ? AND step = 'trial'"
                      " AND id > IFNULL((SELECT MAX(id) FROM silogate.journal WHERE detail = ? AND"
                      " step = 'trial_dropped'), 0)",
                      PARAMETERS(P_TEXT(detail), P_TEXT(detail)), 0) > 0;
}

static bool check_place(struct mover *mover, struct text schema)
{
    if (is_there(mover, schema, trial_name) && !is_left(mover, schema, trial_name))
        refuse(mover,
               "%.*s has a table " MOVER_TRIAL ", and no mover has made it, or it has rows; rename "
               "or drop it: the switch is tried with a table of that name",
               TEXT_ARGS(schema));
    return !connection_lost(mover->connection);
}

static bool check_places(struct mover *mover)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (todo_is_first(mover, i) && (!check_place(mover, source_of(mover, table)) ||
                                        !check_place(mover, target_of(mover, table))))
            return false;
    }
    return true;
}

bool trial_run(struct mover *mover)
{
    if (!check_places(mover))
        return false;
    if (!mover->order->dry_run && mover->refusals > 0)
        return true;
    if (!mover->order->dry_run)
        mover->trip_us = measure_trip(mover);
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (todo_is_first(mover, i) &&
            !try_pair(mover, source_of(mover, table), target_of(mover, table)))
            return false;
    }
    return true;
}

static bool rename_it(struct mover *mover, struct text schema, struct text name, struct text to)
{
    return connection_run(mover->connection, "RENAME TABLE ?.? TO ?.?",
                          PARAMETERS(P_NAME(schema), P_NAME(name), P_NAME(schema), P_NAME(to)),
                          mover->error);
}

/* Rows that somebody else has written to a table of that name may not be committed yet, so that
 * they cannot be seen. RENAME waits for that, and nobody knows the other name. */
static bool recover(struct mover *mover, struct text schema)
{
    if (is_left(mover, schema, trial_name) && (!note(mover, schema, aside_name, false) ||
                                               !rename_it(mover, schema, trial_name, aside_name) ||
                                               !note(mover, schema, trial_name, true)))
        return false;
    if (!is_left(mover, schema, aside_name))
        return !connection_lost(mover->connection);
    const bool empty = ask_number(mover, "SELECT COUNT(*) FROM (SELECT 1 FROM ?.? LIMIT 1) AS one",
                                  PARAMETERS(P_NAME(schema), P_NAME(aside_name)), 1) == 0;
    return (empty ? connection_run(mover->connection, "DROP TABLE ?.?",
                                   PARAMETERS(P_NAME(schema), P_NAME(aside_name)), mover->error)
                  : rename_it(mover, schema, aside_name, trial_name)) &&
           note(mover, schema, aside_name, true);
}

bool trial_recover(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        bool first = table->move == mover->order->move;
        for (size_t j = 0; j < i && first; j++) {
            const struct moved_table *other = &mover->standing.tables[j];
            first = other->move != table->move || !text_equal(other->from, table->from);
        }
        if (first && (!recover(mover, table->from) || !recover(mover, table->to)))
            return false;
    }
    return true;
}
