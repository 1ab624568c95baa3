/* See config/sought.h. */
#include "config/sought.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct sought *sought_new(const uint32_t *ids, size_t count, void (*wake)(void *), void *waker)
{
    struct sought *sought = memory_take_zeroed(sizeof(*sought));

    atomic_init(&sought->references, 2);
    sought->count = count < SOUGHT_IDS ? count : SOUGHT_IDS;
    memcpy(sought->ids, ids, sought->count * sizeof(*ids));
    sought->wake = wake;
    sought->waker = waker;
    return sought;
}

void sought_drop(struct sought *sought)
{
    if (sought && atomic_fetch_sub(&sought->references, 1) == 1)
        free(sought);
}

void sought_add(struct sought *sought, const struct sought_thread *found)
{
    if (sought->found_count < SOUGHT_FOUND)
        sought->found[sought->found_count++] = *found;
}

void sought_done(struct sought *sought)
{
    void (*wake)(void *) = sought->wake;
    void *waker = sought->waker;

    atomic_store(&sought->done, true);
    sought_drop(sought);
    wake(waker);
}
