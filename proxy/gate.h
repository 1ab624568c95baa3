/* The gate buffer: bytes on their way from one side to the other.
 *
 *        sent        passed            filled         size
 *   |------|-----------|------------------|-------------|
 *    gone    may go out   not judged yet      room
 *
 * sent <= passed <= filled. Only bytes between sent and passed can leave, and only gate_pass and
 * gate_insert move `passed`: for what a client sent, gate_pass is called in one place for commands,
 * behind an allow. A gate without bytes holds no memory: blocks are borrowed from the worker's
 * pool.
 */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stream.h"

enum { GATE_BLOCK = 65536, GATE_POOL_MAX = 256 };

/* Free blocks of one worker; at most GATE_POOL_MAX are kept. */
struct gate_block;
struct gate_pool {
    struct gate_block *free;
    unsigned count;
};

struct gate {
    uint8_t *bytes; /* NULL: nothing borrowed, all cursors 0 */
    uint32_t sent, passed, filled, size;
    uint32_t reserved; /* bytes not judged yet that a command at hand needs together */
    bool secret;       /* a password is in it: wiped before the block is given back */
};

static inline size_t gate_waiting(const struct gate *gate) /* not judged yet */
{
    return gate->filled - gate->passed;
}

static inline size_t gate_leaving(const struct gate *gate) /* may go out */
{
    return gate->passed - gate->sent;
}

static inline const uint8_t *gate_at(const struct gate *gate) /* the first byte not judged yet */
{
    return gate->bytes ? gate->bytes + gate->passed : NULL;
}

/* How many bytes not judged yet it takes in: what is sent ahead of its turn fills one block. */
static inline size_t gate_most(const struct gate *gate)
{
    return gate->reserved > GATE_BLOCK ? gate->reserved : GATE_BLOCK;
}

/* A gap in front of bytes that are still to go out is room only once it is as long as what would
 * have to move: else each small read behind a large command would move all of it. */
static inline bool gate_has_room(const struct gate *gate)
{
    if (!gate->bytes)
        return true;
    if (gate_waiting(gate) >= gate_most(gate))
        return false;
    return gate->filled < gate->size ||
           (gate->sent > 0 &&
            (gate->sent == gate->passed || gate->sent >= gate->filled - gate->sent));
}

/* Reads once from `stream` into the room there is: what stream_read returns. Call it only where
 * gate_has_room. */
ssize_t gate_fill(struct gate *gate, struct gate_pool *pool, struct stream *stream);

/* Writes what may go out: what stream_write returned last, or 1 where nothing is left to write. */
ssize_t gate_flush(struct gate *gate, struct gate_pool *pool, struct stream *stream);

/* The next `count` bytes not judged yet may go out. */
void gate_pass(struct gate *gate, size_t count);

/* The next `count` bytes not judged yet are forgotten. */
void gate_drop(struct gate *gate, struct gate_pool *pool, size_t count);

/* What may go out but has not is forgotten: nobody is there to get it. */
void gate_forget(struct gate *gate, struct gate_pool *pool);

/* Bytes of silogate's own, put before those not judged yet; they may go out. */
void gate_insert(struct gate *gate, struct gate_pool *pool, const void *bytes, size_t count);

/* Bytes that were passed, or others in their place, are to be judged again, before those that wait.
 */
void gate_put_back(struct gate *gate, struct gate_pool *pool, const void *bytes, size_t count);

/* In the bytes not judged yet, from `offset` on, makes all replacements at once: `rewrites` count
 * from there, by ascending offset, and name bytes of `bytes`. Costs one move of what stands behind
 * the first. */
struct rewrite;
void gate_rewrite(struct gate *gate, struct gate_pool *pool, size_t offset,
                  const struct rewrite *rewrites, size_t count, const char *bytes);

/* Makes room for a command of `count` bytes, of which some may be here already. Once they have
 * passed or are dropped, the room is given back. */
void gate_reserve(struct gate *gate, struct gate_pool *pool, size_t count);

/* Gives the memory back, whatever is in it. */
void gate_release(struct gate *gate, struct gate_pool *pool);

/* A block of GATE_BLOCK bytes that is no gate's. */
void *gate_pool_take(struct gate_pool *pool);
void gate_pool_drop(struct gate_pool *pool, void *block);
void gate_pool_fini(struct gate_pool *pool);

#endif
