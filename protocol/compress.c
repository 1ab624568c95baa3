/* Frames of the compressed protocol, with zlib and zstd. Unpacking is bounded by the length in a
 * frame's header and by the caller's room: a frame of 16 MB is never held whole, it is unpacked
 * piece by piece. Called by proxy/compressed.c for the bytes of a socket.
 */
#include "protocol/compress.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"

enum {
    PACKED_LEAST = 50, /* shorter ones are not compressed, as on the servers */
    SMALL_MAX = 2048,
    WINDOW_LOG_MAX = 24,      /* a frame holds less than 16 MiB */
    SPARE_ZSTD_MAX = 1 << 20, /* a larger state is freed, not kept */
};

/* States that a thread keeps for its next frames. */
static _Thread_local z_stream *spare_inflate, *own_deflate[2];
static _Thread_local ZSTD_DCtx *spare_zstd;
static _Thread_local ZSTD_CCtx *own_zstd;

enum compression compression_of(capabilities_t capabilities)
{
    if (capabilities & CAPABILITY_COMPRESS)
        return COMPRESSION_ZLIB;
    return capabilities & CAPABILITY_ZSTD_COMPRESSION_ALGORITHM ? COMPRESSION_ZSTD
                                                                : COMPRESSION_NONE;
}

static z_stream *inflate_take(void)
{
    z_stream *stream = spare_inflate;

    spare_inflate = NULL;
    if (stream && inflateReset(stream) == Z_OK)
        return stream;
    if (!stream)
        stream = malloc(sizeof(*stream));
    if (stream)
        *stream = (z_stream){0};
    if (stream && inflateInit(stream) == Z_OK)
        return stream;
    free(stream);
    return NULL;
}

static void inflate_give(z_stream *stream)
{
    if (!spare_inflate) {
        spare_inflate = stream;
        return;
    }
    inflateEnd(stream);
    free(stream);
}

static ZSTD_DCtx *zstd_take(void)
{
    ZSTD_DCtx *context = spare_zstd ? spare_zstd : ZSTD_createDCtx();

    spare_zstd = NULL;
    if (context &&
        (ZSTD_isError(ZSTD_DCtx_reset(context, ZSTD_reset_session_only)) ||
         ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))) {
        ZSTD_freeDCtx(context);
        return NULL;
    }
    return context;
}

static void zstd_give(ZSTD_DCtx *context)
{
    if (!spare_zstd && ZSTD_sizeof_DCtx(context) <= SPARE_ZSTD_MAX)
        spare_zstd = context;
    else
        ZSTD_freeDCtx(context);
}

void unpack_end(struct unpacker *unpacker)
{
    if (!unpacker->stream)
        return;
    if (unpacker->kind == COMPRESSION_ZLIB)
        inflate_give(unpacker->stream);
    else
        zstd_give(unpacker->stream);
    unpacker->stream = NULL;
}

static bool begin(struct unpacker *unpacker)
{
    const uint8_t *header = unpacker->header;

    unpacker->left = bytes_get3(header);
    unpacker->sequence = header[3];
    unpacker->due = bytes_get3(header + 4);
    unpacker->is_packed = unpacker->due > 0;
    unpacker->in_frame = unpacker->begun = true;
    unpacker->is_over = false;
    unpacker->header_got = 0;
    if (!unpacker->is_packed) {
        unpacker->due = unpacker->left;
        return true;
    }
    if (unpacker->left == 0)
        return false;
    unpacker->stream = unpacker->kind == COMPRESSION_ZLIB ? (void *)inflate_take() : zstd_take();
    return unpacker->stream != NULL;
}

/* One call of the library: sets *size and *room to the bytes that it took and wrote; sets `is_over`
 * at the end of the body. False on an error. */
static bool step_zlib(struct unpacker *unpacker, const uint8_t *from, size_t *size, uint8_t *to,
                      size_t *room)
{
    z_stream *stream = unpacker->stream;

    stream->next_in = (Bytef *)(uintptr_t)from;
    stream->avail_in = (uInt)*size;
    stream->next_out = to;
    stream->avail_out = (uInt)*room;
    int code = inflate(stream, Z_NO_FLUSH);
    *size -= stream->avail_in;
    *room -= stream->avail_out;
    unpacker->is_over = code == Z_STREAM_END;
    return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR;
}

static bool step_zstd(struct unpacker *unpacker, const uint8_t *from, size_t *size, uint8_t *to,
                      size_t *room)
{
    ZSTD_inBuffer in = {from, *size, 0};
    ZSTD_outBuffer out = {to, *room, 0};
    size_t code = ZSTD_decompressStream(unpacker->stream, &out, &in);

    *size = in.pos;
    *room = out.pos;
    unpacker->is_over = code == 0;
    return !ZSTD_isError(code);
}

/* Unpacks more of a compressed body. After the last byte that the header announces, the library
 * gets one more byte of room: if it fills this, the frame is longer than its header says. */
static bool body(struct unpacker *unpacker, const uint8_t *from, size_t *size, uint8_t *to,
                 size_t *room)
{
    uint8_t none[1];
    size_t in = *size < unpacker->left ? *size : unpacker->left;
    size_t out = *room < unpacker->due ? *room : unpacker->due;
    bool is_end = unpacker->due == 0;
    size_t spare = 1;

    bool good = unpacker->kind == COMPRESSION_ZLIB
                    ? step_zlib(unpacker, from, &in, is_end ? none : to, is_end ? &spare : &out)
                    : step_zstd(unpacker, from, &in, is_end ? none : to, is_end ? &spare : &out);
    *size = in;
    *room = is_end ? 0 : out;
    if (!good || (is_end && spare > 0))
        return false;
    unpacker->left -= (uint32_t)in;
    unpacker->due -= (uint32_t)*room;
    if (!unpacker->is_over)
        return true;
    unpack_end(unpacker);
    unpacker->in_frame = false;
    return unpacker->left == 0 && unpacker->due == 0;
}

static void copy(struct unpacker *unpacker, const uint8_t *from, size_t *size, uint8_t *to,
                 size_t *room)
{
    size_t part = *size < *room ? *size : *room;

    part = part < unpacker->left ? part : unpacker->left;
    if (part > 0)
        memcpy(to, from, part);
    unpacker->left -= (uint32_t)part;
    *size = *room = part;
    unpacker->in_frame = unpacker->left > 0;
}

bool unpack(struct unpacker *unpacker, const uint8_t *from, size_t size, size_t *taken, uint8_t *to,
            size_t room, size_t *got)
{
    *taken = *got = 0;
    unpacker->more = false;
    for (;;) {
        size_t in = size - *taken, out = room - *got;
        if (!unpacker->in_frame) {
            size_t part = COMPRESS_HEADER - (size_t)unpacker->header_got;
            part = part < in ? part : in;
            if (part > 0)
                memcpy(unpacker->header + unpacker->header_got, from + *taken, part);
            unpacker->header_got = (uint8_t)(unpacker->header_got + part);
            *taken += part;
            return unpacker->header_got < COMPRESS_HEADER || begin(unpacker);
        }
        bool is_packed = unpacker->is_packed;
        if (is_packed && !body(unpacker, from + *taken, &in, to + *got, &out))
            return false;
        if (!is_packed)
            copy(unpacker, from + *taken, &in, to + *got, &out);
        *taken += in;
        *got += out;
        if (unpacker->in_frame && in == 0 && out == 0) {
            unpacker->more = *got == room && is_packed;
            /* False if all of the body was read and there is room left, but its end was not
             * reached. */
            return !(is_packed && unpacker->left == 0 && (unpacker->due == 0 || *got < room));
        }
    }
}

/* Two states of zlib: resetting one clears its tables, which costs time, and most answers are small
 * and need only small tables. */
static z_stream *deflate_take(size_t size)
{
    bool is_small = size <= SMALL_MAX;
    z_stream *stream = own_deflate[is_small];

    if (stream)
        return deflateReset(stream) == Z_OK ? stream : NULL;
    stream = calloc(1, sizeof(*stream));
    if (stream && deflateInit2(stream, COMPRESS_ZLIB_LEVEL, Z_DEFLATED, is_small ? 11 : 15,
                               is_small ? 2 : 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    own_deflate[is_small] = stream;
    return stream;
}

static size_t pack_zlib(const uint8_t *from, size_t size, uint8_t *to, size_t room)
{
    z_stream *stream = deflate_take(size);

    if (!stream)
        return 0;
    stream->next_in = (Bytef *)(uintptr_t)from;
    stream->avail_in = (uInt)size;
    stream->next_out = to;
    stream->avail_out = (uInt)room;
    return deflate(stream, Z_FINISH) == Z_STREAM_END ? room - stream->avail_out : 0;
}

static size_t pack_zstd(int level, const uint8_t *from, size_t size, uint8_t *to, size_t room)
{
    if (!own_zstd)
        own_zstd = ZSTD_createCCtx();
    if (!own_zstd)
        return 0;
    level = level < 1 ? 1 : level > COMPRESS_ZSTD_LEVEL_MAX ? COMPRESS_ZSTD_LEVEL_MAX : level;
    size_t packed = ZSTD_compressCCtx(own_zstd, to, room, from, size, level);
    return ZSTD_isError(packed) ? 0 : packed;
}

size_t pack(enum compression kind, int level, uint8_t sequence, const uint8_t *from, size_t size,
            uint8_t *to)
{
    uint8_t *packed = to + COMPRESS_HEADER;
    size_t length = 0;

    assert(size > 0 && size <= COMPRESS_CHUNK);
    if (size >= PACKED_LEAST)
        length = kind == COMPRESSION_ZLIB ? pack_zlib(from, size, packed, size - 1)
                                          : pack_zstd(level, from, size, packed, size - 1);
    bytes_put3(to + 4, length > 0 ? (uint32_t)size : 0);
    if (length == 0) {
        memcpy(packed, from, size);
        length = size;
    }
    bytes_put3(to, (uint32_t)length);
    to[3] = sequence;
    return COMPRESS_HEADER + length;
}

void compress_thread_end(void)
{
    if (spare_inflate)
        inflateEnd(spare_inflate);
    free(spare_inflate);
    for (int i = 0; i < 2; i++) {
        if (own_deflate[i])
            deflateEnd(own_deflate[i]);
        free(own_deflate[i]);
        own_deflate[i] = NULL;
    }
    ZSTD_freeDCtx(spare_zstd);
    ZSTD_freeCCtx(own_zstd);
    spare_inflate = NULL;
    spare_zstd = NULL;
    own_zstd = NULL;
}
