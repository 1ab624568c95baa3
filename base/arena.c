/* Arenas for data that is built once and freed as a whole: a configuration, a policy. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define BLOCK_SIZE 16384

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

static void *or_abort(void *memory)
{
    if (!memory) {
        log_error("out of memory");
        log_end();
        abort();
    }
    return memory;
}

void *memory_take(size_t size)
{
    return or_abort(malloc(size ? size : 1));
}

void *memory_take_zeroed(size_t size)
{
    return or_abort(calloc(1, size ? size : 1));
}

void *memory_resize(void *memory, size_t size)
{
    return or_abort(realloc(memory, size ? size : 1));
}

void arena_fini(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

void *arena_take(struct arena *arena, size_t size)
{
    const size_t unit = alignof(max_align_t);
    size = (size + unit - 1) / unit * unit;
    struct arena_block *block = arena->blocks;

    if (!block || block->size - block->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = memory_take(sizeof(*block) + room);
        *block = (struct arena_block){.next = arena->blocks, .used = 0, .size = room};
        arena->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memset(memory, 0, size);
}

struct text arena_text(struct arena *arena, struct text t)
{
    char *copy = arena_take(arena, t.length + 1);

    if (t.length)
        memcpy(copy, t.at, t.length);
    return (struct text){copy, t.length};
}
