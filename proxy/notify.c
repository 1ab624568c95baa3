/* sd_notify without its library: the protocol is a line of text in a datagram. */
#include "proxy/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { WAIT_SECONDS = 5 };

static char kept[512]; /* that it serves: the manager has not taken it yet; "": nothing */
static bool deaf;      /* it has taken nothing for so long: it is not waited for again */

/* A manager that has not read for a while takes no more. */
static bool put(const char *path, const char *text)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const struct timeval wait = {.tv_sec = WAIT_SECONDS};
    const size_t length = strlen(path);
    const int64_t until = clock_ms() + INT64_C(1000) * WAIT_SECONDS;
    ssize_t sent;

    memcpy(at.sun_path, path, length);
    if (path[0] == '@') /* an abstract socket */
        at.sun_path[0] = 0;
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender < 0)
        return false;
    setsockopt(sender, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    do
        sent = sendto(sender, text, strlen(text), MSG_NOSIGNAL | (deaf ? MSG_DONTWAIT : 0),
                      (struct sockaddr *)&at,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    while (sent < 0 && errno == EINTR && clock_ms() < until);
    if (sent < 0 && !deaf)
        log_warning("NOTIFY_SOCKET: whoever listens there does not take '%.*s': %s",
                    (int)strcspn(text, "\n"), text, strerror(errno));
    deaf = sent < 0;
    close(sender);
    return sent >= 0;
}

static const char *manager(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const size_t length = path ? strlen(path) : 0;

    if (length < 2 || length >= sizeof(((struct sockaddr_un *)NULL)->sun_path) ||
        (path[0] != '/' && path[0] != '@'))
        return NULL;
    return path;
}

void notify(const char *format, ...)
{
    const char *path = manager();
    char text[sizeof(kept)];
    va_list arguments;

    if (!path)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const bool sent = put(path, text);
    if (strncmp(text, "READY=1\n", 8) == 0)
        memcpy(kept, sent ? "" : text, sent ? 1 : sizeof(text));
}

void notify_again(void)
{
    const char *path = manager();

    if (path && kept[0] && put(path, kept))
        kept[0] = 0;
}

void notify_reloading(void)
{
    notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_us());
}
