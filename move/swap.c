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
#include "config/keys.h"
#include "move/mover_internal.h"

enum { LOCK_WAIT_TIMEOUT = 1205, OUT_OF_RANGE = 1690, RETRY_US = 2000 };

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
    return set_wait(mover, 1) && connection_allow_many(mover->connection, true, mover->error);
}

/* --- statements that go to the server together --- */

/* Of one packet or several: a mover that stands still in between finds the hold over. */
struct sending {
    struct text *statements;
    const char **steps; /* of each: that it reaches (for tests), `asked`, or NULL */
    size_t count, steps_count, done;
    size_t first; /* how many are before the one that drops the first trigger; 0: none does */
};

/* It asks whether the hold is over; the next one waits for locks. */
static const char asked[] = "asked";

static void add(struct mover *mover, struct sending *sending, struct text sql, const char *step)
{
    struct arena *arena = &mover->arena;

    sending->statements =
        items_add(arena, sending->statements, &sending->count, sizeof(*sending->statements));
    sending->statements[sending->count - 1] = sql;
    sending->steps =
        items_add(arena, sending->steps, &sending->steps_count, sizeof(*sending->steps));
    sending->steps[sending->count - 1] = step;
}

/* A statement that waits for locks: with the shortest possible wait (on MySQL a second), because
 * all other statements queue behind it, and not when the hold is over. On MariaDB an XA transaction
 * without a session has no metadata lock, only InnoDB's lock on the table; a RENAME waits for it as
 * for a row lock, and all other statements wait behind it. */
static void add_soon(struct mover *mover, struct sending *sending, struct text sql,
                     const char *step)
{
    const bool mariadb = connection_is_mariadb(mover->connection);

    add(mover, sending, hold_sql(mover), asked);
    add(mover, sending,
        connection_text(mover->connection, &mover->arena,
                        mariadb ? "SET STATEMENT lock_wait_timeout = 0, innodb_lock_wait_timeout ="
                                  " 0 FOR ?"
                                : "?",
                        PARAMETERS(P_SQL(sql))),
        step);
}

/* Up to a step at which the mover is to stop. */
static bool send_part(struct mover *mover, struct sending *sending)
{
    const size_t from = sending->done;
    const char *step = NULL;
    size_t count = 0, done;

    while (from + count < sending->count && !(step && mover_stops_at(step)))
        step = sending->steps[from + count++];
    const bool good = connection_many(mover->connection, sending->statements + from, count, NULL,
                                      &done, mover->error);
    sending->done += done;
    if (step && done == count)
        mover_reached(step);
    return good;
}

/* Sends all. What waits for a lock in vain is tried until `until`, with the question before it
 * whether the hold is over. */
static bool send_all(struct mover *mover, struct sending *sending, int64_t until)
{
    while (sending->done < sending->count) {
        if (send_part(mover, sending))
            continue;
        const unsigned code = connection_code(mover->connection);
        if (code == OUT_OF_RANGE)
            return !hold_is_over(mover, "too little of the hold is left for the switch");
        if (code != LOCK_WAIT_TIMEOUT || sending->done == 0 ||
            sending->steps[sending->done - 1] != asked)
            return false;
        if (sending->first > 0 && sending->done > sending->first)
            blocked_hold(mover);
        if (clock_ms() >= until) {
            tell_locks(mover);
            return error_set(mover->error, "somebody holds locks on the tables");
        }
        sending->done--;
        if (sending->done < sending->first) { /* no trigger is missing yet */
            blocked_free(mover);
            sending->done = 0;
        }
        usleep(RETRY_US);
    }
    return true;
}

static bool run_soon(struct mover *mover, struct text sql, const char *step, int64_t until)
{
    struct sending sending = {0};

    add_soon(mover, &sending, sql, step);
    return send_all(mover, &sending, until);
}

/* --- with triggers --- */

/* Written as late as can be: a trigger that is missing and was not dropped by a mover is not made
 * again. */
static struct text dropping_sql(struct mover *mover)
{
    return connection_text(
        mover->connection, &mover->arena,
        "INSERT INTO silogate.journal (move, epoch, step, detail) VALUES (?, ?, 'dropping', '')",
        PARAMETERS(P_TEXT(text_of(mover->name)), P_NUMBER((int64_t)mover->epoch)));
}

/* Undoes the completed parts of a failed switch. Not needed after a lost connection: then the next
 * connection finds out what was done. */
static void undo(struct mover *mover, bool dropped, bool renamed, bool created)
{
    const struct error why = *mover->error;
    const enum parts parts = is_locking(mover) ? TABLES : TABLES | VIEWS;

    if (connection_lost(mover->connection))
        return;
    set_wait(mover, connection_is_mariadb(mover->connection) ? 0 : 1);
    if (created)
        triggers_undo(mover);
    while (renamed && !mover->incomplete &&
           !run_sql(mover, rename_sql(mover, parts, !mover->in_to)))
        mover->incomplete = !blocked_wait(mover, connection_code(mover->connection));
    if (dropped && !mover->incomplete && !triggers_restore(mover))
        mover->incomplete = true;
    set_wait(mover, 1);
    if (!mover->incomplete)
        blocked_free(mover);
    *mover->error = why;
}

/* Behind the RENAME, what waits for a lock in vain is tried until it succeeds. */
static bool send_behind(struct mover *mover, struct sending *sending, size_t renames, int64_t until)
{
    while (!send_all(mover, sending, until)) {
        if (sending->done < renames || !blocked_wait(mover, connection_code(mover->connection)))
            return false;
    }
    return true;
}

/* MySQL makes each trigger by a packet of its own (connection_many). */
static bool create_all(struct mover *mover, struct sending *sending, size_t renames, int64_t until)
{
    const bool mariadb = connection_is_mariadb(mover->connection);
    size_t *places = arena_take(&mover->arena, mover->trigger_count * sizeof(*places));
    size_t added = 0;
    bool good = true;

    /* so that the doors are still closed when it is known that a trigger cannot be made */
    if (mariadb)
        add(mover, sending, TEXT("SET SESSION lock_wait_timeout = 0"), NULL);
    for (; added < mover->trigger_count && good; added++) {
        struct text use;
        const struct text enter = trigger_enter_sql(mover, added, &use);
        if (use.at && added > 0) /* its names are the mover's */
            add(mover, sending, TEXT("SET NAMES utf8mb4"), NULL);
        if (use.at)
            add(mover, sending, use, NULL);
        if (enter.at)
            add(mover, sending, enter, NULL);
        places[added] = sending->count;
        add(mover, sending, mover->triggers[added].new_sent, NULL);
        good = mariadb || send_behind(mover, sending, renames, until);
    }
    if (mariadb)
        add(mover, sending, TEXT("SET SESSION lock_wait_timeout = 1"), NULL);
    good = good && send_behind(mover, sending, renames, until);
    for (size_t i = 0; i < added && sending->done >= places[i]; i++)
        trigger_answered(mover, i, sending->done > places[i]);
    return good;
}

static bool carry_over(struct mover *mover, int64_t until)
{
    struct sending sending = {0};

    add(mover, &sending, blocked_sql(mover), NULL);
    if (!is_locking(
            mover)) /* where no other table can be written under the lock, it is before it */
        add_soon(mover, &sending, dropping_sql(mover), NULL);
    sending.first = sending.count + 1; /* with the question whether the hold is over */
    for (size_t i = 0; i < mover->trigger_count; i++)
        add_soon(mover, &sending, trigger_drop_sql(mover, i),
                 i + 1 < mover->trigger_count ? NULL : "dropped");
    add_soon(mover, &sending, swap_sql(mover), "moved");
    const size_t renames = sending.count;
    bool good = connection_is_mariadb(mover->connection) || send_all(mover, &sending, until);
    good = good && create_all(mover, &sending, renames, until);
    const bool renamed = sending.done >= renames;
    if (renamed) {
        const struct error why = *mover->error;
        good = connection_restore(mover->connection, mover->error) && good;
        *mover->error = why;
    }
    if (!good)
        undo(mover, sending.done > 0, renamed, renamed);
    return good;
}

/* MySQL. */
static bool carry_locked(struct mover *mover, int64_t until)
{
    const struct text views = rename_sql(mover, VIEWS, mover->in_to);
    struct error why, ignored;

    if (!mover->in_to && views.at && !run_soon(mover, views, "aside", until))
        return false;
    bool carried = run_soon(mover, dropping_sql(mover), "dropping", until) &&
                   run_soon(mover, lock_sql(mover), "locked", until);
    if (carried) {
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
        return run_soon(mover, swap_sql(mover), NULL, until);
    return is_locking(mover) ? carry_locked(mover, until) : carry_over(mover, until);
}
