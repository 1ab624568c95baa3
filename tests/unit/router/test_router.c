/* Who goes where, and what is learned of servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>

#include "router/router.h"
#include "tests/unit/ini.h"

static const char two_servers[] = /* */
    "[proxy]\ndefault_upstream = new\n"
    "[upstream:old]\naddress = 127.0.0.1:3307\naddress = [::1]:3308\naddress = unix:/run/my.sock\n"
    "[upstream:new]\naddress = no-such-host.invalid:3309\naddress = 127.0.0.9:3310\n"
    "[service:billing]\nuser = billing\nuser = billing_batch\nupstream = old\n"
    "database = nilecare_billing\nalias = nilecare\nalias = Clinical\n"
    "[service:main]\nuser = main\n";

static struct router *build(const char *ini, const struct router *old)
{
    struct config *config = ini_good(ini);
    struct router *router = router_build(config, old);

    config_free(config);
    return router;
}

static void test_users(void **state)
{
    (void)state;
    struct router *router = build(two_servers, NULL);
    assert_int_equal(router_service(router, TEXT("billing")), 0);
    assert_int_equal(router_service(router, TEXT("billing_batch")), 0);
    assert_int_equal(router_service(router, TEXT("main")), 1);
    assert_int_equal(router_service(router, TEXT("Main")), -1);
    assert_int_equal(router_service(router, TEXT("billin")), -1);
    assert_int_equal(router_service(router, TEXT("")), -1);
    assert_int_equal(router_service(router, (struct text){NULL, 0}), -1);
    assert_int_equal(router_upstream(router, 0), 0);
    assert_int_equal(router_upstream(router, 1), 1);
    assert_int_equal(router_upstream(router, -1), 1);
    assert_int_equal(router_upstream_count(router), 2);
    assert_string_equal(router_upstream_name(router, 0), "old");
    router_free(router);
}

static void test_many_users(void **state)
{
    (void)state;
    static char ini[200000];
    size_t length = (size_t)sprintf(ini, "[upstream:main]\naddress = 127.0.0.1:3307\n");
    for (int i = 0; i < 1000; i++)
        length += (size_t)sprintf(ini + length, "[service:s%d]\nuser = u%d\nuser = v%d\n", i, i, i);
    struct router *router = build(ini, NULL);
    for (int i = 0; i < 1000; i++) {
        char user[20];
        sprintf(user, "u%d", i);
        assert_int_equal(router_service(router, text_of(user)), i);
        user[0] = 'v';
        assert_int_equal(router_service(router, text_of(user)), i);
        user[0] = 'w';
        assert_int_equal(router_service(router, text_of(user)), -1);
    }
    router_free(router);
}

static void test_databases(void **state)
{
    (void)state;
    static const struct {
        int service;
        const char *name;
        int fold; /* true or false */
        const char *expected;
    } cases[] = {
        {0,  NULL,               false, "nilecare_billing"},
        {0,  "",                 false, "nilecare_billing"},
        {0,  "nilecare",         false, "nilecare_billing"},
        {0,  "nilecare_billing", false, "nilecare_billing"},
        {0,  "NileCare",         false, "NileCare"        },
        {0,  "NileCare",         true,  "nilecare_billing"},
        {0,  "clinical",         false, "clinical"        },
        {0,  "clinical",         true,  "nilecare_billing"},
        {0,  "other",            true,  "other"           },
        {1,  NULL,               false, NULL              },
        {1,  "nilecare",         false, "nilecare"        },
        {-1, "nilecare",         false, "nilecare"        },
        {-1, NULL,               false, NULL              },
    };
    struct router *router = build(two_servers, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text name = text_of(cases[i].name);
        struct text got = router_database(router, cases[i].service, name, cases[i].fold);
        if (!cases[i].expected)
            assert_null(got.at);
        else
            assert_true(text_equal(got, text_of(cases[i].expected)));
    }
    router_free(router);
}

static void test_addresses(void **state)
{
    (void)state;
    struct router *router = build(two_servers, NULL);
    struct router_address address;

    assert_int_equal(router_address_count(router, 0), 3);
    assert_true(router_address(router, 0, 0, &address));
    const struct sockaddr_in *v4 = (const void *)&address.at;
    assert_int_equal(v4->sin_family, AF_INET);
    assert_int_equal(ntohs(v4->sin_port), 3307);
    assert_int_equal(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
    assert_string_equal(address.written, "127.0.0.1:3307");
    assert_true(router_address(router, 0, 1, &address));
    const struct sockaddr_in6 *v6 = (const void *)&address.at;
    assert_int_equal(v6->sin6_family, AF_INET6);
    assert_int_equal(ntohs(v6->sin6_port), 3308);
    assert_true(router_address(router, 0, 2, &address));
    const struct sockaddr_un *local = (const void *)&address.at;
    assert_int_equal(local->sun_family, AF_UNIX);
    assert_string_equal(local->sun_path, "/run/my.sock");
    assert_false(router_address(router, 0, 3, &address));
    /* A name that does not resolve is counted, and fails; the next is tried. */
    assert_int_equal(router_address_count(router, 1), 2);
    assert_false(router_address(router, 1, 0, &address));
    assert_string_equal(address.written, "no-such-host.invalid:3309");
    assert_true(router_address(router, 1, 1, &address));
    assert_string_equal(address.written, "127.0.0.9:3310");
    router_free(router);
}

static struct router_server server(const char *version, uint64_t capabilities)
{
    struct router_server server = {
        .known = true, .capabilities = capabilities, .collation = 45, .lower_case_table_names = -1};

    snprintf(server.version, sizeof(server.version), "%s", version);
    return server;
}

static void test_learning(void **state)
{
    (void)state;
    struct router *router = build(two_servers, NULL), *next;
    struct router_server got, greeting = server("8.0.1", 1);

    router_server(router, 0, &got);
    assert_false(got.known);
    assert_int_equal(got.lower_case_table_names, -1);
    greeting.lower_case_table_names = 1;
    greeting.init_connect = true;
    router_learn(router, 0, &greeting);
    /* Another greeting of the same server does not forget what only a question told. */
    greeting = server("8.0.1", 3);
    router_learn(router, 0, &greeting);
    router_server(router, 0, &got);
    assert_int_equal(got.capabilities, 3);
    assert_int_equal(got.lower_case_table_names, 1);
    assert_true(got.init_connect);
    /* A reload that leaves the upstream as it is keeps it; one that moves it does not. */
    next = build(two_servers, router);
    router_server(next, 0, &got);
    assert_string_equal(got.version, "8.0.1");
    assert_int_equal(got.lower_case_table_names, 1);
    router_free(next);
    next = build("[upstream:old]\naddress = 127.0.0.1:3400\n", router);
    router_server(next, 0, &got);
    assert_false(got.known);
    router_free(next);
    /* An upgraded server is another. */
    greeting = server("9.7.4", 7);
    router_learn(router, 0, &greeting);
    router_server(router, 0, &got);
    assert_int_equal(got.lower_case_table_names, -1);
    assert_false(got.init_connect);
    router_free(router);
}

static void test_greeting(void **state)
{
    (void)state;
    struct router *router = build(two_servers, NULL);
    struct router_server got, old = server("5.5.5-10.11.9-MariaDB", 0xf00000ffeull);
    struct router_server new = server("9.7.4", 0x0f00ffull);

    router_greeting(router, &got);
    assert_false(got.known);
    router_learn(router, 0, &old);
    router_greeting(router, &got);
    assert_true(got.known);
    assert_string_equal(got.version, "5.5.5-10.11.9-MariaDB");
    assert_int_equal(got.capabilities, 0xf00000ffeull);
    router_learn(router, 1, &new);
    router_greeting(router, &got);
    assert_string_equal(got.version, "9.7.4"); /* the default upstream's */
    /* What both have; but whether it is MariaDB is the default upstream's to say. */
    assert_int_equal(got.capabilities, 0xffull);
    router_free(router);
}

static void *learn(void *of)
{
    for (int i = 0; i < 2000; i++) {
        struct router_server learned = server(i % 2 ? "8.0.1" : "9.7.4", (uint64_t)i);
        router_learn(of, 0, &learned);
    }
    return NULL;
}

static void *resolve(void *of)
{
    for (int i = 0; i < 200; i++)
        router_resolve(of, 0);
    return NULL;
}

/* Meant for the thread sanitizer, and to see no half-written version. */
static void test_threads(void **state)
{
    (void)state;
    struct router *router = build("[upstream:a]\naddress = 127.0.0.1:3400\n", NULL);
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, learn, router);
    pthread_create(&threads[1], NULL, resolve, router);
    for (int i = 0; i < 2000; i++) {
        struct router_server got;
        struct router_address address;
        router_server(router, 0, &got);
        if (got.known && strcmp(got.version, "8.0.1") != 0)
            assert_string_equal(got.version, "9.7.4");
        assert_int_equal(router_address_count(router, 0), 1);
        assert_true(router_address(router, 0, 0, &address));
        router_greeting(router, &got);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    router_free(router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users),     cmocka_unit_test(test_many_users),
        cmocka_unit_test(test_databases), cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_learning),  cmocka_unit_test(test_greeting),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
