/* Lets other threads run work on the main thread, the only one that changes what is in force.
 */
#ifndef PROXY_DESK_H
#define PROXY_DESK_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>

struct desk {
    struct ev_loop *loop;
    struct ev_async wake;
    pthread_mutex_t turn; /* one caller at a time */
    pthread_mutex_t lock; /* for the next members */
    pthread_cond_t changed;
    void (*work)(void *argument);
    void *argument;
    bool done, closed;
};

void desk_init(struct desk *desk, struct ev_loop *loop);
/* By the main thread, at the end: waiting and later calls return false. */
void desk_close(struct desk *desk);
void desk_fini(struct desk *desk); /* when nobody calls it any more */

/* Runs `work` on the main thread and waits for it. False: the desk is closed. Not to be called by
 * the main thread. */
bool desk_call(struct desk *desk, void (*work)(void *argument), void *argument);

#endif
