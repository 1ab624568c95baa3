/* The processes that drain. They are watched by their pidfds. */
#include "proxy/generations.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "admin/control.h"
#include "base/log.h"
#include "proxy/ini_path.h"
#include "proxy/registry.h"
#include "proxy/start.h"

enum { POLL_MS = 20 };

static bool has_ended(const struct inherited_socket *older)
{
    struct pollfd gone = {.fd = older->fd, .events = POLLIN};

    return poll(&gone, 1, 0) == 1;
}

static unsigned count_generations(const struct inherited *inherited)
{
    unsigned alive = 0;

    for (size_t i = 0; i < inherited->count; i++) {
        const struct inherited_socket *older = &inherited->items[i];
        alive += older->kind == INHERITED_OLDER && older->fd >= 0 && !has_ended(older);
    }
    return alive;
}

unsigned generations_taken(const struct inherited *inherited)
{
    unsigned taken = 0;

    for (size_t i = 0; i < inherited->count; i++) {
        const struct inherited_socket *older = &inherited->items[i];
        if (older->kind == INHERITED_OLDER && older->fd >= 0 && older->ids && !has_ended(older))
            taken |= 1u << (older->ids - 1) % REGISTRY_GENERATIONS;
    }
    return taken;
}

size_t generations_numbers(const struct inherited *inherited, uint32_t *numbers, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < inherited->count && count < room; i++) {
        const struct inherited_socket *older = &inherited->items[i];
        if (older->kind == INHERITED_OLDER && older->fd >= 0 && !has_ended(older))
            numbers[count++] = older->number;
    }
    return count;
}

size_t generations_behind(const struct inherited *inherited, int ini_path,
                          struct ini_path_read read, uint32_t *numbers, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < inherited->count && count < room; i++) {
        const struct inherited_socket *older = &inherited->items[i];
        if (older->kind != INHERITED_OLDER || older->fd < 0)
            continue;
        const bool knows = ini_path >= 0 && older->ids;
        if ((knows && ini_path_has_noted(ini_path, older->ids - 1U, older->number, read)) ||
            has_ended(older))
            continue;
        numbers[count++] = older->number;
    }
    return count;
}

void generations_forget(struct inherited *inherited, const char *path)
{
    char own[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 12];

    for (size_t i = 0; i < inherited->count; i++) {
        struct inherited_socket *older = &inherited->items[i];
        if (older->kind != INHERITED_OLDER || older->fd < 0 || !has_ended(older))
            continue;
        close(older->fd);
        older->fd = -1;
        if (!path || older->number == 0)
            continue;
        snprintf(own, sizeof(own), OLDER_PATH, path, (unsigned)older->number);
        unlink(own);
    }
}

void generations_signal(const struct inherited *inherited, int signal)
{
    for (size_t i = 0; i < inherited->count; i++) {
        const struct inherited_socket *older = &inherited->items[i];
        if (older->kind == INHERITED_OLDER && older->fd >= 0)
            syscall(SYS_pidfd_send_signal, older->fd, signal, NULL, 0);
    }
}

void generations_make_room(const struct inherited *inherited, int64_t milliseconds)
{
    const struct timespec moment = {.tv_nsec = POLL_MS * 1000000L};

    if (count_generations(inherited) <= GENERATIONS)
        return;
    log_notice("%d generations drain: waiting for the oldest", GENERATIONS);
    for (int64_t waited = 0;
         waited < milliseconds && !start_is_ended() && count_generations(inherited) > GENERATIONS;
         waited += POLL_MS)
        nanosleep(&moment, NULL);
}

void generations_bound(const struct inherited *inherited)
{
    unsigned alive = 0;

    for (size_t i = inherited->count; i-- > 0;) {
        const struct inherited_socket *older = &inherited->items[i];
        if (older->kind != INHERITED_OLDER || older->fd < 0 || has_ended(older) ||
            ++alive <= GENERATIONS)
            continue;
        log_warning("more than %d generations drain: the oldest is ended", GENERATIONS);
        /* two signals; two of the same kind may be seen as one */
        syscall(SYS_pidfd_send_signal, older->fd, SIGTERM, NULL, 0);
        syscall(SYS_pidfd_send_signal, older->fd, SIGINT, NULL, 0);
    }
}
