/* Threads: one for each upstream (move/lookout.c), and one that replaces them when a new
 * configuration comes into force, which waits until no move is running. A move keeps its number
 * (its bit in sets of moves) as long as the process runs, whatever the order of sections in a new
 * configuration, so that the sessions inside stay known.
 */
#include "move/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "move/lookout.h"

struct watch {
    struct watch_door door;
    struct orders orders; /* in force; the next members, up to `lookouts`, are made from it */
    uint8_t numbers[CONFIG_MOVES_MAX];
    struct lookout *lookouts;
    size_t count;
    /* What the lookouts before these have read, until new ones take it over. */
    struct known {
        char upstream[65];
        struct standing standing;
    } * known;
    size_t known_count;
    char numbered[CONFIG_MOVES_MAX][65]; /* the name of the move with that number */
    pthread_t thread;                    /* the thread that changes everything above */
    bool has_thread;
    atomic_bool ending;
    pthread_mutex_t lock; /* for the wanted configuration below */
    pthread_cond_t changed;
    struct orders wanted;
    bool wants;
};

static void release(struct orders *orders)
{
    if (orders->release)
        orders->release(orders->owner);
    *orders = (struct orders){0};
}

static void forget(struct watch *watch)
{
    for (size_t i = 0; i < watch->known_count; i++)
        standing_fini(&watch->known[i].standing);
    free(watch->known);
    watch->known = NULL;
    watch->known_count = 0;
}

/* Which of two tables counts is not forgotten by a reload. Moves keep their numbers. */
static struct standing take_known(struct watch *watch, const char *upstream)
{
    struct standing standing = {0};

    for (size_t i = 0; i < watch->known_count; i++) {
        if (strcmp(watch->known[i].upstream, upstream) != 0)
            continue;
        standing = watch->known[i].standing;
        watch->known[i].standing = (struct standing){0};
        break;
    }
    return standing;
}

static void stop_all(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        atomic_store(&watch->lookouts[i].stopping, true);
    forget(watch);
    watch->known = memory_take_zeroed((watch->count + 1) * sizeof(*watch->known));
    for (size_t i = 0; i < watch->count; i++) {
        struct lookout *lookout = &watch->lookouts[i];
        pthread_join(lookout->thread, NULL);
        struct known *known = &watch->known[watch->known_count++];
        snprintf(known->upstream, sizeof(known->upstream), "%s",
                 watch->orders.config->upstreams[lookout->upstream].name.at);
        known->standing = lookout->standing;
    }
    free(watch->lookouts);
    watch->lookouts = NULL;
    watch->count = 0;
    release(&watch->orders);
}

static bool has_moves(const struct watch *watch, size_t upstream)
{
    for (size_t i = 0; i < watch->orders.config->move_count; i++) {
        if (lookout_has(watch->orders.config, upstream, i))
            return true;
    }
    return false;
}

static bool is_numbered(const struct watch *watch, size_t move, unsigned number)
{
    return text_equal(text_of(watch->numbered[number]), watch->orders.config->moves[move].name);
}

/* Gives the move the number with its name, or one whose name is not in the configuration any more.
 */
static void number_move(struct watch *watch, size_t move)
{
    const struct config *config = watch->orders.config;
    unsigned free_one = CONFIG_MOVES_MAX;

    for (unsigned number = 0; number < CONFIG_MOVES_MAX; number++) {
        bool used = false;
        for (size_t i = 0; i < config->move_count; i++)
            used |= is_numbered(watch, i, number);
        if (is_numbered(watch, move, number)) {
            watch->numbers[move] = (uint8_t)number;
            return;
        }
        bool better = free_one == CONFIG_MOVES_MAX ||
                      (watch->numbered[free_one][0] && !watch->numbered[number][0]);
        if (!used && better)
            free_one = number;
    }
    watch->numbers[move] = (uint8_t)free_one;
    snprintf(watch->numbered[free_one], sizeof(watch->numbered[0]), "%s",
             config->moves[move].name.at);
}

static void start_all(struct watch *watch, const struct orders *orders)
{
    const struct config *config = orders->config;

    watch->orders = *orders;
    for (size_t i = 0; i < config->move_count; i++)
        number_move(watch, i);
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
        *lookout = (struct lookout){.door = &watch->door,
                                    .orders = &watch->orders,
                                    .numbers = watch->numbers,
                                    .ending = &watch->ending,
                                    .upstream = i,
                                    .standing = take_known(watch, config->upstreams[i].name.at)};
        if (pthread_create(&lookout->thread, NULL, lookout_run, lookout) == 0)
            watch->count++;
        else
            log_error("upstream '%s': no thread to follow its moves", config->upstreams[i].name.at);
    }
}

/* The thread that puts new configurations into force. */
static void *change(void *argument)
{
    struct watch *watch = argument;

    pthread_mutex_lock(&watch->lock);
    while (!atomic_load(&watch->ending)) {
        if (!watch->wants) {
            pthread_cond_wait(&watch->changed, &watch->lock);
            continue;
        }
        pthread_mutex_unlock(&watch->lock);
        stop_all(watch); /* may wait until a hold has ended */
        pthread_mutex_lock(&watch->lock);
        if (atomic_load(&watch->ending))
            break;
        struct orders orders = watch->wanted;
        watch->wanted = (struct orders){0};
        watch->wants = false;
        pthread_mutex_unlock(&watch->lock);
        start_all(watch, &orders);
        pthread_mutex_lock(&watch->lock);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

struct watch *watch_start(const struct watch_door *door)
{
    struct watch *watch = memory_take_zeroed(sizeof(*watch));

    watch->door = *door;
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->changed, NULL);
    watch->has_thread = pthread_create(&watch->thread, NULL, change, watch) == 0;
    if (!watch->has_thread)
        log_error("no thread to follow moves");
    return watch;
}

void watch_configure(struct watch *watch, const struct config *config, const struct policy *policy,
                     void (*let_go)(void *owner), void *owner)
{
    pthread_mutex_lock(&watch->lock);
    release(&watch->wanted);
    watch->wanted = (struct orders){config, policy, let_go, owner};
    watch->wants = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
}

void watch_stop(struct watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    atomic_store(&watch->ending, true);
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    if (watch->has_thread)
        pthread_join(watch->thread, NULL);
    stop_all(watch);
    forget(watch);
    release(&watch->wanted);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}
