/* One thread an upstream. Slow while nothing goes on; for a few seconds from a mover's announcement
 * on it looks every few milliseconds, because clients wait.
 *
 *   announced -> READY     the names of both places are made beforehand
 *   closed    -> HELD      the door is closed, for `hold` at most by this instance's own clock
 *             -> DRAINED   nobody is inside
 *   switched  -> OPEN      the other names are published, the door is opened
 *   idle      -> OPEN      given up: the door is opened, nothing has changed
 * At the end of `hold` the door is opened whatever the mover does: -> LEFT. Then the catalogue says
 * where the tables are.
 */
#include "move/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "move/meeting.h"
#include "move/standing.h"

enum {
    FAST_MS = 4,
    SLOW_MS = 250,
    BEAT_MS = 1000,      /* between two reports while nothing goes on */
    REFRESH_MS = 10000,  /* between two looks at the catalogue */
    FAST_FOR_MS = 15000, /* after an announcement */
    LINES = 1900,        /* as wide as the meeting point's columns */
};

/* What this instance has done about one move. */
struct taking_part {
    uint64_t epoch;
    enum meeting_state state;
    int64_t until, announced; /* of the door; of the announcement */
    int64_t reported;
    struct sql_moved *after; /* the names once it is switched */
};

struct lookout {
    struct watch *watch;
    size_t upstream; /* in the configuration */
    pthread_t thread;
    atomic_bool stopping;
    struct connection *connection;
    bool told; /* that the upstream cannot be asked */
    int64_t refreshed;
    struct taking_part parts[CONFIG_MOVES_MAX];
};

struct watch {
    struct watch_door door;
    char instance[128];
    const struct config *config;
    const struct policy *policy;
    void (*release)(void *owner);
    void *owner;
    struct lookout *lookouts;
    size_t count;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *upstream_name(const struct lookout *lookout)
{
    return lookout->watch->config->upstreams[lookout->upstream].name.at;
}

static void close_door(struct lookout *lookout, unsigned move, int64_t milliseconds)
{
    const struct watch_door *door = &lookout->watch->door;

    door->close(door->user, upstream_name(lookout), (uint64_t)1 << move, milliseconds);
}

/* --- where the tables stand --- */

static bool refresh(struct lookout *lookout, struct error *error)
{
    const struct watch *watch = lookout->watch;
    struct standing standing;

    if (!standing_read(lookout->connection, watch->config, watch->policy, lookout->upstream,
                       &standing, error))
        return false;
    watch->door.publish(watch->door.user, upstream_name(lookout),
                        standing_names(&standing, -1, false));
    standing_fini(&standing);
    lookout->refreshed = now_ms();
    return true;
}

static bool prepare_names(struct lookout *lookout, unsigned move, bool in_to, struct error *error)
{
    const struct watch *watch = lookout->watch;
    struct standing standing;

    if (!standing_read(lookout->connection, watch->config, watch->policy, lookout->upstream,
                       &standing, error))
        return false;
    watch->door.publish(watch->door.user, upstream_name(lookout),
                        standing_names(&standing, -1, false));
    sql_moved_drop(lookout->parts[move].after);
    lookout->parts[move].after = standing_names(&standing, (int)move, in_to);
    standing_fini(&standing);
    return true;
}

/* --- one move --- */

static bool report(struct lookout *lookout, unsigned move, struct error *error)
{
    const struct watch *watch = lookout->watch;
    const struct watch_door *door = &watch->door;
    struct taking_part *part = &lookout->parts[move];
    char blockers[LINES] = "", unmapped_by[LINES] = "";
    struct meeting_report row = {
        .move = watch->config->moves[move].name.at,
        .instance = watch->instance,
        .policy = policy_hash(watch->policy),
        .epoch = part->epoch,
        .state = part->state,
        .inside = door->inside(door->user, upstream_name(lookout), (uint64_t)1 << move),
        .blockers = blockers,
        .unmapped_by = unmapped_by,
    };

    if (part->state == STATE_HELD || part->state == STATE_LEFT)
        door->blockers(door->user, upstream_name(lookout), (uint64_t)1 << move, blockers,
                       sizeof(blockers));
    row.unmapped =
        door->unmapped(door->user, upstream_name(lookout), move, unmapped_by, sizeof(unmapped_by));
    part->reported = now_ms();
    return meeting_report(lookout->connection, &row, error);
}

static bool open_door(struct lookout *lookout, unsigned move, enum meeting_state state,
                      struct error *error)
{
    struct taking_part *part = &lookout->parts[move];

    close_door(lookout, move, 0);
    part->state = state;
    lookout->refreshed = 0; /* what is true now is asked */
    return report(lookout, move, error);
}

/* The door is closed: is everybody out, is it over? */
static bool hold_on(struct lookout *lookout, unsigned move, const struct meeting_move *said,
                    struct error *error)
{
    const struct watch_door *door = &lookout->watch->door;
    struct taking_part *part = &lookout->parts[move];

    if (said->epoch != part->epoch || said->phase == PHASE_IDLE)
        return open_door(lookout, move, STATE_OPEN, error);
    if (said->phase == PHASE_SWITCHED) {
        door->publish(door->user, upstream_name(lookout), sql_moved_take(part->after));
        return open_door(lookout, move, STATE_OPEN, error);
    }
    if (now_ms() >= part->until)
        return open_door(lookout, move, STATE_LEFT, error);
    enum meeting_state state = STATE_DRAINED;
    if (part->state != STATE_DRAINED &&
        !door->seal(door->user, upstream_name(lookout), (uint64_t)1 << move))
        state = STATE_HELD;
    if (state == part->state && now_ms() - part->reported < 100)
        return true;
    part->state = state;
    return report(lookout, move, error);
}

static bool follow(struct lookout *lookout, unsigned move, const struct meeting_move *said,
                   struct error *error)
{
    struct taking_part *part = &lookout->parts[move];

    if (part->state == STATE_HELD || part->state == STATE_DRAINED)
        return hold_on(lookout, move, said, error);
    if (said->phase == PHASE_ANNOUNCED && said->epoch != part->epoch) {
        if (!prepare_names(lookout, move, said->in_to, error))
            return false;
        part->epoch = said->epoch;
        part->state = STATE_READY;
        part->announced = now_ms();
        return report(lookout, move, error);
    }
    if (said->phase == PHASE_CLOSED && said->epoch == part->epoch && part->state == STATE_READY) {
        part->until = now_ms() + said->hold; /* and the door opens by itself then */
        close_door(lookout, move, said->hold);
        part->state = STATE_HELD;
        return hold_on(lookout, move, said, error);
    }
    if (said->phase == PHASE_IDLE && part->state == STATE_READY)
        part->state = STATE_OPEN;
    return now_ms() - part->reported < BEAT_MS || report(lookout, move, error);
}

/* --- the thread --- */

static bool is_watched(const struct watch *watch, size_t upstream, size_t move)
{
    const struct config *config = watch->config;

    return config->moves[move].tables.count > 0 &&
           config->services[config->moves[move].service_index].upstream_index == upstream;
}

static bool look(struct lookout *lookout, struct error *error)
{
    const struct watch *watch = lookout->watch;
    struct meeting_move said[CONFIG_MOVES_MAX];
    size_t count;

    if (!meeting_read(lookout->connection, said, CONFIG_MOVES_MAX, &count, error))
        return false;
    for (size_t i = 0; i < watch->config->move_count; i++) {
        struct meeting_move none = {.phase = PHASE_IDLE};
        const struct meeting_move *row = &none;
        if (!is_watched(watch, lookout->upstream, i))
            continue;
        for (size_t j = 0; j < count; j++) {
            if (text_equal(text_of(said[j].name), watch->config->moves[i].name))
                row = &said[j];
        }
        if (!follow(lookout, (unsigned)i, row, error))
            return false;
    }
    bool missed = watch->door.missed(watch->door.user, upstream_name(lookout));
    if (missed || now_ms() - lookout->refreshed >= REFRESH_MS)
        return refresh(lookout, error);
    return true;
}

static bool begin(struct lookout *lookout, struct error *error)
{
    const struct connection_options options = {
        .upstream = &lookout->watch->config->upstreams[lookout->upstream],
        .program = "silogate moves",
        .connect_timeout = 3000,
        .statement_timeout = 10000,
    };

    lookout->connection = connection_open(&options, error);
    if (!lookout->connection || !meeting_prepare(lookout->connection, error))
        return false;
    meeting_tidy(lookout->connection);
    return refresh(lookout, error);
}

/* Nobody can be met: doors that are closed open in time all the same. */
static void give_up(struct lookout *lookout, const struct error *error)
{
    if (!lookout->told)
        log_warning("upstream '%s': its moves cannot be followed: %s", upstream_name(lookout),
                    error->text);
    lookout->told = true;
    connection_close(lookout->connection);
    lookout->connection = NULL;
}

static void open_overdue(struct lookout *lookout, bool all)
{
    for (unsigned i = 0; i < CONFIG_MOVES_MAX; i++) {
        struct taking_part *part = &lookout->parts[i];
        if ((part->state == STATE_HELD || part->state == STATE_DRAINED) &&
            (all || now_ms() >= part->until)) {
            close_door(lookout, i, 0);
            part->state = STATE_LEFT;
        }
    }
}

static bool is_fast(const struct lookout *lookout)
{
    for (unsigned i = 0; i < CONFIG_MOVES_MAX; i++) {
        const struct taking_part *part = &lookout->parts[i];
        if (part->state == STATE_HELD || part->state == STATE_DRAINED ||
            (part->state == STATE_READY && now_ms() - part->announced < FAST_FOR_MS))
            return true;
    }
    return false;
}

static void *run(void *argument)
{
    struct lookout *lookout = argument;
    struct error error;

    while (!atomic_load(&lookout->stopping)) {
        bool good = lookout->connection ? look(lookout, &error) : begin(lookout, &error);
        if (good)
            lookout->told = false;
        else
            give_up(lookout, &error);
        open_overdue(lookout, false);
        bool fast = is_fast(lookout);
        usleep((fast ? FAST_MS : SLOW_MS) * 1000);
    }
    open_overdue(lookout, true);
    for (unsigned i = 0; i < CONFIG_MOVES_MAX; i++)
        sql_moved_drop(lookout->parts[i].after);
    connection_close(lookout->connection);
    connection_leave_thread();
    return NULL;
}

static void stop_all(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        atomic_store(&watch->lookouts[i].stopping, true);
    for (size_t i = 0; i < watch->count; i++)
        pthread_join(watch->lookouts[i].thread, NULL);
    free(watch->lookouts);
    watch->lookouts = NULL;
    watch->count = 0;
    if (watch->release)
        watch->release(watch->owner);
    watch->release = NULL;
}

static bool has_moves(const struct watch *watch, size_t upstream)
{
    for (size_t i = 0; i < watch->config->move_count; i++) {
        if (is_watched(watch, upstream, i))
            return true;
    }
    return false;
}

struct watch *watch_start(const struct watch_door *door)
{
    struct watch *watch = memory_take_zeroed(sizeof(*watch));
    char host[64] = "";

    watch->door = *door;
    gethostname(host, sizeof(host) - 1);
    snprintf(watch->instance, sizeof(watch->instance), "%s:%ld:%lx", host, (long)getpid(),
             (unsigned long)time(NULL));
    return watch;
}

void watch_configure(struct watch *watch, const struct config *config, const struct policy *policy,
                     void (*release)(void *owner), void *owner)
{
    stop_all(watch);
    watch->config = config;
    watch->policy = policy;
    watch->release = release;
    watch->owner = owner;
    watch->lookouts = memory_take_zeroed((config->upstream_count + 1) * sizeof(*watch->lookouts));
    for (size_t i = 0; i < config->upstream_count; i++) {
        struct lookout *lookout = &watch->lookouts[watch->count];
        if (!has_moves(watch, i)) {
            watch->door.publish(watch->door.user, config->upstreams[i].name.at, NULL);
            continue;
        }
        if (!config->upstreams[i].account.line) {
            log_warning("upstream '%s' has no account: its [move:] sections are not followed",
                        config->upstreams[i].name.at);
            continue;
        }
        *lookout = (struct lookout){.watch = watch, .upstream = i};
        if (pthread_create(&lookout->thread, NULL, run, lookout) == 0)
            watch->count++;
        else
            log_error("upstream '%s': no thread to follow its moves", config->upstreams[i].name.at);
    }
}

void watch_stop(struct watch *watch)
{
    if (!watch)
        return;
    stop_all(watch);
    free(watch);
}
