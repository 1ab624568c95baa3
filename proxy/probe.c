/* Probes the upstreams: see proxy/probe.h. Uses blocking sockets with time limits, in threads of
 * its own: one that takes the job, and others beside it, so that upstreams that hang do not hold up
 * those behind them.
 */
#include "proxy/probe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "protocol/handshake.h"
#include "protocol/proxy_header.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/login.h"
#include "proxy/show.h"
#include "proxy/start.h"

enum {
    TOO_MANY_CONNECTIONS = 1040,
    SIDE_BY_SIDE = 16, /* threads */
    FIRST_MS = 2000,   /* a start waits so long for those that give no answer */
    BESIDE_MS = 10000, /* and so long while another silogate serves */
    END_MS = 200,      /* an end for probes that are about to have one */
    TURN_MS = 10
};

static pthread_t thread;
static bool started;
static atomic_bool running;

static struct {
    struct runtime *runtime;
    struct violations *violations;
    bool all;           /* all upstreams, not only the urgent ones */
    atomic_size_t next; /* the upstream that no thread has looked at yet */
} job;

/* Held while a result is told. Once `ended`, the violation log is closed. */
static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool ended;

static probe_account *log_in; /* NULL: no account can be used */

void probe_with(probe_account *account)
{
    log_in = account;
}

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

/* Keeps the contents of the greeting. False: the payload is not a greeting. */
static bool learn(const struct runtime *runtime, size_t upstream, struct text payload, bool is_unix,
                  struct greeting *greeting)
{
    if (greeting_read(payload, greeting) != PARSE_DONE)
        return false;
    login_learn(runtime->router, upstream, greeting);
    password_expect(runtime, upstream, greeting, is_unix);
    return true;
}

enum found { FOUND_NOTHING, FOUND_FULL, FOUND_UP };

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

static enum found probe_address(const struct runtime *runtime, size_t upstream, size_t index,
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
    if (learn(runtime, upstream, payload, address.at.ss_family == AF_UNIX, &greeting))
        finish_login(with, &greeting, limit);
    else
        found = read_refusal(address.written, payload, error);
    close(with);
    return found;
}

static void tell(const struct runtime *runtime, size_t upstream, const char *asked,
                 enum found found, const struct error *error)
{
    struct usage *usage = runtime->upstream_usages[upstream];

    pthread_mutex_lock(&telling);
    if (!atomic_load(&ended) && found == FOUND_FULL)
        health_full(usage, job.violations, asked);
    else if (!atomic_load(&ended))
        health_seen(usage, job.violations, asked, found == FOUND_UP,
                    found == FOUND_UP ? "" : error->text);
    pthread_mutex_unlock(&telling);
}

static void probe_refused(const struct runtime *runtime, size_t upstream)
{
    size_t addresses = router_address_count(runtime->router, upstream);
    /* the address that answered, or the last one */
    const char *asked = runtime->config->upstreams[upstream].addresses.items[0].written.at;
    struct error error = {.text = "no address"};
    enum found found = FOUND_NOTHING;

    for (size_t a = 0; a < addresses && found == FOUND_NOTHING; a++) {
        struct router_address address;
        if (router_address(runtime->router, upstream, a, &address))
            asked = address.written;
        found = probe_address(runtime, upstream, a, &error);
    }
    tell(runtime, upstream, asked, found, &error);
}

/* --- with an account --- */

static bool is_known(const struct runtime *runtime, size_t upstream)
{
    struct router_server known;

    router_server(runtime->router, upstream, &known);
    return known.known;
}

/* Errors that refuse the host and not the account: blocked, not allowed, shutting down. */
static bool refuses_all(unsigned code)
{
    return code == 1129 || code == 1130 || code == 1053;
}

static void probe_as_account(const struct runtime *runtime, size_t upstream)
{
    const struct config_upstream *config = &runtime->config->upstreams[upstream];
    struct health *health = &runtime->upstream_usages[upstream]->health;
    struct probe_login login = {.code = 0};
    struct error error = {.line = 0};
    struct greeting greeting;

    bool good = log_in(config, runtime->config->proxy.connect_timeout.value, &login, &error);
    if (login.length > PACKET_HEADER)
        learn(runtime, upstream,
              (struct text){(const char *)login.greeting + PACKET_HEADER,
                            login.length - PACKET_HEADER},
              strncmp(login.address, "unix:", 5) == 0, &greeting);
    bool unasked = !good && !login.answered && login.code == 0; /* the account has no password */
    bool unseen = (good || login.answered) && !is_known(runtime, upstream);
    if (unasked || unseen) { /* the greeting contains what the library does not report */
        probe_refused(runtime, upstream);
        if (good)
            return;
    } else {
        enum found found =
            good || (login.answered && !refuses_all(login.code)) ? FOUND_UP : FOUND_NOTHING;
        if (login.code == TOO_MANY_CONNECTIONS)
            found = FOUND_FULL;
        tell(runtime, upstream, login.address, found, &error);
        if (found != FOUND_UP)
            return;
    }
    health_account(runtime->upstream_usages[upstream], good ? NULL : error.text);
    /* because each refusal is a line in the server's error log */
    health->account_next = good ? 0 : clock_ms() + INT64_C(1000) * PROBE_QUIET;
}

/* Can the account be tried, and is it worth it? */
static bool has_account(const struct runtime *runtime, size_t upstream)
{
    const struct config_upstream *config = &runtime->config->upstreams[upstream];
    const struct health *health = &runtime->upstream_usages[upstream]->health;

    return log_in && config->account.line && config->proxy_protocol.value == CONFIG_PROXY_OFF &&
           clock_ms() >= health->account_next;
}

/* --- which probes are due --- */

/* The number of the last configuration that was read from the file; overrides change nothing about
 * upstreams. */
static uint32_t generation(const struct runtime *runtime)
{
    return runtime->base ? runtime->base->generation : runtime->generation;
}

static bool is_new(const struct runtime *runtime, size_t upstream)
{
    return runtime->upstream_usages[upstream]->health.generation != generation(runtime);
}

/* An upstream in doubt is probed at once; without an account at most once in PROBE_SECONDS. */
static bool is_doubted(const struct runtime *runtime, size_t upstream)
{
    const struct usage *usage = runtime->upstream_usages[upstream];
    const bool quiet = runtime->config->upstreams[upstream].account.line &&
                       atomic_load(&usage->health.account) == HEALTH_ACCOUNT_GOOD;

    return atomic_load(&usage->health.doubted) && health_is(usage, HEALTH_UP) &&
           (quiet || clock_ms() - usage->health.doubt_ended >= INT64_C(1000) * PROBE_SECONDS);
}

static bool is_due(const struct runtime *runtime, size_t upstream, bool account)
{
    const struct usage *usage = runtime->upstream_usages[upstream];

    if (is_new(runtime, upstream) || is_doubted(runtime, upstream))
        return true;
    return job.all &&
           (account || !health_is(usage, HEALTH_UP) || !is_known(runtime, upstream) ||
            clock_ms() - atomic_load(&usage->health.seen) >= INT64_C(1000) * PROBE_QUIET);
}

static void look_at(const struct runtime *runtime, size_t upstream)
{
    struct health *health = &runtime->upstream_usages[upstream]->health;

    if (is_new(runtime, upstream))
        health->account_next = 0;
    const bool account = has_account(runtime, upstream);
    if (!is_due(runtime, upstream, account))
        return;
    if (atomic_exchange(&health->doubted, false))
        health->doubt_ended = clock_ms();
    health->generation = generation(runtime);
    (account ? probe_as_account : probe_refused)(runtime, upstream);
}

/* --- the threads --- */

static void *look(void *unused)
{
    const struct runtime *runtime = job.runtime;
    size_t i;

    (void)unused;
    while (!atomic_load(&ended) &&
           (i = atomic_fetch_add(&job.next, 1)) < router_upstream_count(runtime->router))
        look_at(runtime, i);
    return NULL;
}

static size_t count_due(const struct runtime *runtime)
{
    size_t due = 0;

    for (size_t i = 0; i < router_upstream_count(runtime->router); i++)
        due += is_due(runtime, i, has_account(runtime, i));
    return due;
}

static void *run(void *unused)
{
    struct runtime *runtime = job.runtime;
    pthread_t others[SIDE_BY_SIDE - 1];
    size_t made = 0;

    (void)unused;
    if (job.all)
        router_resolve(runtime->router);
    const size_t due = count_due(runtime);
    while (made < SIDE_BY_SIDE - 1 && made + 1 < due &&
           pthread_create(&others[made], NULL, look, NULL) == 0)
        made++;
    look(NULL);
    while (made > 0)
        pthread_join(others[--made], NULL);
    runtime_drop(runtime);
    atomic_store(&running, false);
    return NULL;
}

/* Waits for the end of the thread, which is `running` no more. */
static void collect(void)
{
    if (started)
        pthread_join(thread, NULL);
    started = false;
}

static void begin(struct runtime *runtime, struct violations *violations, bool all)
{
    sigset_t every, before;

    collect();
    job.runtime = runtime_take(runtime);
    job.violations = violations;
    job.all = all;
    atomic_store(&job.next, 0);
    atomic_store(&running, true);
    sigfillset(&every); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &every, &before);
    started = pthread_create(&thread, NULL, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) {
        runtime_drop(job.runtime);
        atomic_store(&running, false);
    }
}

static void pause_a_moment(void)
{
    const struct timespec moment = {.tv_nsec = TURN_MS * 1000000L};

    nanosleep(&moment, NULL);
}

static void wait_for_results(const struct runtime *runtime, bool one)
{
    const int64_t enough = clock_ms() + (one ? BESIDE_MS : FIRST_MS);

    while (atomic_load(&running) && !start_is_ended() &&
           (clock_ms() < enough || (one && !show_upstream_up(runtime))))
        pause_a_moment();
}

void probe_first(struct runtime *runtime, struct violations *violations, bool one)
{
    wait_for_results(runtime, one);
    if (atomic_load(&running) || show_upstream_up(runtime))
        return;
    begin(runtime, violations, true);
    wait_for_results(runtime, one);
}

void probe_tick(struct runtime *runtime, struct violations *violations)
{
    static unsigned ticks;
    bool urgent = false;

    if (atomic_load(&running))
        return;
    for (size_t i = 0; i < runtime->config->upstream_count; i++)
        urgent |= is_new(runtime, i) || is_doubted(runtime, i);
    const bool all = ++ticks >= PROBE_SECONDS;
    if (all)
        ticks = 0;
    if (all || urgent)
        begin(runtime, violations, all);
}

bool probe_end(void)
{
    const int64_t late = clock_ms() + END_MS;

    pthread_mutex_lock(&telling);
    atomic_store(&ended, true);
    pthread_mutex_unlock(&telling);
    while (atomic_load(&running) && clock_ms() < late)
        pause_a_moment();
    if (atomic_load(&running))
        return false;
    collect();
    return true;
}
