/* Reads and writes the frames of the compressed protocol: 3 bytes length, 1 byte sequence id, 3
 * bytes uncompressed length (0: the body is not compressed), body (MySQL Internals, "Compression";
 * MariaDB Knowledge Base, "0 - Packet"). The bodies are a stream of ordinary packets; a frame may
 * end anywhere in a packet. Pure functions over bytes, no sockets. Only the library's state is kept
 * while a frame is incomplete.
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
    COMPRESS_CHUNK = 65536, /* most bytes that silogate puts into one frame */
    COMPRESS_ROOM = COMPRESS_HEADER + COMPRESS_CHUNK,
    COMPRESS_ZLIB_LEVEL = 6,     /* as the servers have it */
    COMPRESS_ZSTD_LEVEL_MAX = 9, /* most that a client gets: more costs CPU time */
    COMPRESS_ZSTD_LEVEL = 3
};

#define COMPRESSION_FLAGS (CAPABILITY_COMPRESS | CAPABILITY_ZSTD_COMPRESSION_ALGORITHM)

/* The compression that a connection has after a login with these flags. If both are set the servers
 * take zlib. */
enum compression compression_of(capabilities_t capabilities);

/* The state of reading frames. To start, zero it and set `kind`. */
struct unpacker {
    uint8_t kind; /* enum compression */
    uint8_t header[COMPRESS_HEADER];
    uint8_t header_got;
    uint8_t sequence; /* of the last frame whose header was read */
    bool begun;       /* set when a header was read; the caller clears it */
    bool in_frame, is_packed, is_over;
    bool more;     /* the room was filled: there may be more output without further input */
    uint32_t left; /* bytes of the body still to come */
    uint32_t due;  /* unpacked bytes that are still to come */
    void *stream;  /* the library's state, while in a compressed frame */
};

/* Takes bytes from `from` and writes the uncompressed bytes to `to`, at most `room`: *taken and
 * *got say how many. Stops after a frame's header, with `begun` set, so that the caller can read
 * its sequence id: call it again. False: the protocol does not allow it (a body cannot be unpacked,
 * or its length is not the one in the header), or no memory. Memory: at most one window, 32 KiB of
 * zlib or 16 MiB of zstd if a client sends frames of this size, and only while in a frame.
 */
bool unpack(struct unpacker *unpacker, const uint8_t *from, size_t size, size_t *taken, uint8_t *to,
            size_t room, size_t *got);
/* Releases the library's state. */
void unpack_end(struct unpacker *unpacker);

/* Writes `size` bytes (1 to COMPRESS_CHUNK) as one frame to `to` (COMPRESS_ROOM bytes) and returns
 * its size. Bytes that do not become smaller are not compressed. */
size_t pack(enum compression kind, int level, uint8_t sequence, const uint8_t *from, size_t size,
            uint8_t *to);

/* Each thread keeps states of the libraries for its next frames. Call this at the thread's end to
 * free them. */
void compress_thread_end(void);

#endif
