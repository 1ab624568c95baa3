#include "base/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"

struct resolve_name {
    struct resolve_name *next;
    bool is_address;
    uint16_t port;
    /* what follows, up to the host: under the lock */
    bool runs;                /* its thread */
    uint64_t asked, answered; /* numbers of look-ups */
    const char *why;          /* the last one has failed */
    struct resolved found;
    pthread_cond_t changed;
    char host[];
};

static struct {
    pthread_mutex_t lock;
    struct resolve_name *first;
} names = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* An error number of getaddrinfo, or 0. */
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
        struct resolved_address *address = &to->addresses[to->count];
        if (one->ai_addrlen > sizeof(address->at))
            continue;
        memcpy(&address->at, one->ai_addr, one->ai_addrlen);
        address->length = one->ai_addrlen;
        to->count++;
    }
    freeaddrinfo(all);
    return 0;
}

/* Under the lock. */
static struct resolve_name *find(const char *host, uint16_t port)
{
    struct resolve_name *name = names.first;

    while (name && (name->port != port || strcmp(name->host, host) != 0))
        name = name->next;
    return name;
}

static struct resolve_name *add(const char *host, uint16_t port)
{
    const size_t size = strlen(host) + 1;
    struct resolve_name *name = memory_take_zeroed(sizeof(*name) + size);
    pthread_condattr_t attributes;

    name->port = port;
    memcpy(name->host, host, size);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&name->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    name->is_address = ask(host, port, AI_NUMERICHOST, &name->found) == 0 && name->found.count > 0;
    name->next = names.first;
    names.first = name;
    return name;
}

struct resolve_name *resolve_name(const char *host, uint16_t port)
{
    pthread_mutex_lock(&names.lock);
    struct resolve_name *name = find(host, port);
    if (!name)
        name = add(host, port);
    pthread_mutex_unlock(&names.lock);
    return name;
}

bool resolve_is_address(const struct resolve_name *name)
{
    return name->is_address;
}

static void *run(void *argument)
{
    struct resolve_name *name = argument;
    struct resolved found;

    pthread_mutex_lock(&names.lock);
    while (name->answered != name->asked) {
        const uint64_t number = name->asked;
        pthread_mutex_unlock(&names.lock);
        const int wrong = ask(name->host, name->port, 0, &found);
        pthread_mutex_lock(&names.lock);
        name->why = wrong ? gai_strerror(wrong) : found.count ? NULL : "it has no address";
        if (!name->why)
            name->found = found;
        name->answered = number;
        pthread_cond_broadcast(&name->changed);
    }
    name->runs = false;
    pthread_mutex_unlock(&names.lock);
    return NULL;
}

static bool start(struct resolve_name *name)
{
    sigset_t every, before;
    pthread_t thread;

    sigfillset(&every); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &every, &before);
    const bool started = pthread_create(&thread, NULL, run, name) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

uint64_t resolve_begin(struct resolve_name *name)
{
    pthread_mutex_lock(&names.lock);
    const uint64_t number = ++name->asked;
    if (name->is_address) {
        name->answered = number;
    } else if (!name->runs) {
        name->runs = start(name);
        if (!name->runs) {
            name->answered = number;
            name->why = "there is no thread for it";
        }
    }
    pthread_mutex_unlock(&names.lock);
    return number;
}

const char *resolve_wait(struct resolve_name *name, uint64_t number, int64_t until)
{
    const struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};

    pthread_mutex_lock(&names.lock);
    while (name->answered < number && clock_ms() < until)
        pthread_cond_timedwait(&name->changed, &names.lock, &at);
    const char *why = name->answered < number ? "no answer yet; it is asked again" : name->why;
    pthread_mutex_unlock(&names.lock);
    return why;
}

void resolve_found(struct resolve_name *name, struct resolved *to)
{
    pthread_mutex_lock(&names.lock);
    *to = name->found;
    pthread_mutex_unlock(&names.lock);
}

bool resolve_known(const char *host, uint16_t port, struct resolved *to)
{
    pthread_mutex_lock(&names.lock);
    const struct resolve_name *name = find(host, port);
    if (name)
        *to = name->found;
    pthread_mutex_unlock(&names.lock);
    return name != NULL;
}
