/* Handshakes between both ends: which certificates are taken, which are refused and in what words,
 * what a resumed session is, and what a reload leaves alone. */
#include "legs.h"

/* The upstream's certificate, as silogate sees it. */
static const struct {
    const char *certificate;
    enum config_tls demand;
    const char *ca, *crl, *host;
    enum tls_failure failure; /* NONE: it works */
} servers[] = {
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "LOCALHOST",               TLS_FAILURE_NONE       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "db.silogate.test",        TLS_FAILURE_NONE       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "db.silogate.test.",       TLS_FAILURE_NONE       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "127.0.0.1",               TLS_FAILURE_NONE       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "::1",                     TLS_FAILURE_NONE       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "127.0.0.2",               TLS_FAILURE_NAME       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "::2",                     TLS_FAILURE_NAME       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "silogate.test",           TLS_FAILURE_NAME       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          ".silogate.test",          TLS_FAILURE_NAME       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "a.b.silogate.test",       TLS_FAILURE_NAME       },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "/run/mysqld/mysqld.sock",
     TLS_FAILURE_NAME                                                                                                               },
    {"server",      CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "",                        TLS_FAILURE_NAME       },
    {"name",        CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NAME       },
    {"name",        CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "127.0.0.1",               TLS_FAILURE_NAME       },
    {"name",        CONFIG_TLS_VERIFY_CA,       "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"common-name", CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"common-name", CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "127.0.0.1",               TLS_FAILURE_NAME       },
    {"rsa",         CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"chain",       CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"chain",       CONFIG_TLS_VERIFY_IDENTITY, "other-ca.pem",    NULL,          "localhost",
     TLS_FAILURE_UNKNOWN_CA                                                                                                         },
    {"weak",        CONFIG_TLS_VERIFY_CA,       "ca.pem",          NULL,          "localhost",               TLS_FAILURE_WEAK       },
    {"soon",        CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"expired",     CONFIG_TLS_VERIFY_CA,       "ca.pem",          NULL,          "localhost",               TLS_FAILURE_EXPIRED    },
    {"future",      CONFIG_TLS_VERIFY_CA,       "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NOT_YET    },
    {"unknown-ca",  CONFIG_TLS_VERIFY_CA,       "ca.pem",          NULL,          "localhost",               TLS_FAILURE_UNKNOWN_CA },
    {"self-signed", CONFIG_TLS_VERIFY_CA,       "ca.pem",          NULL,          "localhost",               TLS_FAILURE_SELF_SIGNED},
    {"self-signed", CONFIG_TLS_VERIFY_CA,       "self-signed.pem", NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"revoked",     CONFIG_TLS_VERIFY_CA,       "ca.pem",          "crl.pem",     "localhost",               TLS_FAILURE_REVOKED    },
    {"revoked",     CONFIG_TLS_VERIFY_CA,       "ca.pem",          NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"server",      CONFIG_TLS_VERIFY_CA,       "ca.pem",          "crl.pem",     "localhost",               TLS_FAILURE_NONE       },
    {"server",      CONFIG_TLS_VERIFY_CA,       "ca.pem",          "crl-old.pem", "localhost",               TLS_FAILURE_CRL        },
    {"expired",     CONFIG_TLS_REQUIRED,        NULL,              NULL,          "localhost",               TLS_FAILURE_NONE       },
    {"self-signed", CONFIG_TLS_PREFERRED,       NULL,              NULL,          "localhost",               TLS_FAILURE_NONE       },
};

static void test_certificates_of_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++) {
        struct config config = server_ini(servers[i].certificate);
        struct config_upstream upstream = upstream_ini(servers[i].demand, servers[i].ca);
        struct tls_server *server;
        struct tls_client *client;
        struct leg leg;

        upstream.crl = path_of(servers[i].crl, 23);
        server = server_build(&config);
        client = client_build(&upstream);
        leg_meet(&leg, server, client, servers[i].host);
        if (tls_failure(&leg.client) != servers[i].failure)
            print_error("row %zu (%s for %s): %s\n", i, servers[i].certificate, servers[i].host,
                        leg.client_why.text);
        assert_int_equal(tls_failure(&leg.client), servers[i].failure);
        if (servers[i].failure == TLS_FAILURE_NONE) {
            leg_works(&leg);
            assert_int_equal(tls_has_certificate(&leg.client),
                             servers[i].demand >= CONFIG_TLS_VERIFY_CA);
        } else {
            assert_int_equal(leg.client_step, TLS_FAILED);
            assert_string_not_equal(leg.client_why.text, "");
            assert_int_equal(leg.server_step, TLS_FAILED);
            assert_int_equal(tls_failure(&leg.server), TLS_FAILURE_REFUSED);
        }
        leg_close(&leg);
        tls_client_drop(client);
        tls_server_drop(server);
    }
}

/* A client's certificate, as silogate sees it. */
static const struct {
    const char *certificate; /* NULL: none */
    const char *crl;
    const char *name; /* that it has; NULL: no verified name */
    enum tls_failure failure;
} clients[] = {
    {"billing",            NULL,      "billing.internal", TLS_FAILURE_NONE       },
    {"billing",            "crl.pem", "BILLING.internal", TLS_FAILURE_NONE       },
    {"payment",            NULL,      "payment.internal", TLS_FAILURE_NONE       },
    {NULL,                 NULL,      NULL,               TLS_FAILURE_NONE       },
    {"billing-expired",    NULL,      NULL,               TLS_FAILURE_EXPIRED    },
    {"billing-revoked",    "crl.pem", NULL,               TLS_FAILURE_REVOKED    },
    {"billing-unknown-ca", NULL,      NULL,               TLS_FAILURE_UNKNOWN_CA },
    {"self-signed",        NULL,      NULL,               TLS_FAILURE_SELF_SIGNED},
    {"renewed",            NULL,      NULL,               TLS_FAILURE_USAGE      }, /* a server's certificate */
};

static struct config_upstream client_ini(const char *certificate)
{
    struct config_upstream upstream = upstream_ini(CONFIG_TLS_VERIFY_CA, "ca.pem");
    char pem[64], key[64];

    if (!certificate)
        return upstream;
    snprintf(pem, sizeof(pem), "%s.pem", certificate);
    snprintf(key, sizeof(key), "%s.key", certificate);
    upstream.certificate = path_of(pem, 24);
    upstream.key = path_of(key, 25);
    return upstream;
}

static void test_certificates_of_clients(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++) {
        struct config config = server_ini("server");
        struct config_upstream upstream = client_ini(clients[i].certificate);
        struct tls_server *server;
        struct tls_client *client;
        struct leg leg;

        config.tls.client_ca = path_of("ca.pem", 13);
        config.tls.client_crl = path_of(clients[i].crl, 14);
        server = server_build(&config);
        client = client_build(&upstream);
        leg_meet(&leg, server, client, "localhost");
        if (tls_failure(&leg.server) != clients[i].failure)
            print_error("row %zu (%s): %s\n", i, clients[i].certificate, leg.server_why.text);
        assert_int_equal(tls_failure(&leg.server), clients[i].failure);
        assert_int_equal(tls_has_certificate(&leg.server), clients[i].name != NULL);
        assert_false(tls_has_name(&leg.server, TEXT("clinical.internal")));
        assert_false(tls_has_name(&leg.server, TEXT("ignored")));
        assert_false(tls_has_name(&leg.server, TEXT("")));
        if (clients[i].name)
            assert_true(tls_has_name(&leg.server, text_of(clients[i].name)));
        if (clients[i].failure == TLS_FAILURE_NONE)
            leg_works(&leg);
        else /* the client is told, at the latest when it reads */
            assert_true(leg.client_step == TLS_FAILED ||
                        stream_read(&leg.client, &(char){0}, 1) == STREAM_FAILED);
        leg_close(&leg);
        tls_client_drop(client);
        tls_server_drop(server);
    }
}

static void test_a_client_without_ca_is_not_asked_for_a_certificate(void **state)
{
    struct config config = server_ini("server");
    struct config_upstream upstream = client_ini("billing");
    struct tls_server *server = server_build(&config);
    struct tls_client *client = client_build(&upstream);
    struct leg leg;

    (void)state;
    leg_meet(&leg, server, client, "localhost");
    leg_works(&leg);
    assert_false(tls_has_certificate(&leg.server));
    assert_false(tls_has_name(&leg.server, TEXT("billing.internal")));
    leg_close(&leg);
    tls_client_drop(client);
    tls_server_drop(server);
}

static void test_no_suite_in_common(void **state)
{
    struct config config = server_ini("server"); /* an EC key cannot speak a suite for RSA */
    struct config_upstream upstream = upstream_ini(CONFIG_TLS_REQUIRED, NULL);
    struct tls_server *server;
    struct tls_client *client = client_build(&upstream);
    struct leg leg;

    (void)state;
    config.tls.cipher_suites.value = TEXT("ECDHE-RSA-AES128-GCM-SHA256");
    server = server_build(&config);
    leg_meet(&leg, server, client, "localhost");
    assert_int_equal(leg.server_step, TLS_FAILED);
    assert_int_equal(tls_failure(&leg.server), TLS_FAILURE_CIPHER);
    assert_int_equal(tls_failure(&leg.client), TLS_FAILURE_REFUSED);
    assert_non_null(strstr(leg.client_why.text, "handshake failure"));
    leg_close(&leg);
    tls_client_drop(client);
    tls_server_drop(server);
}

static void test_suites_and_curves_of_the_ini(void **state)
{
    struct config config = server_ini("rsa");
    struct config_upstream upstream = upstream_ini(CONFIG_TLS_REQUIRED, NULL);
    struct tls_server *server;
    struct tls_client *client = client_build(&upstream);
    struct leg leg;

    (void)state;
    config.tls.cipher_suites.value = TEXT("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
    config.tls.curves.value = TEXT("x25519");
    server = server_build(&config);
    leg_meet(&leg, server, client, "localhost");
    leg_works(&leg);
    assert_string_equal(tls_cipher(&leg.server), "TLS-ECDHE-RSA-WITH-CHACHA20-POLY1305-SHA256");
    assert_string_equal(tls_version(&leg.server), "TLSv1.2");
    leg_close(&leg);
    tls_client_drop(client);
    tls_server_drop(server);
}

/* One leg more; was it resumed? TLS 1.3's ticket comes with the first read. */
static bool meets_again(struct tls_server *server, struct tls_client *client, const char *host)
{
    struct leg leg;
    bool resumed;

    leg_meet(&leg, server, client, host);
    leg_works(&leg);
    resumed = tls_resumed(&leg.client);
    assert_int_equal(tls_resumed(&leg.server), resumed);
    leg_close(&leg);
    return resumed;
}

static void test_resumption(void **state)
{
    struct config config = server_ini("server");
    struct config_upstream upstream = upstream_ini(CONFIG_TLS_VERIFY_IDENTITY, "ca.pem");
    struct tls_server *server = server_build(&config), *other = server_build(&config);
    struct tls_client *client = client_build(&upstream), *fresh = client_build(&upstream);

    (void)state;
    assert_false(meets_again(server, client, "localhost"));
    assert_true(meets_again(server, client, "localhost"));
    assert_true(meets_again(server, client, "localhost"));
    assert_false(meets_again(server, client, "127.0.0.1")); /* another host has to prove itself */
    assert_true(meets_again(server, client, "127.0.0.1"));
    /* other ticket keys, as after a reload */
    assert_false(meets_again(other, client, "127.0.0.1"));
    assert_false(meets_again(server, fresh, "localhost"));
    tls_client_drop(client);
    tls_client_drop(fresh);
    tls_server_drop(server);
    tls_server_drop(other);
}

static void test_a_resumed_client_keeps_its_name(void **state)
{
    struct config config = server_ini("server");
    struct config_upstream upstream = client_ini("billing");
    struct tls_server *server;
    struct tls_client *client = client_build(&upstream);

    (void)state;
    config.tls.client_ca = path_of("ca.pem", 13);
    server = server_build(&config);
    for (int turn = 0; turn < 3; turn++) {
        struct leg leg;
        leg_meet(&leg, server, client, "localhost");
        leg_works(&leg);
        assert_true(tls_has_name(&leg.server, TEXT("billing.internal")));
        assert_false(tls_has_name(&leg.server, TEXT("payment.internal")));
        leg_close(&leg);
    }
    tls_client_drop(client);
    tls_server_drop(server);
}

static void test_reload_drops_no_session(void **state)
{
    struct config config = server_ini("server"), renewed = server_ini("renewed");
    struct config_upstream upstream = upstream_ini(CONFIG_TLS_VERIFY_IDENTITY, "ca.pem");
    struct tls_server *server = server_build(&config);
    struct tls_client *client = client_build(&upstream);
    struct tls_certificate certificate;
    struct leg old, new, half;

    (void)state;
    tls_server_certificate(server, &certificate);
    assert_string_equal(certificate.name, "CN=localhost");
    leg_meet(&old, server, client, "localhost");
    leg_open(&half); /* in the middle of its handshake */
    assert_true(tls_accept(server, &half.server, (struct text){0}));
    assert_true(tls_connect(client, &half.client, "localhost"));
    assert_int_equal(tls_handshake(&half.client, &half.client_why), TLS_AGAIN);
    assert_int_equal(tls_handshake(&half.server, &half.server_why), TLS_AGAIN);
    tls_server_drop(server);
    tls_client_drop(client);

    server = server_build(&renewed);
    client = client_build(&upstream);
    tls_server_certificate(server, &certificate);
    assert_string_equal(certificate.name, "CN=renewed");
    leg_meet(&new, server, client, "localhost");
    leg_works(&new);
    leg_shake(&half);
    leg_works(&half);
    leg_works(&old);
    leg_close(&old);
    leg_close(&new);
    leg_close(&half);
    tls_client_drop(client);
    tls_server_drop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates_of_servers),
        cmocka_unit_test(test_certificates_of_clients),
        cmocka_unit_test(test_a_client_without_ca_is_not_asked_for_a_certificate),
        cmocka_unit_test(test_no_suite_in_common),
        cmocka_unit_test(test_suites_and_curves_of_the_ini),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_a_resumed_client_keeps_its_name),
        cmocka_unit_test(test_reload_drops_no_session),
    };

    return cmocka_run_group_tests(tests, certificates_make, certificates_remove);
}
