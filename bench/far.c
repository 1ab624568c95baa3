/* A server that is far away: a relay that holds whatever the client sends for a while before the
 * server gets it, so that the distance, and not the machine's cores, limits what can be done.
 *
 * far LISTEN_PORT UPSTREAM_PORT MICROSECONDS, both ports on 127.0.0.1. A thread for each direction
 * of a connection.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536 };

struct way {
    int from, to;
    long held; /* nanoseconds */
};

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Until either side is gone; the sockets themselves stay open as long as the other direction runs.
 */
static void *carry(void *argument)
{
    struct way *way = argument;
    uint8_t *bytes = malloc(BUFFER);
    struct timespec held = {.tv_nsec = way->held};
    ssize_t got;

    prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
    while (bytes && (got = recv(way->from, bytes, BUFFER, 0)) > 0) {
        if (way->held > 0)
            nanosleep(&held, NULL);
        for (ssize_t sent = 0, put = 0; sent < got; sent += put)
            if ((put = send(way->to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL)) <= 0)
                break;
    }
    shutdown(way->to, SHUT_RDWR);
    shutdown(way->from, SHUT_RDWR);
    free(bytes);
    free(way);
    return NULL;
}

static pthread_t start(int from, int to, long held)
{
    struct way *way = malloc(sizeof(*way));
    pthread_t thread;

    if (way)
        *way = (struct way){from, to, held};
    if (!way || pthread_create(&thread, NULL, carry, way) != 0) {
        perror("far");
        exit(2);
    }
    return thread;
}

struct pair {
    int client, server;
    long held;
};

static void *serve(void *argument)
{
    struct pair pair = *(struct pair *)argument;
    int on = 1;

    free(argument);
    setsockopt(pair.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(pair.server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    pthread_t there = start(pair.client, pair.server, pair.held);
    pthread_t back = start(pair.server, pair.client, 0);
    pthread_join(there, NULL);
    pthread_join(back, NULL);
    close(pair.client);
    close(pair.server);
    return NULL;
}

int main(int argc, char **argv)
{
    int on = 1;

    if (argc != 4) {
        fputs("usage: far LISTEN_PORT UPSTREAM_PORT MICROSECONDS\n", stderr);
        return 2;
    }
    struct sockaddr_in at = loopback(argv[1]), upstream = loopback(argv[2]);
    long held = strtol(argv[3], NULL, 10) * 1000;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 4096) != 0) {
        perror("far");
        return 2;
    }
    for (;;) {
        struct pair *pair = malloc(sizeof(*pair));
        pthread_t thread;
        if (!pair)
            return 2;
        *pair = (struct pair){accept4(listener, NULL, NULL, SOCK_CLOEXEC),
                              socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), held};
        if (pair->client < 0 ||
            connect(pair->server, (const struct sockaddr *)&upstream, sizeof(upstream)) != 0 ||
            pthread_create(&thread, NULL, serve, pair) != 0) {
            close(pair->client);
            close(pair->server);
            free(pair);
            continue;
        }
        pthread_detach(thread);
    }
}
