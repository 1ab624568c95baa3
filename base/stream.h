/* A byte stream over a socket that does not block: plain, or TLS swapped in place. Four operations
 * and two questions; the callers never know which kind it is. */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a read or write returns besides a number of bytes. */
enum { STREAM_END = 0, STREAM_AGAIN = -1, STREAM_FAILED = -2 };

struct stream;

struct stream_kind {
    /* At most `size` bytes into `to`: their number (> 0), STREAM_END when the other side has closed
     * in order, STREAM_AGAIN, or STREAM_FAILED (errno, or stream_failure, says why). */
    ssize_t (*read)(struct stream *stream, void *to, size_t size);
    /* The number of bytes taken (> 0), STREAM_AGAIN or STREAM_FAILED. After STREAM_AGAIN the same
     * bytes must be offered again (they may have moved). */
    ssize_t (*write)(struct stream *stream, const void *from, size_t size);
    /* Tells the other side (TLS close_notify) where it can be done without waiting, frees `secret`
     * and closes the socket. */
    void (*close)(struct stream *stream);
    /* Bytes that a read would give although the socket is not readable. NULL: never any. */
    bool (*pending)(const struct stream *stream);
    /* Of the operation that said STREAM_AGAIN last: does it wait for the socket to be writable
     * (true) or readable (false)? NULL: reads wait for readable, writes for writable. */
    bool (*wants_write)(const struct stream *stream);
};

/* What may lie between the callers and the kind: bytes in another form (proxy/compressed.c). */
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
    /* As the kind's, in terms of which they do their work. */
    ssize_t (*read)(struct stream *stream, void *to, size_t size);
    ssize_t (*write)(struct stream *stream, const void *from, size_t size);
    bool (*pending)(const struct stream *stream); /* besides what the kind has */
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

/* A new command begins: what is written next answers it, or, to a server, is it. */
static inline void stream_turn(struct stream *stream)
{
    if (stream->layer)
        stream->layer->kind->turn(stream);
}

static inline bool stream_wants_write(const struct stream *stream, bool writing)
{
    return stream->kind->wants_write ? stream->kind->wants_write(stream) : writing;
}

/* Nothing more will be written: the socket's sending side is shut behind what was; reading goes on.
 * TLS says no close_notify: a server that waits for a lock looks at its socket and not into it
 * (MySQL 9.7), and would take the notice for a client that still has something to say. */
void stream_shut(struct stream *stream);

/* Closes once; harmless on a closed stream. */
void stream_close(struct stream *stream);

#endif
