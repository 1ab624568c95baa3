/* What is wrong with the operator's files and keys of the ini: each is told with its line, in words
 * that say what to do. */
#include "legs.h"

#include <sys/stat.h>
#include <time.h>

struct asked {
    const char *certificate, *key, *passphrase, *client_ca, *client_crl;
    const char *min_version, *suites, *curves;
    enum config_tls client;
};

static struct text or_none(const char *string)
{
    return string ? text_of(string) : (struct text){0};
}

static struct config ini_of(const struct asked *asked)
{
    struct config config = {0};

    config.tls.client = (struct config_choice){(int)asked->client, 10};
    config.tls.certificate = path_of(asked->certificate, 11);
    config.tls.key = path_of(asked->key, 12);
    config.tls.client_ca = path_of(asked->client_ca, 13);
    config.tls.client_crl = path_of(asked->client_crl, 14);
    config.tls.key_passphrase_file = path_of(asked->passphrase, 15);
    config.tls.min_version = (struct config_text){or_none(asked->min_version), 16};
    config.tls.cipher_suites = (struct config_text){or_none(asked->suites), 17};
    config.tls.curves = (struct config_text){or_none(asked->curves), 18};
    return config;
}

#define ON   .client = CONFIG_TLS_PREFERRED
#define GOOD ON, .certificate = "server.pem", .key = "server.key"

static const struct {
    struct asked asked;
    unsigned line;     /* 0: no problem */
    const char *words; /* in the problem's text; NULL: none is expected */
    bool warning;
} rows[] = {
    {{GOOD},                                                                                       0,  NULL,                                    false},
    {{ON, .certificate = "both.pem"},                                                              0,  NULL,                                    false},
    {{ON, .certificate = "chain.pem", .key = "chain.key"},                                         0,  NULL,                                    false},
    {{GOOD, .client_ca = "ca.pem", .client_crl = "crl.pem"},                                       0,  NULL,                                    false},
    {{ON, .certificate = "server.pem", .key = "encrypted.key", .passphrase = "passphrase"},
     0,                                                                                                NULL,
     false                                                                                                                                           },
    {{ON, .certificate = "rsa.pem", .key = "encrypted-rsa.key", .passphrase = "passphrase"},
     0,                                                                                                NULL,
     false                                                                                                                                           },
    {{ON, .certificate = "rsa.pem", .key = "encrypted-old.key", .passphrase = "passphrase"},
     0,                                                                                                NULL,
     false                                                                                                                                           },
    {{GOOD, .min_version = "1.2", .curves = "P-256, x25519",
      .suites = "ECDHE-ECDSA-AES256-GCM-SHA384"},
     0,                                                                                                NULL,
     false                                                                                                                                           },

    {{ON, .certificate = "missing.pem", .key = "server.key"},
     11,                                                                                               "cannot be read: No such file",
     false                                                                                                                                           },
    {{ON, .certificate = "server.pem", .key = "missing.key"},
     12,                                                                                               "cannot be read: No such file",
     false                                                                                                                                           },
    {{ON, .certificate = "", .key = "server.key"},                                                 11, "cannot be read",                        false},
    {{ON, .certificate = "server.key", .key = "server.key"},                                       11, "holds no certificate",                  false},
    {{ON, .certificate = "server.pem", .key = "server.pem"},                                       12, "holds no private key",                  false},
    {{ON, .certificate = "server.pem", .key = "renewed.key"},
     12,                                                                                               "does not belong to the certificate",
     false                                                                                                                                           },
    {{ON, .certificate = "server.pem"},                                                            11, "holds no private key",                  false},
    {{ON, .certificate = "server.pem", .key = "encrypted.key"},
     12,                                                                                               "is encrypted; set key_passphrase_file",
     false                                                                                                                                           },
    {{ON, .certificate = "rsa.pem", .key = "encrypted-old.key"},
     12,                                                                                               "is encrypted; set key_passphrase_file",
     false                                                                                                                                           },
    {{ON, .certificate = "server.pem", .key = "encrypted.key", .passphrase = "passphrase-wrong"},
     12,                                                                                               "another passphrase",
     false                                                                                                                                           },
    {{ON, .certificate = "rsa.pem", .key = "encrypted-old.key", .passphrase = "passphrase-wrong"},
     12,                                                                                               "another passphrase",
     false                                                                                                                                           },
    {{ON, .certificate = "rsa.pem", .key = "encrypted-bent.key", .passphrase = "passphrase"},
     12,                                                                                               "another passphrase",
     false                                                                                                                                           },
    {{ON, .certificate = "server.pem", .key = "encrypted.key", .passphrase = "missing"},
     15,                                                                                               "cannot be read",
     false                                                                                                                                           },
    {{ON, .certificate = "usage.pem", .key = "usage.key"},                                         11, "not meant for servers",                 false},
    {{GOOD, .client_ca = "missing.pem"},                                                           13, "cannot be read",                        false},
    {{GOOD, .client_ca = "server.key"},                                                            13, "holds no certificate",                  false},
    {{GOOD, .client_crl = "crl.pem"},                                                              14, "without client_ca",                     false},
    {{GOOD, .client_ca = "ca.pem", .client_crl = "ca.pem"},                                        14, "cannot be parsed",                      false},
    {{GOOD, .client_ca = "ca.pem", .client_crl = "missing"},                                       14, "cannot be read",                        false},
    {{GOOD, .min_version = "1.1"},                                                                 16, "write 1.2 or 1.3",                      false},
    {{GOOD, .min_version = "TLSv1.2"},                                                             16, "write 1.2 or 1.3",                      false},
    {{GOOD, .suites = "TLS_RSA_WITH_NULL_SHA"},                                                    17, "TLS_RSA_WITH_NULL_SHA is not known",    false},
    {{GOOD, .suites = "ECDHE-ECDSA-AES256-GCM-SHA384:RC4-SHA"},                                    17, "RC4-SHA is not known",                  false},
    {{GOOD, .suites = " , "},                                                                      17, "none of the cipher suites",             false},
    {{GOOD, .curves = "secp192r1"},                                                                18, "secp192r1 is not offered",              false},
    {{GOOD, .curves = ":"},                                                                        18, "no curve is named",                     false},
    {{.client = CONFIG_TLS_REQUIRED},                                                              10, "needs a certificate",                   false},

    {{ON, .certificate = "expired.pem", .key = "expired.key"},
     11,                                                                                               "has expired (2021-01-01T00:00:00Z",
     true                                                                                                                                            },
    {{ON, .certificate = "future.pem", .key = "future.key"},                                       11, "is not valid yet",                      true },
    {{ON, .certificate = "soon.pem", .key = "soon.key"},                                           11, "days, at 20",                           true },
    {{GOOD, .client_ca = "ca.pem", .client_crl = "crl-old.pem"},                                   14, "is out of date",                        true },
};

static void test_problems(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct config config = ini_of(&rows[i].asked);
        struct config_problems problems = {0};
        struct tls_server *server;
        bool good = tls_server_build(&config, &server, &problems);
        size_t expected = rows[i].words ? 1 : 0;

        if (problems.count != expected || good != (!rows[i].words || rows[i].warning))
            print_error("row %zu: %s\n", i, problems.count ? problems.items[0].text : "no problem");
        assert_int_equal(problems.count, expected);
        assert_int_equal(good, !rows[i].words || rows[i].warning);
        assert_int_equal(server != NULL, good);
        if (expected) {
            if (!strstr(problems.items[0].text, rows[i].words))
                print_error("row %zu: %s\n", i, problems.items[0].text);
            assert_non_null(strstr(problems.items[0].text, rows[i].words));
            assert_int_equal(problems.items[0].line, rows[i].line);
            assert_int_equal(problems.items[0].warning, rows[i].warning);
            assert_null(strstr(problems.items[0].text, "sesame"));
        }
        config_problems_fini(&problems);
        tls_server_drop(server);
    }
}

static void test_every_problem_is_told(void **state)
{
    struct asked asked = {GOOD, .client_ca = "missing.pem", .min_version = "2", .curves = "round"};
    struct config config = ini_of(&asked);
    struct config_problems problems = {0};
    struct tls_server *server;

    (void)state;
    assert_false(tls_server_build(&config, &server, &problems));
    assert_int_equal(problems.count, 3);
    config_problems_fini(&problems);
}

static void test_not_offered(void **state)
{
    struct asked off = {
        .client = CONFIG_TLS_OFF, .certificate = "server.pem", .key = "missing.key"};
    struct asked bare = {.client = CONFIG_TLS_PREFERRED};
    struct config_service service = {
        .certificate_name = {TEXT("billing.internal"), 30}
    };
    struct config_problems problems = {0};
    struct config config;
    struct tls_server *server;

    (void)state;
    config = ini_of(&off);
    assert_true(tls_server_build(&config, &server, &problems));
    assert_null(server);
    config = ini_of(&bare);
    assert_true(tls_server_build(&config, &server, &problems));
    assert_null(server);
    assert_int_equal(problems.count, 0);
    config.services = &service; /* nobody could ever log in to it */
    config.service_count = 1;
    assert_false(tls_server_build(&config, &server, &problems));
    assert_int_equal(problems.items[0].line, 30);
    config_problems_fini(&problems);
}

static void test_passphrase_of_the_environment(void **state)
{
    struct asked asked = {ON, .certificate = "server.pem", .key = "encrypted.key"};
    struct config config = ini_of(&asked);
    struct config_problems problems = {0};
    struct tls_server *server;

    (void)state;
    setenv("SILOGATE_KEY_PASSPHRASE", "open sesame", 1);
    assert_true(tls_server_build(&config, &server, &problems));
    unsetenv("SILOGATE_KEY_PASSPHRASE");
    tls_server_drop(server);
    assert_int_equal(problems.count, 0);
}

static void test_a_key_that_everyone_can_read(void **state)
{
    struct config config = server_ini("server");
    struct config_problems problems = {0};
    struct tls_server *server;

    (void)state;
    assert_int_equal(chmod(config.tls.key.value.at, 0644), 0);
    assert_true(tls_server_build(&config, &server, &problems));
    assert_int_equal(chmod(config.tls.key.value.at, 0600), 0);
    assert_true(problems.count > 0);
    assert_true(problems.items[0].warning);
    assert_non_null(strstr(problems.items[0].text, "can be read by everyone"));
    config_problems_fini(&problems);
    tls_server_drop(server);
}

static void test_upstreams(void **state)
{
    static const struct {
        enum config_tls demand;
        const char *ca, *certificate, *key, *crl;
        unsigned line;
        bool warning;
    } upstreams[] = {
        {CONFIG_TLS_OFF,             "missing", NULL,          NULL,          NULL,      0,  false},
        {CONFIG_TLS_PREFERRED,       NULL,      NULL,          NULL,          NULL,      0,  false},
        {CONFIG_TLS_REQUIRED,        NULL,      "billing.pem", "billing.key", NULL,      0,  false},
        {CONFIG_TLS_VERIFY_IDENTITY, "ca.pem",  "billing.pem", "billing.key", "crl.pem", 0,  false},
        {CONFIG_TLS_VERIFY_CA,       NULL,      NULL,          NULL,          NULL,      21, false},
        {CONFIG_TLS_VERIFY_IDENTITY, NULL,      NULL,          NULL,          NULL,      21, false},
        {CONFIG_TLS_VERIFY_CA,       "missing", NULL,          NULL,          NULL,      22, false},
        {CONFIG_TLS_VERIFY_CA,       "ca.pem",  NULL,          NULL,          "missing", 23, false},
        {CONFIG_TLS_REQUIRED,        NULL,      "billing.pem", "server.key",  NULL,      25, false},
        {CONFIG_TLS_REQUIRED,        NULL,      NULL,          "server.key",  NULL,      25, false},
        {CONFIG_TLS_REQUIRED,        "ca.pem",  NULL,          NULL,          NULL,      22, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(upstreams) / sizeof(*upstreams); i++) {
        struct config_upstream upstream = upstream_ini(upstreams[i].demand, upstreams[i].ca);
        struct config_problems problems = {0};
        struct tls_client *client;
        bool good;

        upstream.crl = path_of(upstreams[i].crl, 23);
        upstream.certificate = path_of(upstreams[i].certificate, 24);
        upstream.key = path_of(upstreams[i].key, 25);
        good = tls_client_build(&upstream, &client, &problems);
        if (problems.count != (upstreams[i].line > 0))
            print_error("row %zu: %s\n", i, problems.count ? problems.items[0].text : "no problem");
        assert_int_equal(problems.count, upstreams[i].line > 0);
        if (upstreams[i].line) {
            assert_int_equal(problems.items[0].line, upstreams[i].line);
            assert_int_equal(problems.items[0].warning, upstreams[i].warning);
        }
        assert_int_equal(good, problems.errors == 0);
        assert_int_equal(client != NULL, good && upstreams[i].demand != CONFIG_TLS_OFF);
        config_problems_fini(&problems);
        tls_client_drop(client);
    }
}

static void test_days_left(void **state)
{
    const struct tls_certificate certificate = {.seconds = 1000000};

    (void)state;
    assert_int_equal(tls_days_left(&certificate, 1000000), 0);
    assert_int_equal(tls_days_left(&certificate, 1000000 - 86399), 0);
    assert_int_equal(tls_days_left(&certificate, 1000000 - 86400), 1);
    assert_int_equal(tls_days_left(&certificate, 1000001), -1);
    assert_int_equal(tls_days_left(&certificate, 1000000 + 86401), -2);
}

static void test_expiry_of_a_loaded_certificate(void **state)
{
    struct config config = server_ini("soon");
    struct tls_server *server = server_build(&config);
    struct tls_certificate certificate;
    int left;

    (void)state;
    tls_server_certificate(server, &certificate);
    assert_string_equal(certificate.name, "CN=localhost");
    left = tls_days_left(&certificate, time(NULL));
    assert_true(left == 9 || left == 10);
    assert_int_equal(strlen(certificate.until), strlen("2026-12-31T23:59:59Z"));
    tls_server_drop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_every_problem_is_told),
        cmocka_unit_test(test_not_offered),
        cmocka_unit_test(test_passphrase_of_the_environment),
        cmocka_unit_test(test_a_key_that_everyone_can_read),
        cmocka_unit_test(test_upstreams),
        cmocka_unit_test(test_days_left),
        cmocka_unit_test(test_expiry_of_a_loaded_certificate),
    };

    return cmocka_run_group_tests(tests, certificates_make, certificates_remove);
}
