/* An open-addressing hash table from names to numbers. Used where a configuration is built; a
 * look-up takes the same time however many names there are.
 */
#include "base/index.h"

#include <stdlib.h>

#include "base/arena.h"

struct index_slot {
    struct text name; /* `at` NULL: free */
    uint64_t hash;
    uint32_t number;
};

void index_fini(struct index *index)
{
    free(index->slots);
    *index = (struct index){0};
}

/* The slot that holds `name`, or the free one where it belongs. */
static struct index_slot *index_slot(const struct index *index, struct text name, uint64_t hash)
{
    size_t at = hash & (index->size - 1);

    while (index->slots[at].name.at &&
           (index->slots[at].hash != hash || !text_equal(index->slots[at].name, name)))
        at = (at + 1) & (index->size - 1);
    return &index->slots[at];
}

static void index_grow(struct index *index)
{
    struct index old = *index;

    index->size = old.size ? old.size * 2 : 16;
    index->slots = memory_take_zeroed(index->size * sizeof(*index->slots));
    for (size_t i = 0; i < old.size; i++) {
        if (old.slots[i].name.at)
            *index_slot(index, old.slots[i].name, old.slots[i].hash) = old.slots[i];
    }
    free(old.slots);
}

bool index_add(struct index *index, struct text name, uint32_t number)
{
    uint64_t hash = text_hash(name, 0, false);

    if (index->count * 2 >= index->size)
        index_grow(index);
    struct index_slot *slot = index_slot(index, name, hash);
    if (slot->name.at)
        return false;
    *slot = (struct index_slot){
        {name.at ? name.at : "", name.length},
        hash, number
    };
    index->count++;
    return true;
}

bool index_find(const struct index *index, struct text name, uint32_t *number)
{
    if (index->count == 0)
        return false;
    const struct index_slot *slot = index_slot(index, name, text_hash(name, 0, false));
    if (!slot->name.at)
        return false;
    *number = slot->number;
    return true;
}
