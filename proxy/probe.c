/* Health of the upstreams, seen from outside: a TCP connection, a greeting, and a login that is
 * refused. Uses blocking sockets with time limits, in a thread of its own.
 */
#include "proxy/probe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "protocol/handshake.h"
#include "protocol/proxy_header.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/login.h"

static pthread_t thread;
static bool started;
static atomic_bool running;

static struct {
    struct runtime *runtime;
    struct violations *violations;
} job;

/* Connects within the time, or says why not. -1 where it failed. */
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

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Reads one packet, which has to be here within the time, whole; its payload's length, or -1. */
static ssize_t read_packet(int from, uint8_t *to, size_t size, int64_t milliseconds)
{
    int64_t end = now() + milliseconds;
    size_t got = 0;

    for (;;) {
        if (got >= PACKET_HEADER && got >= PACKET_HEADER + bytes_get3(to))
            return (ssize_t)bytes_get3(to);
        if (got >= PACKET_HEADER && PACKET_HEADER + bytes_get3(to) > size)
            return -1;
        struct pollfd ready = {.fd = from, .events = POLLIN};
        int64_t left = end - now();
        if (left <= 0 || poll(&ready, 1, (int)left) <= 0)
            return -1;
        ssize_t more = recv(from, to + got, size - got, 0);
        if (more <= 0)
            return -1;
        got += (size_t)more;
    }
}

/* A login that cannot succeed: whatever plugin the server asks for gets an answer it refuses. */
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

/* A server that wants PROXY headers wants one from a probe as well: it speaks for itself. */
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

static bool probe_address(const struct runtime *runtime, size_t upstream, size_t index,
                          struct error *error)
{
    int64_t limit = runtime->config->proxy.connect_timeout.value;
    struct router_address address;
    struct greeting greeting;
    uint8_t bytes[2048];

    if (!router_address(runtime->router, upstream, index, &address))
        return error_set(error, "its name does not resolve");
    int with = reach(&address, limit, error);
    if (with < 0)
        return false;
    introduce(&runtime->config->upstreams[upstream], with);
    ssize_t length = read_packet(with, bytes, sizeof(bytes), limit);
    struct text payload = {(const char *)bytes + PACKET_HEADER, length > 0 ? (size_t)length : 0};
    bool fine = length > 0 && greeting_read(payload, &greeting) == PARSE_DONE;
    if (!fine) {
        error_set(error, "%s: no greeting", address.written);
    } else {
        struct router_server known, server = {.known = true,
                                              .capabilities = greeting.capabilities,
                                              .collation = greeting.collation,
                                              .status = greeting.status,
                                              .lower_case_table_names = -1};
        snprintf(server.version, sizeof(server.version), "%.*s", TEXT_ARGS(greeting.version));
        snprintf(server.plugin, sizeof(server.plugin), "%.*s", TEXT_ARGS(greeting.plugin));
        router_server(runtime->router, upstream, &known);
        if (known.known && strcmp(known.version, server.version) == 0) {
            server.lower_case_table_names = known.lower_case_table_names;
            server.init_connect = known.init_connect;
        }
        router_learn(runtime->router, upstream, &server);
        password_expect(runtime, upstream, &greeting, address.at.ss_family == AF_UNIX);
        finish_login(with, &greeting, limit);
    }
    close(with);
    return fine;
}

void probe_upstreams(struct runtime *runtime, struct violations *violations)
{
    for (size_t i = 0; i < router_upstream_count(runtime->router); i++) {
        size_t addresses = router_address_count(runtime->router, i);
        /* the one that answered, or the last */
        const char *asked = runtime->config->upstreams[i].addresses.items[0].written.at;
        struct error error = {.text = "no address"};
        bool up = false;

        for (size_t a = 0; a < addresses && !up; a++) {
            struct router_address address;
            if (router_address(runtime->router, i, a, &address))
                asked = address.written;
            up = probe_address(runtime, i, a, &error);
        }
        usage_seen(runtime->upstream_usages[i], violations, asked, up, up ? "" : error.text);
    }
}

static void *run(void *unused)
{
    (void)unused;
    router_resolve(job.runtime->router);
    probe_upstreams(job.runtime, job.violations);
    runtime_drop(job.runtime);
    atomic_store(&running, false);
    return NULL;
}

void probe_begin(struct runtime *runtime, struct violations *violations)
{
    if (atomic_load(&running))
        return;
    probe_end();
    job.runtime = runtime_take(runtime);
    job.violations = violations;
    atomic_store(&running, true);
    started = pthread_create(&thread, NULL, run, NULL) == 0;
    if (!started) {
        runtime_drop(job.runtime);
        atomic_store(&running, false);
    }
}

void probe_end(void)
{
    if (started)
        pthread_join(thread, NULL);
    started = false;
}
