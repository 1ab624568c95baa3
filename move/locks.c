/* Finds who holds locks on the tables: with MySQL's performance_schema or MariaDB's plugin
 * metadata_lock_info. It looks before the switch is sent, because other statements would queue
 * behind a waiting RENAME; and after a failed switch, to name the sessions that blocked it.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "move/mover_internal.h"

enum { POLL_US = 1000, NEAR_MS = 50 };

static bool is_todo(const struct mover *mover, struct text schema, struct text name)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (text_equal_fold(name, table->name) && text_equal_fold(schema, source_of(mover, table)))
            return true;
    }
    return false;
}

static bool is_near(const struct mover *mover, struct text schema, struct text name)
{
    for (size_t i = 0; i < mover->near_count; i++) {
        if (text_equal_fold(name, mover->near[i].name) &&
            text_equal_fold(schema, mover->near[i].schema))
            return true;
    }
    return false;
}

/* -1: not known. */
struct locks {
    int64_t on_tables, near;
};

/* Schema, name, thread, user, host, seconds. */
static const char on_mysql[] =
    "SELECT l.OBJECT_SCHEMA, l.OBJECT_NAME, IFNULL(t.PROCESSLIST_ID, 0),"
    " IFNULL(t.PROCESSLIST_USER, '-'), IFNULL(t.PROCESSLIST_HOST, '-'),"
    " IFNULL(t.PROCESSLIST_TIME, 0) FROM performance_schema.metadata_locks l LEFT JOIN"
    " performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID WHERE ((l.OBJECT_TYPE ="
    " 'TABLE' AND l.LOCK_DURATION IN ('TRANSACTION', 'EXPLICIT')) OR (l.OBJECT_TYPE = 'BACKUP LOCK'"
    " AND l.LOCK_TYPE = 'SHARED')) AND IFNULL(t.PROCESSLIST_ID, 0) <> CONNECTION_ID()";
static const char on_mariadb[] =
    "SELECT l.TABLE_SCHEMA, l.TABLE_NAME, l.THREAD_ID, IFNULL(p.USER, '-'), IFNULL(p.HOST, '-'),"
    " IFNULL(p.TIME, 0) FROM information_schema.METADATA_LOCK_INFO l LEFT JOIN"
    " information_schema.PROCESSLIST p ON p.ID = l.THREAD_ID WHERE l.THREAD_ID <> CONNECTION_ID()";

static struct rows *ask_locks(struct mover *mover)
{
    return connection_query(mover->connection,
                            connection_is_mariadb(mover->connection) ? on_mariadb : on_mysql, NULL,
                            mover->error);
}

/* Counts the locks on the tables, and on those that are locked with them. One query for all
 * tables, because clients are waiting. */
static struct locks count_locks(struct mover *mover)
{
    struct rows *rows = ask_locks(mover);
    struct locks locks = {0};

    if (!rows)
        return (struct locks){-1, -1};
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (!cells[0].at || (cells[1].at && is_todo(mover, cells[0], cells[1])))
            locks.on_tables++; /* or a backup, which lets nobody rename */
        else if (cells[0].at && cells[1].at && is_near(mover, cells[0], cells[1]))
            locks.near++;
    }
    rows_free(rows);
    return locks;
}

/* Without the plugin MariaDB shows who is in a transaction, but not on which tables. */
static void tell_transactions(struct mover *mover)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT p.ID, p.USER, p.HOST, p.TIME FROM information_schema.INNODB_TRX t JOIN"
        " information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id WHERE p.ID <>"
        " CONNECTION_ID() ORDER BY t.trx_started LIMIT 20",
        NULL, mover->error);

    say(mover, "which of them has locked the tables cannot be seen (INSTALL SONAME "
               "'metadata_lock_info' tells); in a transaction are:");
    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        say(mover, "  thread %.*s of the server, user %.*s from %.*s, idle or at work for %.*s s",
            TEXT_ARGS(cells[0]), TEXT_ARGS(cells[1]), TEXT_ARGS(cells[2]), TEXT_ARGS(cells[3]));
    }
    rows_free(rows);
}

static void tell_branches(struct mover *mover)
{
    struct rows *rows = connection_query(mover->connection, "XA RECOVER", NULL, mover->error);

    while (rows && rows_next(rows)) {
        if (rows->columns >= 4)
            say(mover, "  the XA transaction %.*s is prepared; XA COMMIT or XA ROLLBACK it",
                TEXT_ARGS(rows->cells[3]));
    }
    rows_free(rows);
}

void tell_locks(struct mover *mover)
{
    const struct error why = *mover->error;
    struct rows *rows = connection_lost(mover->connection) ? NULL : ask_locks(mover);

    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (!cells[0].at)
            say(mover,
                "a backup keeps the server from renaming and from creating triggers: thread %.*s, "
                "user %.*s from %.*s, idle or at work for %.*s s",
                TEXT_ARGS(cells[2]), TEXT_ARGS(cells[3]), TEXT_ARGS(cells[4]), TEXT_ARGS(cells[5]));
        if (!cells[0].at || !cells[1].at ||
            (!is_todo(mover, cells[0], cells[1]) && !is_near(mover, cells[0], cells[1])))
            continue;
        if (text_equal(cells[2], TEXT("0")))
            say(mover, "%.*s.%.*s is locked by nobody's session: an XA transaction",
                TEXT_ARGS(cells[0]), TEXT_ARGS(cells[1]));
        else
            say(mover,
                "%.*s.%.*s is locked by thread %.*s of the server, user %.*s from %.*s, idle or at "
                "work for %.*s s",
                TEXT_ARGS(cells[0]), TEXT_ARGS(cells[1]), TEXT_ARGS(cells[2]), TEXT_ARGS(cells[3]),
                TEXT_ARGS(cells[4]), TEXT_ARGS(cells[5]));
    }
    if (!rows && connection_is_mariadb(mover->connection) && !connection_lost(mover->connection))
        tell_transactions(mover);
    rows_free(rows);
    if (!connection_lost(mover->connection))
        tell_branches(mover);
    *mover->error = why;
}

bool wait_for_locks(struct mover *mover, int64_t until)
{
    /* If tables that triggers or foreign keys lead to are never free, the RENAME is sent all the
     * same, and waits in the server's queue. */
    const int64_t give_up_at = clock_ms() + NEAR_MS;

    mover->told = clock_ms();
    for (;;) {
        const struct locks locks = count_locks(mover);
        const int64_t now = clock_ms();
        if (locks.on_tables <= 0 && (locks.near <= 0 || now >= give_up_at))
            return true;
        if (now < until && tells_live(mover))
            say_live(mover, "%lld ms left for locks that sessions of the server hold: %lld",
                     (long long)(until - now), (long long)(locks.on_tables + locks.near));
        if (now >= until) {
            tell_locks(mover);
            return error_set(mover->error, "somebody on the server holds locks on the tables");
        }
        usleep(POLL_US);
    }
}
