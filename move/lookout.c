/* The thread of one upstream. It polls slowly while no move is running; for some seconds after a
 * mover's announcement it polls every two milliseconds, because clients wait.
 *
 *   announced -> READY     the names for both places are built in advance
 *   closed    -> HELD      the door is closed, for `hold` at most by this instance's own clock
 *             -> DRAINED   nobody is inside
 *   closed, and triggers may be missing (`bare`)
 *             -> DRAINED   the door stays closed, also if it has opened at the end of `hold`
 *   switched  -> OPEN      the other names are published, the door is opened
 *   idle      -> OPEN      the catalogue is read, the door is opened
 * At the end of `hold` the door is else opened whatever the mover does: -> LEFT. Then the catalogue
 * is read to find where the tables are.
 */
#include "move/lookout.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/instance.h"
#include "move/sightings.h"

enum {
    FAST_MS = 2,
    SLOW_MS = 250,
    BEAT_MS = 1000,     /* between two reports while no move is running */
    HELD_MS = 50,       /* and while new transactions wait */
    ANSWER_US = 30000,  /* until the workers have told who is inside */
    REFRESH_MS = 10000, /* between two reads of the catalogue */
    /* After an announcement. The mover waits ten seconds for the instances and three for the page
     * cleaner, and reads the tables again, before it closes the doors. */
    FAST_FOR_MS = 20000,
    NOTE_MS = 60000, /* between two notes of statements that are not mapped */
    GRACE_MS = 500,  /* for a last read of the catalogue */
    /* How long the door stays closed if triggers may be missing and the server cannot be asked any
     * more: it ends the session of a mover that has died after a minute. */
    KEPT_MS = 60000,
    /* Somebody's lock on the shared tables does not keep a start from reading the catalogue. A read
     * of the catalogue waits for a RENAME, however long that takes. */
    STORE_SECONDS = 1,
    READ_SECONDS = 60,
    LINES = 1900, /* the width of the columns in the shared tables */
};

static const char *upstream_name(const struct lookout *lookout)
{
    return lookout->orders->config->upstreams[lookout->upstream].name.at;
}

/* The move's bit for the door. */
static uint64_t bit_of(const struct lookout *lookout, unsigned move)
{
    return (uint64_t)1 << lookout->numbers[move];
}

static void close_door(struct lookout *lookout, unsigned move, int64_t milliseconds)
{
    const struct watch_door *door = lookout->door;

    door->close(door->user, upstream_name(lookout), bit_of(lookout, move), milliseconds);
}

/* --- where the tables are --- */

/* Without silogate.places an instance knows only what it has seen itself. */
static void tell_places(struct lookout *lookout, bool good, const struct error *error)
{
    if (!good && !lookout->told_places && !connection_lost(lookout->connection))
        log_warning("upstream '%s': silogate.places cannot be used, so if somebody makes a second "
                    "table at the other place of a moved one, a silogate that starts may use that: "
                    "%s",
                    upstream_name(lookout), error->text);
    lookout->told_places = !good;
}

static bool set_lock_wait(struct lookout *lookout, int seconds, struct error *error)
{
    return connection_run(lookout->connection, "SET SESSION lock_wait_timeout = ?",
                          PARAMETERS(P_NUMBER(seconds)), error);
}

/* False: the connection is lost. */
static bool read_sightings(struct lookout *lookout, struct standing *standing, struct error *error)
{
    const struct config *config = lookout->orders->config;

    if (!lookout->has_places)
        lookout->has_places = sightings_prepare(lookout->connection, error);
    lookout->reads_places = sightings_read(lookout->connection, config, standing, error);
    if (!lookout->reads_places)
        tell_places(lookout, false, error);
    return !connection_lost(lookout->connection);
}

/* What others have seen is read first only where it decides: somebody may have locked it. */
static bool read_standing(struct lookout *lookout, struct error *error)
{
    const struct orders *orders = lookout->orders;
    struct standing standing;

    if (!set_lock_wait(lookout, READ_SECONDS, error) ||
        !standing_read(lookout->connection, orders->config, orders->policy, lookout->upstream,
                       &standing, error))
        return false;
    if (!set_lock_wait(lookout, STORE_SECONDS, error) ||
        (standing_has_both(&standing) && !read_sightings(lookout, &standing, error))) {
        standing_fini(&standing);
        return false;
    }
    standing_number(&standing, lookout->numbers);
    standing_keep(&standing, &lookout->standing);
    sightings_tell(upstream_name(lookout), &standing, &lookout->standing);
    standing_fini(&lookout->standing);
    lookout->standing = standing;
    lookout->door->publish(lookout->door->user, upstream_name(lookout),
                           standing_names(&lookout->standing, NULL));
    return true;
}

static bool refresh(struct lookout *lookout, struct error *error)
{
    struct standing *standing = &lookout->standing;

    if (!read_standing(lookout, error))
        return false;
    lookout->refreshed = clock_ms();
    if (!standing_has_both(standing) && !read_sightings(lookout, standing, error))
        return false;
    if (lookout->reads_places)
        tell_places(lookout, sightings_write(lookout->connection, standing, error), error);
    return !connection_lost(lookout->connection);
}

static struct flipped flipped_by(const struct lookout *lookout, unsigned move,
                                 const struct meeting_move *said)
{
    return (struct flipped){lookout->numbers[move], said->in_to, lookout->parts[move].tables};
}

/* Only tables that the mover has planned to move: the wildcard may match some that were made since.
 */
static bool prepare_names(struct lookout *lookout, unsigned move, const struct meeting_move *said,
                          struct error *error)
{
    struct taking_part *part = &lookout->parts[move];
    char *tables = meeting_tables(lookout->connection, said->name, said->epoch, error);

    if (!tables)
        return false;
    free(part->tables);
    part->tables = tables;
    if (!read_standing(lookout, error))
        return false;
    const struct flipped flipped = flipped_by(lookout, move, said);
    sql_moved_drop(part->after);
    part->after = standing_names(&lookout->standing, &flipped);
    return true;
}

/* --- one move --- */

static bool is_fast(const struct lookout *lookout)
{
    for (unsigned i = 0; i < CONFIG_MOVES_MAX; i++) {
        const struct taking_part *part = &lookout->parts[i];
        if (part->state == STATE_HELD || part->state == STATE_DRAINED ||
            (part->state == STATE_READY && clock_ms() - part->announced < FAST_FOR_MS))
            return true;
    }
    return false;
}

/* Writes to the journal when statements that use the alias were last seen. */
static bool note_unmapped(struct lookout *lookout, struct taking_part *part,
                          const struct meeting_report *row, struct error *error)
{
    if (row->unmapped <= part->unmapped || is_fast(lookout) ||
        (part->noted && clock_ms() - part->noted < NOTE_MS))
        return true;
    part->unmapped = row->unmapped;
    part->noted = clock_ms();
    return meeting_note(lookout->connection, row->move, row->epoch, "unmapped",
                        text_of(row->unmapped_by), error);
}

static bool report(struct lookout *lookout, unsigned move, struct error *error)
{
    const struct orders *orders = lookout->orders;
    const struct watch_door *door = lookout->door;
    struct taking_part *part = &lookout->parts[move];
    char blockers[LINES] = "", unmapped_by[LINES] = "";
    struct meeting_report row = {
        .move = orders->config->moves[move].name.at,
        .instance = instance_name(),
        .policy = policy_hash(orders->policy),
        .epoch = part->epoch,
        .state = part->state,
        .soon = part->state == STATE_HELD || part->state == STATE_DRAINED,
        .inside = door->inside(door->user, upstream_name(lookout), bit_of(lookout, move)),
        .blockers = blockers,
        .unmapped_by = unmapped_by,
    };

    if (part->state == STATE_LEFT) {
        door->ask_blockers(door->user, upstream_name(lookout), bit_of(lookout, move));
        usleep(ANSWER_US);
        door->blockers(door->user, upstream_name(lookout), blockers, sizeof(blockers));
    } else if (part->state == STATE_HELD) {
        /* Who is inside is told with the next report: clients wait. */
        if (part->asked)
            door->blockers(door->user, upstream_name(lookout), blockers, sizeof(blockers));
        door->ask_blockers(door->user, upstream_name(lookout), bit_of(lookout, move));
        part->asked = true;
    }
    row.unmapped = door->unmapped(door->user, upstream_name(lookout), lookout->numbers[move],
                                  unmapped_by, sizeof(unmapped_by));
    part->reported = clock_ms();
    return meeting_report(lookout->connection, &row, error) &&
           note_unmapped(lookout, part, &row, error);
}

static bool open_door(struct lookout *lookout, unsigned move, enum meeting_state state,
                      struct error *error)
{
    struct taking_part *part = &lookout->parts[move];

    close_door(lookout, move, 0);
    part->blocked = false;
    part->kept = 0;
    part->state = state;
    lookout->refreshed = 0; /* so that the catalogue is read at once */
    return report(lookout, move, error);
}

/* Longer than the hold, because triggers may be missing: nobody may write without them. */
static void stay_closed(struct lookout *lookout, unsigned move)
{
    struct taking_part *part = &lookout->parts[move];
    const int64_t now = clock_ms();

    if (part->kept < now + KEPT_MS - BEAT_MS) {
        part->kept = now + KEPT_MS;
        close_door(lookout, move, KEPT_MS);
    }
    if (part->blocked || now < part->until)
        return;
    log_warning("upstream '%s': the mover of [move:%s] cannot create triggers again, and keeps "
                "new transactions on the tables waiting until it can: its output says why",
                upstream_name(lookout), lookout->orders->config->moves[move].name.at);
    part->blocked = true;
}

/* The door is closed: have all sessions left, is the time over? */
static bool hold_on(struct lookout *lookout, unsigned move, const struct meeting_move *said,
                    struct error *error)
{
    const struct watch_door *door = lookout->door;
    struct taking_part *part = &lookout->parts[move];

    /* "switched" may have been missed, or a mover killed behind its RENAME. */
    if (said->epoch != part->epoch || said->phase == PHASE_IDLE)
        return refresh(lookout, error) && open_door(lookout, move, STATE_OPEN, error);
    if (said->phase == PHASE_SWITCHED) {
        door->publish(door->user, upstream_name(lookout), sql_moved_take(part->after));
        const struct flipped flipped = flipped_by(lookout, move, said);
        standing_settle(&lookout->standing, &flipped);
        return open_door(lookout, move, STATE_OPEN, error);
    }
    part->kept = said->bare ? part->kept : 0;
    if (said->bare)
        stay_closed(lookout, move);
    /* The mover may have sent its RENAME even so: the waiting sessions continue with the names of
     * the present places. But no trigger was missing at a time when none is dropped any more. */
    if (!said->bare && lookout->read >= part->until)
        return refresh(lookout, error) && open_door(lookout, move, STATE_LEFT, error);
    enum meeting_state state = STATE_DRAINED;
    if (part->state != STATE_DRAINED &&
        !door->seal(door->user, upstream_name(lookout), bit_of(lookout, move)))
        state = STATE_HELD;
    if (state == part->state && (said->bare || clock_ms() - part->reported < HELD_MS))
        return true;
    part->state = state;
    /* What somebody's lock keeps from being written is written again. */
    return report(lookout, move, error) || !connection_lost(lookout->connection);
}

/* This process has begun in the middle of a hold. The names are published behind the closed door:
 * until then its sessions wait (moving_expect). */
static bool join_hold(struct lookout *lookout, unsigned move, const struct meeting_move *said,
                      struct error *error)
{
    struct taking_part *part = &lookout->parts[move];
    /* by the server's clock, which may have been set back */
    const int64_t past = said->age > 0 ? said->age : 0;
    const int64_t left = said->hold > past ? said->hold - past : 0;

    part->until = clock_ms() + left;
    close_door(lookout, move, left + (said->bare ? KEPT_MS : GRACE_MS));
    if (!prepare_names(lookout, move, said, error)) {
        close_door(lookout, move, 0);
        return false;
    }
    part->epoch = said->epoch;
    part->asked = false;
    part->state = STATE_HELD;
    return hold_on(lookout, move, said, error);
}

static bool follow(struct lookout *lookout, unsigned move, const struct meeting_move *said,
                   struct error *error)
{
    struct taking_part *part = &lookout->parts[move];

    if (part->state == STATE_HELD || part->state == STATE_DRAINED)
        return hold_on(lookout, move, said, error);
    if (said->phase == PHASE_ANNOUNCED && said->epoch != part->epoch) {
        if (!prepare_names(lookout, move, said, error))
            return false;
        part->epoch = said->epoch;
        part->state = STATE_READY;
        part->announced = clock_ms();
        return report(lookout, move, error);
    }
    if (said->phase == PHASE_CLOSED && said->epoch == part->epoch &&
        (part->state == STATE_READY || (part->state == STATE_LEFT && said->bare))) {
        part->until = clock_ms() + said->hold;
        close_door(lookout, move, said->hold + GRACE_MS); /* then the door opens by itself */
        part->asked = false;
        part->state = STATE_HELD;
        return hold_on(lookout, move, said, error);
    }
    if (said->epoch != part->epoch && said->phase == PHASE_CLOSED &&
        (said->bare || said->age < said->hold))
        return join_hold(lookout, move, said, error);
    if (said->phase == PHASE_IDLE && part->state == STATE_READY)
        part->state = STATE_OPEN;
    return clock_ms() - part->reported < BEAT_MS || report(lookout, move, error);
}

/* --- the thread --- */

bool lookout_has(const struct config *config, size_t upstream, size_t move)
{
    return config->moves[move].tables.count > 0 &&
           config->services[config->moves[move].service_index].upstream_index == upstream;
}

/* What the move's row says, bounded by this instance's own file: its clients wait no longer. */
static struct meeting_move said_of(const struct config_move *move, const struct meeting_move *rows,
                                   size_t count)
{
    struct meeting_move said = {.phase = PHASE_IDLE};

    for (size_t i = 0; i < count; i++) {
        if (text_equal(text_of(rows[i].name), move->name))
            said = rows[i];
    }
    if (said.hold > move->hold.value)
        said.hold = move->hold.value;
    return said;
}

/* Reads what movers have written, and does it. */
static bool meet(struct lookout *lookout, struct error *error)
{
    const struct config *config = lookout->orders->config;
    struct meeting_move rows[CONFIG_MOVES_MAX];
    struct error why;
    size_t count;
    bool good = true;

    if (!lookout->prepared) {
        if (!meeting_prepare(lookout->connection, error))
            return false;
        meeting_tidy(lookout->connection);
        lookout->prepared = true;
    }
    lookout->read = clock_ms();
    if (!meeting_read(lookout->connection, rows, CONFIG_MOVES_MAX, &count, error))
        return false;
    for (size_t i = 0; i < config->move_count && !connection_lost(lookout->connection); i++) {
        const struct meeting_move said = said_of(&config->moves[i], rows, count);
        if (lookout_has(config, lookout->upstream, i) &&
            !follow(lookout, (unsigned)i, &said, good ? error : &why))
            good = false;
    }
    return good;
}

static void tell(struct lookout *lookout, const struct error *error)
{
    if (!lookout->told)
        log_warning("upstream '%s': its moves cannot be followed: %s", upstream_name(lookout),
                    error->text);
    lookout->told = true;
}

/* The catalogue is read also where the shared tables cannot be used: then this instance takes part
 * in no move, but its sessions have the tables' places. */
static bool look(struct lookout *lookout, struct error *error)
{
    bool good = meet(lookout, error);

    if (connection_lost(lookout->connection))
        return false;
    if (good)
        lookout->told = false;
    else
        tell(lookout, error);
    if (is_fast(lookout)) /* reading the catalogue takes long, and clients wait */
        return true;
    bool missed = lookout->door->missed(lookout->door->user, upstream_name(lookout));
    if (missed || clock_ms() - lookout->refreshed >= REFRESH_MS)
        return refresh(lookout, error);
    return true;
}

static bool begin(struct lookout *lookout, struct error *error)
{
    const struct connection_options options = {
        .upstream = &lookout->orders->config->upstreams[lookout->upstream],
        .program = "silogate moves",
        .connect_timeout = 3000,
        .statement_timeout = 10000,
    };

    lookout->connection = connection_open(&options, error);
    if (!lookout->connection || !set_lock_wait(lookout, STORE_SECONDS, error) ||
        !connection_run(lookout->connection, "SET SESSION innodb_lock_wait_timeout = ?",
                        PARAMETERS(P_NUMBER(STORE_SECONDS)), error))
        return false;
    lookout->prepared = lookout->has_places = false;
    lookout->refreshed = 0; /* the names are read at once, but behind a door that must be closed */
    return true;
}

/* The upstream cannot be reached: closed doors are opened in time even so. */
static void give_up(struct lookout *lookout, const struct error *error)
{
    tell(lookout, error);
    connection_close(lookout->connection);
    lookout->connection = NULL;
}

static void open_overdue(struct lookout *lookout, bool all)
{
    for (unsigned i = 0; i < CONFIG_MOVES_MAX; i++) {
        struct taking_part *part = &lookout->parts[i];
        /* else the next round finds whether triggers are missing */
        const int64_t until = part->until + (lookout->connection ? GRACE_MS : 0);
        if ((part->state == STATE_HELD || part->state == STATE_DRAINED) &&
            (all || (clock_ms() >= until && clock_ms() >= part->kept))) {
            close_door(lookout, i, 0);
            part->kept = 0;
            part->state = STATE_LEFT;
            lookout->refreshed = 0;
        }
    }
}

/* A running move is completed first. */
static bool is_over(const struct lookout *lookout)
{
    return atomic_load(lookout->ending) || (atomic_load(&lookout->stopping) && !is_fast(lookout));
}

void *lookout_run(void *argument)
{
    struct lookout *lookout = argument;
    struct error error;
    bool looked = false;

    /* At least one round, or an instance that reloads again and again would never write that it is
     * alive. */
    while (!is_over(lookout) || (!looked && !atomic_load(lookout->ending))) {
        bool begins = !lookout->connection;
        bool good = begins ? begin(lookout, &error) : look(lookout, &error);
        if (!good)
            give_up(lookout, &error);
        open_overdue(lookout, false);
        looked = looked || !begins || !good;
        if (good && begins)
            continue;
        bool fast = is_fast(lookout);
        usleep((fast ? FAST_MS : SLOW_MS) * 1000);
    }
    open_overdue(lookout, true);
    for (unsigned i = 0; i < CONFIG_MOVES_MAX; i++) {
        sql_moved_drop(lookout->parts[i].after);
        free(lookout->parts[i].tables);
    }
    if (lookout->connection && atomic_load(lookout->ending))
        meeting_leave(lookout->connection, instance_name());
    connection_close(lookout->connection);
    connection_leave_thread();
    return NULL;
}
