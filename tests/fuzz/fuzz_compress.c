/* Frames of the compressed protocol, of a stranger: unpacked at once and in pieces with little
 * room, they hold the same bytes, end at the same place, and never give more than their headers
 * say. And what is packed unpacks to what it was. The input: kind, level, size of the pieces,
 * frames.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "protocol/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { MOST = 1 << 18 };

struct outcome {
    uint8_t bytes[MOST];
    size_t got, taken, said;
    bool good, full;
};

/* Unpacks all, `piece` bytes at a time into `room` bytes. */
static void read_all(struct outcome *outcome, enum compression kind, const uint8_t *from,
                     size_t size, size_t piece, size_t room)
{
    struct unpacker unpacker = {.kind = (uint8_t)kind};
    size_t taken = 0, got = 0;

    outcome->got = outcome->taken = outcome->said = 0;
    outcome->good = true;
    outcome->full = false;
    do {
        size_t left = size - outcome->taken, space = MOST - outcome->got;
        outcome->full = space == 0;
        if (outcome->full)
            break;
        unpacker.begun = false;
        outcome->good =
            unpack(&unpacker, from + outcome->taken, left < piece ? left : piece, &taken,
                   outcome->bytes + outcome->got, space < room ? space : room, &got);
        if (unpacker.begun)
            outcome->said += bytes_get3(unpacker.header + 4) ? bytes_get3(unpacker.header + 4)
                                                             : bytes_get3(unpacker.header);
        outcome->taken += taken;
        outcome->got += got;
        assert(outcome->taken <= size && outcome->got <= MOST);
        assert(outcome->got <= outcome->said);
    } while (outcome->good && (taken > 0 || got > 0 || unpacker.begun || unpacker.more));
    unpack_end(&unpacker);
}

static void round_trip(enum compression kind, int level, const uint8_t *bytes, size_t size)
{
    static uint8_t frame[COMPRESS_ROOM], back[COMPRESS_CHUNK + 1];
    struct unpacker unpacker = {.kind = (uint8_t)kind};
    size_t length = pack(kind, level, 7, bytes, size, frame), at = 0, got = 0, part, more;

    assert(length <= COMPRESS_ROOM);
    while (at < length) {
        assert(unpack(&unpacker, frame + at, length - at, &part, back + got, sizeof(back) - got,
                      &more));
        at += part;
        got += more;
    }
    assert(unpacker.sequence == 7 && !unpacker.in_frame && got == size);
    assert(memcmp(back, bytes, size) == 0);
    unpack_end(&unpacker);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct outcome whole, pieces;

    if (size < 4 || size > MOST)
        return 0;
    enum compression kind = bytes[0] & 1 ? COMPRESSION_ZSTD : COMPRESSION_ZLIB;
    size_t piece = (size_t)bytes[1] + 1, room = (size_t)bytes[2] * 8 + 1;
    if (bytes[0] & 2 && size - 3 <= COMPRESS_CHUNK)
        round_trip(kind, bytes[0] >> 2, bytes + 3, size - 3);
    read_all(&whole, kind, bytes + 3, size - 3, SIZE_MAX, SIZE_MAX);
    read_all(&pieces, kind, bytes + 3, size - 3, piece, room);
    /* Of a frame that turns out bad, more or less of what came before it may have been given. */
    assert(whole.good == pieces.good || whole.full || pieces.full);
    size_t common = whole.got < pieces.got ? whole.got : pieces.got;
    assert(memcmp(whole.bytes, pieces.bytes, common) == 0);
    if (whole.good && !whole.full && !pieces.full)
        assert(whole.got == pieces.got && whole.taken == pieces.taken);
    return 0;
}
