/* The gate buffer: bytes on their way from one side to the other.
 *
 *        sent        passed            filled         size
 *   |------|-----------|------------------|-------------|
 *    gone    may go out   not judged yet      room
 *
 * sent <= passed <= filled. Only bytes between `sent` and `passed` can be written to the other
 * side, and only gate_pass and gate_insert move `passed`. For a client's commands gate_pass is
 * called in one place, after an allow. An empty gate has no memory: blocks are borrowed from the
 * worker's pool.
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
    uint32_t reserved; /* the size of the present command, if it must be in the gate as a whole */
    bool secret;       /* it contains a password: the block is wiped before it is given back */
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

/* The maximum of unjudged bytes: one block of commands that were sent ahead, or the reserved size.
 */
static inline size_t gate_most(const struct gate *gate)
{
    return gate->reserved > GATE_BLOCK ? gate->reserved : GATE_BLOCK;
}

/* A gap before unsent bytes counts as room only if it is at least as long as the bytes that would
 * have to be moved: otherwise each small read after a large command would move all of it. */
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

/* Reads once from `stream`, as much as there is room for. Returns the result of stream_read. Call
 * it only if gate_has_room. */
ssize_t gate_fill(struct gate *gate, struct gate_pool *pool, struct stream *stream);

/* Writes the passed bytes. Returns the last result of stream_write, or 1: all are written. */
ssize_t gate_flush(struct gate *gate, struct gate_pool *pool, struct stream *stream);

/* The next `count` unjudged bytes may be sent to the other side. */
void gate_pass(struct gate *gate, size_t count);

/* The next `count` unjudged bytes are dropped. */
void gate_drop(struct gate *gate, struct gate_pool *pool, size_t count);

/* Drops passed bytes that are not sent: the other side has gone. */
void gate_forget(struct gate *gate, struct gate_pool *pool);

/* Inserts silogate's own bytes before the unjudged ones; they count as passed. */
void gate_insert(struct gate *gate, struct gate_pool *pool, const void *bytes, size_t count);

/* Puts bytes that were passed, or a replacement, before the unjudged ones, to be judged again.
 */
void gate_put_back(struct gate *gate, struct gate_pool *pool, const void *bytes, size_t count);

/* Makes all replacements in the unjudged bytes: the offsets of `rewrites` are ascending and count
 * from `offset`; the new pieces are in `bytes`. The bytes after the first replacement are moved
 * twice at most. */
struct rewrite;
void gate_rewrite(struct gate *gate, struct gate_pool *pool, size_t offset,
                  const struct rewrite *rewrites, size_t count, const char *bytes);

/* Makes room for a command of `count` bytes, of which some may have arrived. After they are passed
 * or dropped, the room is given back. */
void gate_reserve(struct gate *gate, struct gate_pool *pool, size_t count);

/* Gives the memory back, whatever is in it. */
void gate_release(struct gate *gate, struct gate_pool *pool);

/* Takes, or gives back, a block of GATE_BLOCK bytes that is not used for a gate. */
void *gate_pool_take(struct gate_pool *pool);
void gate_pool_drop(struct gate_pool *pool, void *block);
void gate_pool_fini(struct gate_pool *pool);

#endif
