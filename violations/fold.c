/* The table of open violations: buckets of chained slots, a free list, and a list by age. */
#include "violations/fold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { BUCKETS = 8192, NO_SLOT = UINT16_MAX };

struct fold {
    struct list_link by_age;
    uint16_t unused; /* the first free slot among those that were used before */
    /* slots from here on were never used: the system has not allocated their memory yet */
    uint16_t touched;
    uint16_t buckets[BUCKETS];
    struct fold_slot slots[FOLD_SLOTS];
};

struct fold *fold_new(void)
{
    struct fold *fold = memory_take_zeroed(sizeof(*fold));

    list_init(&fold->by_age);
    fold->unused = NO_SLOT;
    memset(fold->buckets, 0xff, sizeof(fold->buckets));
    return fold;
}

void fold_free(struct fold *fold)
{
    free(fold);
}

static uint16_t *bucket(struct fold *fold, const struct fold_key *key)
{
    uint64_t hash = (key->digest ^ key->who ^ key->objects) + (uint64_t)key->service;

    hash ^= (uint64_t)key->blocked << 32 | (uint64_t)key->reason << 40;
    hash = (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15u;
    return &fold->buckets[(hash >> 40) % BUCKETS];
}

struct fold_slot *fold_find(struct fold *fold, const struct fold_key *key)
{
    for (uint16_t i = *bucket(fold, key); i != NO_SLOT; i = fold->slots[i].next) {
        if (memcmp(&fold->slots[i].key, key, sizeof(*key)) == 0)
            return &fold->slots[i];
    }
    return NULL;
}

struct fold_slot *fold_oldest(struct fold *fold)
{
    return list_empty(&fold->by_age) ? NULL : LIST_ENTRY(fold->by_age.after, struct fold_slot, age);
}

bool fold_is_full(const struct fold *fold)
{
    return fold->unused == NO_SLOT && fold->touched == FOLD_SLOTS;
}

struct fold_slot *fold_open(struct fold *fold, const struct fold_key *key, int64_t start)
{
    uint16_t *first = bucket(fold, key);
    uint16_t i = fold->unused;

    assert(!fold_is_full(fold));
    if (i != NO_SLOT)
        fold->unused = fold->slots[i].next;
    else
        i = fold->touched++;
    struct fold_slot *slot = &fold->slots[i];
    slot->key = *key;
    slot->count = 0;
    slot->start = start;
    slot->next = *first;
    *first = i;
    list_add(&fold->by_age, &slot->age);
    return slot;
}

void fold_renew(struct fold *fold, struct fold_slot *slot, int64_t start)
{
    slot->count = 0;
    slot->start = start;
    list_remove(&slot->age);
    list_add(&fold->by_age, &slot->age);
}

void fold_close(struct fold *fold, struct fold_slot *slot)
{
    uint16_t index = (uint16_t)(slot - fold->slots);
    uint16_t *at = bucket(fold, &slot->key);

    while (*at != index)
        at = &fold->slots[*at].next;
    *at = slot->next;
    slot->next = fold->unused;
    fold->unused = index;
    list_remove(&slot->age);
}
