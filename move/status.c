/* `silogate move NAME --status`: where each table is, which instances take part, what could not be
 * mapped, what was done last. Changes nothing.
 */
#include <unistd.h>

#include "move/mover_internal.h"
#include "move/sightings.h"

enum { COPY_OF_TRX_US = 120000 };

static const char *place_of(struct mover *mover, const struct moved_table *table)
{
    if (alias_ignores(mover, table))
        return "moved, with an alias, beside which servers ignore PARTITION (..): it has got "
               "partitions since; --finish drops the alias";
    if (table->taken)
        return "at the old place; another section's table has the new name, or that is not known";
    if (table->dropped)
        return "dropped at the new place; its alias is left";
    if (standing_is_at_both(table) && table->kept == PLACE_UNKNOWN)
        return "at both places, and which was there first is not known: sessions use the one at "
               "the old place; find out, and rename or drop the other";
    if (standing_is_at_both(table))
        return table->kept == PLACE_TO ? "at both places: sessions use the one at the new place, "
                                         "which was there before; rename or drop the other"
                                       : "at both places: sessions use the one at the old place, "
                                         "which was there before; rename or drop the other";
    if (standing_is_in_to(table))
        return table->at_from == STANDING_VIEW ? "moved, with an alias" : "moved";
    return table->at_from == STANDING_TABLE ? "at the old place"
           : table->at_from == STANDING_VIEW
               ? "a view at the old place, but no table at either place"
               : "not a table";
}

static void print_tables(struct mover *mover)
{
    if (!sightings_read(mover->connection, mover->order->config, &mover->standing, mover->error))
        say(mover, "note: which of two tables was there first cannot be read: %s",
            mover->error->text);
    standing_keep(&mover->standing, &(struct standing){0});
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (table->move == mover->order->move)
            say(mover, "%.*s.%.*s -> %.*s: %s", TEXT_ARGS(table->from), TEXT_ARGS(table->name),
                TEXT_ARGS(table->to), place_of(mover, table));
    }
}

static bool print_instances(struct mover *mover)
{
    struct meeting_instances instances;

    if (!meeting_instances(mover->connection, mover->name, 0, &instances, mover->error))
        return false;
    for (size_t i = 0; i < instances.count; i++) {
        const struct meeting_instance *instance = &instances.items[i];
        say(mover,
            "instance %.*s: seen %.1f s ago, policy %.*s, %s, %u sessions inside, %llu statements "
            "not mapped",
            TEXT_ARGS(instance->name), (double)instance->age / 1000, TEXT_ARGS(instance->policy),
            meeting_state_name(instance->state), instance->inside,
            (unsigned long long)instance->unmapped);
        if (instance->unmapped_by.length)
            say(mover, "%.*s", TEXT_ARGS(instance->unmapped_by));
    }
    if (instances.count == 0)
        say(mover, "no instance takes part");
    arena_fini(&instances.arena);
    return true;
}

static bool print_journal(struct mover *mover)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT * FROM (SELECT id, at, epoch, step FROM silogate.journal WHERE move = ? AND step"
        " NOT IN ('trigger', 'tables', 'aliases', 'placeholder', 'placeholder_dropped', 'grants',"
        " 'grants_over', 'trial', 'trial_dropped') ORDER BY id DESC LIMIT 12) AS"
        " last ORDER BY id",
        PARAMETERS(P_TEXT(text_of(mover->name))), mover->error);

    if (!rows)
        return false;
    while (rows_next(rows))
        say(mover, "%.*s call %.*s: %.*s", TEXT_ARGS(rows->cells[1]), TEXT_ARGS(rows->cells[2]),
            TEXT_ARGS(rows->cells[3]));
    rows_free(rows);
    return true;
}

static struct text service_of(const struct mover *mover, struct text user)
{
    const struct config *config = mover->order->config;

    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_list *users = &config->services[i].users;
        for (size_t j = 0; j < users->count; j++) {
            if (text_equal(users->items[j].value, user))
                return config->services[i].name;
        }
    }
    return TEXT("nobody");
}

/* A transaction that is longer than the hold and uses the tables makes a move give up. trx_started
 * is in the server's time zone. Both servers answer INNODB_TRX from a copy that they refresh only
 * when it was not read for 100 ms: if it is read more often, it never changes. */
static void print_long_transactions(struct mover *mover)
{
    usleep(COPY_OF_TRX_US);

    struct rows *rows = connection_query(
        mover->connection,
        "SELECT p.ID, p.USER, p.HOST, TIMESTAMPDIFF(SECOND, t.trx_started, CONVERT_TZ(NOW(),"
        " '+00:00', 'SYSTEM')) AS age FROM information_schema.INNODB_TRX t JOIN"
        " information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id HAVING age * 1000 > ?"
        " ORDER BY age DESC LIMIT 20",
        PARAMETERS(P_NUMBER(mover->move->hold.value)), mover->error);

    if (!rows)
        say(mover, "transactions longer than the hold cannot be seen: %s", mover->error->text);
    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        say(mover,
            "longer than the hold: a transaction of %.*s for %.*s s, user %.*s from %.*s, thread "
            "%.*s of the server",
            TEXT_ARGS(service_of(mover, cells[1])), TEXT_ARGS(cells[3]), TEXT_ARGS(cells[1]),
            TEXT_ARGS(cells[2]), TEXT_ARGS(cells[0]));
    }
    rows_free(rows);
    *mover->error = (struct error){0};
}

/* Prints triggers that a mover has dropped and not created again. */
static bool print_missing(struct mover *mover)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT DISTINCT SUBSTRING_INDEX(SUBSTRING_INDEX(detail, '\n', 2), '\n', -1) FROM"
        " silogate.journal j WHERE move = ? AND step = 'trigger' AND " MOVER_DROPPED
        " AND id > IFNULL((SELECT MAX(id) FROM silogate.journal WHERE move = ? AND step IN"
        " ('settled', 'given_up')), 0)",
        PARAMETERS(P_TEXT(text_of(mover->name)), P_TEXT(text_of(mover->name))), mover->error);

    while (rows && rows_next(rows)) {
        bool there = false;
        for (size_t i = 0; i < mover->standing.trigger_count; i++)
            there |= text_equal(mover->standing.triggers[i].name, rows->cells[0]);
        if (!there)
            say(mover,
                "trigger %.*s is missing, and writes continue without it; run the move again at "
                "once",
                TEXT_ARGS(rows->cells[0]));
    }
    rows_free(rows);
    return rows != NULL;
}

/* Prints, from the last row of the journal, whether a mover is running or was stopped. */
static bool print_state(struct mover *mover)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT step, at, IS_USED_LOCK(?), step IN ('settled', 'given_up', 'checked', 'finished')"
        " FROM silogate.journal WHERE move = ? AND step NOT IN ('unmapped', 'grants_over', 'trial',"
        " 'trial_dropped') ORDER BY id DESC LIMIT 1",
        PARAMETERS(P_TEXT(TEXT(MOVER_LOCK)), P_TEXT(text_of(mover->name))), mover->error);

    if (!rows)
        return false;
    if (!rows_next(rows))
        say(mover, "no call yet");
    else if (rows->cells[2].at)
        say(mover, "a mover is at work, as thread %.*s of the server", TEXT_ARGS(rows->cells[2]));
    else if (rows_number(rows, 3, 0))
        say(mover, "nothing is under way");
    else
        say(mover,
            "a mover was stopped after its step '%.*s' at %.*s; run the move again, or with "
            "--back: both find out where the tables are, and repair what is left",
            TEXT_ARGS(rows->cells[0]), TEXT_ARGS(rows->cells[1]));
    rows_free(rows);
    if (ask_number(mover, "SELECT IS_USED_LOCK(?) IS NULL", PARAMETERS(P_TEXT(TEXT(MOVER_LOCK))),
                   0))
        grants_tell_left(mover);
    return print_missing(mover);
}

bool status_print(struct mover *mover)
{
    print_tables(mover);
    print_long_transactions(mover);
    return print_state(mover) && print_instances(mover) && print_journal(mover);
}
