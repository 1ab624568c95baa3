/* The gate buffer and the pool its blocks come from. Knows nothing of packets; called by the
 * states of a session. Blocks of GATE_BLOCK bytes come from the pool; larger ones, for large
 * commands, from the heap, and go back there at once.
 */
#include "proxy/gate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "judge/ruling.h"

/* A free block's contents. */
struct gate_block {
    struct gate_block *next;
};

void *gate_pool_take(struct gate_pool *pool)
{
    struct gate_block *block = pool->free;

    if (!block)
        return memory_take(GATE_BLOCK);
    pool->free = block->next;
    pool->count--;
    return block;
}

void gate_pool_drop(struct gate_pool *pool, void *block)
{
    if (pool->count >= GATE_POOL_MAX) {
        free(block);
        return;
    }
    struct gate_block *free_block = block;
    free_block->next = pool->free;
    pool->free = free_block;
    pool->count++;
}

static void drop_bytes(struct gate_pool *pool, uint8_t *bytes, size_t size)
{
    if (size == GATE_BLOCK)
        gate_pool_drop(pool, bytes);
    else
        free(bytes);
}

static void wipe(struct gate *gate)
{
    if (gate->bytes && gate->secret)
        explicit_bzero(gate->bytes, gate->size);
}

void gate_release(struct gate *gate, struct gate_pool *pool)
{
    wipe(gate);
    if (gate->bytes)
        drop_bytes(pool, gate->bytes, gate->size);
    *gate = (struct gate){0};
}

static void close_gap(struct gate *gate)
{
    if (gate->sent == 0)
        return;
    memmove(gate->bytes, gate->bytes + gate->sent, gate->filled - gate->sent);
    gate->passed -= gate->sent;
    gate->filled -= gate->sent;
    gate->sent = 0;
}

/* Makes the whole block at least `size` bytes long, with nothing sent in it. */
static void resize(struct gate *gate, struct gate_pool *pool, size_t size)
{
    if (size < GATE_BLOCK)
        size = GATE_BLOCK;
    if (!gate->bytes) {
        gate->bytes = size == GATE_BLOCK ? gate_pool_take(pool) : memory_take(size);
        gate->size = (uint32_t)size;
        return;
    }
    close_gap(gate);
    if (size <= gate->size)
        return;
    uint8_t *larger = memory_take(size);
    memcpy(larger, gate->bytes, gate->filled);
    wipe(gate);
    drop_bytes(pool, gate->bytes, gate->size);
    gate->bytes = larger;
    gate->size = (uint32_t)size;
}

/* After a large command the gate goes back to a block of the usual size. */
static void shrink(struct gate *gate, struct gate_pool *pool)
{
    size_t left = gate->filled - gate->sent;

    if (gate->size <= GATE_BLOCK || gate->reserved > GATE_BLOCK || left > GATE_BLOCK)
        return;
    uint8_t *block = gate_pool_take(pool);
    memcpy(block, gate->bytes + gate->sent, left);
    wipe(gate);
    drop_bytes(pool, gate->bytes, gate->size);
    gate->bytes = block;
    gate->size = GATE_BLOCK;
    gate->passed -= gate->sent;
    gate->filled -= gate->sent;
    gate->sent = 0;
}

void gate_reserve(struct gate *gate, struct gate_pool *pool, size_t count)
{
    gate->reserved = (uint32_t)count;
    if (!gate->bytes || gate->size - gate->passed < count)
        resize(gate, pool, gate_leaving(gate) + count);
}

ssize_t gate_fill(struct gate *gate, struct gate_pool *pool, struct stream *stream)
{
    if (!gate->bytes)
        resize(gate, pool, GATE_BLOCK);
    if (gate->filled == gate->size)
        close_gap(gate);
    size_t room = gate->size - gate->filled, wanted = gate_most(gate) - gate_waiting(gate);
    ssize_t got = stream_read(stream, gate->bytes + gate->filled, room < wanted ? room : wanted);
    if (got > 0)
        gate->filled += (uint32_t)got;
    else if (gate->sent == gate->filled)
        gate_release(gate, pool);
    return got;
}

ssize_t gate_flush(struct gate *gate, struct gate_pool *pool, struct stream *stream)
{
    ssize_t put = 1;

    while (gate->sent < gate->passed) {
        put = stream_write(stream, gate->bytes + gate->sent, gate->passed - gate->sent);
        if (put < 0)
            return put;
        gate->sent += (uint32_t)put;
    }
    if (gate->sent == gate->filled)
        gate_release(gate, pool);
    else
        shrink(gate, pool);
    return 1;
}

static void unreserve(struct gate *gate, size_t count)
{
    gate->reserved = gate->reserved > count ? gate->reserved - (uint32_t)count : 0;
}

void gate_pass(struct gate *gate, size_t count)
{
    assert(count <= gate_waiting(gate));
    gate->passed += (uint32_t)count;
    unreserve(gate, count);
}

void gate_drop(struct gate *gate, struct gate_pool *pool, size_t count)
{
    assert(count <= gate_waiting(gate));
    if (count == 0)
        return;
    uint8_t *at = gate->bytes + gate->passed;
    size_t rest = gate_waiting(gate) - count, leaving = gate_leaving(gate);
    unreserve(gate, count);
    if (rest > leaving) { /* the smaller part is moved: many bytes may wait after a small command */
        memmove(gate->bytes + gate->sent + count, gate->bytes + gate->sent, leaving);
        gate->sent += (uint32_t)count;
        gate->passed += (uint32_t)count;
    } else {
        memmove(at, at + count, rest);
        gate->filled -= (uint32_t)count;
    }
    if (gate->sent == gate->filled)
        gate_release(gate, pool);
    else
        shrink(gate, pool);
}

void gate_forget(struct gate *gate, struct gate_pool *pool)
{
    gate->sent = gate->passed;
    if (gate->sent == gate->filled)
        gate_release(gate, pool);
}

/* Makes room for `count` more bytes after `filled`. */
static void widen(struct gate *gate, struct gate_pool *pool, size_t count)
{
    if (!gate->bytes || gate->size - gate->filled < count)
        resize(gate, pool, gate->filled - gate->sent + count);
}

void gate_insert(struct gate *gate, struct gate_pool *pool, const void *bytes, size_t count)
{
    widen(gate, pool, count);
    uint8_t *at = gate->bytes + gate->passed;
    memmove(at + count, at, gate_waiting(gate));
    memcpy(at, bytes, count);
    gate->passed += (uint32_t)count;
    gate->filled += (uint32_t)count;
}

void gate_put_back(struct gate *gate, struct gate_pool *pool, const void *bytes, size_t count)
{
    gate_insert(gate, pool, bytes, count);
    gate->passed -= (uint32_t)count;
}

/* Replaces pieces of the text in place. Everything after the first replacement is moved to the
 * right by the length of all new pieces, and then moved back between them piece by piece: so
 * nothing is overwritten before it was moved. */
void gate_rewrite(struct gate *gate, struct gate_pool *pool, size_t offset,
                  const struct rewrite *rewrites, size_t count, const char *bytes)
{
    size_t taken = 0, given = 0;

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        taken += rewrites[i].length;
        given += rewrites[i].count;
    }
    widen(gate, pool, given);
    uint8_t *text = gate->bytes + gate->passed + offset;
    size_t whole = gate_waiting(gate) - offset, from = rewrites[0].offset, to = from;
    assert(rewrites[count - 1].offset + rewrites[count - 1].length <= whole);
    memmove(text + from + given, text + from, whole - from); /* room for all new pieces */
    for (size_t i = 0; i < count; i++) {
        const struct rewrite *rewrite = &rewrites[i];
        size_t kept = rewrite->offset - from;
        memmove(text + to, text + from + given, kept);
        to += kept;
        memcpy(text + to, bytes + rewrite->at, rewrite->count);
        to += rewrite->count;
        from = rewrite->offset + rewrite->length;
    }
    memmove(text + to, text + from + given, whole - from);
    gate->filled = (uint32_t)(gate->filled - taken + given);
}

void gate_pool_fini(struct gate_pool *pool)
{
    while (pool->free) {
        struct gate_block *block = pool->free;
        pool->free = block->next;
        free(block);
    }
    pool->count = 0;
}
