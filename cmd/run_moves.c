/* What `silogate run` does for open moves: connects the watch (it queries the server) with the door
 * (it is part of the proxy). Neither depends on the other.
 */
#include "cmd/run_moves.h"

#include <pthread.h>
#include <time.h>

#include "catalogue/connect.h"
#include "cmd/run_catalogue.h"
#include "cmd/run_threads.h"
#include "move/watch.h"
#include "proxy/moving.h"
#include "proxy/runtime.h"
#include "proxy/server.h"

enum { END_SECONDS = 1 };

static struct watch *watch;

static void start(struct moving_door *door, struct violations *violations)
{
    const struct watch_door functions = {
        .user = door,
        .publish = moving_publish,
        .close = moving_close,
        .seal = moving_seal,
        .inside = moving_inside,
        .ask_blockers = moving_ask_blockers,
        .blockers = moving_blockers,
        .unmapped = moving_unmapped,
        .missed = moving_missed,
    };

    watch = watch_start(&functions);
    run_threads_start(violations);
    run_catalogue_start();
}

static void release(void *runtime)
{
    runtime_drop(runtime);
}

static void configure(struct runtime *runtime)
{
    /* `silogate move` reads the file, without the temporary overrides; so the watch must use it
     * too. */
    const struct runtime *file = runtime->base ? runtime->base : runtime;

    run_threads_configure(runtime);
    run_catalogue_configure(runtime);
    watch_configure(watch, file->config, file->policy, release, runtime_take(runtime));
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
} end = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Servers that hang are not waited for: records are written only behind this. */
static void *cut(void *nothing)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_SECONDS;
    pthread_mutex_lock(&end.lock);
    while (!end.done && pthread_cond_timedwait(&end.changed, &end.lock, &until) == 0)
        ;
    const bool done = end.done;
    pthread_mutex_unlock(&end.lock);
    if (!done)
        connection_cut_all();
    return nothing;
}

static void stop(void)
{
    pthread_t cutter;
    const bool cuts = pthread_create(&cutter, NULL, cut, NULL) == 0;

    run_catalogue_stop();
    run_threads_stop();
    watch_stop(watch);
    watch = NULL;
    if (!cuts)
        return;
    pthread_mutex_lock(&end.lock);
    end.done = true;
    pthread_cond_signal(&end.changed);
    pthread_mutex_unlock(&end.lock);
    pthread_join(cutter, NULL);
}

void run_moves(void)
{
    static const struct server_follower follower = {start, configure, stop};

    server_follow(&follower);
}
