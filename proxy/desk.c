/* One piece of work at a time is stored, the main loop is woken, and the caller waits. */
#include "proxy/desk.h"

static void on_wake(struct ev_loop *loop, struct ev_async *wake, int events)
{
    struct desk *desk = wake->data;

    (void)loop;
    (void)events;
    pthread_mutex_lock(&desk->lock);
    void (*work)(void *) = desk->work;
    void *argument = desk->argument;
    desk->work = NULL;
    pthread_mutex_unlock(&desk->lock);
    if (!work)
        return;
    work(argument);
    pthread_mutex_lock(&desk->lock);
    desk->done = true;
    pthread_cond_signal(&desk->changed);
    pthread_mutex_unlock(&desk->lock);
}

void desk_init(struct desk *desk, struct ev_loop *loop)
{
    *desk = (struct desk){.loop = loop};
    pthread_mutex_init(&desk->turn, NULL);
    pthread_mutex_init(&desk->lock, NULL);
    pthread_cond_init(&desk->changed, NULL);
    ev_async_init(&desk->wake, on_wake);
    desk->wake.data = desk;
    ev_async_start(loop, &desk->wake);
}

void desk_close(struct desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    desk->closed = true;
    desk->work = NULL;
    pthread_cond_signal(&desk->changed);
    pthread_mutex_unlock(&desk->lock);
}

void desk_fini(struct desk *desk)
{
    ev_async_stop(desk->loop, &desk->wake);
    pthread_cond_destroy(&desk->changed);
    pthread_mutex_destroy(&desk->lock);
    pthread_mutex_destroy(&desk->turn);
}

bool desk_call(struct desk *desk, void (*work)(void *argument), void *argument)
{
    pthread_mutex_lock(&desk->turn);
    pthread_mutex_lock(&desk->lock);
    desk->done = false;
    if (!desk->closed) {
        desk->work = work;
        desk->argument = argument;
        ev_async_send(desk->loop, &desk->wake);
    }
    while (!desk->done && !desk->closed)
        pthread_cond_wait(&desk->changed, &desk->lock);
    bool done = desk->done;
    pthread_mutex_unlock(&desk->lock);
    pthread_mutex_unlock(&desk->turn);
    return done;
}
