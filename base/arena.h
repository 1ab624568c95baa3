/* Memory that is allocated piece by piece and freed all at once. Running out of memory aborts. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/text.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
};

/* A zeroed struct arena is an empty one. */
void arena_fini(struct arena *arena);

/* Zeroed, aligned for any type; lives until arena_fini. */
void *arena_take(struct arena *arena, size_t size);

/* A copy with a NUL after it, so that `.at` is also a C string. */
struct text arena_text(struct arena *arena, struct text t);

/* malloc, calloc and realloc that abort when there is no memory. */
void *memory_take(size_t size);
void *memory_take_zeroed(size_t size);
void *memory_resize(void *memory, size_t size);

#endif
