/* The compressed protocol's frames, read and written: 3 bytes length, 1 byte sequence id, 3 bytes
 * length unpacked (0: as it is), body (MySQL Internals, "Compression"; MariaDB Knowledge Base, "0 -
 * Packet"). What the frames hold is a stream of ordinary packets, cut anywhere. Pure functions over
 * bytes, no sockets; nothing is held of a frame but the library's state while it is at hand.
 */
#ifndef PROTOCOL_COMPRESS_H
#define PROTOCOL_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/capabilities.h"

enum compression { COMPRESSION_NONE, COMPRESSION_ZLIB, COMPRESSION_ZSTD };

enum {
    COMPRESS_HEADER = 7,
    COMPRESS_CHUNK = 65536, /* at most that much goes into one frame of ours */
    COMPRESS_ROOM = COMPRESS_HEADER + COMPRESS_CHUNK,
    COMPRESS_ZLIB_LEVEL = 6,     /* as the servers */
    COMPRESS_ZSTD_LEVEL_MAX = 9, /* of what a client asks for: beyond, its work would be ours */
    COMPRESS_ZSTD_LEVEL = 3
};

#define COMPRESSION_FLAGS (CAPABILITY_COMPRESS | CAPABILITY_ZSTD_COMPRESSION_ALGORITHM)

/* What a side that says these flags in its login speaks from its end on: the servers take zlib
 * where both are said. */
enum compression compression_of(capabilities_t capabilities);

/* Reads frames. Zeroed but for `kind`, it is at the start of one. */
struct unpacker {
    uint8_t kind; /* enum compression */
    uint8_t header[COMPRESS_HEADER];
    uint8_t header_got;
    uint8_t sequence; /* of the last frame whose header was read */
    bool begun;       /* a header was read since the caller cleared this */
    bool in_frame, is_packed, is_over;
    bool more;     /* the room was filled: there may be more without any further byte */
    uint32_t left; /* bytes of the body still to come */
    uint32_t due;  /* unpacked bytes that are still to come */
    void *stream;  /* the library's, while in a packed frame */
};

/* Takes bytes from `from` and puts what they unpack to into `to`, at most `room` bytes: *taken and
 * *got say how many. Stops behind a frame's header, with `begun` set, so that its sequence id can
 * be looked at: call it again. False: not what the protocol allows (a body that unpacks to more or
 * less than its frame says, or not at all), or no memory. Memory: at most one window, 32 KiB of
 * zlib's or 16 MiB of zstd's where a client sends frames of that size, and only while in a frame.
 */
bool unpack(struct unpacker *unpacker, const uint8_t *from, size_t size, size_t *taken, uint8_t *to,
            size_t room, size_t *got);
/* Gives the library's state back. */
void unpack_end(struct unpacker *unpacker);

/* Writes `size` bytes (1 to COMPRESS_CHUNK) as one frame to `to` (COMPRESS_ROOM bytes); its size.
 * What does not become smaller goes as it is. */
size_t pack(enum compression kind, int level, uint8_t sequence, const uint8_t *from, size_t size,
            uint8_t *to);

/* A thread keeps the libraries' states from one frame to the next: at its end, this frees them. */
void compress_thread_end(void);

#endif
