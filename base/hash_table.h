/* Texts, numbered in the order in which they were added: 0, 1, 2... For the report, which counts
 * by names. */
#ifndef BASE_HASH_TABLE_H
#define BASE_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

enum { HASH_TABLE_NONE = UINT32_MAX };

/* A zeroed struct hash_table is an empty one. */
struct hash_table {
    struct text *keys; /* by number; each ends with a NUL */
    uint64_t *hashes;
    uint32_t *buckets; /* number + 1; 0: free */
    uint32_t count, room, bucket_count;
    struct arena arena;
};

void hash_table_fini(struct hash_table *table);
/* The number of `key`, HASH_TABLE_NONE where it is not there. */
uint32_t hash_table_find(const struct hash_table *table, struct text key);
/* The same, but adds a copy of the key if it is not there: then its number is the old `count`. */
uint32_t hash_table_add(struct hash_table *table, struct text key);

#endif
