/* Keeps the published sets: one list under one lock, which admin's thread and the catalogue thread
 * hold only for a short time. Workers never take it. */
#include "admin/crossings.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct crossings *published[CROSSING_SETS];
static size_t published_count;

struct crossings *crossings_new(struct text upstream, int64_t read_at)
{
    struct crossings *set = memory_take_zeroed(sizeof(*set));

    set->references = 1;
    set->upstream = arena_text(&set->arena, upstream);
    set->read_at = read_at;
    set->items = memory_take(CROSSINGS_MOST * sizeof(*set->items));
    return set;
}

static void free_set(struct crossings *set)
{
    arena_fini(&set->arena);
    free(set->items);
    free(set);
}

void crossings_add(struct crossings *set, const struct crossing *crossing)
{
    struct crossing *to = &set->items[set->count];
    struct text *const texts[] = {&to->finding, &to->schema,        &to->name,      &to->on_schema,
                                  &to->on,      &to->parent_schema, &to->parent,    &to->event,
                                  &to->service, &to->owner,         &to->to_schema, &to->to};
    size_t length = 0;

    if (set->count == CROSSINGS_MOST) {
        set->more++;
        return;
    }
    *to = *crossing;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        length += texts[i]->length;
    if (set->bytes + length > CROSSINGS_BYTES) {
        set->more++;
        return;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i]->at)
            *texts[i] = arena_text(&set->arena, *texts[i]);
    }
    set->bytes += length;
    set->count++;
}

static void drop_locked(struct crossings *set)
{
    if (--set->references == 0)
        free_set(set);
}

static size_t find_locked(struct text upstream)
{
    size_t at = 0;

    while (at < published_count && !text_equal(published[at]->upstream, upstream))
        at++;
    return at;
}

void crossings_publish(struct crossings *set)
{
    set->items = memory_resize(set->items, (set->count + 1) * sizeof(*set->items));
    pthread_mutex_lock(&lock);
    size_t at = find_locked(set->upstream);
    if (at < published_count) {
        drop_locked(published[at]);
        published[at] = set;
    } else if (published_count < CROSSING_SETS) {
        published[published_count++] = set;
    } else {
        drop_locked(set);
    }
    pthread_mutex_unlock(&lock);
}

void crossings_forget(struct text upstream)
{
    pthread_mutex_lock(&lock);
    size_t at = find_locked(upstream);
    if (at < published_count) {
        drop_locked(published[at]);
        published[at] = published[--published_count];
    }
    pthread_mutex_unlock(&lock);
}

size_t crossings_take(struct crossings **list, size_t room)
{
    pthread_mutex_lock(&lock);
    size_t count = published_count < room ? published_count : room;
    for (size_t i = 0; i < count; i++) {
        list[i] = published[i];
        list[i]->references++;
    }
    pthread_mutex_unlock(&lock);
    return count;
}

void crossings_drop(struct crossings *set)
{
    if (!set)
        return;
    pthread_mutex_lock(&lock);
    drop_locked(set);
    pthread_mutex_unlock(&lock);
}
