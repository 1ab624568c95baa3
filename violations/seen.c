/* A table like a processor's cache: a key belongs to one set of eight places, which lie side by
 * side; a new one takes the place of the least frequent of the eight. A repeat costs one line of
 * memory to find and one to count.
 */
#include "violations/seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct seen {
    uint64_t keys[SEEN_SETS][SEEN_WAYS]; /* 0: free */
    struct violations_seen places[SEEN_SETS][SEEN_WAYS];
};

struct seen *seen_new(void)
{
    return memory_take_zeroed(sizeof(struct seen)); /* pages come as they are used */
}

void seen_free(struct seen *seen)
{
    free(seen);
}

static unsigned set_of(uint64_t key)
{
    return (unsigned)(key >> 32) % SEEN_SETS;
}

bool seen_again(struct seen *seen, uint64_t key, int64_t now)
{
    unsigned set = set_of(key);

    for (unsigned way = 0; way < SEEN_WAYS; way++) {
        if (seen->keys[set][way] != key)
            continue;
        seen->places[set][way].count++;
        seen->places[set][way].last = now;
        return true;
    }
    return false;
}

struct violations_seen *seen_put(struct seen *seen, uint64_t key, int64_t now)
{
    unsigned set = set_of(key), least = 0;

    for (unsigned way = 1; way < SEEN_WAYS; way++) {
        if (seen->places[set][way].count < seen->places[set][least].count)
            least = way;
    }
    struct violations_seen *place = &seen->places[set][least];
    memset(place, 0, sizeof(*place));
    place->count = 1;
    place->first = place->last = now;
    seen->keys[set][least] = key;
    return place;
}

static int more_frequent(const void *a, const void *b)
{
    const struct violations_seen *const *one = a, *const *other = b;

    return ((*one)->count < (*other)->count) - ((*one)->count > (*other)->count);
}

static int later(const void *a, const void *b)
{
    const struct violations_seen *const *one = a, *const *other = b;

    return ((*one)->last < (*other)->last) - ((*one)->last > (*other)->last);
}

static size_t copy_first(struct violations_seen *to, const struct violations_seen **from,
                         size_t count)
{
    if (count > VIOLATIONS_RECENT)
        count = VIOLATIONS_RECENT;
    for (size_t i = 0; i < count; i++)
        to[i] = *from[i];
    return count;
}

void seen_copy(const struct seen *seen, struct violations_recent *to)
{
    const struct violations_seen *all[SEEN_SETS * SEEN_WAYS] = {NULL};
    size_t count = 0;

    for (unsigned set = 0; set < SEEN_SETS; set++) {
        for (unsigned way = 0; way < SEEN_WAYS; way++) {
            if (seen->keys[set][way])
                all[count++] = &seen->places[set][way];
        }
    }
    qsort(all, count, sizeof(all[0]), more_frequent);
    to->busiest_count = copy_first(to->busiest, all, count);
    qsort(all, count, sizeof(all[0]), later);
    to->latest_count = copy_first(to->latest, all, count);
}
