/* Two chained hash tables over the same entries: by silogate's id and by the upstream's thread. */
#include "proxy/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/arena.h"

/* STRIDE: the generation of the next successor is this much higher than its predecessor's: an older
 * build has no generations, and its counter runs through all of them. */
enum { BUCKETS = 4096, THREADS_FAR = REGISTRY_FIRST / 2, STRIDE = 3 };

struct member {
    struct registry_entry entry;
    struct member *next_by_id, *next_by_thread;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct member *by_id[BUCKETS], *by_thread[BUCKETS];

static uint32_t first = REGISTRY_FIRST; /* with instance and generation: the lowest id */
static uint32_t highest;                /* thread id that was ever seen; under the lock */

static atomic_uint last;

void registry_begin(unsigned instance)
{
    uint32_t number = 0;

    first = REGISTRY_FIRST | (uint32_t)instance << REGISTRY_INSTANCE_BITS;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return;
    first |= number % REGISTRY_GENERATIONS << REGISTRY_COUNT_BITS;
    atomic_store(&last, number >> (32 - REGISTRY_COUNT_BITS));
}

unsigned registry_instance(void)
{
    return (first & ~(uint32_t)REGISTRY_FIRST) >> REGISTRY_INSTANCE_BITS;
}

unsigned registry_generation(void)
{
    return first >> REGISTRY_COUNT_BITS & (REGISTRY_GENERATIONS - 1);
}

static bool is_taken(uint32_t id)
{
    bool taken = false;

    pthread_mutex_lock(&lock);
    for (const struct member *m = by_id[id % BUCKETS]; m && !taken; m = m->next_by_id)
        taken = m->entry.id == id;
    pthread_mutex_unlock(&lock);
    return taken;
}

uint32_t registry_count(void)
{
    return registry_generation() << REGISTRY_COUNT_BITS |
           (atomic_load(&last) & ((1u << REGISTRY_COUNT_BITS) - 1));
}

bool registry_succeed(uint32_t count, unsigned taken)
{
    const uint32_t before = count >> REGISTRY_COUNT_BITS;

    for (uint32_t i = 1; i < REGISTRY_GENERATIONS; i++) {
        const uint32_t one = (before + i * STRIDE) % REGISTRY_GENERATIONS;
        if (taken >> one & 1)
            continue;
        first &= ~((uint32_t)(REGISTRY_GENERATIONS - 1) << REGISTRY_COUNT_BITS);
        first |= one << REGISTRY_COUNT_BITS;
        return true;
    }
    return false;
}

uint32_t registry_id(void)
{
    uint32_t id, count;

    /* The counter wraps around after 2 million connections, and a session may live longer. */
    do {
        count = atomic_fetch_add(&last, 1) + 1;
        id = first | (count & ((1u << REGISTRY_COUNT_BITS) - 1));
    } while (count >> REGISTRY_COUNT_BITS && is_taken(id));
    return id;
}

void registry_add(const struct registry_entry *entry)
{
    struct member *member = memory_take_zeroed(sizeof(*member));

    member->entry = *entry;
    pthread_mutex_lock(&lock);
    highest = entry->thread > highest ? entry->thread : highest;
    member->next_by_id = by_id[entry->id % BUCKETS];
    by_id[entry->id % BUCKETS] = member;
    member->next_by_thread = by_thread[entry->thread % BUCKETS];
    by_thread[entry->thread % BUCKETS] = member;
    pthread_mutex_unlock(&lock);
}

void registry_remove(uint32_t id)
{
    pthread_mutex_lock(&lock);
    struct member **at = &by_id[id % BUCKETS];
    while (*at && (*at)->entry.id != id)
        at = &(*at)->next_by_id;
    struct member *member = *at;
    if (member) {
        *at = member->next_by_id;
        at = &by_thread[member->entry.thread % BUCKETS];
        while (*at != member)
            at = &(*at)->next_by_thread;
        *at = member->next_by_thread;
    }
    pthread_mutex_unlock(&lock);
    free(member);
}

static bool is_of(const struct registry_entry *entry, const struct usage *service,
                  const struct usage *upstream, uint32_t *thread)
{
    if (entry->upstream != upstream || entry->service != service)
        return false;
    *thread = entry->thread;
    return true;
}

bool registry_find(uint64_t id, const struct usage *service, const struct usage *upstream,
                   uint32_t *thread)
{
    bool found = false;

    if (id > UINT32_MAX)
        return false;
    pthread_mutex_lock(&lock);
    for (struct member *m = by_id[id % BUCKETS]; m && !found; m = m->next_by_id)
        found = m->entry.id == id && is_of(&m->entry, service, upstream, thread);
    for (struct member *m = by_thread[id % BUCKETS]; m && !found; m = m->next_by_thread)
        found = m->entry.thread == id && is_of(&m->entry, service, upstream, thread);
    pthread_mutex_unlock(&lock);
    return found;
}

bool registry_at(uint32_t id, const struct usage *upstream, struct registry_entry *entry)
{
    const struct member *found = NULL;

    pthread_mutex_lock(&lock);
    for (const struct member *m = by_id[id % BUCKETS]; m && !found; m = m->next_by_id)
        found = m->entry.id == id && m->entry.upstream == upstream ? m : NULL;
    for (const struct member *m = by_thread[id % BUCKETS]; m && !found; m = m->next_by_thread)
        found = m->entry.thread == id && m->entry.upstream == upstream ? m : NULL;
    if (found)
        *entry = found->entry;
    pthread_mutex_unlock(&lock);
    return found != NULL;
}

bool registry_is_over(uint64_t id)
{
    if (id > UINT32_MAX ||
        (uint32_t)id >> REGISTRY_INSTANCE_BITS != first >> REGISTRY_INSTANCE_BITS ||
        is_taken((uint32_t)id))
        return false;
    pthread_mutex_lock(&lock);
    const bool far = highest >= THREADS_FAR;
    pthread_mutex_unlock(&lock);
    return !far;
}
