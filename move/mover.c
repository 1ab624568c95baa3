/* One call of `silogate move`. Its steps, each in the journal before it is done:
 *
 *   recover     what a mover that was killed has left behind
 *   plan        what is moved; refuse what would fail; say what will be done
 *   prepare     rights at the target, the aliases beside the tables: nothing that is seen
 *   announce    every live instance looks closely and answers
 *   close       new transactions on the tables wait; sessions inside finish; bounded
 *   switch      one RENAME, when nobody is inside
 *   open        the instances send statements to the new place
 *   check       each table stands once, as it was, with its triggers
 *
 * Up to the switch everything is undone by leaving: the doors open, the tables stand where they
 * stood. From the RENAME on the catalogue says what is true, and the next call goes on from there.
 */
#include "move/mover.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/keys.h"
#include "move/mover_internal.h"

enum { READY_MS = 3000, POLL_US = 2000 };

int64_t mover_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void say(const struct mover *mover, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(mover->order->out, format, arguments);
    va_end(arguments);
    fputc('\n', mover->order->out);
    fflush(mover->order->out);
}

void refuse(struct mover *mover, const char *format, ...)
{
    va_list arguments;

    mover->refusals++;
    fputs("refused: ", mover->order->out);
    va_start(arguments, format);
    vfprintf(mover->order->out, format, arguments);
    va_end(arguments);
    fputc('\n', mover->order->out);
}

void put_name(FILE *to, struct text name)
{
    fputc('`', to);
    for (size_t i = 0; i < name.length; i++) {
        if (name.at[i] == '`')
            fputc('`', to);
        fputc(name.at[i], to);
    }
    fputc('`', to);
}

void put_table(FILE *to, struct text schema, struct text name)
{
    put_name(to, schema);
    fputc('.', to);
    put_name(to, name);
}

struct text keep_text(struct mover *mover, char *at, size_t length)
{
    struct text kept = arena_text(&mover->arena, (struct text){at, length});

    free(at);
    return kept;
}

bool run_sql(struct mover *mover, struct text sql)
{
    return connection_run(mover->connection, "?", PARAMETERS(P_SQL(sql)), mover->error);
}

bool change(struct mover *mover, struct text sql)
{
    say(mover, "  %.*s", TEXT_ARGS(sql));
    return mover->order->dry_run || run_sql(mover, sql);
}

int64_t ask_number(struct mover *mover, const char *sql, const struct parameter *parameters,
                   int64_t otherwise)
{
    struct rows *rows = connection_query(mover->connection, sql, parameters, mover->error);
    int64_t number = rows && rows_next(rows) ? rows_number(rows, 0, otherwise) : otherwise;

    rows_free(rows);
    return number;
}

static bool note(struct mover *mover, const char *step, struct text detail)
{
    return meeting_note(mover->connection, mover->name, mover->epoch, step, detail, mover->error);
}

/* --- the plan --- */

static bool read_standing(struct mover *mover)
{
    const struct move_order *order = mover->order;

    standing_fini(&mover->standing);
    return standing_read(mover->connection, order->config, order->policy,
                         order->config->services[mover->move->service_index].upstream_index,
                         &mover->standing, mover->error);
}

static void find_todo(struct mover *mover)
{
    mover->todo = NULL;
    mover->todo_count = 0;
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (table->move != mover->order->move || standing_is_in_to(table) == mover->in_to)
            continue;
        mover->todo =
            items_add(&mover->arena, mover->todo, &mover->todo_count, sizeof(*mover->todo));
        mover->todo[mover->todo_count - 1] = i;
    }
}

static void print_plan(struct mover *mover)
{
    say(mover, "%zu tables, %zu triggers, %zu grants; new transactions wait for at most %lld ms",
        mover->todo_count, mover->trigger_count, mover->grant_count,
        (long long)mover->move->hold.value);
    for (size_t i = 0; i < mover->grant_count && mover->order->dry_run; i++)
        say(mover, "  %s", mover->grants[i].text.at);
    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        say(mover, "  DROP TRIGGER %.*s.%.*s, then %.*s", TEXT_ARGS(trigger->schema),
            TEXT_ARGS(trigger->name), TEXT_ARGS(trigger->new_text));
    }
    say(mover, "  %s", swap_sql(mover).at);
}

static bool plan(struct mover *mover)
{
    find_todo(mover);
    if (mover->todo_count == 0)
        return true;
    if (!triggers_plan(mover) || !grants_plan(mover) || !refusals_find(mover) ||
        !refusals_of_instances(mover))
        return false;
    if (mover->refusals == 0 || mover->order->dry_run)
        print_plan(mover);
    return true;
}

/* --- the instances --- */

static bool is_in(enum meeting_state state, unsigned wanted)
{
    return wanted & (1u << state);
}

static void tell_instances(struct mover *mover, const struct meeting_instances *instances)
{
    for (size_t i = 0; i < instances->count; i++) {
        const struct meeting_instance *instance = &instances->items[i];
        say(mover, "instance %.*s: %s, %u sessions inside%s%.*s", TEXT_ARGS(instance->name),
            instance->epoch == mover->epoch ? meeting_state_name(instance->state) : "no answer",
            instance->inside, instance->blockers.length ? "\n" : "", TEXT_ARGS(instance->blockers));
    }
}

/* Until all instances are in one of the states `wanted` (a bit for each). */
static bool wait_for(struct mover *mover, unsigned wanted, int64_t until)
{
    for (;;) {
        struct meeting_instances instances;
        bool all = true, left = false;
        if (!meeting_instances(mover->connection, mover->name, &instances, mover->error))
            return false;
        for (size_t i = 0; i < instances.count; i++) {
            const struct meeting_instance *instance = &instances.items[i];
            bool answers = instance->epoch == mover->epoch;
            all &= answers && is_in(instance->state, wanted);
            left |= answers && instance->state == STATE_LEFT;
        }
        bool over = left || mover_now() >= until;
        if (!all && over)
            tell_instances(mover, &instances);
        arena_fini(&instances.arena);
        if (all || over)
            return all || error_set(mover->error, "not all instances are %s",
                                    wanted & (1u << STATE_DRAINED) ? "drained" : "ready");
        usleep(POLL_US);
    }
}

/* --- the switch --- */

static bool prepare(struct mover *mover)
{
    return places_prepare(mover) &&
           meeting_announce(mover->connection, mover->name, mover->move->hold.value, mover->in_to,
                            &mover->epoch, mover->error) &&
           note(mover, "announced", swap_sql(mover)) &&
           wait_for(mover, 1u << STATE_READY, mover_now() + READY_MS);
}

/* Half of the time is for those inside, the rest for the switch. */
static bool close_and_switch(struct mover *mover)
{
    if (!triggers_note(mover) || !note(mover, "closed", TEXT("")))
        return false;
    const int64_t until = mover_now() + mover->move->hold.value / 2;
    mover->closed = mover_now();
    return meeting_set(mover->connection, mover->name, mover->epoch, PHASE_CLOSED, mover->error) &&
           wait_for(mover, 1u << STATE_DRAINED, until) &&
           (wait_for_locks(mover, until) ||
            error_set(mover->error, "somebody on the server holds locks")) &&
           note(mover, "switching", swap_sql(mover)) && swap(mover, until);
}

/* However it went: do the tables stand there now? All or none, because it is one statement. */
static bool is_switched(struct mover *mover)
{
    const struct error why = *mover->error;
    bool switched = read_standing(mover) && mover->standing.table_count > 0;

    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (table->move == mover->order->move)
            switched &= standing_is_in_to(table) == mover->in_to;
    }
    *mover->error = why;
    return switched;
}

static bool check(struct mover *mover)
{
    size_t triggers = 0;

    for (size_t i = 0; i < mover->standing.trigger_count; i++)
        triggers +=
            mover->standing.tables[mover->standing.triggers[i].table].move == mover->order->move;
    if (triggers < mover->trigger_count)
        return error_set(mover->error, "%zu of %zu triggers are there after the move", triggers,
                         mover->trigger_count);
    return true;
}

static bool settle(struct mover *mover, bool switched)
{
    const struct error why =
        *mover->error; /* what went wrong before; the rest is put right later */
    const int64_t until = mover_now() + mover->move->hold.value + READY_MS;

    if (switched) {
        meeting_set(mover->connection, mover->name, mover->epoch, PHASE_SWITCHED, mover->error);
        wait_for(mover, 1u << STATE_OPEN | 1u << STATE_LEFT, until);
        mover->opened = mover_now();
        note(mover, "switched", TEXT(""));
    }
    meeting_set(mover->connection, mover->name, mover->epoch, PHASE_IDLE, mover->error);
    aliases_clean(mover);
    bool noted = note(mover, switched ? "settled" : "given_up", TEXT(""));
    *mover->error = why;
    return noted;
}

static bool go(struct mover *mover)
{
    struct error *error = mover->error;
    bool good = prepare(mover);

    signal(SIGINT, SIG_IGN); /* the hold is short, and ends */
    good = good && close_and_switch(mover);
    const struct error why = *error;
    bool switched = mover->closed > 0 && is_switched(mover);
    settle(mover, switched);
    signal(SIGINT, SIG_DFL);
    if (!switched) {
        say(mover, "given up: %s. Nothing has changed.", why.text);
        return false;
    }
    if (!good)
        return error_set(error, "%s; the tables stand at the target, call again", why.text);
    say(mover, "%zu tables stand in their %s database; the hold was %lld ms", mover->todo_count,
        mover->in_to ? "new" : "old", (long long)(mover->opened - mover->closed));
    return check(mover);
}

/* --- the order --- */

static bool finish(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (table->move != mover->order->move || !standing_is_in_to(table) ||
            table->at_from != STANDING_VIEW)
            continue;
        say(mover, "  DROP VIEW %.*s.%.*s", TEXT_ARGS(table->from), TEXT_ARGS(table->name));
        if (!mover->order->dry_run &&
            !connection_run(mover->connection, "DROP VIEW ?.?",
                            PARAMETERS(P_NAME(table->from), P_NAME(table->name)), mover->error))
            return false;
    }
    say(mover,
        "there is no alias any more; take [move:%s] out of the configuration when no "
        "service names the old place",
        mover->name);
    return true;
}

static bool recover(struct mover *mover)
{
    if (mover->order->dry_run)
        return true;
    return triggers_recover(mover) && places_recover(mover) && read_standing(mover);
}

static bool run_order(struct mover *mover)
{
    if (!meeting_prepare(mover->connection, mover->error) || !read_standing(mover))
        return false;
    if (mover->order->what == MOVE_STATUS)
        return status_print(mover);
    if (ask_number(mover, "SELECT GET_LOCK(?, 0)", PARAMETERS(P_TEXT(TEXT("silogate.move"))), 0) !=
        1) {
        say(mover, "refused: another mover is at work on this server; wait for its end");
        return false;
    }
    if (!recover(mover))
        return false;
    if (mover->order->what == MOVE_FINISH)
        return finish(mover);
    if (!plan(mover))
        return false;
    if (mover->todo_count == 0) {
        say(mover, "nothing to do: no table of [move:%s] stands elsewhere", mover->name);
        return true;
    }
    if (mover->refusals > 0 || mover->order->dry_run)
        return mover->refusals == 0;
    return go(mover);
}

bool mover_run(const struct move_order *order, struct error *error)
{
    const struct config *config = order->config;
    struct mover mover = {
        .order = order,
        .move = &config->moves[order->move],
        .name = config->moves[order->move].name.at,
        .in_to = order->what != MOVE_BACK,
        .error = error,
    };
    const struct connection_options options = {
        .upstream = &config->upstreams[config->services[mover.move->service_index].upstream_index],
        .defaults_file = order->defaults_file,
        .program = "silogate move",
    };

    *error = (struct error){0};
    mover.connection = connection_open(&options, error);
    if (!mover.connection)
        return false;
    bool good = run_order(&mover);
    connection_close(mover.connection);
    standing_fini(&mover.standing);
    arena_fini(&mover.arena);
    return good;
}
