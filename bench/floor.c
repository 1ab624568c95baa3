/* The floor: a bare epoll relay. Accept, connect, recv, send, nothing else: what one more trip
 * through the kernel costs at least. One thread; both sockets of a pair are read when they are
 * readable and written at once; a side that does not take all is waited for.
 *
 * floor LISTEN_PORT UPSTREAM_PORT, both on 127.0.0.1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 65536, EVENTS = 64 };

struct end {
    int socket;
    struct end *other;
    uint32_t watched;
    int known;           /* to epoll */
    size_t sent, filled; /* of `bytes`: read from here, not yet written to the other */
    uint8_t *bytes;
};

static int epoll;

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void watch(struct end *end, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = end};

    if (end->known && end->watched == events)
        return;
    epoll_ctl(epoll, end->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, end->socket, &event);
    end->known = 1;
    end->watched = events;
}

static struct end *end_new(int socket)
{
    struct end *end = calloc(1, sizeof(*end));
    int on = 1;

    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    end->socket = socket;
    end->bytes = malloc(BUFFER);
    return end;
}

static void end_free(struct end *end)
{
    close(end->socket);
    free(end->bytes);
    free(end);
}

static void accept_one(int listener, const struct sockaddr_in *upstream)
{
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (client < 0 || connect(server, (const struct sockaddr *)upstream, sizeof(*upstream)) != 0) {
        close(client);
        close(server);
        return;
    }
    struct end *a = end_new(client), *b = end_new(server);
    a->other = b;
    b->other = a;
    watch(a, EPOLLIN);
    watch(b, EPOLLIN);
}

/* Writes what is left of `end`'s bytes to the other side. False where the pair is over. */
static int flush(struct end *end)
{
    while (end->sent < end->filled) {
        ssize_t put = send(end->other->socket, end->bytes + end->sent, end->filled - end->sent,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EAGAIN) {
            watch(end->other, end->other->watched | EPOLLOUT);
            watch(end, end->watched & ~(uint32_t)EPOLLIN);
            return 1;
        }
        if (put < 0)
            return 0;
        end->sent += (size_t)put;
    }
    end->sent = end->filled = 0;
    return 1;
}

static int readable(struct end *end)
{
    ssize_t got = recv(end->socket, end->bytes, BUFFER, MSG_DONTWAIT);

    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    end->filled = (size_t)got;
    return flush(end);
}

static int writable(struct end *end)
{
    if (!flush(end->other))
        return 0;
    if (end->other->filled == 0) {
        watch(end, end->watched & ~(uint32_t)EPOLLOUT);
        watch(end->other, end->other->watched | EPOLLIN);
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    int on = 1;

    if (argc != 3) {
        fputs("usage: floor LISTEN_PORT UPSTREAM_PORT\n", stderr);
        return 2;
    }
    struct sockaddr_in at = loopback(argv[1]), upstream = loopback(argv[2]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 4096) != 0) {
        perror("floor");
        return 2;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct end *end = events[i].data.ptr;
            int fine = 1;
            if (!end) {
                accept_one(listener, &upstream);
                continue;
            }
            if (events[i].events & EPOLLOUT)
                fine = writable(end);
            if (fine && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                fine = readable(end);
            if (!fine) {
                end_free(end->other);
                end_free(end);
                break; /* the other end may be among the events left: they come again */
            }
        }
    }
}
