/* The switch itself. There are three ways; none of them leaves anything half done:
 *
 *   no triggers       one RENAME puts all tables to the target and all views in their place
 *   triggers, MySQL   LOCK TABLES; triggers dropped; tables renamed; triggers made; UNLOCK: nobody
 *                     writes without them. Views cannot be renamed under the lock, so theirs is a
 *                     statement before (way back) or after it
 *   triggers, MariaDB the same without the lock, under which it allows no RENAME; the views in the
 *                     RENAME
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "move/mover_internal.h"

enum { LOCK_WAIT_TIMEOUT = 1205, RETRY_US = 2000 };

/* What is in a RENAME. */
enum parts { TABLES = 1, VIEWS = 2 };

static bool is_locking(const struct mover *mover)
{
    return mover->trigger_count > 0 && !connection_is_mariadb(mover->connection);
}

static void put_comma(FILE *to, bool *first)
{
    if (!*first)
        fputs(", ", to);
    *first = false;
}

/* `there`: into the new database. A view leaves the old name before its table comes back, and gets
 * it after its table has left.
 */
static void put_renames(FILE *to, struct mover *mover, size_t i, enum parts parts, bool there,
                        bool *first)
{
    const struct moved_table *table = todo_table(mover, i);
    const bool view = (parts & VIEWS) && has_alias(mover, table);

    if (view && !there) {
        put_comma(to, first);
        put_table(to, table->from, table->name);
        fputs(" TO ", to);
        put_aside(to, mover, i);
    }
    if (parts & TABLES) {
        put_comma(to, first);
        put_table(to, there ? table->from : table->to, table->name);
        fputs(" TO ", to);
        put_table(to, there ? table->to : table->from, table->name);
    }
    if (view && there) {
        put_comma(to, first);
        put_aside(to, mover, i);
        fputs(" TO ", to);
        put_table(to, table->from, table->name);
    }
}

/* An empty text: there is nothing to rename. */
static struct text rename_sql(struct mover *mover, enum parts parts, bool there)
{
    char *sql;
    size_t length;
    bool first = true;
    FILE *to = open_memstream(&sql, &length);

    fputs("RENAME TABLE ", to);
    for (size_t i = 0; i < mover->todo_count; i++)
        put_renames(to, mover, i, parts, there, &first);
    fclose(to);
    struct text text = keep_text(mover, sql, length);
    return first ? (struct text){NULL, 0} : text;
}

static struct text lock_sql(struct mover *mover)
{
    char *sql;
    size_t length;
    bool first = true;
    FILE *to = open_memstream(&sql, &length);

    fputs("LOCK TABLES ", to);
    for (size_t i = 0; i < mover->todo_count; i++) {
        put_comma(to, &first);
        put_table(to, source_of(mover, todo_table(mover, i)), todo_table(mover, i)->name);
        fputs(" WRITE", to);
    }
    fclose(to);
    return keep_text(mover, sql, length);
}

struct text swap_sql(struct mover *mover)
{
    return rename_sql(mover, is_locking(mover) ? TABLES : TABLES | VIEWS, mover->in_to);
}

void swap_print(struct mover *mover)
{
    const bool locking = is_locking(mover);
    const struct text views = rename_sql(mover, VIEWS, mover->in_to);

    if (locking && !mover->in_to && views.at)
        say(mover, "  %s", views.at);
    if (locking)
        say(mover, "  %s", lock_sql(mover).at);
    for (size_t i = 0; i < mover->trigger_count; i++)
        say(mover, "  DROP TRIGGER %.*s.%.*s", TEXT_ARGS(mover->triggers[i].schema),
            TEXT_ARGS(mover->triggers[i].name));
    say(mover, "  %s", swap_sql(mover).at);
    for (size_t i = 0; i < mover->trigger_count; i++)
        say(mover, "  USE %.*s; %.*s", TEXT_ARGS(mover->triggers[i].target),
            TEXT_ARGS(mover->triggers[i].new_text));
    if (locking)
        say(mover, "  UNLOCK TABLES");
    if (locking && mover->in_to && views.at)
        say(mover, "  %s", views.at);
}

static bool set_wait(struct mover *mover, int seconds)
{
    return connection_run(mover->connection, "SET SESSION lock_wait_timeout = ?",
                          PARAMETERS(P_NUMBER(seconds)), mover->error);
}

bool swap_prepare(struct mover *mover)
{
    return set_wait(mover, 1);
}

/* Runs a statement with the shortest possible lock wait (on MySQL a second), because all other
 * statements queue behind it. On MariaDB an XA transaction without a session has no metadata lock,
 * only InnoDB's lock on the table; a RENAME waits for it as for a row lock, and all other
 * statements wait behind it. */
static bool run_soon(struct mover *mover, struct text sql, int64_t until)
{
    const bool mariadb = connection_is_mariadb(mover->connection);

    while (!connection_run(mover->connection,
                           mariadb ? "SET STATEMENT lock_wait_timeout = 0,"
                                     " innodb_lock_wait_timeout = 0 FOR ?"
                                   : "?",
                           PARAMETERS(P_SQL(sql)), mover->error)) {
        if (connection_code(mover->connection) != LOCK_WAIT_TIMEOUT)
            return false;
        if (clock_ms() >= until) {
            tell_locks(mover);
            return error_set(mover->error, "somebody holds locks on the tables");
        }
        usleep(RETRY_US);
    }
    return true;
}

/* --- with triggers --- */

/* Undoes the completed parts of a failed switch. Not needed after a lost connection: then the next
 * connection finds out what was done. */
static void undo(struct mover *mover, bool dropped, bool renamed, bool created)
{
    const struct error why = *mover->error;
    const enum parts parts = is_locking(mover) ? TABLES : TABLES | VIEWS;

    if (connection_lost(mover->connection))
        return;
    set_wait(mover, 10);
    if (created)
        triggers_undo(mover);
    if (renamed && !run_sql(mover, rename_sql(mover, parts, !mover->in_to)))
        mover->incomplete = true;
    if (dropped && !mover->incomplete && !triggers_restore(mover))
        mover->incomplete = true;
    *mover->error = why;
}

static bool carry_over(struct mover *mover, int64_t until)
{
    bool dropped = triggers_drop(mover);

    mover_reached("dropped");
    bool renamed = dropped && run_soon(mover, swap_sql(mover), until);
    if (renamed)
        mover_reached("moved");
    bool created = renamed && triggers_create(mover);
    if (!created)
        undo(mover, true, renamed, renamed);
    return created;
}

/* MySQL. */
static bool carry_locked(struct mover *mover, int64_t until)
{
    const struct text views = rename_sql(mover, VIEWS, mover->in_to);
    struct error why, ignored;

    if (!mover->in_to && views.at && !run_soon(mover, views, until))
        return false;
    mover_reached("aside");
    bool carried = run_soon(mover, lock_sql(mover), until);
    if (carried) {
        mover_reached("locked");
        carried = carry_over(mover, until);
        why = *mover->error;
        connection_run(mover->connection, "UNLOCK TABLES", NULL, &ignored);
        *mover->error = why;
    }
    mover_reached("unlocked");
    if (carried == mover->in_to && views.at) {
        why = *mover->error;
        set_wait(mover, 10);
        if (!run_sql(mover, rename_sql(mover, VIEWS, true))) {
            mover->incomplete = true;
            say(mover, "the aliases cannot be put in their place: %s", mover->error->text);
        }
        if (!carried)
            *mover->error = why;
    }
    return carried;
}

bool swap(struct mover *mover, int64_t until)
{
    if (mover->trigger_count == 0)
        return run_soon(mover, swap_sql(mover), until);
    return is_locking(mover) ? carry_locked(mover, until) : carry_over(mover, until);
}
