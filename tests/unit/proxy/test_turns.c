/* Fairness, in turns of the loop: however much one session has to say, in one turn it moves a
 * block, and whoever else has something to say has been heard at the end of that turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "protocol/handshake.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/handshake.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"
#include "tests/unit/proxy/told.h"

enum { ROW = 1000, PACKETS = 1000, REFUSED = 12000 };

static struct worker worker;
static int listener;
static const struct sockaddr_storage here = {.ss_family = AF_UNIX};
static char folder[] = "/tmp/silogate-turns-XXXXXX";

/* One session: the client's and the server's end are the test's. */
struct ends {
    int client, upstream;
};

static void write_ini(const char *path, const char *server)
{
    char command[300];
    FILE *file = fopen(path, "w");

    snprintf(
        command, sizeof(command),
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=it "
        "-keyout %s/tls -out %s/pem 2>/dev/null && cat %s/pem >>%s/tls",
        folder, folder, folder, folder);
    assert_int_equal(system(command), 0);
    assert_non_null(file);
    fprintf(file,
            "[proxy]\nlisten = 127.0.0.1:1\nadmin = off\nunknown_user = pass\n"
            "[tls]\ncertificate = %s/tls\nkey = %s/tls\n"
            "[upstream:main]\naddress = unix:%s\n[log]\nviolations = /dev/null\n"
            "[service:own]\nuser = own\nupstream = main\nowns = nothing.at_all\n",
            folder, folder, server);
    fclose(file);
}

static int set_up(void **unused)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct text output = TEXT("/dev/null");
    struct violations_settings settings = {.outputs = &output, .output_count = 1};
    struct error error;
    char ini[64];

    (void)unused;
    assert_non_null(mkdtemp(folder));
    snprintf(ini, sizeof(ini), "%s/ini", folder);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", folder);
    write_ini(ini, at.sun_path);
    log_threshold(LOG_LEVEL_ERROR);
    worker.runtime = runtime_build(ini, NULL, &error);
    unlink(ini);
    assert_non_null(worker.runtime);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, 8), 0);
    worker.violations = violations_start(&settings, 1, NULL, NULL, &error);
    worker.records = violations_worker(worker.violations, 0);
    worker.loop = ev_loop_new(EVBACKEND_EPOLL);
    list_init(&worker.sessions);
    list_init(&worker.closed);
    list_init(&worker.log_waiting);
    list_init(&worker.abandoned);
    list_init(&worker.handshaking);
    ev_timer_init(&worker.handshake_timer, handshake_next, 0., 0.);
    worker.handshake_timer.data = &worker;
    for (int i = 0; i < WORKER_SLOTS; i++)
        list_init(&worker.slots[i]);
    worker.second = 1;
    return 0;
}

static int tear_down(void **unused)
{
    char path[64];

    (void)unused;
    violations_stop(worker.violations);
    runtime_drop(worker.runtime);
    gate_pool_fini(&worker.pool);
    ev_loop_destroy(worker.loop);
    for (unsigned i = 0; i < worker.service_room; i++)
        free(worker.services[i]);
    free(worker.services);
    close(listener);
    const char *const files[] = {"s", "tls", "pem"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
    return 0;
}

static void turn(void)
{
    worker.had_handshake = false;
    ev_run(worker.loop, EVRUN_NOWAIT);
    while (!list_empty(&worker.closed))
        session_free(LIST_ENTRY(worker.closed.after, struct session, all));
}

static void turns(void)
{
    for (int i = 0; i < 6; i++)
        turn();
}

static void say(int to, const void *bytes, size_t size)
{
    assert_int_equal(send(to, bytes, size, MSG_NOSIGNAL), size);
}

static void say_packet(int to, uint8_t sequence, const void *payload, size_t length)
{
    uint8_t packet[PACKET_HEADER + 2 * ROW];

    bytes_put3(packet, (uint32_t)length);
    packet[3] = sequence;
    memcpy(packet + PACKET_HEADER, payload, length);
    say(to, packet, PACKET_HEADER + length);
}

/* Says as many packets that begin with `first` as are taken at once, more than a few blocks. */
static void flood(int to, uint8_t sequence, bool counts, uint8_t first)
{
    static uint8_t packets[PACKETS * (PACKET_HEADER + ROW)];

    for (size_t i = 0; i < PACKETS; i++) {
        uint8_t *packet = packets + i * (PACKET_HEADER + ROW);
        bytes_put3(packet, ROW);
        packet[3] = (uint8_t)(sequence + (counts ? i : 0));
        packet[PACKET_HEADER] = first;
    }
    assert_true(send(to, packets, sizeof(packets), MSG_NOSIGNAL | MSG_DONTWAIT) > 2 * GATE_BLOCK);
}

/* How many bytes have come. */
static size_t hear(int from)
{
    char bytes[65536];
    size_t heard = 0;
    ssize_t got;

    while ((got = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        heard += (size_t)got;
    return heard;
}

static struct ends log_in(const char *user)
{
    static const uint8_t request[] = "\xfemysql_native_password\0abcdefghijklmnopqrst",
                         ok[] = {0, 0, 0, 2, 0, 0, 0};
    struct login login = {.capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION |
                                          CAPABILITY_PLUGIN_AUTH | CAPABILITY_LONG_PASSWORD |
                                          CAPABILITY_LOCAL_FILES,
                          .max_packet = 1 << 24,
                          .collation = 45,
                          .user = text_of(user),
                          .plugin = TEXT("mysql_native_password")};
    struct greeting greeting = {.version = TEXT("9.7.4"),
                                .capabilities = login.capabilities,
                                .collation = 45,
                                .plugin = TEXT("mysql_native_password")};
    uint8_t packet[512];
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    atomic_fetch_add(&worker_sessions, 1);
    session_start(&worker, pair[1], &here, TEXT("test:1"), false);
    say(pair[0], packet, login_write(&login, 1, packet, sizeof(packet)));
    turns();
    struct ends ends = {.client = pair[0], .upstream = accept(listener, NULL, NULL)};
    assert_true(ends.upstream >= 0);
    say(ends.upstream, packet, greeting_write(&greeting, 0, packet, sizeof(packet)));
    turns();
    say_packet(ends.upstream, 2, request, sizeof(request));
    turns();
    say_packet(ends.client, 3, "12345678901234567890", 20);
    turns();
    hear(ends.upstream);
    say_packet(ends.upstream, 4, ok, sizeof(ok));
    turns();
    hear(ends.client);
    if (hear(ends.upstream) > 0) /* a session that is judged: its state is asked for */
        say(ends.upstream, packet, told_write(login.capabilities, packet));
    turns();
    return ends;
}

static void log_out(struct ends ends)
{
    close(ends.client);
    close(ends.upstream);
    turns();
}

static size_t bounded(size_t moved)
{
    assert_true(moved > 0);
    assert_true(moved <= GATE_BLOCK);
    return moved;
}

/* Two turns, in each of which the greedy session moves a block at most, and the modest one what it
 * has to say: a command, and then its answer. Returns what has come out at the end `greedy`. */
static size_t two_turns(struct ends modest, int greedy)
{
    say_packet(modest.client, 0, "\x0e", 1);
    turn();
    size_t moved = bounded(hear(greedy));
    assert_int_equal(hear(modest.upstream), PACKET_HEADER + 1);
    say_packet(modest.upstream, 1, "\0\0\0\2\0\0\0", 7);
    turn();
    moved += bounded(hear(greedy));
    assert_int_equal(hear(modest.client), PACKET_HEADER + 7);
    return moved;
}

static void test_huge_result(void **unused)
{
    static const uint8_t column[] = "\3def\0\0\0\1n\0\x0c\x21\0\x40\0\0\0\xfd\0\0\0\0";
    struct ends greedy = log_in("anybody"), modest = log_in("own");

    (void)unused;
    say_packet(greedy.client, 0, "\3SELECT 1", 9);
    turns();
    say_packet(greedy.upstream, 1, "\1", 1);
    say_packet(greedy.upstream, 2, column, sizeof(column));
    say_packet(greedy.upstream, 3, "\xfe\0\0\2\0", 5);
    turns();
    hear(greedy.client);
    flood(greedy.upstream, 4, true, 0xfc);
    two_turns(modest, greedy.client);
    log_out(greedy);
    log_out(modest);
}

static void test_local_file(void **unused)
{
    struct ends greedy = log_in("anybody"), modest = log_in("own");

    (void)unused;
    say_packet(greedy.client, 0, "\3LOAD", 5);
    turns();
    say_packet(greedy.upstream, 1, "\xfbx", 2);
    turns();
    hear(greedy.upstream);
    flood(greedy.client, 2, true, 'x');
    two_turns(modest, greedy.upstream);
    log_out(greedy);
    log_out(modest);
}

static void test_long_data(void **unused)
{
    struct ends greedy = log_in("anybody"), modest = log_in("own");

    (void)unused;
    flood(greedy.client, 0, false, COMMAND_STMT_SEND_LONG_DATA);
    two_turns(modest, greedy.upstream);
    log_out(greedy);
    log_out(modest);
}

/* Answered by silogate itself: nobody has to send anything for it to go on. */
static void test_refused_commands(void **unused)
{
    static uint8_t commands[REFUSED * (PACKET_HEADER + 1)];
    struct ends greedy = log_in("own"), modest = log_in("own");
    size_t heard = 0, each = 0;

    (void)unused;
    for (size_t i = 0; i < REFUSED; i++) {
        commands[i * (PACKET_HEADER + 1)] = 1;
        commands[i * (PACKET_HEADER + 1) + PACKET_HEADER] = 0x7f;
    }
    say(greedy.client, commands, PACKET_HEADER + 1);
    turns();
    each = hear(greedy.client);
    say(greedy.client, commands, sizeof(commands));
    for (int i = 0; i < 4; i++)
        heard += two_turns(modest, greedy.client);
    for (int i = 0; i < 100; i++) {
        turn();
        heard += hear(greedy.client);
    }
    assert_int_equal(heard, each * REFUSED);
    log_out(greedy);
    log_out(modest);
}

/* A client in the middle of its TLS handshake. */
static int begin_handshaking(void)
{
    uint8_t request[PACKET_HEADER + 32] = {32, 0, 0, 1};
    int pair[2];

    bytes_put4(request + PACKET_HEADER, CAPABILITY_PROTOCOL_41 | CAPABILITY_SSL |
                                            CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    atomic_fetch_add(&worker_sessions, 1);
    session_start(&worker, pair[1], &here, TEXT("test:2"), false);
    say(pair[0], request, sizeof(request));
    turns();
    hear(pair[0]);
    return pair[0];
}

static int list_length(const struct list_link *list)
{
    int length = 0;

    for (const struct list_link *link = list->after; link != list; link = link->after)
        length++;
    return length;
}

/* The handshakes' pause does not end by itself. */
static void endless_pause(void)
{
    worker.handshake_after = 1e12;
    ev_timer_stop(worker.loop, &worker.handshake_timer);
}

/* While others have something to say, a handshake waits until they have had their share; it does
 * not where they are silent, and one that is given up while it waits does no harm. */
static void test_handshakes(void **unused)
{
    struct ends modest = log_in("own");
    int first = begin_handshaking(), second = begin_handshaking();

    (void)unused;
    endless_pause();
    say(first, "\x16", 1);
    turn();
    assert_true(list_empty(&worker.handshaking)); /* nobody has said a word since the last step */
    for (int i = 0; i < 3; i++) {
        say_packet(modest.client, 0, "\x0e", 1);
        turn();
        assert_int_equal(hear(modest.upstream), PACKET_HEADER + 1);
        say_packet(modest.upstream, 1, "\0\0\0\2\0\0\0", 7);
        worker.handshake_after = 1e12;
        say(first, "\x03", 1);
        say(second, "\x16", 1);
        turn();
        assert_int_equal(hear(modest.client), PACKET_HEADER + 7);
        endless_pause();
        turn();
        assert_int_equal(list_length(&worker.handshaking), 2);
    }
    for (int left = 1; left >= 0; left--) {
        uint64_t before = worker.traffic_seen;
        worker.had_handshake = false;
        handshake_next(worker.loop, &worker.handshake_timer, 0);
        assert_int_equal(list_length(&worker.handshaking), left);
        assert_true(worker.traffic_seen > before || left == 0);
    }
    endless_pause();
    worker.traffic_seen--; /* as if somebody had said something */
    say(second, "\x03", 1);
    turn();
    endless_pause();
    assert_int_equal(list_length(&worker.handshaking), 1);
    session_close(LIST_ENTRY(worker.handshaking.after, struct session, waiting),
                  CLOSED_LOGIN_TIMEOUT);
    assert_true(list_empty(&worker.handshaking));
    handshake_next(worker.loop, &worker.handshake_timer, 0);
    turns();
    close(second);
    close(first);
    worker.handshake_after = 0;
    log_out(modest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_huge_result), cmocka_unit_test(test_local_file),
        cmocka_unit_test(test_long_data),   cmocka_unit_test(test_refused_commands),
        cmocka_unit_test(test_handshakes),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
