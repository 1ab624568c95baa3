/* One switch under the hold: announce, close, wait, rename, open. Slow work is done before the
 * doors close or after they have opened: in between, only the switch itself writes to the server's
 * disk.
 *
 * If the connection is lost, the answer to the RENAME is lost too. A lock of the server (GET_LOCK)
 * tells when the lost session has ended; then the catalogue tells where the tables are.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "move/mover_internal.h"

enum {
    READY_MS =
        10000, /* nobody waits meanwhile: a server with a slow disk is no reason to give up */
    POLL_US = 1000,
    QUICK_MS = 20,
    RIGHTS_MS = 250,
    COME_BACK_MS = 30000, /* a server that was killed is up again by then, or it is told */
    COME_BACK_US = 250000,
};

/* --- the instances --- */

static bool is_in(enum meeting_state state, unsigned wanted)
{
    return wanted & (1u << state);
}

static void tell_instances(struct mover *mover, const struct meeting_instances *instances,
                           const struct meeting_instances *others)
{
    for (size_t i = 0; i < instances->count; i++) {
        const struct meeting_instance *instance = &instances->items[i];
        say(mover, "instance %.*s: %s, %u sessions inside%s%.*s", TEXT_ARGS(instance->name),
            instance->epoch == mover->epoch ? meeting_state_name(instance->state) : "no answer",
            instance->inside, instance->blockers.length ? "\n" : "", TEXT_ARGS(instance->blockers));
    }
    for (size_t i = 0; i < others->count; i++)
        say(mover, "instance %.*s: does not follow [move:%s]", TEXT_ARGS(others->items[i].name),
            mover->name);
}

/* On a terminal: how many are inside, and the first of them. */
static void tell_waiting(struct mover *mover, const struct meeting_instances *instances,
                         int64_t left)
{
    struct text first = {"", 0};
    unsigned inside = 0;

    for (size_t i = 0; i < instances->count; i++) {
        const struct meeting_instance *instance = &instances->items[i];
        if (instance->epoch != mover->epoch)
            continue;
        inside += instance->inside;
        if (first.length == 0)
            first = instance->blockers;
    }
    const char *end = first.length ? memchr(first.at, '\n', first.length) : NULL;
    if (end)
        first.length = (size_t)(end - first.at);
    if (inside > 0 && first.length > 0)
        say_live(mover, "%lld ms left for %u inside:%.*s", (long long)left, inside,
                 TEXT_ARGS(first));
    else
        say_live(mover, "%lld ms left for %zu instances to answer", (long long)left,
                 instances->count);
}

/* One that was reloaded, or has begun, since the move was planned. */
static bool check_policies(struct mover *mover, const struct meeting_instances *instances)
{
    for (size_t i = 0; i < instances->count; i++) {
        const struct meeting_instance *instance = &instances->items[i];
        if (has_other_policy(mover, instance))
            return error_set(mover->error,
                             "instance %.*s has another policy meanwhile (%.*s, here %s); reload "
                             "it, or use its file",
                             TEXT_ARGS(instance->name), TEXT_ARGS(instance->policy),
                             policy_hash(mover->order->policy));
    }
    return true;
}

/* Waits until all instances are in one of the states `wanted` (a bit for each). Before the switch
 * they must have the policy of the plan, and to be ready there may be none that does not follow. */
static bool wait_for(struct mover *mover, unsigned wanted, int64_t until)
{
    const bool before = !is_in(STATE_OPEN, wanted), ready = is_in(STATE_READY, wanted);

    mover->told = clock_ms();
    for (;;) {
        struct meeting_instances instances, others = {0};
        bool all = true, left = false;
        if (!meeting_instances(mover->connection, mover->name, mover->epoch, &instances,
                               mover->error))
            return false;
        bool good = (!before || check_policies(mover, &instances)) &&
                    (!ready || meeting_others(mover->connection, mover->name, mover->epoch, &others,
                                              mover->error));
        for (size_t i = 0; i < instances.count; i++) {
            const struct meeting_instance *instance = &instances.items[i];
            bool answers = instance->epoch == mover->epoch;
            all &= answers && is_in(instance->state, wanted);
            left |= answers && instance->state == STATE_LEFT;
        }
        all &= instances.count > 0 && others.count == 0;
        bool over = left || clock_ms() >= until;
        if (good && !all && over)
            tell_instances(mover, &instances, &others);
        else if (good && !all && tells_live(mover))
            tell_waiting(mover, &instances, until - clock_ms());
        arena_fini(&instances.arena);
        arena_fini(&others.arena);
        if (!good)
            return false;
        if (all || over)
            return all || error_set(mover->error, "not all instances are %s",
                                    wanted & (1u << STATE_DRAINED) ? "drained" : "ready");
        usleep(POLL_US);
    }
}

/* --- the switch --- */

/* Begins an epoch with what the instances need to know of it. */
static bool announce(struct mover *mover)
{
    char *tables;
    size_t length;
    FILE *to = open_memstream(&tables, &length);

    for (size_t i = 0; i < mover->todo_count; i++) {
        put_table(to, todo_table(mover, i)->from, todo_table(mover, i)->name);
        fputc('\n', to);
    }
    fclose(to);
    const struct text list = keep_text(mover, tables, length);
    return meeting_begin(mover->connection, mover->name, mover->move->hold.value, mover->in_to,
                         &mover->epoch, mover->error) &&
           mover_note(mover, MEETING_TABLES, list) &&
           meeting_set(mover->connection, mover->name, mover->epoch, PHASE_ANNOUNCED,
                       mover->error) &&
           mover_note(mover, "announced", TEXT(""));
}

/* Everything that need not be done while others wait, including the journal's row. */
static bool prepare(struct mover *mover)
{
    return check_before(mover) && aliases_check(mover) && places_prepare(mover) &&
           grants_suffice(mover) && announce(mover) && triggers_note(mover) &&
           aliases_note(mover) && swap_prepare(mover) &&
           wait_for(mover, 1u << STATE_READY, clock_ms() + READY_MS) &&
           wait_for_page_cleaner(mover) && check_again(mover, true) && grants_unchanged(mover) &&
           mover_note(mover, "switching", swap_sql(mover));
}

/* Half of the time is for the transactions inside, the rest for the switch. */
static bool close_and_switch(struct mover *mover)
{
    hold_begin(mover);
    const int64_t until = mover->closed + mover->move->hold.value / 2;
    if (!meeting_set(mover->connection, mover->name, mover->epoch, PHASE_CLOSED, mover->error))
        return false;
    mover_reached("closed");
    if (!wait_for(mover, 1u << STATE_DRAINED, until))
        return false;
    mover->drained = clock_ms();
    mover_reached("drained");
    if (!wait_for_locks(mover, until) || connection_lost(mover->connection))
        return false;
    /* A DDL may have ended since. Triggers and rights, which cost ten times as much to read, are
     * compared only if the time was long enough for one; a missed trigger makes the RENAME fail. */
    const int64_t now = clock_ms();
    if (!check_again(mover, now - mover->closed > QUICK_MS) ||
        (now - mover->rights_read > RIGHTS_MS && !grants_unchanged(mover)) || !hold_look(mover))
        return false;
    mover_reached("looked");
    if (!kept_forget(mover))
        return false;
    mover->sent = true;
    if (!swap(mover, until))
        return false;
    mover->moved = clock_ms();
    mover_reached("renamed");
    kept_forget_again(mover);
    return meeting_set(mover->connection, mover->name, mover->epoch, PHASE_SWITCHED, mover->error);
}

/* --- the outcome --- */

/* The server frees the lock of the lost session when that session has ended. */
bool mover_come_back(struct mover *mover)
{
    const uint64_t lost = connection_thread(mover->connection);
    const int64_t until = clock_ms() + COME_BACK_MS;
    const struct parameter *lock = PARAMETERS(P_TEXT(TEXT(MOVER_LOCK)));
    struct error ignored;

    say(mover, "the connection to the server is lost; connecting again");
    for (; clock_ms() < until; usleep(COME_BACK_US)) {
        struct connection *connection = mover_connect(mover->order, mover->error);
        if (!connection)
            continue;
        connection_close(mover->connection);
        mover->connection = connection;
        if (ask_number(mover, "SELECT IS_USED_LOCK(?)", lock, 0) == (int64_t)lost)
            connection_run(connection, "KILL ?", PARAMETERS(P_NUMBER((int64_t)lost)), &ignored);
        if (ask_number(mover, "SELECT GET_LOCK(?, 5)", lock, 0) == 1 &&
            meeting_prepare(connection, mover->error))
            return true;
    }
    return false;
}

/* Reads where the tables of this call are. MIXED: one of them, the first is named, is not where
 * the others are. */
static enum outcome look(struct mover *mover)
{
    size_t there = 0;

    if (!mover_read_standing(mover))
        return OUTCOME_UNKNOWN;
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = standing_find(&mover->standing, mover->order->move,
                                                        mover->todo[i].from, mover->todo[i].name);
        bool from = table && table->at_from == STANDING_TABLE;
        bool to = table && table->at_to == STANDING_TABLE;
        if (from == to) {
            error_set(mover->error, "%.*s stands at %s places", TEXT_ARGS(mover->todo[i].name),
                      from ? "both" : "neither of the two");
            return OUTCOME_MIXED;
        }
        there += to == mover->in_to;
    }
    if (there == mover->todo_count)
        return OUTCOME_MOVED;
    if (there == 0)
        return OUTCOME_NOT_MOVED;
    error_set(mover->error, "%zu of %zu tables stand at their new place", there, mover->todo_count);
    return OUTCOME_MIXED;
}

/* Finds out whether the tables are at the new place now. `done`: the server has answered OK. */
static enum outcome find_outcome(struct mover *mover, bool done)
{
    if (!connection_lost(mover->connection)) /* what the journal has is to be one statement */
        connection_allow_many(mover->connection, false, &(struct error){0});
    if (connection_lost(mover->connection)) {
        if (!mover_come_back(mover))
            return mover->sent ? OUTCOME_UNKNOWN : OUTCOME_NOT_MOVED;
        done = false;
        if (mover->sent && mover->trigger_count > 0) /* an instance that has opened closes again */
            run_sql(mover, blocked_sql(mover));
    }
    if (done)
        return OUTCOME_MOVED;
    enum outcome outcome = look(mover);
    /* Completes what the lost session has not done. */
    if (mover->sent && outcome != OUTCOME_UNKNOWN)
        mover->incomplete = !triggers_recover(mover) || !aliases_recover(mover);
    return outcome;
}

/* Opens the doors, whatever the outcome. */
static void settle(struct mover *mover, bool switched)
{
    const int64_t until = clock_ms() + mover->move->hold.value + READY_MS;
    const char *step = mover->incomplete ? "incomplete" : switched ? "settled" : "given_up";

    if (mover->sent)
        kept_forget_again(mover);
    meeting_set(mover->connection, mover->name, mover->epoch,
                switched ? PHASE_SWITCHED : PHASE_IDLE, mover->error);
    blocked_end(mover);
    if (switched) {
        wait_for(mover, 1u << STATE_OPEN | 1u << STATE_LEFT, until);
        mover->opened = clock_ms();
        mover_note(mover, "switched", TEXT(""));
        meeting_set(mover->connection, mover->name, mover->epoch, PHASE_IDLE, mover->error);
    }
    aliases_clean(mover);
    if (!switched)
        mover->left = !grants_take_back(mover, false) && mover->gave;
    mover_note(mover, step, TEXT(""));
}

static const char *what_is_left(const struct mover *mover)
{
    if (mover->left)
        return "The tables have not moved, but rights that this call has granted at their other "
               "place may be left: --status names them, and the next call takes them back.";
    if (mover->incomplete || mover->blocked || mover->missed)
        return "The tables have not moved.";
    return mover->kept ? "Nothing else has changed." : "Nothing has changed.";
}

/* What a switch with triggers could not keep to itself. The LOCK TABLES of a lost session ends with
 * it, and the doors open by themselves. */
static void tell_missing(struct mover *mover)
{
    if (mover->blocked)
        say(mover,
            "triggers were missing for %lld ms, because a lock kept the mover from creating them; "
            "everybody who uses the tables waited",
            (long long)mover->blocked_ms);
    if (mover->missed)
        say(mover, "triggers were missing while the connection was lost: look at the rows that "
                   "were written meanwhile");
}

static bool tell_unknown(struct mover *mover, const char *why)
{
    say(mover,
        "not known: %s, while the tables were renamed. All of them stand at the old place or all "
        "at the new one. Once the server is up, make the same call again: it finds out where the "
        "tables are, repairs what is left, and continues.",
        why);
    return false;
}

bool switch_tables(struct mover *mover)
{
    struct error *error = mover->error;
    mover->missed = false;
    bool good = prepare(mover);

    signal(SIGINT, SIG_IGN); /* the hold is short and ends by itself */
    good = good && close_and_switch(mover);
    struct error why = *error;
    const bool lost = connection_lost(mover->connection);
    enum outcome outcome = find_outcome(mover, good);
    if (outcome == OUTCOME_MIXED) {
        char both[2 * sizeof(why.text) + 16];
        snprintf(both, sizeof(both), "%s%s%s", error->text, why.text[0] ? ", after: " : "",
                 why.text);
        error_set(&why, "%s", both);
    }
    if (outcome != OUTCOME_UNKNOWN)
        settle(mover, outcome == OUTCOME_MOVED);
    const bool left = !placeholder_remove(mover);
    *error = (struct error){0};
    signal(SIGINT, SIG_DFL);
    tell_missing(mover);
    switch (outcome) {
    case OUTCOME_UNKNOWN:
        return tell_unknown(mover, why.text);
    case OUTCOME_MIXED:
        return error_set(error, "%s: this needs a person to look at it; --status shows all of it",
                         why.text);
    case OUTCOME_NOT_MOVED:
        say(mover, "given up: %s. %s%s", why.text, what_is_left(mover),
            mover->incomplete ? " But not all triggers could be made again: call again." : "");
        if (left)
            say(mover,
                "But the placeholder %.*s.%.*s is left, a view of the table: it shows the same "
                "rows, and the next call drops it",
                TEXT_ARGS(mover->placeholder.schema), TEXT_ARGS(mover->placeholder.name));
        return false;
    case OUTCOME_MOVED:
        break;
    }
    if (mover->incomplete || (!good && !lost))
        return error_set(error, "%s; the tables are at the target, run the move again", why.text);
    say(mover, "%zu tables stand in their %s database; the hold was %lld ms%s", mover->todo_count,
        mover->in_to ? "new" : "old", (long long)(mover->opened - mover->closed),
        lost ? " at most" : "");
    if (!lost)
        say(mover, "  %lld ms until nobody was inside, %lld ms for the switch, %lld ms to open",
            (long long)(mover->drained - mover->closed), (long long)(mover->moved - mover->drained),
            (long long)(mover->opened - mover->moved));
    return true;
}
