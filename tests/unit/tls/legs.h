/* Both ends of a TLS leg in one process, over a socket pair, with certificates made for this run.
 */
#ifndef TESTS_TLS_LEGS_H
#define TESTS_TLS_LEGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/tls.h"

static char folder[] = "/tmp/silogate-tls-XXXXXX";

/* A path in the folder of certificates as the ini would give it; none for NULL. The slots go round.
 */
static inline struct config_text path_of(const char *name, unsigned line)
{
    static char slots[64][128];
    static unsigned next;
    char *slot = slots[next++ % 64];

    if (!name)
        return (struct config_text){0};
    snprintf(slot, sizeof(slots[0]), "%s/%s", folder, name);
    return (struct config_text){text_of(slot), line};
}

static inline int certificates_make(void **state)
{
    char command[256];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof(command), "tests/certificates %s", folder);
    return system(command);
}

static inline int certificates_remove(void **state)
{
    char command[256];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

/* [tls] with a certificate NAME.pem and NAME.key. */
static inline struct config server_ini(const char *name)
{
    char pem[64], key[64];
    struct config config = {0};

    snprintf(pem, sizeof(pem), "%s.pem", name);
    snprintf(key, sizeof(key), "%s.key", name);
    config.tls.client.value = CONFIG_TLS_PREFERRED;
    config.tls.certificate = path_of(pem, 11);
    config.tls.key = path_of(key, 12);
    return config;
}

static inline struct tls_server *server_build(const struct config *config)
{
    struct config_problems problems = {0};
    struct tls_server *server = NULL;
    bool good = tls_server_build(config, &server, &problems);

    if (!good)
        print_error("%s\n", problems.items[0].text);
    config_problems_fini(&problems);
    assert_true(good);
    assert_non_null(server);
    return server;
}

static inline struct config_upstream upstream_ini(enum config_tls demand, const char *ca)
{
    struct config_upstream upstream = {
        .tls = {(int)demand, 21}
    };

    upstream.ca = path_of(ca, 22);
    return upstream;
}

static inline struct tls_client *client_build(const struct config_upstream *upstream)
{
    struct config_problems problems = {0};
    struct tls_client *client = NULL;
    bool good = tls_client_build(upstream, &client, &problems);

    if (!good)
        print_error("%s\n", problems.items[0].text);
    config_problems_fini(&problems);
    assert_true(good);
    assert_non_null(client);
    return client;
}

/* A leg: the server's stream, the client's, and how far their handshakes are. */
struct leg {
    struct stream server, client;
    enum tls_step server_step, client_step;
    struct error server_why, client_why;
};

static inline void leg_open(struct leg *leg)
{
    int sockets[2];

    *leg = (struct leg){.server_step = TLS_AGAIN, .client_step = TLS_AGAIN};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
    leg->server = (struct stream){.kind = &stream_plain, .socket = sockets[0]};
    leg->client = (struct stream){.kind = &stream_plain, .socket = sockets[1]};
}

static inline void leg_close(struct leg *leg)
{
    stream_close(&leg->client);
    stream_close(&leg->server);
}

/* Both ends step until neither goes on; a failed end closes, as the session would. */
static inline void leg_shake(struct leg *leg)
{
    for (int turn = 0; turn < 100; turn++) {
        if (leg->client_step == TLS_AGAIN)
            leg->client_step = tls_handshake(&leg->client, &leg->client_why);
        if (leg->server_step == TLS_AGAIN)
            leg->server_step = tls_handshake(&leg->server, &leg->server_why);
        if (leg->client_step == TLS_FAILED)
            shutdown(leg->client.socket, SHUT_WR);
        if (leg->server_step == TLS_FAILED)
            shutdown(leg->server.socket, SHUT_WR);
        if (leg->client_step != TLS_AGAIN && leg->server_step != TLS_AGAIN)
            return;
    }
}

static inline void leg_meet(struct leg *leg, struct tls_server *server, struct tls_client *client,
                            const char *host)
{
    leg_open(leg);
    assert_true(tls_accept(server, &leg->server, (struct text){0}));
    assert_true(tls_connect(client, &leg->client, host));
    leg_shake(leg);
}

static inline void leg_says(struct stream *from, struct stream *to, const char *words)
{
    char heard[256] = {0};
    size_t length = strlen(words);

    assert_int_equal(stream_write(from, words, length), (ssize_t)length);
    assert_int_equal(stream_read(to, heard, sizeof(heard)), (ssize_t)length);
    assert_memory_equal(heard, words, length);
}

static inline void leg_works(struct leg *leg)
{
    if (leg->server_step != TLS_DONE || leg->client_step != TLS_DONE)
        print_error("server: %s; client: %s\n", leg->server_why.text, leg->client_why.text);
    assert_int_equal(leg->server_step, TLS_DONE);
    assert_int_equal(leg->client_step, TLS_DONE);
    leg_says(&leg->client, &leg->server, "SELECT 1");
    leg_says(&leg->server, &leg->client, "one row");
}

#endif
