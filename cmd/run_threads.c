/* A thread that asks each upstream with an `account` from time to time who is logged in with
 * governed accounts, and stores the numbers for admin's view. In between, and more often, the
 * witnesses take samples (run_witness.c). Only the end of the process waits for it.
 */
#include "cmd/run_threads.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "catalogue/threads.h"
#include "cmd/run_witness.h"
#include "proxy/runtime.h"

enum { LOOK_SECONDS = 15, TIMEOUT_MS = 2000 };

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct runtime *runtime; /* in force; protected by the lock */
    struct violations *violations;
    bool started, stopping, anew;
} counting = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct counted {
    uint64_t threads, ours, excepted;
};

static void take_group(void *user, const struct threads_group *group)
{
    struct counted *counted = user;

    counted->threads += group->count;
    counted->ours += group->ours ? group->count : 0;
    counted->excepted += group->excepted ? group->count : 0;
}

static bool count_one(const struct config *config, size_t upstream, struct counted *counted,
                      bool *told, struct error *error)
{
    const struct connection_options options = {.upstream = &config->upstreams[upstream],
                                               .program = "silogate run",
                                               .connect_timeout = TIMEOUT_MS,
                                               .statement_timeout = TIMEOUT_MS};
    struct connection *connection = connection_open(&options, error);
    bool good =
        connection && threads_read(config, upstream, connection, take_group, counted, told, error);

    connection_close(connection);
    return good;
}

static void look(struct runtime *runtime, size_t upstream)
{
    struct usage *usage = runtime->upstream_usages[upstream];
    struct counted counted = {0};
    struct error error = {.line = 0};
    bool told = false;
    bool good = count_one(runtime->config, upstream, &counted, &told, &error);
    int before = atomic_load(&usage->threads_told);

    if (good && told) {
        atomic_store(&usage->threads_ours, counted.ours);
        atomic_store(&usage->threads_excepted, counted.excepted);
        atomic_store(&usage->threads_past, counted.threads - counted.ours - counted.excepted);
    }
    atomic_store(&usage->threads_told, good && told ? 1 : -1);
    if (before != -1 && !good)
        log_warning("connections that do not come through silogate cannot be counted: %s",
                    error.text);
    else if (before != -1 && !told)
        log_warning(
            "connections that do not come through silogate cannot be counted at [upstream:%s]: its "
            "performance_schema is off",
            runtime->config->upstreams[upstream].name.at);
}

static void look_at_all(struct runtime *runtime)
{
    for (size_t i = 0; i < runtime->config->upstream_count; i++) {
        pthread_mutex_lock(&counting.lock);
        bool stopping = counting.stopping;
        pthread_mutex_unlock(&counting.lock);
        if (stopping)
            return;
        if (runtime->config->upstreams[i].account.line)
            look(runtime, i);
        else
            atomic_store(&runtime->upstream_usages[i]->threads_told, 0);
    }
}

static bool in_force(uint32_t generation)
{
    pthread_mutex_lock(&counting.lock);
    bool same = !counting.stopping && !counting.anew && counting.runtime &&
                counting.runtime->generation == generation;
    pthread_mutex_unlock(&counting.lock);
    return same;
}

/* Does what is due; returns the milliseconds until something is due again. */
static int64_t look_around(struct runtime *runtime, int64_t *next_count)
{
    int64_t wait = -1;

    if (clock_ms() >= *next_count) {
        look_at_all(runtime);
        *next_count = clock_ms() + INT64_C(1000) * LOOK_SECONDS;
    }
    /* If a reload allows more, sessions must not be judged by the older policy. */
    if (in_force(runtime->generation))
        wait = run_witness_look(runtime, counting.violations, clock_ms());
    int64_t until_count = *next_count - clock_ms();
    wait = wait < 0 || until_count < wait ? until_count : wait;
    return wait < 1 ? 1 : wait;
}

static void *run(void *nothing)
{
    int64_t next_count = 0;

    pthread_mutex_lock(&counting.lock);
    while (!counting.stopping) {
        struct runtime *runtime = counting.runtime ? runtime_take(counting.runtime) : NULL;
        int64_t wait = INT64_C(1000) * LOOK_SECONDS;
        if (counting.anew) {
            next_count = 0;
            run_witness_close();
        }
        counting.anew = false;
        pthread_mutex_unlock(&counting.lock);
        if (runtime) {
            wait = look_around(runtime, &next_count);
            runtime_drop(runtime);
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)(wait / 1000);
        until.tv_nsec += (long)(wait % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&counting.lock);
        while (!counting.stopping && !counting.anew &&
               pthread_cond_timedwait(&counting.changed, &counting.lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock(&counting.lock);
    run_witness_free();
    connection_leave_thread();
    return nothing;
}

void run_threads_start(struct violations *violations)
{
    sigset_t all, before;

    counting.violations = violations;
    sigfillset(&all); /* only the main thread handles signals */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    counting.started = pthread_create(&counting.thread, NULL, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!counting.started)
        log_error("no thread to count connections that do not come through silogate");
}

void run_threads_configure(struct runtime *runtime)
{
    pthread_mutex_lock(&counting.lock);
    struct runtime *old = counting.runtime;
    counting.runtime = runtime_take(runtime);
    counting.anew = true;
    pthread_cond_signal(&counting.changed);
    pthread_mutex_unlock(&counting.lock);
    if (old)
        runtime_drop(old);
}

void run_threads_stop(void)
{
    pthread_mutex_lock(&counting.lock);
    counting.stopping = true;
    pthread_cond_signal(&counting.changed);
    pthread_mutex_unlock(&counting.lock);
    if (counting.started)
        pthread_join(counting.thread, NULL);
    if (counting.runtime)
        runtime_drop(counting.runtime);
    counting.runtime = NULL;
}
