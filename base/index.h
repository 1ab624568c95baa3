/* A map from names to numbers, built once and then only read: users to services, upstreams to
 * their index. */
#ifndef BASE_INDEX_H
#define BASE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct index_slot;

/* A zeroed struct index is an empty one. Keeps the texts' pointers: they must live as long. */
struct index {
    struct index_slot *slots;
    size_t count, size; /* size: a power of two */
};

void index_fini(struct index *index);

/* Adds `name` with `number`; false, and nothing changed, where the name is there already. */
bool index_add(struct index *index, struct text name, uint32_t number);
bool index_find(const struct index *index, struct text name, uint32_t *number);

#endif
