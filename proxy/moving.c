/* See proxy/moving.h. One struct moving for each upstream, found through its usage, which survives
 * reloads. A command only reads atomics; the lock is for what changes seldom.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "proxy/again.h"
#include "proxy/binding.h"
#include "proxy/command.h"
#include "proxy/moving_internal.h"
#include "proxy/worker.h"
#include "sql/normalize.h"

struct moving *moving_new(void)
{
    struct moving *moving = memory_take_zeroed(sizeof(*moving));

    pthread_mutex_init(&moving->lock, NULL);
    return moving;
}

enum { SEARCH_MS = 1000 };

static struct moving *moving_of(const struct session *session)
{
    return session->binding && session->binding->upstream_usage
               ? session->binding->upstream_usage->moving
               : NULL;
}

/* --- where the tables are --- */

struct sql_moved *moving_names(struct session *session)
{
    struct worker *worker = session->worker;
    struct moving *moving = moving_of(session);
    unsigned generation = moving ? atomic_load(&moving->generation) : 0;

    if (session->inside.pinned)
        return session->inside.names;
    if (generation == 0)
        return NULL;
    unsigned number = session->binding->upstream_usage->number;
    if (number >= worker->names_room) {
        unsigned room = number + 16;
        worker->names = memory_resize(worker->names, room * sizeof(*worker->names));
        memset(worker->names + worker->names_room, 0,
               (room - worker->names_room) * sizeof(*worker->names));
        worker->names_room = room;
    }
    struct worker_names *names = &worker->names[number];
    if (names->generation != generation) {
        pthread_mutex_lock(&moving->lock);
        sql_moved_drop(names->moved);
        names->moved = sql_moved_take(moving->names);
        names->generation = atomic_load(&moving->generation);
        pthread_mutex_unlock(&moving->lock);
    }
    return names->moved;
}

enum moving_entry moving_await(struct session *session)
{
    struct moving *moving = moving_of(session);

    if (moving && atomic_load(&moving->unknown) > 0) {
        atomic_fetch_add(&moving->waiting, 1); /* before the check: no publication is missed */
        if (clock_ms() < atomic_load(&moving->unknown))
            return MOVING_HELD;
    }
    return moving_names(session) ? MOVING_OUTDATED : MOVING_ENTERED;
}

void moving_rights_read(struct session *session)
{
    const struct sql_moved *names = moving_names(session);

    session->inside.places = names ? sql_moved_places(names) : 0;
}

bool moving_outdates_rights(const struct session *session, const struct ruling *ruling)
{
    const struct sql_state *state = &session->belief.state;

    return ruling->touched && ruling->moved && !state->database_unknown &&
           session->inside.places != sql_moved_places(ruling->moved) &&
           sql_moved_stand_in(ruling->moved, sql_state_database(state));
}

/* Under LOCK TABLES a name must keep its meaning, even if a reload removes the move from the
 * configuration, or adds it. */
static void pin(struct session *session, const struct ruling *ruling)
{
    if (session->inside.pinned || ruling->locks != LOCKS_TABLES)
        return;
    session->inside.names = sql_moved_take(moving_names(session));
    session->inside.pinned = true;
}

static void unpin(struct session *session)
{
    sql_moved_drop(session->inside.names);
    session->inside.names = NULL;
    session->inside.pinned = false;
}

void moving_fini(struct worker *worker)
{
    for (unsigned i = 0; i < worker->names_room; i++)
        sql_moved_drop(worker->names[i].moved);
    free(worker->names);
}

/* --- the door --- */

static void count(struct moving *moving, uint64_t moves, int by)
{
    for (unsigned i = 0; moves; i++, moves >>= 1) {
        if (moves & 1)
            atomic_fetch_add(&moving->inside[i], (unsigned)by);
    }
}

enum moving_entry moving_enter(struct session *session, const struct ruling *ruling)
{
    const uint64_t fresh = ruling->touched & ~session->inside.touched;
    struct moving *moving = moving_of(session);

    if (!fresh || !moving)
        return MOVING_ENTERED;
    count(moving, fresh, 1);
    bool inside = session->inside.touched || session->belief.in_transaction ||
                  session->held.tables || held_handler(&session->held);
    bool waits =
        (!inside && (atomic_load(&moving->held) & fresh)) || (atomic_load(&moving->sealed) & fresh);
    enum moving_entry entry = MOVING_ENTERED;
    if (waits && clock_ms() < atomic_load(&moving->until))
        entry = MOVING_HELD;
    else if (moving_names(session) != ruling->moved) /* the door was open again in between */
        entry = MOVING_OUTDATED;
    if (entry != MOVING_ENTERED) {
        count(moving, fresh, -1);
        return entry;
    }
    session->inside.touched |= fresh;
    session->inside.since = session->worker->second;
    return entry;
}

static void record_rehearsal(struct session *session, const char *reason, uint64_t digest)
{
    violations_event_rehearsal(
        session->worker->violations,
        policy_service_name(session->binding->policy, session->binding->service), text_of(reason),
        digest);
}

static uint64_t note_unmapped(struct moving *moving, const struct ruling *ruling,
                              const struct sql_state *state)
{
    size_t length;
    const uint64_t digest = sql_normalize(ruling->text, state, NULL, 0, &length);
    unsigned i = 0;

    pthread_mutex_lock(&moving->lock);
    while (i < moving->unmapped_count && moving->unmapped[i].digest != digest)
        i++;
    bool known = i < moving->unmapped_count;
    if (!known && moving->unmapped_count < UNMAPPED_KEPT)
        moving->unmapped_count++;
    else if (!known)
        i = UNMAPPED_KEPT - 1; /* the last element is for all others */
    struct unmapped *one = &moving->unmapped[i];
    one->digest = i == UNMAPPED_KEPT - 1 ? 0 : digest;
    one->moves |= ruling->unmapped_of;
    one->why = ruling->unmapped;
    one->count++;
    pthread_mutex_unlock(&moving->lock);
    return digest;
}

void moving_passed(struct session *session, const struct ruling *ruling)
{
    session->request.redefines = ruling->redefines;
    pin(session, ruling);
    /* A statement outside of a transaction needs no entry: it does not stay inside after its
     * answer. */
    if (session->inside.touched && !session->inside.touched_by &&
        (session->belief.in_transaction || ruling->locks != LOCKS_NOTHING))
        session->inside.touched_by =
            sql_normalize(ruling->text, &session->belief.state, NULL, 0, &(size_t){0});
    if (!ruling->unmapped_of || !moving_of(session))
        return;
    record_rehearsal(session, ruling->unmapped,
                     note_unmapped(moving_of(session), ruling, &session->belief.state));
    worker_counters(session->worker, session->binding->service_usage)->unmapped++;
}

/* The session has left. If it was inside for longer than the shortest hold, it would have made a
 * move give up: this is counted. */
static void note_end(struct session *session)
{
    const struct config *config = session->binding->runtime->config;
    const uint64_t seconds = (uint64_t)(session->worker->second - session->inside.since);

    for (size_t i = 0; i < config->move_count; i++) {
        /* both times are whole seconds: count only what was certainly longer */
        if (seconds > 0 && (seconds - 1) * 1000 >= (uint64_t)config->moves[i].hold.value) {
            worker_counters(session->worker, session->binding->service_usage)->overlong++;
            record_rehearsal(session, "a transaction longer than the hold",
                             session->inside.touched_by);
            break;
        }
    }
    count(moving_of(session), session->inside.touched, -1);
}

void moving_leave(struct session *session)
{
    if (session->inside.touched && moving_of(session))
        note_end(session);
    session->inside.touched = session->inside.touched_by = 0;
    unpin(session);
    held_forget(&session->held);
    session->request.locking = LOCKS_NOTHING;
}

void moving_answered(struct session *session)
{
    held_answered(session);
    if (session->inside.pinned && !session->held.tables)
        unpin(session);
    bool missed = session->inside.touched && session->request.failed &&
                  again_is_miss(session->request.answer.error_code);
    if ((missed || session->request.redefines) && moving_of(session))
        atomic_fetch_add(&moving_of(session)->misses, 1);
    session->request.redefines = false;
    moving_settle(session);
}

void moving_settle(struct session *session)
{
    if (session->inside.touched && !session->belief.in_transaction && !session->held.tables &&
        !held_handler(&session->held) && session->held.long_data == 0) {
        note_end(session);
        session->inside.touched = session->inside.touched_by = 0;
    }
}

uint32_t moving_look(struct session *session)
{
    struct moving *moving = moving_of(session);

    if (!session->held.tables)
        unpin(session); /* the names that are found now are valid */
    return moving ? atomic_fetch_add(&moving->misses, 1) + 1 : 0;
}

bool moving_may_look(struct session *session)
{
    struct moving *moving = moving_of(session);
    const int64_t now = clock_ms();

    if (!moving)
        return false;
    if ((int32_t)(atomic_load(&moving->looked) - atomic_load(&moving->search)) < 0)
        return true; /* this read is not over yet */
    if (now - atomic_load(&moving->searched) < SEARCH_MS)
        return false;
    atomic_store(&moving->searched, now);
    atomic_store(&moving->search, atomic_load(&moving->misses) + 1);
    return true;
}

bool moving_looked(struct session *session, uint32_t number)
{
    struct moving *moving = moving_of(session);

    if (!moving)
        return true;
    if (!session->waiting.after)
        list_add(&session->worker->held, &session->waiting);
    atomic_fetch_add(&moving->waiting, 1); /* before the check, so that no publication is missed */
    if ((int32_t)(atomic_load(&moving->looked) - number) < 0)
        return false;
    list_remove(&session->waiting);
    return true;
}

/* --- the worker's own thread --- */

static void tell(struct moving *moving, const struct session *session)
{
    const struct binding *binding = session->binding;
    const char *service = binding->service_usage ? usage_service(binding->service_usage) : NULL;

    pthread_mutex_lock(&moving->lock);
    int length =
        snprintf(moving->blockers + moving->blockers_length,
                 sizeof(moving->blockers) - moving->blockers_length,
                 "  session %u of %s (%.*s): %s, for %u s, since the statement %016" PRIx64 "\n",
                 session->id, service ? service : "nobody", TEXT_ARGS(session->identity->client),
                 session->held.tables             ? "LOCK TABLES"
                 : held_handler(&session->held)   ? "an open HANDLER"
                 : session->belief.in_transaction ? "in a transaction"
                 : session->held.long_data > 0    ? "long data was sent"
                                                  : "a statement runs",
                 session->worker->second - session->inside.since, session->inside.touched_by);
    if (length > 0 && moving->blockers_length + (size_t)length < sizeof(moving->blockers))
        moving->blockers_length += (size_t)length;
    pthread_mutex_unlock(&moving->lock);
}

void moving_wake(struct worker *worker)
{
    struct list_link waiting;

    list_init(&waiting);
    while (!list_empty(&worker->held)) {
        struct list_link *link = worker->held.after;
        list_remove(link);
        list_add(&waiting, link);
    }
    while (!list_empty(&waiting)) {
        struct session *session = LIST_ENTRY(waiting.after, struct session, waiting);
        list_remove(&session->waiting);
        session_run(session);
    }
    if (!atomic_exchange(&worker->tells, false))
        return;
    struct list_link *link = worker->sessions.after;
    while (link != &worker->sessions) {
        struct session *session = LIST_ENTRY(link, struct session, all);
        struct moving *moving = moving_of(session);
        link = link->after;
        if (!moving || !session->identity ||
            !(session->inside.touched & atomic_load(&moving->asked)))
            continue;
        tell(moving, session);
        if (session->state == STATE_COMMAND && !session->waiting.after &&
            command_in_doubt(session)) {
            relay_prove(session);
            session_run(session);
        }
    }
}
