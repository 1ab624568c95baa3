/* The functions of the door (move/watch.h) for the threads of the watch: see proxy/moving.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "config/config.h"
#include "proxy/moving_internal.h"
#include "proxy/runtime.h"
#include "proxy/worker.h"

enum { FIRST_MS = 3000 }; /* for the first read of the catalogue */

static struct moving *find(const char *upstream)
{
    const struct usage *usage = usage_find("upstream:", text_of(upstream));

    return usage ? usage->moving : NULL;
}

void moving_expect(const struct config *config)
{
    for (size_t i = 0; i < config->move_count; i++) {
        const struct config_service *service = &config->services[config->moves[i].service_index];
        const struct config_upstream *upstream = &config->upstreams[service->upstream_index];
        struct moving *moving = find(upstream->name.at);
        if (moving && upstream->account.line && config->moves[i].tables.count > 0)
            atomic_store(&moving->unknown, clock_ms() + FIRST_MS);
    }
}

void moving_reached(struct moving *moving)
{
    if (moving && atomic_load(&moving->unknown) > 0 && !atomic_exchange(&moving->reached, true))
        atomic_store(&moving->unknown, clock_ms() + FIRST_MS);
}

static void wake_all(const struct moving_door *door, bool tells)
{
    for (unsigned i = 0; i < door->worker_count; i++) {
        if (tells)
            atomic_store(&door->workers[i].tells, true);
        ev_async_send(door->workers[i].loop, &door->workers[i].wake);
    }
}

void moving_publish(void *door, const char *upstream, struct sql_moved *names)
{
    struct moving *moving = find(upstream);

    if (!moving) {
        sql_moved_drop(names);
        return;
    }
    pthread_mutex_lock(&moving->lock);
    if (names || moving->names) {
        sql_moved_drop(moving->names);
        moving->names = names;
        atomic_fetch_add(&moving->generation, 1);
    }
    pthread_mutex_unlock(&moving->lock);
    atomic_store(&moving->looked, moving->looking);
    atomic_store(&moving->unknown, 0);
    if (atomic_exchange(&moving->waiting, 0) > 0)
        wake_all(door, false);
}

void moving_close(void *door, const char *upstream, uint64_t moves, int64_t milliseconds)
{
    struct moving *moving = find(upstream);

    if (!moving)
        return;
    if (milliseconds > 0) {
        atomic_store(&moving->until, clock_ms() + milliseconds);
        atomic_fetch_or(&moving->held, moves);
    } else {
        atomic_fetch_and(&moving->held, ~moves);
        atomic_fetch_and(&moving->sealed, ~moves);
        wake_all(door, false);
    }
}

bool moving_seal(void *door, const char *upstream, uint64_t moves)
{
    struct moving *moving = find(upstream);

    if (!moving)
        return true;
    atomic_fetch_or(&moving->sealed, moves);
    if (moving_inside(door, upstream, moves) == 0)
        return true;
    atomic_fetch_and(&moving->sealed, ~moves);
    wake_all(door, false);
    return false;
}

unsigned moving_inside(void *door, const char *upstream, uint64_t moves)
{
    struct moving *moving = find(upstream);
    unsigned inside = 0;

    (void)door;
    for (unsigned i = 0; moving && i < MOVES; i++) {
        if (moves >> i & 1)
            inside += atomic_load(&moving->inside[i]);
    }
    return inside;
}

void moving_ask_blockers(void *door, const char *upstream, uint64_t moves)
{
    struct moving *moving = find(upstream);

    if (!moving)
        return;
    pthread_mutex_lock(&moving->lock);
    moving->blockers_length = 0;
    moving->blockers[0] = '\0';
    pthread_mutex_unlock(&moving->lock);
    atomic_store(&moving->asked, moves);
    if (moving_inside(door, upstream, moves) > 0)
        wake_all(door, true);
}

void moving_blockers(void *door, const char *upstream, char *to, size_t size)
{
    struct moving *moving = find(upstream);

    (void)door;
    to[0] = '\0';
    if (!moving)
        return;
    pthread_mutex_lock(&moving->lock);
    snprintf(to, size, "%.*s", (int)moving->blockers_length, moving->blockers);
    pthread_mutex_unlock(&moving->lock);
}

uint64_t moving_unmapped(void *door, const char *upstream, unsigned move, char *to, size_t size)
{
    struct moving *moving = find(upstream);
    uint64_t all = 0;
    size_t length = 0;

    (void)door;
    to[0] = '\0';
    if (!moving)
        return 0;
    pthread_mutex_lock(&moving->lock);
    for (unsigned i = 0; i < moving->unmapped_count; i++) {
        const struct unmapped *one = &moving->unmapped[i];
        if (!(one->moves >> move & 1))
            continue;
        all += one->count;
        int more = snprintf(to + length, size - length, "  %016" PRIx64 " %" PRIu64 " times: %s\n",
                            one->digest, one->count, one->why);
        if (more > 0 && length + (size_t)more < size)
            length += (size_t)more;
    }
    pthread_mutex_unlock(&moving->lock);
    to[length] = '\0';
    return all;
}

bool moving_missed(void *door, const char *upstream)
{
    struct moving *moving = find(upstream);

    (void)door;
    if (!moving)
        return false;
    moving->looking = atomic_load(&moving->misses);
    return moving->looking != atomic_load(&moving->looked);
}
