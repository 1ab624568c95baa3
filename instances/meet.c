/* One `struct post` for each name of an upstream, which lives until the process ends; without an
 * account in force its thread sleeps. One lock guards what other threads read; no server is asked
 * while it is held.
 */
#include "instances/meet.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "instances/at_work.h"
#include "instances/round.h"
#include "instances/seek.h"

enum {
    ROUND_MS = 250,
    RETRY_MS = 5000,
    CONNECT_MS = 2000,
    STATEMENT_MS = 3000,
    SETTLE_MS = 2000,
    LOST_MS = 2500, /* so long is what was found lost not waited for again */
    ERRAND_MS = 700,
    SOUGHT_MOST = 10000, /* sessions that wait for it */
    STOP_MS = 500,       /* so long is a round awaited at the end */
    DIFFER_MS =
        5000 /* so long must instances differ before the log says so: reloads take a moment */
};

struct post {
    struct post *next;
    char name[65];
    pthread_t thread;

    /* Under the lock: */
    struct config *config; /* NULL: nothing to do here */
    uint64_t asked, done;  /* rounds: to be had, and over */
    uint32_t kill;         /* the thread that is to end; 0: none */
    bool kill_query;       /* only its statement */
    bool killed;           /* what came of it, */
    struct error kill_why; /* or why not */
    struct errand *errand; /* to be run; NULL: none */
    struct sought *sought; /* to be looked for */
    size_t sought_count;
    int socket; /* of the connection; -1: none */
    bool met, ended;
    int64_t lost; /* when the last round failed */
    struct error why;
    struct instance instances[INSTANCES_MAX];
    size_t count;

    /* The thread's own: */
    struct config *used; /* with which the connection was opened */
    struct round round;
    bool told_lost, told_seek_failed;
};

static struct {
    struct meet_proxy proxy;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct post *posts;
    bool stopping;
    char self[129];
} meeting = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Under the lock; true while `until` (monotonic ms) is not reached. */
static bool wait_until(int64_t until)
{
    const struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};

    return pthread_cond_timedwait(&meeting.changed, &meeting.lock, &at) != ETIMEDOUT;
}

/* --- a round --- */

static void set_socket(struct post *post, int socket)
{
    pthread_mutex_lock(&meeting.lock);
    post->socket = socket;
    pthread_mutex_unlock(&meeting.lock);
}

static void leave(struct post *post)
{
    set_socket(post, -1);
    connection_close(post->round.connection);
    post->round.connection = NULL;
    config_free(post->used);
    post->used = NULL;
}

static const struct config_upstream *settings(const struct config *config, const char *name)
{
    for (size_t i = 0; config && i < config->upstream_count; i++) {
        const struct config_upstream *upstream = &config->upstreams[i];
        if (text_equal(upstream->name, text_of(name)))
            return upstream->account.line ? upstream : NULL;
    }
    return NULL;
}

static bool reach(struct post *post, struct config *config, struct error *error)
{
    const struct connection_options options = {.upstream = settings(config, post->name),
                                               .program = "silogate instances",
                                               .connect_timeout = CONNECT_MS,
                                               .statement_timeout = STATEMENT_MS};

    if (post->round.connection && post->used->upstreams != config->upstreams)
        leave(post); /* it may be another server now */
    if (post->round.connection)
        return true;
    post->round.connection = connection_open(&options, error);
    if (!post->round.connection)
        return false;
    post->used = config_take(config);
    set_socket(post, connection_socket(post->round.connection));
    if (!store_prepare(post->round.connection, error))
        return false;
    round_begin(&post->round);
    return true;
}

static void end_thread(struct post *post)
{
    struct error why = {.line = 0};

    pthread_mutex_lock(&meeting.lock);
    uint32_t thread = post->kill;
    const char *sql = post->kill_query ? "KILL QUERY ?" : "KILL ?";
    pthread_mutex_unlock(&meeting.lock);
    if (thread == 0)
        return;
    bool killed = connection_run(post->round.connection, sql, PARAMETERS(P_NUMBER(thread)), &why);
    pthread_mutex_lock(&meeting.lock);
    post->kill = 0;
    post->killed = killed;
    post->kill_why = why;
    pthread_mutex_unlock(&meeting.lock);
}

static void run_errand(struct post *post)
{
    pthread_mutex_lock(&meeting.lock);
    struct errand *errand = post->errand;
    post->errand = NULL;
    pthread_mutex_unlock(&meeting.lock);
    if (errand)
        errand_run(errand, post->round.connection);
}

/* What sessions wait for, between two rounds: nothing else is done for it. */
static void seek(struct post *post)
{
    struct error why = {.line = 0};

    pthread_mutex_lock(&meeting.lock);
    struct sought *list = post->sought;
    post->sought = NULL;
    post->sought_count = 0;
    pthread_mutex_unlock(&meeting.lock);
    if (!post->round.connection) {
        seek_give_up(list);
        return;
    }
    if (!list)
        return;
    const bool good = seek_run(&post->round, list, &why);
    if (!good && !post->told_seek_failed)
        log_warning("upstream '%s': KILL does not find sessions of other instances: %s", post->name,
                    why.text);
    post->told_seek_failed = !good;
}

static bool go_round(struct post *post, struct config *config, struct error *error)
{
    if (!reach(post, config, error))
        return false;
    end_thread(post);
    run_errand(post);
    return round_run(&post->round, error);
}

static void tell_met(struct post *post, bool met, const struct error *error)
{
    if (!met && !post->told_lost)
        log_warning("upstream '%s': other instances cannot be met: %s", post->name, error->text);
    else if (met && post->told_lost)
        log_notice("upstream '%s': other instances can be met again", post->name);
    post->told_lost = !met;
}

static void *run(void *argument)
{
    struct post *post = argument;
    struct error error = {.line = 0};

    pthread_mutex_lock(&meeting.lock);
    while (!meeting.stopping) {
        uint64_t round = post->asked;
        struct config *config = post->config ? config_take(post->config) : NULL;
        pthread_mutex_unlock(&meeting.lock);
        bool met = config && go_round(post, config, &error);
        if (config)
            tell_met(post, met, &error);
        if (!met && post->round.connection) {
            if (!config)
                store_leave(post->round.connection, meeting.self);
            leave(post);
        }
        config_free(config);
        pthread_mutex_lock(&meeting.lock);
        /* One that was lost is tried again at once; then seldom: servers count failed logins. */
        int64_t until = monotonic_ms() + (met || post->met ? ROUND_MS : RETRY_MS);
        post->met = met;
        post->lost = met ? 0 : monotonic_ms();
        post->count = met ? post->round.count : 0;
        memcpy(post->instances, post->round.instances, post->count * sizeof(post->instances[0]));
        post->why = error;
        post->done = round;
        pthread_cond_broadcast(&meeting.changed);
        while (!meeting.stopping && post->asked == round) {
            if (post->sought && (!post->config || monotonic_ms() < until)) {
                pthread_mutex_unlock(&meeting.lock);
                seek(post);
                pthread_mutex_lock(&meeting.lock);
            } else if (!post->config) {
                pthread_cond_wait(&meeting.changed, &meeting.lock);
            } else if (!wait_until(until)) {
                break;
            }
        }
    }
    pthread_mutex_unlock(&meeting.lock);
    if (post->round.connection)
        store_leave(post->round.connection, meeting.self);
    leave(post);
    seek(post);
    connection_leave_thread();
    pthread_mutex_lock(&meeting.lock);
    post->ended = true;
    pthread_cond_broadcast(&meeting.changed);
    pthread_mutex_unlock(&meeting.lock);
    return NULL;
}

/* --- the main thread --- */

void meet_start(const struct meet_proxy *proxy)
{
    char host[64] = "";
    pthread_condattr_t attributes;

    meeting.proxy = *proxy;
    gethostname(host, sizeof(host) - 1);
    for (char *at = host; *at; at++)
        *at = *at > ' ' && *at < 0x7f ? *at : '?'; /* the column is ASCII */
    snprintf(meeting.self, sizeof(meeting.self), "%s:%ld:%lx", host, (long)getpid(),
             (unsigned long)time(NULL));
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&meeting.changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct post *find_post(const char *name)
{
    struct post *post = meeting.posts;

    while (post && strcmp(post->name, name) != 0)
        post = post->next;
    return post;
}

static void add_post(const char *name)
{
    struct post *post = memory_take_zeroed(sizeof(*post));
    sigset_t all, before;

    snprintf(post->name, sizeof(post->name), "%s", name);
    post->socket = -1;
    post->round =
        (struct round){.upstream = post->name, .self = meeting.self, .proxy = &meeting.proxy};
    error_set(&post->why, "it was not tried yet");
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool started = pthread_create(&post->thread, NULL, run, post) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) {
        log_error("upstream '%s': no thread to meet other instances", name);
        free(post);
        return;
    }
    post->next = meeting.posts;
    meeting.posts = post;
}

void meet_configure(struct config *config)
{
    pthread_mutex_lock(&meeting.lock);
    for (size_t i = 0; i < config->upstream_count; i++) {
        const char *name = config->upstreams[i].name.at;
        if (config->upstreams[i].account.line && !find_post(name))
            add_post(name);
    }
    for (struct post *post = meeting.posts; post; post = post->next) {
        config_free(post->config);
        post->config = settings(config, post->name) ? config_take(config) : NULL;
        post->asked++;
    }
    pthread_cond_broadcast(&meeting.changed);
    pthread_mutex_unlock(&meeting.lock);
}

void meet_stop(void)
{
    const int64_t until = monotonic_ms() + STOP_MS;

    pthread_mutex_lock(&meeting.lock);
    meeting.stopping = true;
    pthread_cond_broadcast(&meeting.changed);
    for (struct post *post = meeting.posts; post; post = post->next) {
        while (!post->ended && wait_until(until))
            ;
        if (!post->ended && post->socket >= 0)
            shutdown(post->socket, SHUT_RDWR); /* its server hangs: the end does not wait for it */
    }
    pthread_mutex_unlock(&meeting.lock);
    while (meeting.posts) {
        struct post *post = meeting.posts;
        meeting.posts = post->next;
        pthread_join(post->thread, NULL);
        config_free(post->config);
        errand_drop(post->errand);
        free(post);
    }
}

/* --- others --- */

static void count_same(const struct post *post, struct told *told)
{
    const struct instance *self = NULL;

    told->alive = told->same = 0;
    for (size_t i = 0; i < post->count; i++)
        self = post->instances[i].self ? &post->instances[i] : self;
    for (size_t i = 0; self && i < post->count; i++) {
        if (!instance_is_alive(&post->instances[i]))
            continue;
        told->alive++;
        told->same += post->instances[i].overrides == self->overrides;
    }
}

/* Under the lock: a round that begins now is over, or `until` is. */
static bool have_round(struct post *post, int64_t until)
{
    uint64_t round = ++post->asked;

    pthread_cond_broadcast(&meeting.changed);
    while (post->done < round && !meeting.stopping) {
        if (!wait_until(until))
            return post->done >= round;
    }
    return !meeting.stopping;
}

void meet_settle(const char *upstream, struct told *told)
{
    const int64_t until = monotonic_ms() + SETTLE_MS;

    *told = (struct told){.met = false};
    pthread_mutex_lock(&meeting.lock);
    struct post *post = find_post(upstream);
    if (!post) { /* no thread was to be had */
        pthread_mutex_unlock(&meeting.lock);
        return;
    }
    const bool was_met = post->met;
    /* Calls come one after the other: each does not wait anew for a store that hangs. */
    const bool waits = was_met || post->lost == 0 || monotonic_ms() - post->lost > LOST_MS;
    bool in_time = have_round(post, waits ? until + SETTLE_MS : 0);
    if (in_time && was_met && !post->met) /* the connection was found dead: once more, anew */
        in_time = have_round(post, until + SETTLE_MS);
    told->met = in_time && post->met;
    if (!told->met)
        snprintf(told->why, sizeof(told->why), "%s",
                 in_time || !waits ? post->why.text : "the upstream does not answer in time");
    while (told->met) {
        count_same(post, told);
        if (told->same == told->alive || monotonic_ms() >= until)
            break;
        int64_t next = monotonic_ms() + ROUND_MS / 4;
        while (wait_until(next) && !meeting.stopping)
            ;
        if (!have_round(post, until))
            break;
    }
    pthread_mutex_unlock(&meeting.lock);
}

size_t meet_instances(struct instance *list, size_t room)
{
    size_t count = 0;

    pthread_mutex_lock(&meeting.lock);
    for (const struct post *post = meeting.posts; post; post = post->next) {
        for (size_t i = 0; post->config && i < post->count && count < room; i++)
            list[count++] = post->instances[i];
    }
    pthread_mutex_unlock(&meeting.lock);
    return count;
}

size_t meet_meetings(struct meeting *list, size_t room)
{
    size_t count = 0;

    pthread_mutex_lock(&meeting.lock);
    for (const struct post *post = meeting.posts; post; post = post->next) {
        if (!post->config || count == room)
            continue;
        struct meeting *one = &list[count++];
        *one = (struct meeting){.met = post->met};
        memcpy(one->upstream, post->name, sizeof(one->upstream));
        if (!post->met)
            snprintf(one->why, sizeof(one->why), "%s", post->why.text);
    }
    pthread_mutex_unlock(&meeting.lock);
    return count;
}

void meet_at_work(const char *upstream, struct at_work *list, size_t count)
{
    pthread_mutex_lock(&meeting.lock);
    struct post *post = find_post(upstream);
    if (post && post->config && post->met) {
        struct errand *errand = errand_new(list, count);
        errand_drop(post->errand);
        post->errand = errand;
        have_round(post, monotonic_ms() + ERRAND_MS);
        errand_read(errand, list);
        errand_drop(errand);
    }
    pthread_mutex_unlock(&meeting.lock);
}

bool meet_seek(const char *upstream, struct sought *sought)
{
    pthread_mutex_lock(&meeting.lock);
    struct post *post = find_post(upstream);
    const bool can = post && post->config && post->met && !meeting.stopping && !post->ended &&
                     post->sought_count < SOUGHT_MOST;
    if (can) {
        sought->next = post->sought;
        post->sought = sought;
        post->sought_count++;
        pthread_cond_broadcast(&meeting.changed);
    }
    pthread_mutex_unlock(&meeting.lock);
    return can;
}

bool meet_kill(const char *upstream, uint32_t thread, bool query, struct error *error)
{
    pthread_mutex_lock(&meeting.lock);
    struct post *post = find_post(upstream);
    bool done = false;
    if (post && post->config) {
        post->kill = thread;
        post->kill_query = query;
        done = have_round(post, monotonic_ms() + SETTLE_MS);
        *error = done && post->kill == 0 ? post->kill_why : post->why;
        done = done && post->kill == 0 && post->killed;
        post->kill = 0;
    } else {
        error_set(error, "[upstream:%s] has no account, which this needs", upstream);
    }
    pthread_mutex_unlock(&meeting.lock);
    return done;
}
