/* What the main thread and all others ask of the channels (instances/channel.h): start and stop,
 * another configuration, and questions whose answer takes a round.
 */
#include "instances/meet.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "instances/at_work.h"
#include "instances/channel.h"

enum {
    SETTLE_MS = 2000,
    LOST_MS = 2500, /* a channel that failed less than this ago is not waited for again */
    ERRAND_MS = 700,
    SOUGHT_MOST = 10000, /* sessions that wait to be looked for, at each upstream */
    STOP_MS = 500,       /* how long the end waits for a running round */
};

/* --- the main thread --- */

void meet_start(const struct meet_proxy *proxy)
{
    pthread_condattr_t attributes;

    channels.proxy = *proxy;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&channels.changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct channel *find_channel(const char *name)
{
    struct channel *channel = channels.first;

    while (channel && strcmp(channel->name, name) != 0)
        channel = channel->next;
    return channel;
}

static void add_channel(const char *name)
{
    struct channel *channel = memory_take_zeroed(sizeof(*channel));
    sigset_t all, before;

    snprintf(channel->name, sizeof(channel->name), "%s", name);
    channel->socket = -1;
    channel->round = (struct round){.upstream = channel->name, .proxy = &channels.proxy};
    error_set(&channel->why, "it was not tried yet");
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool started = pthread_create(&channel->thread, NULL, channel_run, channel) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) {
        log_error("upstream '%s': no thread to meet other instances", name);
        free(channel);
        return;
    }
    channel->next = channels.first;
    channels.first = channel;
}

void meet_configure(struct config *config)
{
    pthread_mutex_lock(&channels.lock);
    for (size_t i = 0; i < config->upstream_count; i++) {
        const char *name = config->upstreams[i].name.at;
        if (config->upstreams[i].account.line && !find_channel(name))
            add_channel(name);
    }
    for (struct channel *channel = channels.first; channel; channel = channel->next) {
        config_free(channel->config);
        channel->config = channel_upstream(config, channel->name) ? config_take(config) : NULL;
        channel->asked++;
    }
    pthread_cond_broadcast(&channels.changed);
    pthread_mutex_unlock(&channels.lock);
}

void meet_stop(void)
{
    const int64_t until = clock_ms() + STOP_MS;

    pthread_mutex_lock(&channels.lock);
    channels.stopping = true;
    pthread_cond_broadcast(&channels.changed);
    for (struct channel *channel = channels.first; channel; channel = channel->next) {
        while (!channel->ended && channels_wait(until))
            ;
        if (!channel->ended && channel->socket >= 0)
            shutdown(channel->socket, SHUT_RDWR); /* its server hangs: do not wait for it */
    }
    pthread_mutex_unlock(&channels.lock);
    while (channels.first) {
        struct channel *channel = channels.first;
        channels.first = channel->next;
        pthread_join(channel->thread, NULL);
        config_free(channel->config);
        errand_drop(channel->errand);
        free(channel);
    }
}

/* --- any thread --- */

static void count_same(const struct channel *channel, struct told *told)
{
    const struct instance *self = NULL;

    told->alive = told->same = 0;
    for (size_t i = 0; i < channel->count; i++)
        self = channel->instances[i].self ? &channel->instances[i] : self;
    for (size_t i = 0; self && i < channel->count; i++) {
        if (!instance_is_alive(&channel->instances[i]))
            continue;
        told->alive++;
        told->same += channel->instances[i].overrides == self->overrides;
    }
}

/* Under the lock: waits until a round that begins now is done. False: it was not done by `until`.
 */
static bool have_round(struct channel *channel, int64_t until)
{
    uint64_t round = ++channel->asked;

    pthread_cond_broadcast(&channels.changed);
    while (channel->done < round && !channels.stopping) {
        if (!channels_wait(until))
            return channel->done >= round;
    }
    return !channels.stopping;
}

void meet_settle(const char *upstream, struct told *told)
{
    const int64_t until = clock_ms() + SETTLE_MS;

    *told = (struct told){.met = false};
    pthread_mutex_lock(&channels.lock);
    struct channel *channel = find_channel(upstream);
    if (!channel) { /* its thread could not be started */
        pthread_mutex_unlock(&channels.lock);
        return;
    }
    const bool was_met = channel->met;
    /* Calls come one after the other: they do not all wait for an upstream that hangs. */
    const bool waits = was_met || channel->lost == 0 || clock_ms() - channel->lost > LOST_MS;
    bool in_time = have_round(channel, waits ? until + SETTLE_MS : 0);
    if (in_time && was_met && !channel->met) /* the connection was lost: once more, on a new one */
        in_time = have_round(channel, until + SETTLE_MS);
    told->met = in_time && channel->met;
    if (!told->met)
        snprintf(told->why, sizeof(told->why), "%s",
                 in_time || !waits ? channel->why.text : "the upstream does not answer in time");
    while (told->met) {
        count_same(channel, told);
        if (told->same == told->alive || clock_ms() >= until)
            break;
        int64_t next = clock_ms() + CHANNEL_ROUND_MS / 4;
        while (channels_wait(next) && !channels.stopping)
            ;
        if (!have_round(channel, until))
            break;
    }
    told->full = told->met && channel->full;
    pthread_mutex_unlock(&channels.lock);
}

size_t meet_instances(struct instance *list, size_t room)
{
    size_t count = 0;

    pthread_mutex_lock(&channels.lock);
    for (const struct channel *channel = channels.first; channel; channel = channel->next) {
        for (size_t i = 0; channel->config && i < channel->count && count < room; i++)
            list[count++] = channel->instances[i];
    }
    pthread_mutex_unlock(&channels.lock);
    return count;
}

size_t meet_meetings(struct meeting *list, size_t room)
{
    size_t count = 0;

    pthread_mutex_lock(&channels.lock);
    for (const struct channel *channel = channels.first; channel; channel = channel->next) {
        if (!channel->config || count == room)
            continue;
        struct meeting *one = &list[count++];
        *one = (struct meeting){.met = channel->met};
        memcpy(one->upstream, channel->name, sizeof(one->upstream));
        if (!channel->met)
            snprintf(one->why, sizeof(one->why), "%s", channel->why.text);
    }
    pthread_mutex_unlock(&channels.lock);
    return count;
}

void meet_at_work(const char *upstream, struct at_work *list, size_t count)
{
    pthread_mutex_lock(&channels.lock);
    struct channel *channel = find_channel(upstream);
    if (channel && channel->config && channel->met) {
        struct errand *errand = errand_new(list, count);
        errand_drop(channel->errand);
        channel->errand = errand;
        have_round(channel, clock_ms() + ERRAND_MS);
        errand_read(errand, list);
        errand_drop(errand);
    }
    pthread_mutex_unlock(&channels.lock);
}

bool meet_seek(const char *upstream, struct sought *sought)
{
    pthread_mutex_lock(&channels.lock);
    struct channel *channel = find_channel(upstream);
    const bool can = channel && channel->config && channel->met && !channels.stopping &&
                     !channel->ended && channel->sought_count < SOUGHT_MOST;
    if (can) {
        sought->next = channel->sought;
        channel->sought = sought;
        channel->sought_count++;
        pthread_cond_broadcast(&channels.changed);
    }
    pthread_mutex_unlock(&channels.lock);
    return can;
}

bool meet_kill(const char *upstream, uint32_t thread, bool query, struct error *error)
{
    pthread_mutex_lock(&channels.lock);
    struct channel *channel = find_channel(upstream);
    bool done = false;
    if (channel && channel->config) {
        channel->kill = thread;
        channel->kill_query = query;
        done = have_round(channel, clock_ms() + SETTLE_MS);
        *error = done && channel->kill == 0 ? channel->kill_why : channel->why;
        done = done && channel->kill == 0 && channel->killed;
        channel->kill = 0;
    } else {
        error_set(error, "[upstream:%s] has no account, which this needs", upstream);
    }
    pthread_mutex_unlock(&channels.lock);
    return done;
}
