/* Lines on their way from one worker to the writer: a ring of bytes that takes no lock, and a spill
 * on the heap for what does not fit into it. One thread puts, one takes. Nothing put is ever lost
 * or out of order.
 */
#ifndef VIOLATIONS_QUEUE_H
#define VIOLATIONS_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum {
    QUEUE_SIZE = 1 << 20,    /* bytes of a ring: a power of two */
    QUEUE_RESERVE = 1 << 18, /* free bytes at which a worker may judge another command */
};

struct queue_spill; /* one line that did not fit */

struct queue {
    char *ring;
    atomic_size_t put; /* bytes ever put; the putting thread's */
    char apart[64];    /* so that the two threads' words are on different cache lines */
    atomic_size_t taken;
    atomic_bool waiting;   /* somebody was told that there is no room */
    atomic_size_t spilled; /* bytes in the spill */
    pthread_mutex_t lock;  /* over the two below */
    struct queue_spill *first, **last;
};

/* `size` of the ring is QUEUE_SIZE, or nothing at all: then every line goes to the spill, and any
 * thread may put. */
void queue_init(struct queue *queue, bool ring);
void queue_fini(struct queue *queue);

/* Adds whole lines: always succeeds. */
void queue_put(struct queue *queue, struct text lines);
/* Bytes that wait, the spill's included. From any thread. */
size_t queue_length(const struct queue *queue);
/* Nothing spilled and QUEUE_RESERVE bytes free. Where not, queue_became_ready will say so once. */
bool queue_ready(struct queue *queue);

/* For the taking thread: hands all that waits to `take`, in order, in runs of bytes (a line can be
 * split between two), and frees its place. False when there was nothing. */
bool queue_take(struct queue *queue, void (*take)(void *context, struct text run), void *context);
/* True once after queue_ready has said no and there is room again. */
bool queue_became_ready(struct queue *queue);

#endif
