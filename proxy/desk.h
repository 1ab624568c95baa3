/* How other threads have something done by the main thread, which alone changes what is in force.
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
    pthread_mutex_t lock; /* over the next */
    pthread_cond_t changed;
    void (*work)(void *argument);
    void *argument;
    bool done, closed;
};

void desk_init(struct desk *desk, struct ev_loop *loop);
/* The main thread's last word: whoever waits or comes later is told that nothing will be done. */
void desk_close(struct desk *desk);
void desk_fini(struct desk *desk); /* nobody calls any more */

/* Runs `work` on the main thread and waits for it; false where it is closed. Not from the main
 * thread itself. */
bool desk_call(struct desk *desk, void (*work)(void *argument), void *argument);

#endif
