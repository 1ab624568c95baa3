/* The queue of one worker. The putting thread writes `put`, the taking thread `taken`; both only
 * grow, and their difference is the number of bytes that wait. While there is a line in the spill,
 * new lines go there too, so that the order is kept; the taking thread empties the ring before it
 * takes the spill.
 */
#include "violations/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct queue_spill {
    struct queue_spill *next;
    size_t length;
    char bytes[];
};

void queue_init(struct queue *queue, bool ring)
{
    memset(queue, 0, sizeof(*queue));
    queue->ring = ring ? memory_take(QUEUE_SIZE) : NULL;
    queue->last = &queue->first;
    int error = pthread_mutex_init(&queue->lock, NULL);
    assert(error == 0);
    (void)error;
}

static void free_spill(struct queue_spill *spill)
{
    while (spill) {
        struct queue_spill *next = spill->next;
        free(spill);
        spill = next;
    }
}

void queue_fini(struct queue *queue)
{
    free(queue->ring);
    free_spill(queue->first);
    pthread_mutex_destroy(&queue->lock);
}

static void put_spill(struct queue *queue, struct text lines)
{
    struct queue_spill *spill = memory_take(sizeof(*spill) + lines.length);

    spill->next = NULL;
    spill->length = lines.length;
    memcpy(spill->bytes, lines.at, lines.length);
    pthread_mutex_lock(&queue->lock);
    *queue->last = spill;
    queue->last = &spill->next;
    atomic_fetch_add(&queue->spilled, lines.length);
    pthread_mutex_unlock(&queue->lock);
}

static size_t ring_free(const struct queue *queue)
{
    return QUEUE_SIZE - (atomic_load_explicit(&queue->put, memory_order_relaxed) -
                         atomic_load_explicit(&queue->taken, memory_order_acquire));
}

void queue_put(struct queue *queue, struct text lines)
{
    if (lines.length == 0)
        return;
    if (!queue->ring || atomic_load(&queue->spilled) > 0 || ring_free(queue) < lines.length) {
        put_spill(queue, lines);
        return;
    }
    size_t put = atomic_load_explicit(&queue->put, memory_order_relaxed);
    size_t at = put & (QUEUE_SIZE - 1);
    size_t before_end = QUEUE_SIZE - at < lines.length ? QUEUE_SIZE - at : lines.length;
    memcpy(queue->ring + at, lines.at, before_end);
    memcpy(queue->ring, lines.at + before_end, lines.length - before_end);
    /* Sequentially consistent, because the putting thread looks next whether the taking thread
     * sleeps. */
    atomic_store(&queue->put, put + lines.length);
}

size_t queue_length(const struct queue *queue)
{
    size_t taken = atomic_load(&queue->taken);
    return atomic_load(&queue->put) - taken + atomic_load(&queue->spilled);
}

static bool has_room(const struct queue *queue)
{
    return atomic_load(&queue->spilled) == 0 && (!queue->ring || ring_free(queue) >= QUEUE_RESERVE);
}

bool queue_ready(struct queue *queue)
{
    if (has_room(queue))
        return true;
    atomic_store(&queue->waiting, true);
    /* The taking thread may have made room before it could see the flag. */
    return has_room(queue) && atomic_exchange(&queue->waiting, false);
}

bool queue_became_ready(struct queue *queue)
{
    return atomic_load(&queue->waiting) && has_room(queue) &&
           atomic_exchange(&queue->waiting, false);
}

static bool take_spill(struct queue *queue, void (*take)(void *context, struct text run),
                       void *context)
{
    if (atomic_load(&queue->spilled) == 0)
        return false;
    pthread_mutex_lock(&queue->lock);
    struct queue_spill *first = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    atomic_store(&queue->spilled, 0);
    pthread_mutex_unlock(&queue->lock);
    for (struct queue_spill *spill = first; spill; spill = spill->next)
        take(context, (struct text){spill->bytes, spill->length});
    free_spill(first);
    return true;
}

bool queue_take(struct queue *queue, void (*take)(void *context, struct text run), void *context)
{
    /* The order of these two loads matters: what is in the spill came after all that is in the ring
     * now. */
    bool spilled = atomic_load(&queue->spilled) > 0;
    size_t put = atomic_load(&queue->put);
    size_t taken = atomic_load_explicit(&queue->taken, memory_order_relaxed);
    size_t length = put - taken;

    if (length > 0) {
        size_t at = taken & (QUEUE_SIZE - 1);
        size_t before_end = QUEUE_SIZE - at < length ? QUEUE_SIZE - at : length;
        take(context, (struct text){queue->ring + at, before_end});
        if (length > before_end)
            take(context, (struct text){queue->ring, length - before_end});
        atomic_store(&queue->taken, put);
    }
    return (spilled && take_spill(queue, take, context)) || length > 0;
}
