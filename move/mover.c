/* One call of `silogate move`. Its steps, each in the journal before it is done:
 *
 *   recover     what a mover that was killed has left behind
 *   plan        what is moved; refuse what would fail; say what will be done
 *   prepare     rights at the target, the aliases under other names: clients notice nothing
 *   announce    every live instance polls faster and answers
 *   close       new transactions on the tables wait; those inside finish; for a bounded time
 *   switch      one RENAME, when nobody is inside
 *   open        the instances send statements to the new place
 *   check       each table is at one place, unchanged, with its triggers
 *
 * Before the switch, ending the mover undoes everything: the doors open, and the tables are where
 * they were. From the RENAME on, the catalogue tells where they are, and the next call continues
 * from there.
 */
#include "move/mover.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#include "config/keys.h"
#include "move/mover_internal.h"
#include "move/sightings.h"

enum {
    IDLE_SECONDS =
        60, /* the server ends the session, and frees the lock, of a mover that has died */
    LOCK_SECONDS = 10, /* somebody's backup may hold a lock on everything */
    LIVE_MS = 200,
};

/* Prints a line; names in it come from the server and may contain anything. */
__attribute__((format(printf, 2, 0))) static void put_line(const struct mover *mover,
                                                           const char *format, va_list arguments)
{
    char *line = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&line, &length);

    vfprintf(to, format, arguments);
    fputc('\n', to);
    fclose(to);
    if (mover->waits) /* does no harm to a line that is empty */
        fputs("\r\033[K", mover->order->out);
    text_put((struct text){line, length}, mover->order->out);
    free(line);
    fflush(mover->order->out);
}

void say(const struct mover *mover, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    put_line(mover, format, arguments);
    va_end(arguments);
}

bool tells_live(const struct mover *mover)
{
    return mover->live && clock_ms() - mover->told >= LIVE_MS;
}

void say_live(struct mover *mover, const char *format, ...)
{
    struct winsize window = {.ws_col = 0};
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    ioctl(fileno(mover->order->out), TIOCGWINSZ, &window);
    int most =
        window.ws_col > 1 ? window.ws_col - 1 : 79; /* a line that wraps cannot be replaced */
    if (most > (int)sizeof(line) - 1)
        most = (int)sizeof(line) - 1;
    fputs("\r\033[K", mover->order->out);
    text_put((struct text){line, (size_t)(length < most ? length : most)}, mover->order->out);
    fflush(mover->order->out);
    mover->waits = true;
    mover->told = clock_ms();
}

void refuse(struct mover *mover, const char *format, ...)
{
    va_list arguments;

    mover->refusals++;
    fputs("refused: ", mover->order->out);
    va_start(arguments, format);
    put_line(mover, format, arguments);
    va_end(arguments);
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

bool mover_stops_at(const char *step)
{
    const char *stop = getenv("SILOGATE_MOVE_STOP");

    return stop && strcmp(stop, step) == 0;
}

void mover_reached(const char *step)
{
    if (mover_stops_at(step)) {
        raise(SIGSTOP);
        unsetenv("SILOGATE_MOVE_STOP");
    }
}

bool mover_note(struct mover *mover, const char *step, struct text detail)
{
    bool noted =
        meeting_note(mover->connection, mover->name, mover->epoch, step, detail, mover->error);

    mover_reached(step);
    return noted;
}

struct connection *mover_connect(const struct move_order *order, struct error *error)
{
    const struct config *config = order->config;
    const struct config_move *move = &config->moves[order->move];
    const struct connection_options options = {
        .upstream = &config->upstreams[config->services[move->service_index].upstream_index],
        .defaults_file = order->defaults_file,
        .program = "silogate move",
    };
    struct connection *connection = connection_open(&options, error);

    if (connection &&
        !connection_run(connection, "SET SESSION wait_timeout = ?, lock_wait_timeout = ?",
                        PARAMETERS(P_NUMBER(IDLE_SECONDS), P_NUMBER(LOCK_SECONDS)), error)) {
        connection_close(connection);
        connection = NULL;
    }
    /* It creates copies of tables that may have no key; MySQL only, and only with the right to. */
    if (connection && !connection_is_mariadb(connection))
        connection_run(connection, "SET SESSION sql_require_primary_key = 0", NULL,
                       &(struct error){0});
    return connection;
}

/* --- the plan --- */

bool mover_read_standing(struct mover *mover)
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
        if (table->move != mover->order->move || table->dropped ||
            standing_is_in_to(table) == mover->in_to)
            continue;
        mover->todo =
            items_add(&mover->arena, mover->todo, &mover->todo_count, sizeof(*mover->todo));
        struct moved_table *copy = &mover->todo[mover->todo_count - 1];
        *copy = *table;
        copy->from = arena_text(&mover->arena, table->from);
        copy->to = arena_text(&mover->arena, table->to);
        copy->name = arena_text(&mover->arena, table->name);
    }
}

const struct moved_table *todo_find(const struct mover *mover, const struct moved_table *table)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        if (text_equal(mover->todo[i].name, table->name) &&
            text_equal(mover->todo[i].from, table->from))
            return &mover->todo[i];
    }
    return NULL;
}

const struct moved_table *todo_at(const struct mover *mover, struct text source, struct text name)
{
    bool (*same)(struct text, struct text) = mover->standing.fold ? text_equal_fold : text_equal;

    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (same(table->name, name) && same(source_of(mover, table), source))
            return table;
    }
    return NULL;
}

bool todo_is_first(const struct mover *mover, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (text_equal(todo_table(mover, j)->from, todo_table(mover, i)->from))
            return false;
    }
    return true;
}

static void print_holding(struct mover *mover)
{
    say(mover,
        "-- from here on new transactions on these tables wait, for at most %lld ms; those inside "
        "have half of that",
        (long long)mover->move->hold.value);
    for (size_t i = 0; i < mover->todo_count; i++)
        say(mover, "--   %.*s", TEXT_ARGS(todo_table(mover, i)->name));
    for (size_t i = 0; i < mover->standing.hanging_count; i++) {
        const struct hanging_table *hanging = &mover->standing.hanging[i];
        if (hanging->move == mover->order->move)
            say(mover, "--   %.*s.%.*s, by a %s", TEXT_ARGS(hanging->schema),
                TEXT_ARGS(hanging->name), hanging->by);
    }
    say(mover, "  SET SESSION lock_wait_timeout = 1");
    kept_print(mover);
    swap_print(mover);
    say(mover, "-- they go on, at the new place");
}

static void print_plan(struct mover *mover)
{
    say(mover, "%zu tables, %zu triggers, %zu grants; new transactions wait for at most %lld ms",
        mover->todo_count, mover->trigger_count, mover->grant_count,
        (long long)mover->move->hold.value);
    if (!mover->order->dry_run) {
        swap_print(mover);
        return;
    }
    say(mover, "-- the server's lock '%s', for one mover at a time; each step in silogate.journal",
        MOVER_LOCK);
    say(mover, "-- tried on an empty table first");
    trial_run(mover);
    say(mover, "-- rights at the new place, and what will stand at the old one");
    places_print(mover);
    print_holding(mover);
    say(mover, "-- SHOW CREATE TABLE and triggers are compared with what they were");
    if (!mover->in_to)
        say(mover, "-- views that were put aside (silogate_moving_*) are dropped");
}

/* Tables that the section's wildcards match and that were made after the plan. */
static void tell_new(struct mover *mover)
{
    if (!mover_read_standing(mover))
        return;
    find_todo(mover);
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if ((mover->in_to ? table->at_from : table->at_to) == STANDING_TABLE)
            say(mover,
                "note: %.*s.%.*s was made meanwhile, and stands there; call again to move it",
                TEXT_ARGS(source_of(mover, table)), TEXT_ARGS(table->name));
    }
}

static bool plan(struct mover *mover)
{
    find_todo(mover);
    if (!aliases_plan(mover))
        return false;
    refusals_of_places(mover);
    if (mover->todo_count == 0)
        return mover->refusals == 0;
    if (!triggers_plan(mover) || !grants_plan(mover) || !refusals_find(mover) ||
        !refusals_of_instances(mover))
        return false;
    warnings_tell(mover);
    grants_tell(mover);
    if (mover->refusals == 0 && !mover->order->dry_run && !(trial_run(mover) && kept_try(mover)))
        return false;
    if (mover->refusals == 0 || mover->order->dry_run)
        print_plan(mover);
    return true;
}

/* --- the order --- */

static bool recover(struct mover *mover)
{
    if (mover->order->dry_run) {
        grants_tell_left(mover);
        return true;
    }
    return trial_recover(mover) && triggers_recover(mover) && places_recover(mover) &&
           grants_take_back(mover, true);
}

static bool run_order(struct mover *mover)
{
    struct error ignored;

    if (!meeting_prepare(mover->connection, mover->error))
        return false;
    /* For the instances, whose account may have no right to. */
    sightings_prepare(mover->connection, &ignored);
    if (!mover_read_standing(mover))
        return false;
    if (mover->order->what == MOVE_STATUS)
        return status_print(mover);
    /* The session of a mover that was killed a moment ago will end soon. */
    const struct parameter *lock = PARAMETERS(P_TEXT(TEXT(MOVER_LOCK)));
    if (ask_number(mover, "SELECT GET_LOCK(?, 3)", lock, 0) != 1) {
        say(mover,
            "refused: another mover is at work on this server, as its thread %lld; wait for its "
            "end",
            (long long)ask_number(mover, "SELECT IS_USED_LOCK(?)", lock, 0));
        return false;
    }
    if (!recover(mover))
        return false;
    if (mover->order->what == MOVE_FINISH)
        return finish(mover);
    bool planned = plan(mover);
    if (mover->refusals > 0 && !connection_lost(mover->connection))
        *mover->error =
            (struct error){0}; /* from a query that one of the servers does not support */
    if (!planned)
        return false;
    if (mover->todo_count == 0) {
        say(mover, "nothing to do: no table of [move:%s] stands elsewhere", mover->name);
        return true;
    }
    if (mover->refusals > 0 || mover->order->dry_run)
        return mover->refusals == 0;
    if (!switch_tables(mover))
        return false;
    bool checked = check_after(mover);
    if (!checked && connection_lost(mover->connection) && mover_come_back(mover))
        checked = check_after(mover);
    if (checked)
        tell_new(mover);
    return checked;
}

bool mover_run(const struct move_order *order, struct error *error)
{
    struct mover mover = {
        .order = order,
        .move = &order->config->moves[order->move],
        .name = order->config->moves[order->move].name.at,
        .in_to = order->what != MOVE_BACK,
        .error = error,
        .live = isatty(fileno(order->out)),
    };

    *error = (struct error){0};
    mover.connection = mover_connect(order, error);
    if (!mover.connection)
        return false;
    bool good = run_order(&mover);
    connection_close(mover.connection);
    standing_fini(&mover.standing);
    arena_fini(&mover.arena);
    return good;
}
