/* A hash table with open addressing over numbers into an array of keys. */
#include "base/hash_table.h"

#include <stdlib.h>

void hash_table_fini(struct hash_table *table)
{
    free(table->keys);
    free(table->hashes);
    free(table->buckets);
    arena_fini(&table->arena);
}

static void grow(struct hash_table *table)
{
    table->room = table->room ? table->room * 2 : 64;
    table->bucket_count = table->room * 2;
    table->keys = memory_resize(table->keys, table->room * sizeof(*table->keys));
    table->hashes = memory_resize(table->hashes, table->room * sizeof(*table->hashes));
    free(table->buckets);
    table->buckets = memory_take_zeroed(table->bucket_count * sizeof(*table->buckets));
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t at = (uint32_t)table->hashes[i] % table->bucket_count;
        while (table->buckets[at])
            at = (at + 1) % table->bucket_count;
        table->buckets[at] = i + 1;
    }
}

/* The bucket of `key`, or the free one where it would be. */
static uint32_t find_bucket(const struct hash_table *table, struct text key, uint64_t hash)
{
    uint32_t at = (uint32_t)hash % table->bucket_count;

    while (table->buckets[at]) {
        uint32_t i = table->buckets[at] - 1;
        if (table->hashes[i] == hash && text_equal(table->keys[i], key))
            break;
        at = (at + 1) % table->bucket_count;
    }
    return at;
}

uint32_t hash_table_find(const struct hash_table *table, struct text key)
{
    if (table->count == 0)
        return HASH_TABLE_NONE;
    uint32_t at = table->buckets[find_bucket(table, key, text_hash(key, 0, false))];
    return at ? at - 1 : HASH_TABLE_NONE;
}

uint32_t hash_table_add(struct hash_table *table, struct text key)
{
    uint64_t hash = text_hash(key, 0, false);

    if (table->count == table->room)
        grow(table);
    uint32_t at = find_bucket(table, key, hash);
    if (table->buckets[at])
        return table->buckets[at] - 1;
    table->keys[table->count] = arena_text(&table->arena, key);
    table->hashes[table->count] = hash;
    table->buckets[at] = ++table->count;
    return table->count - 1;
}
