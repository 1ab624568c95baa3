/* Bytes through a TLS stream: full sockets, writes that are offered again, bytes that came early,
 * ends in order and not, and a peer that says nothing. */
#include "legs.h"

struct ends {
    struct tls_server *server;
    struct tls_client *client;
};

static struct ends ends_build(void)
{
    struct config config = server_ini("server");
    struct config_upstream upstream = upstream_ini(CONFIG_TLS_REQUIRED, NULL);

    return (struct ends){server_build(&config), client_build(&upstream)};
}

static void ends_drop(struct ends ends)
{
    tls_client_drop(ends.client);
    tls_server_drop(ends.server);
}

static uint8_t byte_at(size_t position)
{
    return (uint8_t)(position * 2654435761u >> 13);
}

/* 3 MB in writes of odd sizes; whenever the socket is full the same bytes are offered again, longer
 * and at another address, and the other end reads a little. */
static void test_everything_arrives_once_whatever_the_socket_takes(void **state)
{
    enum { TOTAL = 3 << 20 };
    static const size_t offers[] = {1, 7, 4096, 16384, 16385, 70000, 500000};
    static const size_t reads[] = {1, 3, 100, 5000, 16384, 100000};
    struct ends ends = ends_build();
    struct leg leg;
    size_t sent = 0, got = 0, again = 0, turn = 0;
    uint8_t *heard = malloc(100000);

    (void)state;
    leg_meet(&leg, ends.server, ends.client, "localhost");
    while (got < TOTAL) {
        size_t offer = offers[turn % 7];
        ssize_t put = STREAM_AGAIN, took;
        turn++;
        if (sent < TOTAL) {
            size_t room = TOTAL - sent;
            uint8_t *words;
            /* never fewer than were offered before */
            offer = offer < room && again == 0 ? offer : room;
            words = malloc(offer);
            for (size_t i = 0; i < offer; i++)
                words[i] = byte_at(sent + i);
            put = stream_write(&leg.server, words, offer);
            free(words);
        }
        if (put > 0) {
            sent += (size_t)put;
            again = 0;
            continue;
        }
        assert_int_equal(put, STREAM_AGAIN);
        assert_true(sent == TOTAL || stream_wants_write(&leg.server, true));
        again++;
        took = stream_read(&leg.client, heard, reads[turn % 6]);
        assert_true(took > 0 || took == STREAM_AGAIN);
        for (ssize_t i = 0; i < took; i++)
            assert_int_equal(heard[i], byte_at(got + (size_t)i));
        got += took > 0 ? (size_t)took : 0;
    }
    assert_int_equal(sent, TOTAL);
    assert_int_equal(stream_read(&leg.client, heard, 1), STREAM_AGAIN);
    assert_false(stream_wants_write(&leg.client, false));
    free(heard);
    leg_close(&leg);
    ends_drop(ends);
}

/* Several records in one go: what is decrypted, and what is not yet, does not wake the socket. */
static void test_pending(void **state)
{
    struct ends ends = ends_build();
    struct leg leg;
    char heard[64] = {0};

    (void)state;
    leg_meet(&leg, ends.server, ends.client, "localhost");
    assert_false(stream_pending(&leg.server));
    for (int i = 0; i < 3; i++)
        assert_int_equal(stream_write(&leg.client, "12345678", 8), 8);
    assert_false(stream_pending(&leg.server));
    assert_int_equal(stream_read(&leg.server, heard, 3), 3);
    assert_true(stream_pending(&leg.server)); /* the rest of the first */
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), 5);
    assert_true(stream_pending(&leg.server)); /* the second, read ahead */
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), 8);
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), 8);
    assert_false(stream_pending(&leg.server));
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), STREAM_AGAIN);
    leg_close(&leg);
    ends_drop(ends);
}

/* A record that comes byte by byte makes no read spin: nothing is pending until it is whole. */
static void test_a_record_byte_by_byte(void **state)
{
    struct ends ends = ends_build();
    struct leg leg;
    uint8_t record[256];
    ssize_t size;
    int relay[2], was;
    char heard[64] = {0};

    (void)state;
    leg_meet(&leg, ends.server, ends.client, "localhost");
    assert_int_equal(stream_write(&leg.client, "SELECT 1", 8), 8);
    size = recv(leg.server.socket, record, sizeof(record), 0);
    assert_true(size > 8);
    /* The server's end goes on with another socket in the old one's place. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, relay), 0);
    was = dup(leg.server.socket);
    assert_true(dup2(relay[0], leg.server.socket) >= 0);
    for (ssize_t i = 0; i < size; i++) {
        assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), STREAM_AGAIN);
        assert_false(stream_pending(&leg.server));
        assert_int_equal(send(relay[1], record + i, 1, 0), 1);
    }
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), 8);
    assert_memory_equal(heard, "SELECT 1", 8);
    close(relay[0]);
    close(relay[1]);
    close(was);
    leg_close(&leg);
    ends_drop(ends);
}

static void test_the_end_in_order_and_not(void **state)
{
    struct ends ends = ends_build();
    struct leg leg;
    char heard[64] = {0};

    (void)state;
    leg_meet(&leg, ends.server, ends.client, "localhost");
    assert_int_equal(stream_write(&leg.client, "bye", 3), 3);
    stream_close(&leg.client);
    assert_int_equal(leg.client.socket, -1);
    assert_false(tls_is(&leg.client));
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), 3);
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), STREAM_END);
    leg_close(&leg);

    leg_meet(&leg, ends.server, ends.client, "localhost"); /* cut, without a notice */
    shutdown(leg.client.socket, SHUT_WR);
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), STREAM_END);
    leg_close(&leg);

    leg_meet(&leg, ends.server, ends.client, "localhost"); /* garbage where a record should be */
    assert_int_equal(send(leg.client.socket,
                          "\x03\x00\x00\x00\x03"
                          "abcdefgh",
                          13, 0),
                     13);
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), STREAM_FAILED);
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), STREAM_FAILED);
    assert_int_equal(stream_write(&leg.server, "x", 1), STREAM_FAILED);
    leg_close(&leg);
    ends_drop(ends);
}

/* A record that was changed on the way is refused. */
static void test_a_changed_record(void **state)
{
    struct ends ends = ends_build();
    struct leg leg;
    uint8_t record[256];
    ssize_t size;
    char heard[64] = {0};

    (void)state;
    leg_meet(&leg, ends.server, ends.client, "localhost");
    assert_int_equal(stream_write(&leg.client, "SELECT 1", 8), 8);
    size = recv(leg.server.socket, record, sizeof(record), 0);
    record[size - 1] ^= 1;
    assert_int_equal(send(leg.client.socket, record, (size_t)size, 0), size);
    assert_int_equal(stream_read(&leg.server, heard, sizeof(heard)), STREAM_FAILED);
    leg_close(&leg);
    ends_drop(ends);
}

/* The client's hello may come in one read with its SSLRequest: it is handed over, cut anywhere. */
static void test_bytes_that_came_early(void **state)
{
    struct ends ends = ends_build();

    (void)state;
    for (size_t cut = 0; cut < 60; cut += 3) {
        struct leg leg;
        char hello[60];
        leg_open(&leg);
        assert_true(tls_connect(ends.client, &leg.client, "localhost"));
        assert_int_equal(tls_handshake(&leg.client, &leg.client_why), TLS_AGAIN);
        assert_int_equal(recv(leg.server.socket, hello, cut, 0), cut ? (ssize_t)cut : 0);
        assert_true(tls_accept(ends.server, &leg.server, (struct text){hello, cut}));
        assert_int_equal(stream_pending(&leg.server), cut > 0);
        memset(hello, 'x', sizeof(hello)); /* it was copied */
        leg_shake(&leg);
        leg_works(&leg);
        leg_close(&leg);
    }
    ends_drop(ends);
}

/* CVE-2021-3935: SQL that a man in the middle puts behind the SSLRequest is never taken for the
 * client's: it is where TLS must be, and the handshake fails. */
static void test_stuffed_plaintext(void **state)
{
    struct ends ends = ends_build();
    struct leg leg;

    (void)state;
    leg_open(&leg);
    assert_true(tls_accept(ends.server, &leg.server,
                           TEXT("\x0f\x00\x00\x00\x03"
                                "DROP DATABASE x")));
    assert_true(tls_connect(ends.client, &leg.client, "localhost"));
    leg_shake(&leg);
    assert_int_equal(leg.server_step, TLS_FAILED);
    assert_int_equal(tls_failure(&leg.server), TLS_FAILURE_PROTOCOL);
    leg_close(&leg);
    ends_drop(ends);
}

static void test_handshakes_that_do_not_come_to_an_end(void **state)
{
    struct ends ends = ends_build();
    struct leg leg;

    (void)state;
    leg_open(&leg);
    assert_true(tls_accept(ends.server, &leg.server, (struct text){0}));
    for (int turn = 0; turn < 3;
         turn++) { /* a client that says nothing: wait for it to be readable */
        assert_int_equal(tls_handshake(&leg.server, &leg.server_why), TLS_AGAIN);
        assert_false(stream_wants_write(&leg.server, false));
        assert_false(stream_pending(&leg.server));
    }
    assert_int_equal(send(leg.client.socket, "\x16\x03\x01", 3, 0), 3); /* half a header */
    assert_int_equal(tls_handshake(&leg.server, &leg.server_why), TLS_AGAIN);
    assert_false(stream_pending(&leg.server));
    stream_close(&leg.client);
    assert_int_equal(tls_handshake(&leg.server, &leg.server_why), TLS_FAILED);
    assert_int_equal(tls_failure(&leg.server), TLS_FAILURE_CLOSED);
    assert_int_equal(tls_handshake(&leg.server, &leg.server_why), TLS_FAILED);
    assert_string_equal(tls_version(&leg.server), "");
    assert_false(tls_has_certificate(&leg.server));
    leg_close(&leg);

    leg_open(&leg); /* a server that speaks no TLS */
    assert_true(tls_connect(ends.client, &leg.client, "localhost"));
    assert_int_equal(tls_handshake(&leg.client, &leg.client_why), TLS_AGAIN);
    assert_int_equal(send(leg.server.socket,
                          "\x4a\x00\x00\x00\x0a"
                          "9.7.4",
                          10, 0),
                     10);
    assert_int_equal(tls_handshake(&leg.client, &leg.client_why), TLS_FAILED);
    assert_int_equal(tls_failure(&leg.client), TLS_FAILURE_PROTOCOL);
    leg_close(&leg);
    ends_drop(ends);
}

/* A version this server does not offer: TLS 1.0 in a hello of its own making. */
static void test_an_old_client(void **state)
{
    static const char hello[] = "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01"
                                "0123456789abcdef0123456789abcdef\x00\x00\x02\x00\x2f\x01\x00";
    struct ends ends = ends_build();
    struct leg leg;

    (void)state;
    leg_open(&leg);
    assert_true(tls_accept(ends.server, &leg.server, (struct text){hello, sizeof(hello) - 1}));
    assert_int_equal(tls_handshake(&leg.server, &leg.server_why), TLS_FAILED);
    assert_int_equal(tls_failure(&leg.server), TLS_FAILURE_VERSION);
    leg_close(&leg);
    ends_drop(ends);
}

static void test_a_plain_stream_knows_nothing(void **state)
{
    struct stream plain = {.kind = &stream_plain, .socket = -1};

    (void)state;
    assert_false(tls_is(&plain));
    assert_false(tls_has_certificate(&plain));
    assert_false(tls_has_name(&plain, TEXT("billing.internal")));
    assert_false(tls_resumed(&plain));
    assert_string_equal(tls_version(&plain), "");
    assert_string_equal(tls_cipher(&plain), "");
    assert_int_equal(tls_failure(&plain), TLS_FAILURE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_arrives_once_whatever_the_socket_takes),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_a_record_byte_by_byte),
        cmocka_unit_test(test_the_end_in_order_and_not),
        cmocka_unit_test(test_a_changed_record),
        cmocka_unit_test(test_bytes_that_came_early),
        cmocka_unit_test(test_stuffed_plaintext),
        cmocka_unit_test(test_handshakes_that_do_not_come_to_an_end),
        cmocka_unit_test(test_an_old_client),
        cmocka_unit_test(test_a_plain_stream_knows_nothing),
    };

    return cmocka_run_group_tests(tests, certificates_make, certificates_remove);
}
