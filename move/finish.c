/* `silogate move NAME --finish`: the aliases are dropped, once nobody has used them for the time
 * that the operator gives. Who uses them through silogate is in the journal: statements that could
 * not be mapped. Uses without silogate are found in performance_schema's digests, if that is on.
 */
#include <string.h>

#include "config/keys.h"
#include "move/mover_internal.h"
#include "sql/functions.h"

bool finish_drops(const struct mover *mover, const struct moved_table *table)
{
    return table->move == mover->order->move && standing_is_in_to(table) &&
           table->at_from == STANDING_VIEW;
}

/* Seconds since the journal's last row of such a step; below 0 if the server's clock was set back;
 * NEVER: there is no row. */
static const int64_t NEVER = INT64_MAX;

static int64_t age_of(struct mover *mover, const char *step)
{
    return ask_number(mover,
                      "SELECT TIMESTAMPDIFF(SECOND, MAX(at), NOW(3)) FROM silogate.journal WHERE"
                      " move = ? AND step = ?",
                      PARAMETERS(P_TEXT(text_of(mover->name)), P_TEXT(text_of(step))), NEVER);
}

static void check_journal(struct mover *mover, int64_t seconds)
{
    const int64_t moved = age_of(mover, "settled"), used = age_of(mover, "unmapped");

    if (moved == NEVER)
        refuse(mover,
               "the journal does not say when the tables moved, so it is not known whether the "
               "views were used since then; find out who uses them, and say --unused-for 0s");
    else if (moved < seconds)
        refuse(mover,
               "the tables moved %lld s ago, so it is not known whether the views were unused for "
               "%lld s; wait, or say --unused-for with a shorter time",
               (long long)moved, (long long)seconds);
    if (used < seconds)
        refuse(mover,
               "%lld s ago statements went to the views; --status lists them: change them, or say "
               "--unused-for with a shorter time",
               (long long)used);
}

/* Does `text` have `name` between backticks in front of `end`? Then *begins is where. */
static bool ends_with(struct text text, size_t end, struct text name, bool fold, size_t *begins)
{
    const size_t length = name.length + 2;

    if (end < length || text.at[end - length] != '`' || text.at[end - 1] != '`')
        return false;
    *begins = end - length;
    const struct text there = {text.at + *begins + 1, name.length};
    return fold ? text_equal_fold(there, name) : text_equal(there, name);
}

/* The text of a digest names a table as `schema` . `name`, or as `name`. Is it the old name? */
static bool uses(struct text text, struct text schema, const struct moved_table *table, bool fold)
{
    const struct text between = TEXT(" . ");
    size_t at, before;

    for (size_t end = 1; end <= text.length; end++) {
        if (!ends_with(text, end, table->name, fold, &at))
            continue;
        const bool qualified =
            at >= between.length &&
            text_equal((struct text){text.at + at - between.length, between.length}, between);
        if (qualified ? ends_with(text, at - between.length, table->from, fold, &before)
                      : text_equal_fold(schema, table->from))
            return true;
    }
    return false;
}

#define DIGESTS "performance_schema.events_statements_summary_by_digest"
#define LATELY  " LAST_SEEN > NOW() - INTERVAL ? SECOND"

/* The server counts the statements for which its table has no room in one row without a digest. */
static const char no_room[] = "SELECT COUNT(*) FROM " DIGESTS " WHERE DIGEST IS NULL AND" LATELY;

static const char too_young[] =
    "SELECT MIN(FIRST_SEEN) IS NULL OR MIN(FIRST_SEEN) > NOW() - INTERVAL ? SECOND FROM " DIGESTS;

/* A text that was cut off has no mark. It is not shorter than this part of its tokens' bytes. */
static const char cut_off[] =
    "SELECT COUNT(*) FROM " DIGESTS " WHERE" LATELY " AND 4 * LENGTH(DIGEST_TEXT) >="
    " 3 * LEAST(@@max_digest_length, @@performance_schema_max_digest_length)";

static const char not_counted[] =
    "SELECT (SELECT COUNT(*) FROM performance_schema.setup_consumers WHERE ENABLED = 'NO' AND NAME"
    " IN ('global_instrumentation', 'thread_instrumentation', 'statements_digest')) + (SELECT"
    " COUNT(*) FROM performance_schema.setup_instruments WHERE ENABLED = 'NO' AND NAME LIKE"
    " 'statement/%' AND NAME NOT LIKE 'statement/sp/%') + (SELECT COUNT(*) FROM"
    " performance_schema.setup_actors WHERE ENABLED = 'NO') + (SELECT COUNT(*) = 0 FROM"
    " performance_schema.setup_actors WHERE HOST = '%' AND `USER` = '%')";

/* Tells `why`, unless `sql` gives 0. */
static void tell_if(struct mover *mover, const char *sql, const struct parameter *parameters,
                    const char *why)
{
    if (ask_number(mover, sql, parameters, 1) != 0)
        say(mover, "note: not all uses of the views past silogate are known: %s", why);
}

/* Servers print keywords without backticks, and some as others: user as SYSTEM_USER. */
static bool is_printed_otherwise(struct text name)
{
    return function_find(name) != KEYWORD_NONE || memchr(name.at, '`', name.length);
}

/* What the digests do not tell. */
static void tell_of_digests(struct mover *mover, bool readable, int64_t seconds)
{
    const struct parameter *time = PARAMETERS(P_NUMBER(seconds));

    if (!readable || ask_number(mover, "SELECT @@performance_schema", NULL, 0) == 0) {
        say(mover, "note: performance_schema is off or cannot be read: who uses the views past "
                   "silogate is not known");
        return;
    }
    tell_if(mover, no_room, time,
            "performance_schema has no room for all digests; TRUNCATE " DIGESTS ", and wait");
    tell_if(mover, too_young, time,
            "performance_schema has counted for a shorter time than --unused-for");
    tell_if(mover, cut_off, time, "statements are longer than max_digest_length");
    tell_if(mover, not_counted, NULL,
            "performance_schema does not count all statements (setup_consumers, "
            "setup_instruments, setup_actors)");
    tell_if(mover, "SELECT VERSION() LIKE '%MariaDB%'", NULL,
            "MariaDB has no digests of executions (EXECUTE, COM_STMT_EXECUTE)");
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (finish_drops(mover, table) && is_printed_otherwise(table->name))
            say(mover,
                "note: digests may name %.*s.%.*s otherwise, as its name is a keyword or has a "
                "backtick: who uses it past silogate is not known",
                TEXT_ARGS(table->from), TEXT_ARGS(table->name));
    }
}

/* Checks uses without silogate too. */
static void check_digests(struct mover *mover, int64_t seconds)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT DIGEST_TEXT, IFNULL(SCHEMA_NAME, ''), TIMESTAMPDIFF(SECOND, LAST_SEEN, NOW()) FROM"
        " " DIGESTS " WHERE" LATELY " AND DIGEST_TEXT IS NOT NULL",
        PARAMETERS(P_NUMBER(seconds)), mover->error);

    tell_of_digests(mover, rows != NULL, seconds);
    bool *told = arena_take(&mover->arena, mover->standing.table_count + 1);
    memset(told, 0, mover->standing.table_count);
    while (rows && rows_next(rows)) {
        for (size_t i = 0; i < mover->standing.table_count; i++) {
            const struct moved_table *table = &mover->standing.tables[i];
            if (told[i] || !finish_drops(mover, table) ||
                !uses(rows->cells[0], rows->cells[1], table, mover->standing.fold))
                continue;
            told[i] = true;
            refuse(mover,
                   "%.*s.%.*s was used %.*s s ago, according to performance_schema's digests; "
                   "change what uses it, or say --unused-for with a shorter time",
                   TEXT_ARGS(table->from), TEXT_ARGS(table->name), TEXT_ARGS(rows->cells[2]));
        }
    }
    rows_free(rows);
}

static bool drop_aliases(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (!finish_drops(mover, table))
            continue;
        char *sql;
        size_t length;
        FILE *to = open_memstream(&sql, &length);
        fputs("DROP VIEW ", to);
        put_table(to, table->from, table->name);
        fclose(to);
        if (!change(mover, keep_text(mover, sql, length)))
            return false;
    }
    return true;
}

bool finish(struct mover *mover)
{
    const int64_t seconds = (mover->order->unused_for + 999) / 1000;

    if (seconds > 0) {
        check_journal(mover, seconds);
        check_digests(mover, seconds);
    }
    stored_check_finish(mover);
    warnings_tell_codes(mover);
    if (connection_lost(mover->connection))
        return false;
    *mover->error = (struct error){0}; /* from a question for what is not shown to the account */
    if (mover->refusals > 0)
        return false;
    if (!drop_aliases(mover))
        return false;
    if (mover->order->dry_run)
        return true;
    say(mover,
        "there is no alias any more; take [move:%s] out of the configuration when no "
        "service names the old place",
        mover->name);
    return mover_note(mover, "finished", TEXT(""));
}
