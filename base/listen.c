/* Opens listening sockets, for clients and for HTTP. Does not depend on the protocols. */
#include "base/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int failed(int opened, struct error *why)
{
    error_set(why, "%s", strerror(errno));
    if (opened >= 0)
        close(opened);
    return -1;
}

/* Removes the socket of a process that ended without cleaning up. A path that is no socket, or a
 * socket on which a process still answers, stays; bind then fails. */
static void remove_stale(const struct sockaddr_un *at)
{
    struct stat there;

    if (lstat(at->sun_path, &there) != 0 || !S_ISSOCK(there.st_mode))
        return;
    int asking = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(asking, (const struct sockaddr *)at, sizeof(*at)) != 0 && errno == ECONNREFUSED)
        unlink(at->sun_path);
    close(asking);
}

int listen_unix(const char *path, unsigned mode, int backlog, struct error *why)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length >= sizeof(at.sun_path)) {
        errno = ENAMETOOLONG;
        return failed(-1, why);
    }
    memcpy(at.sun_path, path, length);
    remove_stale(&at);
    int opened = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    fchmod(opened, mode); /* before it is bound, so that `mode` holds whatever the umask is */
    if (opened < 0 || bind(opened, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        chmod(path, mode) != 0 || listen(opened, backlog) != 0)
        return failed(opened, why);
    return opened;
}

/* A bound socket that does not listen yet. */
static int bind_tcp(const char *host, uint16_t port, bool shared, struct error *why)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char number[8];
    int on = 1;

    snprintf(number, sizeof(number), "%u", port);
    int code = getaddrinfo(host, number, &wanted, &found);
    if (code) {
        error_set(why, "%s", gai_strerror(code));
        return -1;
    }
    int opened = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (shared)
        setsockopt(opened, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (found->ai_family == AF_INET6)
        setsockopt(opened, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (opened < 0 || bind(opened, found->ai_addr, found->ai_addrlen) != 0)
        opened = failed(opened, why);
    freeaddrinfo(found);
    return opened;
}

int listen_tcp(const char *host, uint16_t port, int backlog, bool shared, struct error *why)
{
    int opened = bind_tcp(host, port, shared, why);

    return opened < 0 || backlog == 0 || listen(opened, backlog) == 0 ? opened
                                                                      : failed(opened, why);
}

bool listen_tcp_free(const char *host, uint16_t port, struct error *why)
{
    int opened = bind_tcp(host, port, false, why);

    if (opened < 0)
        return false;
    close(opened);
    return true;
}

bool listen_is_unix(int opened, const char *path)
{
    struct sockaddr_un at = {0};
    socklen_t length = sizeof(at);

    return getsockname(opened, (struct sockaddr *)&at, &length) == 0 && at.sun_family == AF_UNIX &&
           strncmp(at.sun_path, path, sizeof(at.sun_path)) == 0;
}

/* Asked with a socket of another type, to which Linux says that. */
bool listen_is_there(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int asking = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    const bool there =
        connect(asking, (struct sockaddr *)&at, sizeof(at)) != 0 && errno == EPROTOTYPE;
    if (asking >= 0)
        close(asking);
    return there;
}

bool listen_is_tcp(int opened, const char *host, uint16_t port)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct sockaddr_storage at = {0};
    socklen_t length = sizeof(at);
    struct addrinfo *found;
    char number[8];
    bool same = false;

    snprintf(number, sizeof(number), "%u", port);
    if (getsockname(opened, (struct sockaddr *)&at, &length) != 0 ||
        (at.ss_family != AF_INET && at.ss_family != AF_INET6) ||
        getaddrinfo(host, number, &wanted, &found) != 0)
        return false;
    if (found->ai_family == AF_INET && at.ss_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)&at;
        const struct sockaddr_in *b = (const struct sockaddr_in *)found->ai_addr;
        same = a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
    } else if (found->ai_family == AF_INET6 && at.ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)&at;
        const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)found->ai_addr;
        same = a->sin6_port == b->sin6_port &&
               memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) == 0;
    }
    freeaddrinfo(found);
    return same;
}
