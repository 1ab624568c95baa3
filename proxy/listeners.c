/* Sockets are matched to addresses by the address to which the kernel says they are bound, so the
 * spelling of an address does not matter.
 */
#include "proxy/listeners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/listen.h"
#include "base/log.h"

enum { BACKLOG = 4096 };

static void add(struct open_sockets *to, struct open_socket socket)
{
    to->items = memory_resize(to->items, (to->count + 1) * sizeof(to->items[0]));
    to->items[to->count++] = socket;
}

static bool refuse(const struct config_address *address, const struct error *why,
                   struct error *error)
{
    return error_at(error, address->line, "listen = %s: %s; write another address or path",
                    address->written.at, why->text);
}

static bool is_at(int fd, const struct config_address *address)
{
    return address->is_unix ? listen_is_unix(fd, address->host.at)
                            : listen_is_tcp(fd, address->host.at, address->port);
}

/* Somebody may have removed the path, and no client could come then: the socket is closed, and the
 * caller makes a new one. The path of systemd's sockets is systemd's. */
static bool has_vanished(struct inherited_socket *socket, const struct config_address *address)
{
    if (!address->is_unix || socket->systemd || listen_is_there(address->host.at))
        return false;
    log_warning("%s: the path has vanished; it is made again", address->written.at);
    close(socket->fd);
    socket->fd = -1;
    return true;
}

static bool is_for(struct inherited_socket *socket, enum inherited_kind kind,
                   const struct config_address *address)
{
    return socket->fd >= 0 && socket->kind == kind && is_at(socket->fd, address) &&
           !has_vanished(socket, address);
}

int listeners_take(struct inherited *inherited, enum inherited_kind kind,
                   const struct config_address *address)
{
    for (size_t i = 0; address->host.at && i < inherited->count; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        if (!is_for(socket, kind, address))
            continue;
        const int taken = socket->fd;
        socket->fd = -1;
        return taken;
    }
    return -1;
}

/* Gives the sockets that were inherited for an address to the workers in turn. Returns their
 * number. */
static unsigned take_inherited(struct inherited *inherited, const struct config_address *address,
                               unsigned workers, struct open_sockets *to, bool *shared)
{
    unsigned found = 0;

    for (size_t i = 0; i < inherited->count; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        if (!is_for(socket, INHERITED_LISTEN, address))
            continue;
        bool all = address->is_unix || socket->systemd;
        add(to, (struct open_socket){.fd = socket->fd,
                                     .worker = found % workers,
                                     .is_unix = address->is_unix,
                                     .shared = all,
                                     .systemd = socket->systemd});
        socket->fd = -1;
        *shared |= all;
        found++;
    }
    return found;
}

/* Before it listens, another start would take its path for one that is left. */
static bool open_unix(const struct config_address *address, struct open_sockets *to,
                      struct error *error)
{
    struct error why;
    struct stat made = {.st_ino = 0};
    int fd = listen_unix(address->host.at, 0777, BACKLOG, &why);

    if (fd < 0)
        return refuse(address, &why, error);
    lstat(address->host.at, &made);
    add(to, (struct open_socket){.fd = fd, .is_unix = true, .shared = true, .made = made.st_ino});
    return true;
}

/* A new address is listened on at once, or another program could take it until the start is over.
 */
static bool open_tcp(const struct config_address *address, unsigned first, unsigned workers,
                     struct open_sockets *to, struct error *error)
{
    const bool is_new = first == 0;
    struct error why;

    /* with SO_REUSEPORT a bind does not fail if another process has the address too */
    if (is_new && !listen_tcp_free(address->host.at, address->port, &why))
        return refuse(address, &why, error);
    for (unsigned i = first; i < workers; i++) {
        int fd = listen_tcp(address->host.at, address->port, is_new ? BACKLOG : 0, true, &why);
        if (fd < 0)
            return refuse(address, &why, error);
        add(to, (struct open_socket){.fd = fd, .worker = i, .bound = !is_new});
    }
    return true;
}

bool listeners_open(const struct config *config, unsigned workers, struct inherited *inherited,
                    struct open_sockets *to, struct error *error)
{
    for (size_t i = 0; i < config->proxy.listen.count; i++) {
        const struct config_address *address = &config->proxy.listen.items[i];
        bool shared = false;
        unsigned found = take_inherited(inherited, address, workers, to, &shared);
        if (shared)
            continue;
        if (address->is_unix ? !open_unix(address, to, error)
                             : !open_tcp(address, found, workers, to, error))
            return false;
    }
    return true;
}

void listeners_begin(struct open_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++) {
        struct open_socket *socket = &sockets->items[i];
        if (socket->bound && listen(socket->fd, BACKLOG) != 0)
            log_error("a worker cannot listen: %s; the others do", strerror(errno));
        socket->bound = false;
    }
}

void listeners_undo(const struct open_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++) {
        const struct open_socket *socket = &sockets->items[i];
        struct sockaddr_un at = {0};
        socklen_t length = sizeof(at);
        struct stat there;
        if (socket->made && getsockname(socket->fd, (struct sockaddr *)&at, &length) == 0 &&
            lstat(at.sun_path, &there) == 0 && there.st_ino == socket->made)
            unlink(at.sun_path);
    }
}

void listeners_close(struct open_sockets *sockets, bool all)
{
    for (size_t i = 0; i < sockets->count; i++) {
        struct open_socket *socket = &sockets->items[i];
        if (socket->fd >= 0 && (all || socket->shared))
            close(socket->fd);
        if (all || socket->shared)
            socket->fd = -1;
    }
    if (!all)
        return;
    free(sockets->items);
    *sockets = (struct open_sockets){0};
}

void listeners_unlink(const struct config *config, const struct open_sockets *sockets)
{
    for (size_t i = 0; i < config->proxy.listen.count; i++) {
        const struct config_address *address = &config->proxy.listen.items[i];
        bool ours = address->is_unix;
        for (size_t j = 0; j < sockets->count; j++) {
            const struct open_socket *socket = &sockets->items[j];
            if (ours && socket->systemd && socket->fd >= 0 && is_at(socket->fd, address))
                ours = false;
        }
        if (ours)
            unlink(address->host.at);
    }
}
