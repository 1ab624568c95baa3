/* `silogate move NAME --finish`: the aliases are dropped, once nobody has used them for the time
 * that the operator gives. Who uses them through silogate is in the journal: statements that could
 * not be mapped. Uses without silogate are found in performance_schema's digests, if that is on.
 */
#include <string.h>

#include "config/keys.h"
#include "move/mover_internal.h"

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

/* The text of a digest names a table as `schema` . `name`, or as `name`. Is it the old name? */
static bool uses(struct text text, struct text schema, const struct moved_table *table)
{
    char name[300], old[300];
    int length = snprintf(name, sizeof(name), "`%.*s`", TEXT_ARGS(table->name));
    int old_length = snprintf(old, sizeof(old), "`%.*s` . ", TEXT_ARGS(table->from));
    const char *from = text.at, *end = text.at + text.length;

    while (from < end) {
        const char *at = memmem(from, (size_t)(end - from), name, (size_t)length);
        if (!at)
            return false;
        if (at - text.at >= old_length && memcmp(at - old_length, old, (size_t)old_length) == 0)
            return true;
        bool qualified = at - text.at >= 2 && memcmp(at - 2, ". ", 2) == 0;
        if (!qualified && text_equal_fold(schema, table->from))
            return true;
        from = at + length;
    }
    return false;
}

/* What the digests do not tell. The server counts the statements for which its table has no room
 * in one row without a digest. */
static void tell_of_digests(struct mover *mover, bool readable, int64_t seconds)
{
    if (!readable || ask_number(mover, "SELECT @@performance_schema", NULL, 0) == 0)
        say(mover, "note: performance_schema is off or cannot be read: who uses the views past "
                   "silogate is not known");
    else if (ask_number(mover,
                        "SELECT COUNT(*) FROM"
                        " performance_schema.events_statements_summary_by_digest WHERE DIGEST IS"
                        " NULL AND LAST_SEEN > NOW() - INTERVAL ? SECOND",
                        PARAMETERS(P_NUMBER(seconds)), 0) > 0)
        say(mover, "note: performance_schema has no room for all digests, so not all that use the "
                   "views past silogate are known; TRUNCATE "
                   "performance_schema.events_statements_summary_by_digest, and wait");
}

/* Checks uses without silogate too. */
static void check_digests(struct mover *mover, int64_t seconds)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT DIGEST_TEXT, IFNULL(SCHEMA_NAME, ''), TIMESTAMPDIFF(SECOND, LAST_SEEN, NOW()) FROM"
        " performance_schema.events_statements_summary_by_digest WHERE LAST_SEEN > NOW() - INTERVAL"
        " ? SECOND AND DIGEST_TEXT IS NOT NULL",
        PARAMETERS(P_NUMBER(seconds)), mover->error);

    tell_of_digests(mover, rows != NULL, seconds);
    bool *told = arena_take(&mover->arena, mover->standing.table_count + 1);
    memset(told, 0, mover->standing.table_count);
    while (rows && rows_next(rows)) {
        for (size_t i = 0; i < mover->standing.table_count; i++) {
            const struct moved_table *table = &mover->standing.tables[i];
            if (told[i] || !finish_drops(mover, table) ||
                !uses(rows->cells[0], rows->cells[1], table))
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
