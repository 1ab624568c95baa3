/* A byte stream over a non-blocking socket: plain, or TLS in its place. The callers do not know
 * which kind it is. */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a read or write returns besides a number of bytes. */
enum { STREAM_END = 0, STREAM_AGAIN = -1, STREAM_FAILED = -2 };

struct stream;

struct stream_kind {
    /* Reads at most `size` bytes into `to`. Returns their number (> 0), STREAM_END when the other
     * side has closed in order, STREAM_AGAIN, or STREAM_FAILED (see errno, for TLS tls_failure). */
    ssize_t (*read)(struct stream *stream, void *to, size_t size);
    /* The number of bytes taken (> 0), STREAM_AGAIN or STREAM_FAILED. After STREAM_AGAIN the same
     * bytes must be offered again (they may have moved). */
    ssize_t (*write)(struct stream *stream, const void *from, size_t size);
    /* Sends TLS's close_notify if that is possible without waiting, frees `secret` and closes the
     * socket. */
    void (*close)(struct stream *stream);
    /* Are there bytes that a read would return although the socket is not readable? NULL: never. */
    bool (*pending)(const struct stream *stream);
    /* Has a part come of something that can only be read as a whole? NULL: never. */
    bool (*arrives)(const struct stream *stream);
    /* Does the last operation that returned STREAM_AGAIN wait for the socket to be writable (true)
     * or readable (false)? NULL: reads wait for readable, writes for writable. */
    bool (*wants_write)(const struct stream *stream);
};

/* An optional layer between the callers and the kind of stream: compression (proxy/compressed.c).
 */
struct stream_layer {
    const struct stream_layer_kind *kind;
};

struct stream {
    const struct stream_kind *kind;
    int socket;                 /* -1: closed */
    void *secret;               /* the kind's own: NULL for a plain stream */
    struct stream_layer *layer; /* NULL: none */
};

struct stream_layer_kind {
    /* The same contracts as the kind's functions, which they call. */
    ssize_t (*read)(struct stream *stream, void *to, size_t size);
    ssize_t (*write)(struct stream *stream, const void *from, size_t size);
    bool (*pending)(
        const struct stream *stream); /* in addition to the pending bytes of the kind itself */
    bool (*arrives)(const struct stream *stream); /* a part of the other side's next frame */
    void (*turn)(struct stream *stream);
    void (*free)(struct stream *stream); /* before the kind is closed */
};

extern const struct stream_kind stream_plain;

static inline ssize_t stream_read(struct stream *stream, void *to, size_t size)
{
    return stream->layer ? stream->layer->kind->read(stream, to, size)
                         : stream->kind->read(stream, to, size);
}

static inline ssize_t stream_write(struct stream *stream, const void *from, size_t size)
{
    return stream->layer ? stream->layer->kind->write(stream, from, size)
                         : stream->kind->write(stream, from, size);
}

static inline bool stream_pending(const struct stream *stream)
{
    return (stream->layer && stream->layer->kind->pending(stream)) ||
           (stream->kind->pending && stream->kind->pending(stream));
}

/* Has a part come of what the other side sends next, of which a read returns nothing yet? */
static inline bool stream_arrives(const struct stream *stream)
{
    return (stream->layer && stream->layer->kind->arrives(stream)) ||
           (stream->kind->arrives && stream->kind->arrives(stream));
}

/* A new command begins: the next bytes written are its answer (to a client) or the command (to a
 * server). */
static inline void stream_turn(struct stream *stream)
{
    if (stream->layer)
        stream->layer->kind->turn(stream);
}

static inline bool stream_wants_write(const struct stream *stream, bool writing)
{
    return stream->kind->wants_write ? stream->kind->wants_write(stream) : writing;
}

/* After the last write: shuts down the socket's sending side after the bytes that were written;
 * reading goes on. No TLS close_notify is sent: a server that waits for a lock only checks whether
 * its socket is readable or closed (MySQL 9.7), and would take the alert for another command. */
void stream_shut(struct stream *stream);

/* Closes the stream; no effect if it is closed. */
void stream_close(struct stream *stream);

#endif
