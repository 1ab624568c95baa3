/* A backup of the server (MySQL's LOCK INSTANCE FOR BACKUP, MariaDB's BACKUP STAGE BLOCK_DDL) lets
 * everybody write and nobody create a trigger; FLUSH TABLES WITH READ LOCK lets nobody write
 * either, and when it ends those who wait may be before the mover. If such a lock comes in the
 * middle of the switch, triggers are missing until it has ended. The server has no lock by which a
 * mover could keep it from coming: its own statements wait behind one that waits. So the tables are
 * kept from everybody until the triggers are there: on MySQL by the mover's LOCK TABLES, on both
 * servers by the doors of the instances. MariaDB gives no LOCK TABLES while such a backup runs.
 *
 * The instances know it by a lock (MEETING_BARE) that the mover's session takes in the same packet
 * in which it drops the first trigger: it need not write anything then, nor connect again.
 */
#include <unistd.h>

#include "base/clock.h"
#include "move/mover_internal.h"

enum { LOCK_WAIT_TIMEOUT = 1205, DEADLOCK = 1213 };
enum { PAUSE_US = 50000, TELL_MS = 10000 };

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

    /* the mover's own session is under LOCK TABLES, or in a trigger's settings */
    if (!mover->aside)
        mover->aside = mover_connect(mover->order, &ignored);
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

static struct text lock_sql(struct mover *mover, const char *sql)
{
    return connection_text(
        mover->connection, &mover->arena, sql,
        PARAMETERS(P_TEXT(text_of(mover->name)), P_NUMBER((int64_t)mover->epoch)));
}

struct text blocked_sql(struct mover *mover)
{
    return lock_sql(mover, "SELECT EXP(IF(GET_LOCK(" MEETING_BARE("?", "?") ", 1) = 1, 0, 1000))");
}

void blocked_free(struct mover *mover)
{
    const struct error why = *mover->error;

    if (!connection_lost(mover->connection))
        run_sql(mover, lock_sql(mover, "DO RELEASE_LOCK(" MEETING_BARE("?", "?") ")"));
    *mover->error = why;
}

void blocked_hold(struct mover *mover)
{
    const int64_t now = clock_ms();

    if (!mover->blocked)
        mover->blocked = now;
    if (now - mover->warned >= TELL_MS) {
        mover->warned = now;
        say(mover,
            "triggers are missing, and for %lld ms the server has not let the mover create them: "
            "somebody holds a lock, as a backup does. Everybody who uses the tables waits until "
            "that ends; KILL ends it.",
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
    if (mover->trigger_count > 0)
        blocked_free(mover);
    connection_close(mover->aside);
    mover->aside = NULL;
}
