/* sd_notify without its library: the protocol is a line of text in a datagram. */
#include "proxy/notify.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify(const char *format, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t length = path ? strlen(path) : 0;
    char text[512];
    va_list arguments;

    if ((length < 2 || length >= sizeof(at.sun_path)) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(at.sun_path, path, length);
    if (path[0] == '@') /* an abstract socket */
        at.sun_path[0] = 0;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender < 0)
        return;
    sendto(sender, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&at,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(sender);
}

void notify_reloading(void)
{
    notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_us());
}
