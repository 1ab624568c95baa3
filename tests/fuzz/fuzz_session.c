/* A whole session between two sockets whose bytes are the fuzzer's. The policy blocks every object
 * and all that is not understood, so that the oracle is short: only commands reach the upstream,
 * and no more than silogate says it has sent; a text must, in some state, be determined and name
 * nothing but information_schema; so must a database that is entered; only statements that were
 * prepared are executed, only the session itself is killed, and no command that is administration
 * comes at all. And nothing that a session holds may outgrow its bound.
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
#include "proxy/login/login.h"
#include "proxy/worker.h"
#include "sql/analyze.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { HEARD_MAX = 1 << 20, COMMAND_MAX = 1 << 20, TURNS = 6, THREAD = 7 };

static struct worker worker;
static struct sql_facts facts;
static int listener, client, upstream;
static uint8_t heard[HEARD_MAX]; /* what the upstream was sent and the oracle has not seen */
static size_t heard_size;
static bool watching; /* the oracle can tell commands from all else */
static bool
    remembers; /* the session knows more than the oracle: texts are not looked at any more */
static bool entered, prepared;
static uint64_t commands; /* that the upstream has heard, and may have heard: */
static uint64_t sent_before;
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
        "[upstream:main]\naddress = unix:%s\n[log]\nviolations = /dev/null\n"
        "[service:own]\nuser = own\nupstream = main\nowns = nothing.at_all\n",
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
    ev_timer_init(&worker.handshake_timer, secure_next_handshake, 0., 0.);
    worker.handshake_timer.data = &worker;
    for (int i = 0; i < WORKER_SLOTS; i++)
        list_init(&worker.slots[i]);
}

/* Is there a state in which this text is allowed? */
static bool may_pass(struct text text)
{
    for (unsigned choice = 0; choice < 16u * 16u * (1u + entered); choice++) {
        struct sql_state state = {.dialect = choice & 1 ? SQL_MARIADB : SQL_MYSQL,
                                  .version = choice & 1 ? 101119 : 90704,
                                  .mode = (uint8_t)(choice >> 1 & 7),
                                  .mode_known = true,
                                  .charset = (uint8_t)(choice >> 4 & 7)};
        if (choice >> 8)
            sql_state_set_database(&state, TEXT("information_schema"));
        size_t offset = 0;
        bool good = true;
        do {
            offset = sql_analyze(text, offset, &state, NULL, &facts);
            good &= facts.determined && !facts.administration;
            for (uint32_t i = 0; i < facts.object_count; i++)
                good &= text_equal_fold(facts.objects[i].schema, TEXT("information_schema"));
        } while (good && offset < text.length);
        if (good)
            return true;
    }
    return false;
}

static bool has(struct text text, const char *word)
{
    for (size_t i = 0; i + strlen(word) <= text.length; i++)
        if (strncasecmp(text.at + i, word, strlen(word)) == 0)
            return true;
    return false;
}

static void broken(const char *oracle, struct text text)
{
    fprintf(stderr, "BROKEN: %s: %.*s\n", oracle, TEXT_ARGS(text));
    abort();
}

static void look_at_text(struct text text)
{
    /* What the session remembers the oracle does not. */
    if (has(text, "temp") || has(text, "prepare") || has(text, "execute") || has(text, "sequence"))
        remembers = true;
    if (!remembers && !may_pass(text))
        broken("a text that nobody has allowed", text);
    entered |= has(text, "information_schema");
}

static void look(const uint8_t *payload, size_t length, uint8_t number)
{
    struct text text = {(const char *)payload + 1, length > 0 ? length - 1 : 0};

    if (length == 0 || number != 0)
        broken("no command", (struct text){(const char *)payload, length});
    commands += payload[0] != COMMAND_CHANGE_USER; /* which is counted as a login */
    switch (payload[0]) {
    case COMMAND_QUERY:
    case COMMAND_STMT_PREPARE:
        prepared |= payload[0] == COMMAND_STMT_PREPARE;
        look_at_text(text);
        break;
    case COMMAND_INIT_DB:
        if (text.length > 0 && !text_equal_fold(text, TEXT("information_schema")))
            broken("a database that nobody has allowed", text);
        entered = true;
        break;
    case COMMAND_FIELD_LIST:
        if (!entered && !remembers)
            broken("columns that nobody has allowed", text);
        break;
    case COMMAND_PROCESS_KILL:
        if (text.length != 4 || bytes_get4(payload + 1) != THREAD)
            broken("another's session", text);
        break;
    case COMMAND_STMT_EXECUTE:
    case COMMAND_STMT_BULK_EXECUTE:
    case COMMAND_STMT_FETCH:
    case COMMAND_STMT_SEND_LONG_DATA:
        if (!prepared)
            broken("a statement that was never prepared", text);
        break;
    case COMMAND_CHANGE_USER:
        watching = false; /* what follows is a login */
        break;
    case COMMAND_QUIT:
    case COMMAND_PING:
    case COMMAND_STATISTICS:
    case COMMAND_STMT_CLOSE:
    case COMMAND_STMT_RESET:
    case COMMAND_SET_OPTION:
    case COMMAND_RESET_CONNECTION:
        break;
    default:
        broken("a command that is administration, or none", text);
    }
}

static void look_at_all(void)
{
    size_t at = 0;

    while (watching && heard_size - at >= PACKET_HEADER) {
        size_t length = bytes_get3(heard + at);
        if (heard_size - at < PACKET_HEADER + length)
            break;
        look(heard + at + PACKET_HEADER, length, heard[at + 3]);
        at += PACKET_HEADER + length;
    }
    memmove(heard, heard + at, heard_size - at);
    heard_size -= at;
    if (commands > worker.counters.forwarded + worker.counters.asked - sent_before)
        broken("more commands than were judged", (struct text){"", 0});
}

static void hear(void)
{
    uint8_t scrap[65536];
    ssize_t got;

    while (client >= 0 && recv(client, scrap, sizeof(scrap), MSG_DONTWAIT) > 0)
        ;
    while (upstream >= 0 && heard_size < sizeof(heard) &&
           (got = recv(upstream, heard + heard_size, sizeof(heard) - heard_size, MSG_DONTWAIT)) > 0)
        heard_size += watching ? (size_t)got : 0;
    look_at_all();
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
        if (accepted >= 0 && upstream >= 0)
            close(upstream);
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
                                .thread_id = THREAD,
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
    heard_size = 0;
    watching = true;
    sent_before = worker.counters.forwarded + worker.counters.asked;
    say_packet(upstream, ok, sizeof(ok), 4);
}

static void end_side(int *side)
{
    if (*side >= 0)
        close(*side);
    *side = -1;
    turn();
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
        if (memchr(bytes, 0xfb, size))
            watching = false; /* a file may follow */
        say_packet(upstream, bytes, size, sequence++);
        break;
    case 4:
        if (memchr(bytes, 0xfb, size))
            watching = false;
        say(upstream, bytes, size);
        break;
    case 5:
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
    heard_size = 0;
    watching = remembers = entered = prepared = false;
    commands = 0;
    sequence = 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
        abort();
    client = pair[0];
    worker.second = 1;
    atomic_store(&worker_sessions, 1);
    session_start(&worker, pair[1], TEXT("fuzz:1"), (bytes[0] & 12) == 12);
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
