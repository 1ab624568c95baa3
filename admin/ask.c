/* One HTTP request on a Unix socket. It uses HTTP/1.0, so that the answer is not chunked and ends
 * when the connection is closed. */
#include "admin/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"

enum { ANSWER_MAX = 256 << 20 };

void ask_path(struct ask *ask, const char *path)
{
    snprintf(ask->path, sizeof(ask->path), "%s", path);
}

void ask_argument(struct ask *ask, const char *key, const char *value)
{
    size_t length = strlen(ask->path), room = sizeof(ask->path) - 4;

    if (!value)
        return;
    length += (size_t)snprintf(ask->path + length, sizeof(ask->path) - length,
                               "%c%s=", strchr(ask->path, '?') ? '&' : '?', key);
    for (; *value && length < room; value++) {
        unsigned char c = (unsigned char)*value;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '_' || c == '-' || c == '.';
        length += (size_t)snprintf(ask->path + length, sizeof(ask->path) - length,
                                   plain ? "%c" : "%%%02X", c);
    }
}

static int reach(const char *path, int seconds, struct error *why)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = seconds};

    if (strlen(path) >= sizeof(at.sun_path)) {
        error_set(why, "%s: the path is too long for a socket", path);
        return -1;
    }
    memcpy(at.sun_path, path, strlen(path));
    int reached = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(reached, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(reached, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (reached >= 0 && connect(reached, (struct sockaddr *)&at, sizeof(at)) == 0)
        return reached;
    error_set(why, "%s: %s; name the socket of a silogate that runs with -c or --socket", path,
              strerror(errno));
    if (reached >= 0)
        close(reached);
    return -1;
}

static bool send_all(int reached, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(reached, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static char *read_all(int reached)
{
    size_t length = 0, room = 65536;
    char *all = memory_take(room);

    for (;;) {
        ssize_t got = recv(reached, all + length, room - length - 1, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
        if (length + 1 == room && room < ANSWER_MAX)
            all = memory_resize(all, room *= 2);
        if (length + 1 == room)
            break;
    }
    all[length] = 0;
    return all;
}

unsigned ask_send(const char *socket, const struct ask *ask, char **text, struct error *why)
{
    char *body = ask->body ? json_dumps(ask->body, JSON_COMPACT) : NULL;
    int reached = reach(socket, ask->seconds > 0 ? ask->seconds : ASK_SECONDS, why);
    char head[1200];
    unsigned status = 0;

    *text = NULL;
    if (reached >= 0) {
        int length = snprintf(head, sizeof(head),
                              "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
                              body ? "POST" : "GET", ask->path, body ? strlen(body) : 0);
        error_set(why, "%s: no answer", socket);
        if (send_all(reached, head, (size_t)length) &&
            (!body || send_all(reached, body, strlen(body)))) {
            char *all = read_all(reached), *end = strstr(all, "\r\n\r\n");
            const char *code = strchr(all, ' ');
            if (end && code && strncmp(all, "HTTP/", 5) == 0) {
                status = (unsigned)strtoul(code, NULL, 10);
                *text = strdup(end + 4);
            }
            free(all);
        }
        close(reached);
    }
    free(body);
    return *text ? status : 0;
}
