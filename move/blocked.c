/* A backup of the server (MySQL's LOCK INSTANCE FOR BACKUP, MariaDB's BACKUP STAGE BLOCK_DDL) lets
 * everybody write and nobody create a trigger. If it begins in the middle of the switch, triggers
 * are missing until it has ended. The server has no lock by which a mover could keep a backup from
 * beginning: its own statements wait behind one that waits. So the tables are kept from everybody
 * until the triggers are there: on MySQL by the mover's LOCK TABLES, on both servers by the doors
 * of the instances. MariaDB gives no LOCK TABLES while such a backup runs.
 */
#include <unistd.h>

#include "base/clock.h"
#include "move/mover_internal.h"

enum { LOCK_WAIT_TIMEOUT = 1205, DEADLOCK = 1213 };
enum { PAUSE_US = 50000, BEAT_MS = 1000, TELL_MS = 10000 };

static const char on_mariadb[] =
    "SELECT l.THREAD_ID, IFNULL(p.USER, '-'), IFNULL(p.HOST, '-'), IFNULL(p.TIME, 0) FROM"
    " information_schema.METADATA_LOCK_INFO l LEFT JOIN information_schema.PROCESSLIST p ON p.ID ="
    " l.THREAD_ID WHERE l.LOCK_TYPE LIKE 'Backup%' AND (l.LOCK_MODE LIKE '%WAIT%' OR l.LOCK_MODE"
    " LIKE '%BLOCK%')";

/* Those who hold locks on the tables, and who makes a backup. */
static void tell_who(struct mover *mover)
{
    struct mover other = *mover;
    struct error ignored;

    if (!mover->aside)
        return;
    other.connection = mover->aside;
    tell_locks(&other);
    struct rows *rows = connection_is_mariadb(mover->connection)
                            ? connection_query(mover->aside, on_mariadb, NULL, &ignored)
                            : NULL;
    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        say(mover,
            "a backup keeps the server from creating triggers: thread %.*s, user %.*s from %.*s, "
            "idle or at work for %.*s s",
            TEXT_ARGS(cells[0]), TEXT_ARGS(cells[1]), TEXT_ARGS(cells[2]), TEXT_ARGS(cells[3]));
    }
    rows_free(rows);
}

/* The mover's own session is under LOCK TABLES, or in a trigger's settings. */
static void beat(struct mover *mover)
{
    struct error ignored;

    mover->beat = clock_ms();
    if (!mover->aside)
        mover->aside = mover_connect(mover->order, &ignored);
    if (mover->aside &&
        !meeting_set(mover->aside, mover->name, mover->epoch, PHASE_BLOCKED, &ignored) &&
        connection_lost(mover->aside)) {
        connection_close(mover->aside);
        mover->aside = NULL;
    }
}

void blocked_hold(struct mover *mover)
{
    const int64_t now = clock_ms();

    if (!mover->blocked)
        mover->blocked = now;
    if (now - mover->beat >= BEAT_MS)
        beat(mover);
    if (now - mover->warned >= TELL_MS) {
        mover->warned = now;
        say(mover,
            "triggers are missing, and for %lld ms the server has not let the mover create them: "
            "somebody holds a lock, as a backup does. Everybody who uses the tables waits until "
            "that "
            "ends; KILL ends it.",
            (long long)(now - mover->blocked));
        tell_who(mover);
    }
}

bool blocked_wait(struct mover *mover, unsigned code)
{
    if (connection_lost(mover->connection) || (code != LOCK_WAIT_TIMEOUT && code != DEADLOCK))
        return false;
    blocked_hold(mover);
    usleep(PAUSE_US);
    return true;
}

void blocked_end(struct mover *mover)
{
    if (mover->blocked)
        mover->blocked_ms = clock_ms() - mover->blocked;
    connection_close(mover->aside);
    mover->aside = NULL;
}
