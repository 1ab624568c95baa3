/* The plain kind of stream: recv and send on a socket. The TLS kind is in tls/. */
#include "base/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t plain_read(struct stream *stream, void *to, size_t size)
{
    for (;;) {
        ssize_t got = recv(stream->socket, to, size, 0);
        if (got >= 0)
            return got;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return STREAM_AGAIN;
        if (errno != EINTR)
            return STREAM_FAILED;
    }
}

static ssize_t plain_write(struct stream *stream, const void *from, size_t size)
{
    for (;;) {
        ssize_t put = send(stream->socket, from, size, MSG_NOSIGNAL);
        if (put >= 0)
            return put;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return STREAM_AGAIN;
        if (errno != EINTR)
            return STREAM_FAILED;
    }
}

static void plain_close(struct stream *stream)
{
    close(stream->socket);
}

const struct stream_kind stream_plain = {
    .read = plain_read, .write = plain_write, .close = plain_close};

void stream_shut(struct stream *stream)
{
    if (stream->socket >= 0)
        shutdown(stream->socket, SHUT_WR);
}

void stream_close(struct stream *stream)
{
    if (stream->socket < 0)
        return;
    if (stream->layer)
        stream->layer->kind->free(stream);
    stream->layer = NULL;
    stream->kind->close(stream);
    stream->socket = -1;
    stream->kind = &stream_plain;
    stream->secret = NULL;
}
