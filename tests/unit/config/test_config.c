/* proxy.ini: every key, every default, files and dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "config/keys.h"
#include "tests/unit/ini.h"

#define UPSTREAM "[upstream:main]\naddress = 127.0.0.1:3307\n"

static void test_every_key(void **state)
{
    (void)state;
    struct config *config = ini_good("; a comment\n"
                                     "# another\n"
                                     "[proxy]\n"
                                     "listen = 0.0.0.0:3306            ; a comment\n"
                                     "listen = [::1]:3310\n"
                                     "listen = unix:/run/silogate.sock\n"
                                     "admin = off\n"
                                     "workers = 3\n"
                                     "max_connections = 9000\n"
                                     "max_command = 16M\n"
                                     "connect_timeout = 1500ms\n"
                                     "login_timeout = 2m\n"
                                     "idle_timeout = 2d\n"
                                     "drain_timeout = 0\n"
                                     "greeting = upstream\n"
                                     "max_failed_logins = 0\n"
                                     "unknown_user = pass\n"
                                     "default_upstream = main\n"
                                     "proxy_protocol_from = 10.0.0.0/8\n"
                                     "proxy_protocol_from = fd00::/8\n"
                                     "proxy_protocol_from = 192.168.1.7\n"
                                     "[policy]\n"
                                     "mode = block\n"
                                     "undetermined = block\n"
                                     "unowned = allow\n"
                                     "administration = log\n"
                                     "[tls]\n"
                                     "certificate = server.pem\n"
                                     "key = /etc/server.key\n"
                                     "key_passphrase_file = pass\n"
                                     "client = required\n"
                                     "client_ca = ca.pem\n"
                                     "client_crl = crl.pem\n"
                                     "min_version = 1.3\n"
                                     "cipher_suites = A:B\n"
                                     "curves = x25519\n"
                                     "handshakes_per_address = 7\n"
                                     "[log]\n"
                                     "violations = v.jsonl\n"
                                     "violations = syslog\n"
                                     "statement = full\n"
                                     "repeat = 1h\n"
                                     "[upstream:main]\n"
                                     "address = db.example:3307\n"
                                     "address = unix:/run/mysqld.sock\n"
                                     "tls = verify_identity\n"
                                     "ca = ca.pem\n"
                                     "certificate = c.pem\n"
                                     "key = k.pem\n"
                                     "key_passphrase_file = p\n"
                                     "crl = r.pem\n"
                                     "proxy_protocol = v2\n"
                                     "max_connections = 2000\n"
                                     "[service:billing]\n"
                                     "user = billing_service\n"
                                     "user = billing_batch\n"
                                     "upstream = main\n"
                                     "database = nilecare_billing\n"
                                     "alias = nilecare\n"
                                     "owns = nilecare_billing.*\n"
                                     "owns = nilecare.invoices\n"
                                     "reads = shared_reference.*\n"
                                     "mode = off\n"
                                     "max_connections = 200\n"
                                     "certificate_name = billing.internal\n"
                                     "[grant:g]\n"
                                     "service = billing\n"
                                     "on = nilecare.patients\n"
                                     "on = nilecare.beds\n"
                                     "access = read\n"
                                     "access = execute\n"
                                     "until = 2026-12-31\n"
                                     "ticket = NC-1234\n"
                                     "[edge:billing->clinical]\n"
                                     "mode = block\n");
    assert_int_equal(config->proxy.listen.count, 3);
    assert_text(config->proxy.listen.items[1].host, "::1");
    assert_int_equal(config->proxy.listen.items[1].port, 3310);
    assert_int_equal(config->proxy.listen.items[1].line, 5);
    assert_true(config->proxy.listen.items[2].is_unix);
    assert_text(config->proxy.listen.items[2].host, "/run/silogate.sock");
    assert_null(config->proxy.admin.host.at);
    assert_int_equal(config->proxy.workers.value, 3);
    assert_int_equal(config->proxy.max_connections.value, 9000);
    assert_int_equal(config->proxy.max_command.value, 16 << 20);
    assert_int_equal(config->proxy.connect_timeout.value, 1500);
    assert_int_equal(config->proxy.login_timeout.value, 120000);
    assert_int_equal(config->proxy.idle_timeout.value, 2 * 86400000);
    assert_int_equal(config->proxy.drain_timeout.value, 0);
    assert_int_equal(config->proxy.drain_timeout.line, 14);
    assert_int_equal(config->proxy.greeting.value, CONFIG_GREETING_UPSTREAM);
    assert_int_equal(config->proxy.max_failed_logins.value, 0);
    assert_int_equal(config->proxy.unknown_user.value, CONFIG_PASS);
    assert_int_equal(config->proxy.default_upstream_index, 0);
    assert_int_equal(config->proxy.proxy_protocol_from_count, 3);
    assert_int_equal(config->proxy.proxy_protocol_from[0].bits, 104);
    assert_int_equal(config->proxy.proxy_protocol_from[0].address[11], 0xff);
    assert_int_equal(config->proxy.proxy_protocol_from[0].address[12], 10);
    assert_int_equal(config->proxy.proxy_protocol_from[1].bits, 8);
    assert_int_equal(config->proxy.proxy_protocol_from[1].address[0], 0xfd);
    assert_int_equal(config->proxy.proxy_protocol_from[2].bits, 128);
    assert_int_equal(config->policy.mode.value, CONFIG_BLOCK);
    assert_int_equal(config->policy.undetermined.value, CONFIG_BLOCK);
    assert_int_equal(config->policy.unowned.value, CONFIG_ALLOW);
    assert_int_equal(config->policy.administration.value, CONFIG_LOG);
    assert_text(config->tls.certificate.value, "/tmp/server.pem");
    assert_text(config->tls.key.value, "/etc/server.key");
    assert_text(config->tls.key_passphrase_file.value, "/tmp/pass");
    assert_int_equal(config->tls.client.value, CONFIG_TLS_REQUIRED);
    assert_text(config->tls.client_ca.value, "/tmp/ca.pem");
    assert_text(config->tls.client_crl.value, "/tmp/crl.pem");
    assert_text(config->tls.min_version.value, "1.3");
    assert_text(config->tls.cipher_suites.value, "A:B");
    assert_text(config->tls.curves.value, "x25519");
    assert_int_equal(config->tls.handshakes_per_address.value, 7);
    assert_int_equal(config->log.violations.count, 2);
    assert_text(config->log.violations.items[0].value, "/tmp/v.jsonl");
    assert_text(config->log.violations.items[1].value, "syslog");
    assert_int_equal(config->log.statement.value, CONFIG_FULL);
    assert_int_equal(config->log.repeat.value, 3600000);
    assert_int_equal(config->upstream_count, 1);
    assert_text(config->upstreams[0].name, "main");
    assert_int_equal(config->upstreams[0].addresses.count, 2);
    assert_text(config->upstreams[0].addresses.items[0].host, "db.example");
    assert_text(config->upstreams[0].addresses.items[0].written, "db.example:3307");
    assert_int_equal(config->upstreams[0].tls.value, CONFIG_TLS_VERIFY_IDENTITY);
    assert_text(config->upstreams[0].crl.value, "/tmp/r.pem");
    assert_int_equal(config->upstreams[0].proxy_protocol.value, CONFIG_PROXY_V2);
    assert_int_equal(config->upstreams[0].max_connections.value, 2000);
    assert_int_equal(config->service_count, 1);
    const struct config_service *service = &config->services[0];
    assert_text(service->name, "billing");
    assert_int_equal(service->line, 54);
    assert_int_equal(service->users.count, 2);
    assert_text(service->users.items[1].value, "billing_batch");
    assert_text(service->database.value, "nilecare_billing");
    assert_text(service->aliases.items[0].value, "nilecare");
    assert_int_equal(service->owns.count, 2);
    assert_text(service->owns.items[0].value, "nilecare_billing.*");
    assert_int_equal(service->reads.count, 1);
    assert_int_equal(service->mode.value, CONFIG_OFF);
    assert_int_equal(service->max_connections.value, 200);
    assert_text(service->certificate_name.value, "billing.internal");
    assert_int_equal(config->grant_count, 1);
    assert_text(config->grants[0].service.value, "billing");
    assert_int_equal(config->grants[0].on.count, 2);
    assert_int_equal(config->grants[0].access.bits, 9);
    assert_int_equal(config->grants[0].access.lines[3], config->grants[0].access.lines[0] + 1);
    assert_int_equal(config->grants[0].access.lines[1], 0);
    assert_int_equal(config->grants[0].until.day, 20818);
    assert_text(config->grants[0].until.written, "2026-12-31");
    assert_text(config->grants[0].ticket.value, "NC-1234");
    assert_int_equal(config->edge_count, 1);
    assert_text(config->edges[0].user, "billing");
    assert_text(config->edges[0].owner, "clinical");
    assert_int_equal(config->edges[0].mode.value, CONFIG_BLOCK);
    config_free(config);
}

static void test_defaults(void **state)
{
    (void)state;
    struct config *config = ini_good(UPSTREAM "[service:a]\nuser = a\n");
    assert_int_equal(config->proxy.listen.count, 1);
    assert_text(config->proxy.listen.items[0].written, "0.0.0.0:3306");
    assert_int_equal(config->proxy.listen.items[0].line, 0);
    assert_text(config->proxy.admin.host, "127.0.0.1");
    assert_int_equal(config->proxy.admin.port, 6480);
    assert_int_equal(config->proxy.workers.value, 0);
    assert_int_equal(config->proxy.max_connections.value, 10000);
    assert_int_equal(config->proxy.max_command.value, 64 << 20);
    assert_int_equal(config->proxy.connect_timeout.value, 5000);
    assert_int_equal(config->proxy.login_timeout.value, 10000);
    assert_int_equal(config->proxy.idle_timeout.value, 8 * 3600000);
    assert_int_equal(config->proxy.drain_timeout.value, 30000);
    assert_int_equal(config->proxy.greeting.value, CONFIG_GREETING_OWN);
    assert_int_equal(config->proxy.max_failed_logins.value, 5);
    assert_int_equal(config->proxy.unknown_user.value, CONFIG_REJECT);
    assert_int_equal(config->policy.mode.value, CONFIG_LOG);
    assert_int_equal(config->policy.mode.line, 0);
    assert_int_equal(config->policy.undetermined.value, CONFIG_AS_MODE);
    assert_int_equal(config->policy.unowned.value, CONFIG_LOG);
    assert_int_equal(config->policy.administration.value, CONFIG_AS_MODE);
    assert_int_equal(config->tls.client.value, CONFIG_TLS_PREFERRED);
    assert_text(config->tls.certificate.value, "auto");
    assert_text(config->tls.min_version.value, "1.2");
    assert_int_equal(config->log.violations.count, 1);
    assert_text(config->log.violations.items[0].value, "stdout");
    assert_int_equal(config->log.statement.value, CONFIG_NORMALIZED);
    assert_int_equal(config->log.repeat.value, 60000);
    assert_int_equal(config->upstreams[0].tls.value, CONFIG_TLS_PREFERRED);
    assert_int_equal(config->upstreams[0].proxy_protocol.value, CONFIG_PROXY_OFF);
    assert_int_equal(config->services[0].mode.line, 0);
    assert_int_equal(config->services[0].upstream_index, 0);
    assert_null(config->services[0].database.value.at);
    config_free(config);
}

/* The fallbacks in keys.def are read by the same code as values: none may be wrong. */
static void test_defaults_are_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct key *key = &config_keys[i];
        union {
            struct config config;
            struct config_upstream upstream;
            struct config_service service;
            struct config_grant grant;
            struct config_edge edge;
        } base;
        struct arena arena = {0};
        struct value_place place = {
            &arena, {NULL, 0},
             0
        };
        struct error why;
        memset(&base, 0, sizeof(base));
        if (key->fallback && *key->fallback)
            assert_true(value_read(key, &base, text_of(key->fallback), &place, &why));
        arena_fini(&arena);
    }
}

static void test_long_section_names_are_whole(void **state)
{
    (void)state;
    struct config *config = ini_good(
        UPSTREAM "[edge:patient-administration-and-records->clinical-decision-support-one]\n"
                 "mode = block\n"
                 "[edge:patient-administration-and-records->clinical-decision-support-two]\n"
                 "mode = log\n");
    assert_int_equal(config->edge_count, 2);
    assert_text(config->edges[0].owner, "clinical-decision-support-one");
    assert_text(config->edges[1].owner, "clinical-decision-support-two");
    assert_int_equal(config->edges[1].mode.value, CONFIG_LOG);
    config_free(config);
}

static void test_no_such_file(void **state)
{
    (void)state;
    struct config_problems problems = {0};
    assert_null(config_read("/nonexistent/proxy.ini", &problems));
    assert_int_equal(problems.errors, 1);
    config_problems_fini(&problems);
    config_free(config_read("/tmp", &problems));
    assert_true(problems.errors > 0);
    assert_non_null(strstr(problems.items[0].text, "cannot be read"));
    config_problems_fini(&problems);
}

static void test_files(void **state)
{
    (void)state;
    struct config_problems problems = {0};
    struct config *config =
        ini_good(UPSTREAM "ca = /nonexistent/ca.pem\n[tls]\ncertificate = /tmp\n"
                          "key = /dev/null\n"
                          "[log]\nviolations = /nonexistent/v.jsonl\nviolations = /tmp\n"
                          "[proxy]\nadmin_token_file = /nonexistent/token\n");
    config_check_files(config, &problems);
    config_problems_print(&problems, "expected in this test");
    assert_int_equal(problems.count, 5);
    assert_int_equal(problems.errors, 4);
    assert_int_equal(problems.items[0].line, 3);
    assert_non_null(strstr(problems.items[0].text, "ca = /nonexistent/ca.pem cannot be read"));
    assert_int_equal(problems.items[1].line, 5);
    assert_non_null(strstr(problems.items[1].text, "certificate = /tmp is a folder"));
    assert_int_equal(problems.items[2].line, 8);
    assert_true(problems.items[2].warning);
    assert_int_equal(problems.items[3].line, 9);
    assert_non_null(strstr(problems.items[3].text, "violations = /tmp is a folder"));
    assert_int_equal(problems.items[4].line, 11);
    assert_non_null(strstr(problems.items[4].text, "admin_token_file = /nonexistent/token"));
    config_problems_fini(&problems);
    config_free(config);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *written;
        int32_t day; /* -1: refused */
    } dates[] = {
        {"1970-01-01", 0      },
        {"1970-12-31", 364    },
        {"1972-02-29", 789    },
        {"1999-12-31", 10956  },
        {"2000-02-29", 11016  },
        {"2000-03-01", 11017  },
        {"2100-02-29", -1     },
        {"2100-03-01", 47541  },
        {"9999-12-31", 2932896},
        {"0000-01-01", -1     },
        {"1969-12-31", -1     },
        {"2026-00-10", -1     },
        {"2026-01-00", -1     },
        {"2026-01-32", -1     },
        {"2026/01/01", -1     },
    };
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        struct error why;
        int32_t day = -1;
        bool good = date_read(text_of(dates[i].written), &day, &why);
        assert_int_equal(good, dates[i].day >= 0);
        if (good)
            assert_int_equal(day, dates[i].day);
    }
}

static char *whole_file(const char *path)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s cannot be opened; run this from the project's root", path);
    text[fread(text, 1, sizeof(text) - 1, file)] = 0;
    fclose(file);
    return text;
}

/* The reference ends with what the table of keys says, to the byte. */
static void test_reference_is_up_to_date(void **state)
{
    (void)state;
    char *keys = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&keys, &size);
    keys_print(to);
    fclose(to);
    const char *reference = whole_file("docs/policy.md");
    const char *tables = strstr(reference, "### [proxy]");
    assert_non_null(tables);
    if (strcmp(tables, keys) != 0)
        fail_msg(
            "the tables in docs/policy.md are not those of config/keys.def; run make reference");
    free(keys);
}

/* The examples are files like any other, and have nothing to warn of. */
static void test_examples(void **state)
{
    (void)state;
    static const char *const paths[] = {"proxy.ini", "examples/nilecare/proxy.ini",
                                        "examples/medport/proxy.ini"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct config_problems problems = {0};
        struct config *config = config_read(paths[i], &problems);
        config_problems_print(&problems, paths[i]);
        assert_non_null(config);
        assert_int_equal(problems.count, 0);
        config_check_files(config, &problems);
        assert_int_equal(problems.errors, 0);
        config_problems_fini(&problems);
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_is_up_to_date),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_defaults_are_values),
        cmocka_unit_test(test_long_section_names_are_whole),
        cmocka_unit_test(test_no_such_file),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
