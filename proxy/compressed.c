/* Owns the buffers of a compressed leg: received frames that are not unpacked yet (only if the
 * gate had no room), and the rest of a frame that did not fit into the socket. An idle leg has
 * neither, and no state of a compression library.
 *
 * The sequence ids of frames count the frames of both sides, and begin again with each command.
 * The layer does not see commands: the session tells it where one begins (stream_turn).
 */
#include "proxy/compressed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { READ_SIZE = 16384 };

struct compressed {
    struct stream_layer layer;
    struct unpacker unpacker;
    uint8_t *ahead; /* received and not unpacked; NULL: nothing */
    uint32_t ahead_from, ahead_to;
    uint8_t *out; /* the unsent rest of our frame; NULL: nothing */
    uint32_t out_from, out_to;
    uint32_t begun; /* how many of the offered bytes are in that frame */
    uint8_t next;   /* sequence id of our next frame */
    uint8_t kind, level;
    bool is_client, is_broken;
};

static _Thread_local uint8_t scratch[READ_SIZE], frame[COMPRESS_ROOM];

static ssize_t broken(struct compressed *compressed)
{
    compressed->is_broken = true;
    errno = EPROTO;
    return STREAM_FAILED;
}

/* A client gives the first frame of each command the sequence id 0. Its next frames continue after
 * its own last frame, or after silogate's last one. */
static bool in_order(struct compressed *compressed, uint8_t before)
{
    uint8_t sequence = compressed->unpacker.sequence;

    if (compressed->is_client && sequence != 0 && sequence != (uint8_t)(before + 1) &&
        sequence != compressed->next)
        return false;
    if (!compressed->is_client || sequence != 0)
        compressed->next = (uint8_t)(sequence + 1);
    return true;
}

/* Unpacks from `from` until there are bytes, or it is empty; the unused rest is kept in `ahead`.
 * Returns the number of bytes, 0, or STREAM_FAILED. */
static ssize_t unpack_some(struct compressed *compressed, const uint8_t *from, size_t size,
                           size_t *taken, uint8_t *to, size_t room)
{
    struct unpacker *unpacker = &compressed->unpacker;
    size_t all = 0, got;

    *taken = 0;
    do {
        uint8_t before = unpacker->sequence;
        size_t part;
        unpacker->begun = false;
        if (!unpack(unpacker, from + *taken, size - *taken, &part, to + all, room - all, &got) ||
            (unpacker->begun && !in_order(compressed, before)))
            return broken(compressed);
        *taken += part;
        all += got;
    } while (unpacker->begun && all < room);
    return (ssize_t)all;
}

static ssize_t from_ahead(struct compressed *compressed, uint8_t *to, size_t room)
{
    size_t taken;
    ssize_t got = unpack_some(compressed, compressed->ahead + compressed->ahead_from,
                              compressed->ahead_to - compressed->ahead_from, &taken, to, room);

    compressed->ahead_from += (uint32_t)taken;
    if (compressed->ahead_from == compressed->ahead_to) {
        free(compressed->ahead);
        compressed->ahead = NULL;
    }
    return got;
}

static void keep(struct compressed *compressed, const uint8_t *from, size_t size)
{
    compressed->ahead = memory_take(size);
    memcpy(compressed->ahead, from, size);
    compressed->ahead_from = 0;
    compressed->ahead_to = (uint32_t)size;
}

static struct compressed *of(const struct stream *stream)
{
    return (struct compressed *)stream->layer; /* its first member */
}

static ssize_t layer_read(struct stream *stream, void *to, size_t size)
{
    struct compressed *compressed = of(stream);
    ssize_t got = 0;
    size_t taken;

    if (compressed->is_broken)
        return broken(compressed);
    if (!compressed->ahead && compressed->unpacker.more)
        got = unpack_some(compressed, scratch, 0, &taken, to, size);
    while (got == 0 && compressed->ahead)
        got = from_ahead(compressed, to, size);
    while (got == 0) {
        ssize_t read = stream->kind->read(stream, scratch, sizeof(scratch));
        if (read <= 0)
            return read;
        got = unpack_some(compressed, scratch, (size_t)read, &taken, to, size);
        if (got >= 0 && taken < (size_t)read)
            keep(compressed, scratch + taken, (size_t)read - taken);
    }
    return got;
}

/* Writes the frame at `from`; the part that does not fit is kept. */
static ssize_t put(struct stream *stream, const uint8_t *from, size_t size, size_t *done)
{
    *done = 0;
    while (*done < size) {
        ssize_t written = stream->kind->write(stream, from + *done, size - *done);
        if (written < 0)
            return written;
        *done += (size_t)written;
    }
    return 1;
}

static ssize_t go_on(struct stream *stream)
{
    struct compressed *compressed = of(stream);
    size_t done;
    ssize_t result = put(stream, compressed->out + compressed->out_from,
                         compressed->out_to - compressed->out_from, &done);

    compressed->out_from += (uint32_t)done;
    if (result < 0)
        return result;
    free(compressed->out);
    compressed->out = NULL;
    return (ssize_t)compressed->begun;
}

static ssize_t layer_write(struct stream *stream, const void *from, size_t size)
{
    struct compressed *compressed = of(stream);
    size_t part = size < COMPRESS_CHUNK ? size : COMPRESS_CHUNK, done;

    if (compressed->out)
        return go_on(stream);
    size_t length = pack((enum compression)compressed->kind, compressed->level, compressed->next++,
                         from, part, frame);
    ssize_t result = put(stream, frame, length, &done);
    if (result >= 0)
        return (ssize_t)part;
    if (result == STREAM_AGAIN) {
        compressed->out = memory_take(length - done);
        memcpy(compressed->out, frame + done, length - done);
        compressed->out_from = 0;
        compressed->out_to = (uint32_t)(length - done);
        compressed->begun = (uint32_t)part;
    }
    return result;
}

static bool layer_pending(const struct stream *stream)
{
    const struct compressed *compressed = of(stream);

    return compressed->ahead || compressed->unpacker.more;
}

static void layer_turn(struct stream *stream)
{
    struct compressed *compressed = of(stream);

    compressed->next =
        compressed->is_client ? (uint8_t)(compressed->unpacker.sequence + 1) : (uint8_t)0;
}

static bool layer_arrives(const struct stream *stream)
{
    const struct unpacker *unpacker = &of(stream)->unpacker;

    return unpacker->in_frame || unpacker->header_got > 0;
}

void compressed_count(struct stream *stream, uint8_t next)
{
    of(stream)->next = next;
}

static void layer_free(struct stream *stream)
{
    struct compressed *compressed = of(stream);

    unpack_end(&compressed->unpacker);
    free(compressed->ahead);
    free(compressed->out);
    free(compressed);
}

static const struct stream_layer_kind layer_kind = {.read = layer_read,
                                                    .write = layer_write,
                                                    .pending = layer_pending,
                                                    .arrives = layer_arrives,
                                                    .turn = layer_turn,
                                                    .free = layer_free};

void compressed_begin(struct stream *stream, enum compression kind, int level, bool is_client,
                      struct text early)
{
    struct compressed *compressed = memory_take_zeroed(sizeof(*compressed));

    compressed->layer.kind = &layer_kind;
    compressed->unpacker.kind = (uint8_t)kind;
    compressed->unpacker.sequence = UINT8_MAX;
    compressed->kind = (uint8_t)kind;
    compressed->level = (uint8_t)level;
    compressed->is_client = is_client;
    if (early.length > 0)
        keep(compressed, (const uint8_t *)early.at, early.length);
    stream->layer = &compressed->layer;
}
