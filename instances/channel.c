/* The thread of one upstream. It lives until the process ends; while no account is in force it
 * sleeps.
 */
#include "instances/channel.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "instances/at_work.h"
#include "instances/seek.h"

enum { RETRY_MS = 5000, CONNECT_MS = 2000, STATEMENT_MS = 3000 };

struct channels channels = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool channels_wait(int64_t until)
{
    const struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};

    return pthread_cond_timedwait(&channels.changed, &channels.lock, &at) != ETIMEDOUT;
}

static void set_socket(struct channel *channel, int socket)
{
    pthread_mutex_lock(&channels.lock);
    channel->socket = socket;
    pthread_mutex_unlock(&channels.lock);
}

static void leave(struct channel *channel)
{
    set_socket(channel, -1);
    connection_close(channel->round.connection);
    channel->round.connection = NULL;
    config_free(channel->used);
    channel->used = NULL;
}

const struct config_upstream *channel_upstream(const struct config *config, const char *name)
{
    for (size_t i = 0; config && i < config->upstream_count; i++) {
        const struct config_upstream *upstream = &config->upstreams[i];
        if (text_equal(upstream->name, text_of(name)))
            return upstream->account.line ? upstream : NULL;
    }
    return NULL;
}

static bool reach(struct channel *channel, struct config *config, struct error *error)
{
    const struct connection_options options = {.upstream = channel_upstream(config, channel->name),
                                               .program = "silogate instances",
                                               .connect_timeout = CONNECT_MS,
                                               .statement_timeout = STATEMENT_MS};

    if (channel->round.connection && channel->used->upstreams != config->upstreams)
        leave(channel); /* the new configuration may name another server */
    if (channel->round.connection)
        return true;
    channel->round.connection = connection_open(&options, error);
    if (!channel->round.connection)
        return false;
    channel->used = config_take(config);
    set_socket(channel, connection_socket(channel->round.connection));
    if (!store_prepare(channel->round.connection, error))
        return false;
    round_begin(&channel->round);
    return true;
}

static void end_thread(struct channel *channel)
{
    struct error why = {.line = 0};

    pthread_mutex_lock(&channels.lock);
    uint32_t thread = channel->kill;
    const char *sql = channel->kill_query ? "KILL QUERY ?" : "KILL ?";
    pthread_mutex_unlock(&channels.lock);
    if (thread == 0)
        return;
    bool killed =
        connection_run(channel->round.connection, sql, PARAMETERS(P_NUMBER(thread)), &why);
    pthread_mutex_lock(&channels.lock);
    channel->kill = 0;
    channel->killed = killed;
    channel->kill_why = why;
    pthread_mutex_unlock(&channels.lock);
}

static void run_errand(struct channel *channel)
{
    pthread_mutex_lock(&channels.lock);
    struct errand *errand = channel->errand;
    channel->errand = NULL;
    pthread_mutex_unlock(&channels.lock);
    if (errand)
        errand_run(errand, channel->round.connection);
}

/* Between two rounds: looks for the sessions that others wait for. */
static void seek(struct channel *channel)
{
    struct error why = {.line = 0};

    pthread_mutex_lock(&channels.lock);
    struct sought *list = channel->sought;
    channel->sought = NULL;
    channel->sought_count = 0;
    pthread_mutex_unlock(&channels.lock);
    if (!channel->round.connection) {
        seek_give_up(list);
        return;
    }
    if (!list)
        return;
    const bool good = seek_run(&channel->round, list, &why);
    if (!good && !channel->told_seek_failed)
        log_warning("upstream '%s': KILL does not find sessions of other instances: %s",
                    channel->name, why.text);
    channel->told_seek_failed = !good;
}

static bool go_round(struct channel *channel, struct config *config, struct error *error)
{
    if (!reach(channel, config, error))
        return false;
    end_thread(channel);
    run_errand(channel);
    return round_run(&channel->round, error);
}

static void tell_met(struct channel *channel, bool met, const struct error *error)
{
    if (!met && !channel->told_lost)
        log_warning("upstream '%s': other instances cannot be met: %s", channel->name, error->text);
    else if (met && channel->told_lost)
        log_notice("upstream '%s': other instances can be met again", channel->name);
    channel->told_lost = !met;
}

/* One round; without an account in force the upstream is left. True: the others were met. */
static bool meet(struct channel *channel, struct config *config, struct error *error)
{
    const bool met = config && go_round(channel, config, error);

    if (config)
        tell_met(channel, met, error);
    if (!met && channel->round.connection) {
        if (!config)
            store_leave(channel->round.connection, instance_name());
        leave(channel);
    }
    return met;
}

/* For those who wait for `round`. The caller has the lock, here and below. */
static void publish(struct channel *channel, uint64_t round, bool met, const struct error *error)
{
    channel->met = met;
    channel->lost = met ? 0 : clock_ms();
    channel->count = met ? channel->round.count : 0;
    memcpy(channel->instances, channel->round.instances,
           channel->count * sizeof(channel->instances[0]));
    channel->full = met && channel->round.full;
    channel->why = *error;
    channel->done = round;
    pthread_cond_broadcast(&channels.changed);
}

/* Waits until `until`, or until somebody asks for another round than `round`. */
static void wait_for_next(struct channel *channel, uint64_t round, int64_t until)
{
    while (!channels.stopping && channel->asked == round) {
        if (channel->sought && (!channel->config || clock_ms() < until)) {
            pthread_mutex_unlock(&channels.lock);
            seek(channel);
            pthread_mutex_lock(&channels.lock);
        } else if (!channel->config) {
            pthread_cond_wait(&channels.changed, &channels.lock);
        } else if (!channels_wait(until)) {
            break;
        }
    }
}

void *channel_run(void *argument)
{
    struct channel *channel = argument;
    struct error error = {.line = 0};

    pthread_mutex_lock(&channels.lock);
    while (!channels.stopping) {
        const uint64_t round = channel->asked;
        struct config *config = channel->config ? config_take(channel->config) : NULL;
        pthread_mutex_unlock(&channels.lock);
        const bool met = meet(channel, config, &error);
        config_free(config);
        pthread_mutex_lock(&channels.lock);
        /* After a lost connection at once; after a failed try later: servers count failed logins.
         */
        const int64_t until = clock_ms() + (met || channel->met ? CHANNEL_ROUND_MS : RETRY_MS);
        publish(channel, round, met, &error);
        wait_for_next(channel, round, until);
    }
    pthread_mutex_unlock(&channels.lock);
    if (channel->round.connection)
        store_leave(channel->round.connection, instance_name());
    leave(channel);
    seek(channel);
    connection_leave_thread();
    pthread_mutex_lock(&channels.lock);
    channel->ended = true;
    pthread_cond_broadcast(&channels.changed);
    pthread_mutex_unlock(&channels.lock);
    return NULL;
}
