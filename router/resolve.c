/* A thread whose result nobody has waited for frees it itself. */
#include "router/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"

enum { TURN_MS = 1 };
enum state { RUNS, DONE, LEFT };

struct resolving {
    _Atomic enum state state;
    const char *why;
    struct resolved found;
    uint16_t port;
    char host[];
};

static int ask(const char *host, uint16_t port, int flags, struct resolved *to)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *all = NULL;
    char written[8];

    *to = (struct resolved){.count = 0};
    snprintf(written, sizeof(written), "%u", (unsigned)port);
    const int wrong = getaddrinfo(host, written, &wanted, &all);
    if (wrong)
        return wrong;
    for (struct addrinfo *one = all; one && to->count < RESOLVED_MAX; one = one->ai_next) {
        struct router_address *address = &to->addresses[to->count];
        if (one->ai_addrlen > sizeof(address->at))
            continue;
        memcpy(&address->at, one->ai_addr, one->ai_addrlen);
        address->length = one->ai_addrlen;
        to->count++;
    }
    freeaddrinfo(all);
    return 0;
}

const char *resolve_name(const char *host, uint16_t port, struct resolved *to)
{
    const int wrong = ask(host, port, 0, to);

    return wrong ? gai_strerror(wrong) : to->count ? NULL : "it has no address";
}

static void *run(void *argument)
{
    struct resolving *resolving = argument;

    resolving->why = resolve_name(resolving->host, resolving->port, &resolving->found);
    if (atomic_exchange(&resolving->state, DONE) == LEFT)
        free(resolving);
    return NULL;
}

static bool start(struct resolving *resolving)
{
    sigset_t every, before;
    pthread_t thread;

    sigfillset(&every); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &every, &before);
    const bool started = pthread_create(&thread, NULL, run, resolving) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

struct resolving *resolve_begin(const char *host, uint16_t port)
{
    const size_t size = strlen(host) + 1;
    struct resolving *resolving = memory_take_zeroed(sizeof(*resolving) + size);

    resolving->port = port;
    memcpy(resolving->host, host, size);
    if (ask(host, port, AI_NUMERICHOST, &resolving->found) == 0 && resolving->found.count > 0) {
        atomic_store(&resolving->state, DONE);
        return resolving;
    }
    if (start(resolving))
        return resolving;
    free(resolving);
    return NULL;
}

const char *resolve_end(struct resolving *resolving, int64_t until, struct resolved *to)
{
    const struct timespec moment = {.tv_nsec = TURN_MS * 1000000L};

    if (!resolving)
        return "there is no thread for it";
    while (atomic_load(&resolving->state) == RUNS && clock_ms() < until)
        nanosleep(&moment, NULL);
    if (atomic_exchange(&resolving->state, LEFT) == RUNS)
        return "no answer yet; it is asked again";
    const char *why = resolving->why;
    *to = resolving->found;
    free(resolving);
    return why;
}
