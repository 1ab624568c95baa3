/* Lines on their way from one worker to the writer: a ring of bytes without a lock, and a list on
 * the heap, the spill, for lines that do not fit into the ring. One thread puts, one takes. No line
 * is lost, and the order is kept.
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
    QUEUE_RESERVE = 1 << 18, /* a worker may judge another command if so many bytes are free */
};

struct queue_spill; /* one line that did not fit */

struct queue {
    char *ring;
    atomic_size_t put; /* bytes that were ever put; written only by the putting thread */
    char apart[64];    /* keeps the two threads' counters on different cache lines */
    atomic_size_t taken;
    atomic_bool waiting;   /* queue_ready has said no */
    atomic_size_t spilled; /* bytes in the spill */
    pthread_mutex_t lock;  /* protects the two below */
    struct queue_spill *first, **last;
};

/* With `ring` the size is QUEUE_SIZE. Without it every line goes to the spill, and any thread may
 * put. */
void queue_init(struct queue *queue, bool ring);
void queue_fini(struct queue *queue);

/* Adds whole lines; it always succeeds. */
void queue_put(struct queue *queue, struct text lines);
/* Bytes that wait, including the spill. From any thread. */
size_t queue_length(const struct queue *queue);
/* True if the spill is empty and QUEUE_RESERVE bytes are free. If not, queue_became_ready will
 * return true once when they are. */
bool queue_ready(struct queue *queue);

/* For the taking thread: gives everything that waits to `take`, in order, in runs of bytes (a line
 * can be split between two), and frees the memory. False if nothing waited. */
bool queue_take(struct queue *queue, void (*take)(void *context, struct text run), void *context);
/* True once after queue_ready has said no and there is room again. */
bool queue_became_ready(struct queue *queue);

#endif
