/* See proxy/knock.h. */
#include "proxy/knock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "protocol/proxy_header.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/login.h"

/* Connects within the time. -1: failed, see `error`. */
static int reach(const struct router_address *address, int64_t milliseconds, struct error *error)
{
    int opened = socket(address->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failed = 0;
    socklen_t length = sizeof(failed);

    if (connect(opened, (const struct sockaddr *)&address->at, address->length) != 0) {
        struct pollfd ready = {.fd = opened, .events = POLLOUT};
        if (errno != EINPROGRESS)
            failed = errno;
        else if (poll(&ready, 1, (int)milliseconds) <= 0)
            failed = ETIMEDOUT;
        else
            getsockopt(opened, SOL_SOCKET, SO_ERROR, &failed, &length);
    }
    if (failed) {
        error_set(error, "%s: %s", address->written, strerror(failed));
        close(opened);
        return -1;
    }
    return opened;
}

/* Reads one packet, whose bytes must all arrive within the time. Returns the payload's length, or
 * -1. */
static ssize_t read_packet(int from, uint8_t *to, size_t size, int64_t milliseconds)
{
    int64_t end = clock_ms() + milliseconds;
    size_t got = 0;

    for (;;) {
        if (got >= PACKET_HEADER && got >= PACKET_HEADER + bytes_get3(to))
            return (ssize_t)bytes_get3(to);
        if (got >= PACKET_HEADER && PACKET_HEADER + bytes_get3(to) > size)
            return -1;
        struct pollfd ready = {.fd = from, .events = POLLIN};
        int64_t left = end - clock_ms();
        if (left <= 0 || poll(&ready, 1, (int)left) <= 0)
            return -1;
        ssize_t more = recv(from, to + got, size - got, 0);
        if (more <= 0)
            return -1;
        got += (size_t)more;
    }
}

/* Completes a login that must fail: the answer is wrong for every plugin. */
static void finish_login(int with, const struct greeting *greeting, int64_t milliseconds)
{
    uint8_t bytes[4096];
    struct auth_switch request;
    size_t size = nobody_login(greeting->capabilities, 0, 1, bytes, sizeof(bytes));

    for (int turn = 0; turn < 4; turn++) {
        if (send(with, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
            return;
        ssize_t length = read_packet(with, bytes, sizeof(bytes), milliseconds);
        if (length <= 0 || bytes[PACKET_HEADER] == 0xff || bytes[PACKET_HEADER] == 0x00)
            return;
        struct text payload = {(const char *)bytes + PACKET_HEADER, (size_t)length};
        uint8_t answer[ABANDONED_PACKET];
        struct text plugin = {0};
        if (auth_switch_read(payload, &request) == PARSE_DONE)
            plugin = request.plugin;
        size = nobody_answer(plugin, (uint8_t)(bytes[3] + 1), answer);
        memcpy(bytes, answer, size);
    }
}

/* A server that expects PROXY headers expects one from a probe too; it says that there is no
 * client (LOCAL). */
static void introduce(const struct config_upstream *upstream, int with)
{
    uint8_t bytes[PROXY_HEADER_WRITTEN];
    size_t size = 0;

    if (upstream->proxy_protocol.value == CONFIG_PROXY_V1)
        size = proxy_header_write_v1(NULL, NULL, bytes, sizeof(bytes));
    else if (upstream->proxy_protocol.value == CONFIG_PROXY_V2)
        size = proxy_header_write_v2(NULL, NULL, bytes, sizeof(bytes));
    if (size > 0 && send(with, bytes, size, MSG_NOSIGNAL) < 0)
        log_debug("probe: %s", strerror(errno));
}

bool knock_learn(const struct runtime *runtime, size_t upstream, struct text payload, bool is_unix,
                 struct greeting *greeting)
{
    if (greeting_read(payload, greeting) != PARSE_DONE)
        return false;
    login_learn(runtime->router, upstream, greeting);
    password_expect(runtime, upstream, greeting, is_unix);
    return true;
}

/* Reads a first packet that is not a greeting. If the upstream counts as down because of it,
 * `error` has the reason. */
static enum found read_refusal(const char *address, struct text payload, struct error *error)
{
    const uint8_t *bytes = (const uint8_t *)payload.at;

    if (payload.length < 3 || bytes[0] != 0xff) {
        error_set(error, payload.length ? "%s: its greeting cannot be read" : "%s: no greeting",
                  address);
        return FOUND_NOTHING;
    }
    struct text message = {payload.at + 3, payload.length - 3};
    if (message.length > 6 && message.at[0] == '#')
        message = (struct text){message.at + 6, message.length - 6};
    error_set(error, "%s: %.*s", address, TEXT_ARGS(message));
    return bytes_get2(bytes + 1) == TOO_MANY_CONNECTIONS ? FOUND_FULL : FOUND_NOTHING;
}

enum found knock_refused(const struct runtime *runtime, size_t upstream, size_t index,
                         struct error *error)
{
    int64_t limit = runtime->config->proxy.connect_timeout.value;
    struct router_address address;
    struct greeting greeting;
    uint8_t bytes[2048];
    enum found found = FOUND_UP;

    if (!router_address(runtime->router, upstream, index, &address)) {
        error_set(error, "its name does not resolve");
        return FOUND_NOTHING;
    }
    int with = reach(&address, limit, error);
    if (with < 0)
        return FOUND_NOTHING;
    introduce(&runtime->config->upstreams[upstream], with);
    ssize_t length = read_packet(with, bytes, sizeof(bytes), limit);
    struct text payload = {(const char *)bytes + PACKET_HEADER, length > 0 ? (size_t)length : 0};
    if (knock_learn(runtime, upstream, payload, address.at.ss_family == AF_UNIX, &greeting))
        finish_login(with, &greeting, limit);
    else
        found = read_refusal(address.written, payload, error);
    close(with);
    return found;
}
