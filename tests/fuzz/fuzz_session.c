/* A whole session between two sockets whose bytes are the fuzzer's. The policy blocks all that is
 * not the service's own and all that is not understood, so that the oracle is short: a text must,
 * in some state, be determined and name nothing but `own` and information_schema; so must a
 * database that is entered; only the session itself is killed, and no command that is
 * administration comes at all. What is believed meanwhile is watched as well: see watched.h. And
 * nothing that a session holds may outgrow its bound.
 *
 * The input: two bytes of choices (log in first? which capabilities?), then steps: a byte that says
 * what is done and how many bytes of the input it takes.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "protocol/command.h"
#include "protocol/handshake.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/handshake.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"
#include "tests/fuzz/watched.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { COMMAND_MAX = 1 << 20, TURNS = 6 };

static struct worker worker;
static int listener, client, upstream;
static const struct sockaddr_storage here = {.ss_family = AF_UNIX};
static uint8_t sequence;
static capabilities_t capabilities;

#define WHERE "/tmp/silogate-fuzz-%d.%s"

static void path_of(char *to, size_t size, const char *end)
{
    snprintf(to, size, WHERE, getpid(), end);
}

static void set_up(void)
{
    char ini[100], path[100];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct error error;

    path_of(path, sizeof(path), "s");
    path_of(ini, sizeof(ini), "ini");
    FILE *file = fopen(ini, "w");
    assert(file);
    fprintf(
        file,
        "[proxy]\nlisten = 127.0.0.1:1\nadmin = off\nmax_command = 1M\nmax_failed_logins = 0\n"
        "[policy]\nmode = block\nunowned = block\nundetermined = block\nadministration = block\n"
        "[upstream:main]\naddress = unix:%s\ntls = off\n[log]\nviolations = /dev/null\n"
        "[service:own]\nuser = own\nupstream = main\ndatabase = own\nalias = db\n"
        "owns = own.*\n[service:other]\nupstream = main\nowns = s.*\n",
        path);
    fclose(file);
    log_threshold(LOG_LEVEL_ERROR);
    worker.runtime = runtime_build(ini, NULL, &(struct error){0});
    assert(worker.runtime);
    unlink(ini);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bool listens =
        bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(listener, 8) == 0;
    assert(listens);
    struct text output = TEXT("/dev/null");
    struct violations_settings settings = {.outputs = &output, .output_count = 1};
    worker.violations = violations_start(&settings, 1, NULL, NULL, &error);
    assert(worker.violations);
    worker.records = violations_worker(worker.violations, 0);
    worker.loop = ev_loop_new(EVFLAG_AUTO);
    list_init(&worker.sessions);
    list_init(&worker.closed);
    list_init(&worker.log_waiting);
    list_init(&worker.abandoned);
    list_init(&worker.handshaking);
    ev_timer_init(&worker.handshake_timer, handshake_next, 0., 0.);
    worker.handshake_timer.data = &worker;
    for (int i = 0; i < WORKER_SLOTS; i++)
        list_init(&worker.slots[i]);
}

static void hear(void)
{
    uint8_t heard[65536];
    ssize_t got;

    while (client >= 0 && recv(client, heard, sizeof(heard), MSG_DONTWAIT) > 0)
        ;
    while (upstream >= 0 && (got = recv(upstream, heard, sizeof(heard), MSG_DONTWAIT)) > 0)
        watched_heard(heard, (size_t)got);
}

static void check_memory(void)
{
    for (struct list_link *link = worker.sessions.after; link != &worker.sessions;
         link = link->after) {
        const struct session *session = LIST_ENTRY(link, struct session, all);
        assert(session->client.gate.size <= COMMAND_MAX + 3 * GATE_BLOCK);
        assert(session->upstream.gate.size <= 4 * GATE_BLOCK);
        assert(session->belief.prepared.count <= PREPARED_MAX);
        assert(session->belief.written.count <= OWNERS);
    }
    assert(worker.abandoned_count <= ABANDONED_MAX);
}

static void turn(void)
{
    for (int i = 0; i < TURNS; i++) {
        worker.had_handshake = false;
        ev_run(worker.loop, EVRUN_NOWAIT);
        while (!list_empty(&worker.closed))
            session_free(LIST_ENTRY(worker.closed.after, struct session, all));
        int accepted = accept(listener, NULL, NULL);
        assert(accepted < 0 || upstream < 0); /* one session, one connection */
        if (accepted >= 0)
            upstream = accepted;
        hear();
    }
    check_memory();
}

static void say(int to, const void *bytes, size_t size)
{
    if (to >= 0 && size > 0 && send(to, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return;
    turn();
}

static void say_packet(int to, const uint8_t *bytes, size_t size, uint8_t number)
{
    uint8_t packet[PACKET_HEADER + 300];

    assert(size <= 300);
    bytes_put3(packet, (uint32_t)size);
    packet[3] = number;
    memcpy(packet + PACKET_HEADER, bytes, size);
    say(to, packet, PACKET_HEADER + size);
}

static void log_in(bool quietly)
{
    static const uint8_t request[] = "\xfemysql_native_password\0abcdefghijklmnopqrst",
                         ok[] = {0, 0, 0, 2, 0, 0, 0};
    struct login login = {.capabilities = capabilities,
                          .max_packet = 1 << 24,
                          .collation = 45,
                          .user = TEXT("own"),
                          .plugin = TEXT("mysql_native_password")};
    struct greeting greeting = {.version = TEXT("9.7.4"),
                                .thread_id = WATCHED_THREAD,
                                .capabilities = 0xffffffff & ~CAPABILITY_SSL,
                                .collation = 45,
                                .status = 2,
                                .plugin = TEXT("mysql_native_password")};
    uint8_t packet[512];

    memset(greeting.nonce, 'n', sizeof(greeting.nonce));
    turn();
    say(client, packet, login_write(&login, 1, packet, sizeof(packet)));
    say(upstream, packet, greeting_write(&greeting, 0, packet, sizeof(packet)));
    if (!quietly)
        return;
    say_packet(upstream, request, sizeof(request), 2);
    say_packet(client, (const uint8_t *)"12345678901234567890", 20, 3);
    say_packet(upstream, ok, sizeof(ok), 4);
}

static void end_side(int *side)
{
    if (*side >= 0)
        close(*side);
    *side = -1;
    turn();
}

static bool is_in(enum state state)
{
    return !list_empty(&worker.sessions) &&
           LIST_ENTRY(worker.sessions.after, struct session, all)->state == state;
}

/* A row for silogate's question: `choice` says what is in it. */
static void answer_question(uint8_t choice)
{
    static const char *const databases[] = {"own", "information_schema", "s", NULL},
                             *const modes[] = {"", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ORACLE"},
                             *const charsets[] = {"utf8mb4", "latin1", "gbk", "sjis"};
    static const uint8_t definition[20] = {3, 'd', 'e', 'f'}, end[] = {0xfe, 0, 0, 2, 0, 0, 0};
    const struct text values[] = {text_of(databases[choice & 3]), text_of(modes[choice >> 2 & 3]),
                                  text_of(charsets[choice >> 4 & 3]),
                                  choice & 64 ? TEXT("1") : TEXT("0"), TEXT("")};
    uint8_t row[200], number = 1, count = sizeof(values) / sizeof(values[0]);
    const bool has_eof = !(capabilities & CAPABILITY_DEPRECATE_EOF);
    size_t size = 0;

    for (unsigned i = 0; i < count; i++) {
        row[size++] = values[i].at ? (uint8_t)values[i].length : 0xfb;
        if (values[i].length)
            memcpy(row + size, values[i].at, values[i].length);
        size += values[i].length;
    }
    const uint8_t columns[2] = {count, 1}; /* 1: metadata follow, where that is said */
    const bool says = capabilities & CAPABILITY_OPTIONAL_RESULTSET_METADATA;
    say_packet(upstream, columns, says ? 2 : 1, number++);
    for (unsigned i = 0; i < count; i++)
        say_packet(upstream, definition, sizeof(definition), number++);
    if (has_eof)
        say_packet(upstream, end, 5, number++);
    say_packet(upstream, row, size, number++);
    say_packet(upstream, end, has_eof ? 5 : 7, number);
    sequence = 1;
}

static void step(uint8_t what, const uint8_t *bytes, size_t size)
{
    static const uint8_t ok[] = {0, 0, 0, 2, 0, 0, 0};

    switch (what & 7) {
    case 0:
    case 1:
        say_packet(client, bytes, size, 0);
        sequence = 1;
        break;
    case 2:
        say(client, bytes, size);
        break;
    case 3:
        say_packet(upstream, bytes, size, sequence++);
        break;
    case 4:
        say(upstream, bytes, size);
        break;
    case 5: /* with a byte only the question is answered */
        if (is_in(STATE_ASK))
            answer_question((uint8_t)(what >> 3));
        if (size > 0)
            break;
        if (is_in(STATE_PROVE))
            sequence = 1;
        say_packet(upstream, ok, sizeof(ok), sequence++);
        break;
    case 6:
        say_packet(client, bytes, size, sequence++);
        break;
    default:
        if (size % 16 == 0)
            end_side(size & 16 ? &client : &upstream);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const capabilities_t usual = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION |
                                        CAPABILITY_PLUGIN_AUTH | CAPABILITY_LONG_PASSWORD |
                                        CAPABILITY_LOCAL_FILES | CAPABILITY_MULTI_STATEMENTS |
                                        CAPABILITY_MULTI_RESULTS | CAPABILITY_TRANSACTIONS;
    int pair[2];

    if (size < 2)
        return 0;
    if (!worker.loop)
        set_up();
    capabilities = usual | (bytes[1] & 1 ? CAPABILITY_DEPRECATE_EOF : 0) |
                   (bytes[1] & 2 ? CAPABILITY_SESSION_TRACK : 0) |
                   (bytes[1] & 4 ? CAPABILITY_OPTIONAL_RESULTSET_METADATA : 0);
    client = upstream = -1;
    watched_begin(&worker);
    sequence = 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
        abort();
    client = pair[0];
    worker.second = 1;
    atomic_store(&worker_sessions, 1);
    session_start(&worker, pair[1], &here, TEXT("fuzz:1"), (bytes[0] & 12) == 12);
    if (bytes[0] & 3)
        log_in((bytes[0] & 3) != 1);
    for (size_t at = 2; at < size;) {
        uint8_t what = bytes[at++];
        size_t length = at < size ? bytes[at++] : 0;
        if (length > size - at)
            length = size - at;
        step(what, bytes + at, length);
        at += length;
    }
    end_side(&client);
    end_side(&upstream);
    while (!list_empty(&worker.sessions))
        session_close(LIST_ENTRY(worker.sessions.after, struct session, all), CLOSED_DRAIN);
    abandoned_tick(&worker, true);
    turn();
    if (upstream >= 0)
        end_side(&upstream);
    assert(list_empty(&worker.sessions) && list_empty(&worker.abandoned));
    return 0;
}
