/* proxy.ini: one line a mistake, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/keys.h"
#include "tests/unit/ini.h"

#define UPSTREAM "[upstream:main]\naddress = 127.0.0.1:3307\n"

/* `expected`: "LINE: part of the text"; every case has exactly one problem. */
/* clang-format off */
#define LONG "twenty_bytes_of_path"
#define SERVICE "[service:a]\nowns = x.*\n"

static const struct mistake {
    const char *ini;
    const char *expected;
} mistakes[] = {
    {UPSTREAM "[prxy]\n", "3: unknown section [prxy]; did you mean [proxy]?"},
    {UPSTREAM "[nonsense]\nmode = log\n", "3: unknown section [nonsense]; write one of proxy, policy"},
    {UPSTREAM "[proxy:x]\n", "3: [proxy:x] does not take a name; write [proxy]"},
    {UPSTREAM "[service]\n", "3: [service] lacks a name; write [service:NAME]"},
    {UPSTREAM "[service:]\n", "3: '' is not a name"},
    {UPSTREAM "[service:a b]\nuser = x\n", "3: 'a b' is not a name"},
    {UPSTREAM "[edge:a]\nmode = log\n", "3: 'a' is not a pair of services; write [edge:USER->OWNER]"},
    {UPSTREAM "[edge:a->]\nmode = log\n", "3: 'a->' is not a pair of services"},
    {UPSTREAM "[edge:a->b]\n", "3: [edge:a->b] has no mode; write a line mode = ..."},
    {UPSTREAM SERVICE "[move:m]\nservice = a\n", "5: [move:m] moves nothing; write table = "},
    {UPSTREAM SERVICE "[move:m]\nservice = a\ntable = x.t\n", "5: [move:m] has no `to`"},
    {UPSTREAM SERVICE "[move:m]\nservice = a\ntable = x.t\nto = X\n", "7: table = x.t stands in X already"},
    {UPSTREAM SERVICE "[move:m]\nservice = a\ntable = *.t\nto = y\n", "7: table = *.t: a table is moved out of"},
    {UPSTREAM SERVICE "[move:m]\nservice = a\ntable = x.t\ntable = x.T\nto = y\n", "8: table = x.T is moved by [move:m] already (line 7)"},
    {UPSTREAM SERVICE "[move:m]\nservice = a\ntable = x.t\nto = y\nupstream = main\n", "9: [move:m] has tables, which stay"},
    {UPSTREAM SERVICE "[move:m]\nservice = a\ndatabase = x\nupstream = there\n", "8: there is no [upstream:there]"},
    {UPSTREAM SERVICE "[move:m]\nservice = a\ntable = x.t\nto = y\nalias = link\n", "9: alias = link: no such word; write view or none"},
    {UPSTREAM SERVICE "[move:m]\nservice = b\ntable = x.t\nto = y\n", "6: there is no [service:b]"},
    {UPSTREAM "[proxy\n", "3: a section without ]"},
    {UPSTREAM "[proxy]\ncontrol = unix:/" LONG LONG LONG LONG LONG "sockets", "4: control = unix:/"},
    {UPSTREAM "\xef\xbb\xbf[proxy]\nworkers = 2\n", "3: the line begins with the bytes EF BB BF"},
    {UPSTREAM "[proxy] workers = 2\n", "3: something stands behind ]"},
    {UPSTREAM "[proxy]\nworkers = 2\n[proxy]\n", "5: [proxy] stands on line 3 already"},
    {UPSTREAM "[upstream:main]\n", "3: [upstream:main] stands on line 1 already"},
    {"listen = 127.0.0.1:1\n" UPSTREAM, "1: a key before any section"},
    {UPSTREAM "[proxy]\nworker = 2\n", "4: [proxy] has no key 'worker'; did you mean workers?"},
    {UPSTREAM "[proxy]\nowns = a.b\n", "4: [proxy] has no key 'owns'; write it in [service:NAME]"},
    {UPSTREAM "[proxy]\nzzzzzzzz = a.b\n", "4: [proxy] has no key 'zzzzzzzz'; `silogate check --keys`"},
    {UPSTREAM "[proxy]\nListen = 127.0.0.1:1\n", "4: [proxy] has no key 'Listen'; did you mean listen?"},
    {UPSTREAM "[proxy]\n= 2\n", "4: [proxy] has no key ''"},
    {UPSTREAM "[proxy]\nworkers\n", "4: neither [section] nor key = value"},
    {UPSTREAM "[proxy]\nworkers ; = 2\n", "4: neither [section] nor key = value"},
    {UPSTREAM "[proxy]\nworkers =\n", "4: workers has no value"},
    {UPSTREAM "[proxy]\nworkers = ; 2\n", "4: workers has no value"},
    {UPSTREAM "[proxy]\nworkers = 2\nworkers = 3\n", "5: workers is on line 4 already"},
    {UPSTREAM "[proxy]\nworkers = two\n", "4: workers = two: no number"},
    {UPSTREAM "[proxy]\nworkers = 2000\n", "4: workers = 2000: out of range; write something from 1 to 1024"},
    {UPSTREAM "[proxy]\nmax_connections = 0\n", "4: max_connections = 0: out of range"},
    {UPSTREAM "[proxy]\nmax_connections = -1\n", "4: max_connections = -1: no number"},
    {UPSTREAM "[proxy]\nmax_command = 64MB\n", "4: max_command = 64MB: no size"},
    {UPSTREAM "[proxy]\nmax_command = 2G\n", "4: max_command = 2G: out of range; write something from 1K to 1G"},
    {UPSTREAM "[proxy]\nmax_command = 99999999999999999999\n", "4: max_command = 99999999999999999999: no size"},
    {UPSTREAM "[proxy]\nmax_command = 18446744073709551615G\n", "4: max_command = 18446744073709551615G: out of"},
    {UPSTREAM "[proxy]\nidle_timeout = 5\n", "4: idle_timeout = 5: no duration"},
    {UPSTREAM "[proxy]\nidle_timeout = 0\n", "4: idle_timeout = 0: out of range; write something from 1ms to 3650d"},
    {UPSTREAM "[proxy]\nidle_timeout = 5 weeks\n", "4: idle_timeout = 5 weeks: no duration"},
    {UPSTREAM "[proxy]\ngreeting = Own\n", "4: greeting = Own: no such word; did you mean own? It can be own or upstream"},
    {UPSTREAM "[policy]\nmode = allow\n", "4: mode = allow: no such word; write off, log or block"},
    {UPSTREAM "[policy]\nunowned = off\n", "4: unowned = off: no such word; write allow, log or block"},
    {UPSTREAM "[policy]\nmode = \"log\"\n", "4: mode = \"log\": quotes would be part of the value"},
    {UPSTREAM "[proxy]\nlisten = 3306\n", "4: listen = 3306: no port"},
    {UPSTREAM "[proxy]\nlisten = :3306\n", "4: listen = :3306: no host"},
    {UPSTREAM "[proxy]\nlisten = *:3306\n", "4: listen = *:3306: * is not a host"},
    {UPSTREAM "[proxy]\nlisten = 1.2.3.4:0\n", "4: listen = 1.2.3.4:0: no port from 1 to 65535"},
    {UPSTREAM "[proxy]\nlisten = 1.2.3.4:65536\n", "4: listen = 1.2.3.4:65536: no port from 1 to 65535"},
    {UPSTREAM "[proxy]\nlisten = 1.2.3.400:3306\n", "4: listen = 1.2.3.400:3306: no IPv4 address"},
    {UPSTREAM "[proxy]\nlisten = ::1:3306\n", "4: listen = ::1:3306: an IPv6 address needs brackets"},
    {UPSTREAM "[proxy]\nlisten = [::1]\n", "4: listen = [::1]: no port"},
    {UPSTREAM "[proxy]\nlisten = [::g]:3306\n", "4: listen = [::g]:3306: the text in [ ] is not an IPv6"},
    {UPSTREAM "[proxy]\nlisten = a b:3306\n", "4: listen = a b:3306: no host name or address"},
    {UPSTREAM "[proxy]\nlisten = unix:run/x\n", "4: listen = unix:run/x: the path is not absolute"},
    {UPSTREAM "[proxy]\nlisten = /run/x\n", "4: listen = /run/x: a path alone; write unix:/run/x"},
    {UPSTREAM "[proxy]\nlisten = 1.2.3.4:5\nlisten = 1.2.3.4:5\n", "5: listen = 1.2.3.4:5 is on line 4 already"},
    {UPSTREAM "[proxy]\nlisten = 1.2.3.4:5\nadmin = 1.2.3.4:5\n", "5: admin = 1.2.3.4:5 is where clients"},
    {UPSTREAM "[proxy]\nproxy_protocol_from = ten\n", "4: proxy_protocol_from = ten: no network"},
    {UPSTREAM "[proxy]\nproxy_protocol_from = 10.0.0.0/33\n", "4: proxy_protocol_from = 10.0.0.0/33: no mask"},
    {UPSTREAM "[proxy]\nproxy_protocol_from = 10.0.0.0/\n", "4: proxy_protocol_from = 10.0.0.0/: no mask"},
    {UPSTREAM "[proxy]\nproxy_protocol_from = 10.1.0.0/8\n", "4: proxy_protocol_from = 10.1.0.0/8: the address has bits"},
    {UPSTREAM "[proxy]\nproxy_protocol_from = fd00::/129\n", "4: proxy_protocol_from = fd00::/129: no mask"},
    {UPSTREAM "[proxy]\ndefault_upstream = man\n", "4: there is no [upstream:man]; did you mean main?"},
    {UPSTREAM "[proxy]\n mode = log\n", "4: the line begins with white space"},
    {UPSTREAM "[proxy]\nworkers = 2\n\t3\n", "5: the line begins with white space"},
    {UPSTREAM "[proxy]\nworkers = 2\n  [policy]\n", "5: the line begins with white space"},
    {UPSTREAM "[log]\nviolations = \xff.log\n", "4: bytes that are no text"},
    {UPSTREAM "[log]\nviolations = \xc0\x80.log\n", "4: bytes that are no text"},
    {UPSTREAM "[log]\nviolations = a\rb\n", "4: bytes that are no text"},
    {"[proxy]\nworkers = 2\n", "0: no [upstream:NAME] section"},
    {"[upstream:main]\n", "1: [upstream:main] has no address; write a line address = ..."},
    {"[upstream:main]\naddress = x\n", "2: address = x: no port"},
    {UPSTREAM "tls = verify_ca\n", "3: nothing to verify the server's certificate against"},
    {UPSTREAM "certificate = a\n", "3: certificate without key"},
    {UPSTREAM "key = a\n", "3: key without certificate"},
    {UPSTREAM "crl = a\n", "3: crl without ca"},
    {UPSTREAM "key_passphrase_file = a\n", "3: key_passphrase_file without key"},
    {UPSTREAM "[tls]\ncertificate = auto\nkey = a\n", "5: key without certificate"},
    {UPSTREAM "[upstream:b]\naddress = b:1\ncompression = lz4\n", "5: compression = lz4: no such word"},
    {UPSTREAM "[proxy]\ninstance = 64\n", "4: instance = 64: out of range"},
    {UPSTREAM "[tls]\ncertificate = a\n", "4: certificate without key"},
    {UPSTREAM "[tls]\nkey = a\n", "4: key without certificate"},
    {UPSTREAM "[tls]\nclient_crl = a\n", "4: client_crl without client_ca"},
    {UPSTREAM "[tls]\nmin_version = 1.1\n", "4: min_version = 1.1: no such word"},
    {UPSTREAM "[service:a]\nuser = a\nupstream = other\n", "5: there is no [upstream:other]; write"},
    {UPSTREAM "[upstream:b]\naddress = b:1\n[service:a]\nuser = a\n", "5: [service:a] has no upstream, and there are several"},
    {UPSTREAM "[upstream:b]\naddress = b:1\n[proxy]\nunknown_user = pass\n", "6: unknown_user = pass, and no default_upstream"},
    {UPSTREAM "[service:a]\nuser = u\n[service:b]\nuser = u\n", "6: user u belongs to [service:a] already (line 3)"},
    {UPSTREAM "[service:a]\nuser = u\nalias = x\n", "5: alias without database"},
    {UPSTREAM "[service:a]\nuser = u\ndatabase = a*\n", "5: database = a*: one schema, without wildcards"},
    {UPSTREAM "[service:a]\nuser = u\ncertificate_name = x\n", "5: certificate_name, and nothing to verify"},
    {UPSTREAM "[grant:g]\non = a.b\naccess = read\n", "3: [grant:g] has no service"},
    {UPSTREAM "[grant:g]\nservice = a\naccess = read\n", "3: [grant:g] has no on;"},
    {UPSTREAM "[grant:g]\nservice = a\non = a.b\n", "3: [grant:g] has no access;"},
    {UPSTREAM "[grant:g]\nservice = a\non = a.b\naccess = raed\n", "6: access = raed: no such word; did you mean read?"},
    {UPSTREAM "[grant:g]\nservice = a\non = a.b\naccess = read\nuntil = 2026-02-29\n", "7: until = 2026-02-29: there is no such day"},
    {UPSTREAM "[grant:g]\nservice = a\non = a.b\naccess = read\nuntil = 2026-13-01\n", "7: until = 2026-13-01: there is no such day"},
    {UPSTREAM "[grant:g]\nservice = a\non = a.b\naccess = read\nuntil = 2026-04-31\n", "7: until = 2026-04-31: there is no such day"},
    {UPSTREAM "[grant:g]\nservice = a\non = a.b\naccess = read\nuntil = 31.12.2026\n", "7: until = 31.12.2026: no date"},
    {UPSTREAM "[grant:g]\nservice = a\non = a.b\naccess = read\nuntil = 2026-1-1\n", "7: until = 2026-1-1: no date"},
};
/* clang-format on */

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const struct mistake *mistake = &mistakes[i];
        struct config_problems problems = {0};
        char first[500] = "none";
        struct config *config = ini_read(mistake->ini, strlen(mistake->ini), &problems);
        if (problems.count)
            snprintf(first, sizeof(first), "%u: %s", problems.items[0].line,
                     problems.items[0].text);
        if (config || problems.count != 1 || problems.errors != 1 ||
            strncmp(first, mistake->expected, strlen(mistake->expected)) != 0) {
            config_problems_print(&problems, "case");
            fail_msg("case %zu: expected '%s', got %zu problems, first '%s'", i, mistake->expected,
                     problems.count, first);
        }
        config_problems_fini(&problems);
    }
}

/* All problems are told, not only the first, in the order of their lines. */
static void test_all_problems(void **state)
{
    (void)state;
    const char *ini = UPSTREAM "[service:a]\nuser = u\nmode = of\nalias = x\n"
                               "[proxy]\nlisten = x\nworker = 1\n[grant:g]\n";
    struct config_problems problems = {0};
    assert_null(ini_read(ini, strlen(ini), &problems));
    assert_int_equal(problems.errors, 7);
    config_problems_print(&problems, "expected in this test");
    static const unsigned lines[] = {5, 6, 8, 9, 10, 10, 10};
    assert_int_equal(problems.count, 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(problems.items[i].line, lines[i]);
    config_problems_fini(&problems);
}

/* clang-format off */
static const struct mistake warnings[] = {
    {UPSTREAM "[service:a]\nuser = u\nuser = u\n", "5: user u is there twice"},
    {UPSTREAM "[service:a]\nuser = u\ndatabase = d\nalias = d\n", "6: alias d is the database itself"},
    {UPSTREAM "[service:a]\n", "3: [service:a] has no user and owns nothing"},
    {UPSTREAM "[grant:g]\nservice = a\non = a.b\naccess = read\nticket = x # y\n", "7: # does not begin a comment"},
    {UPSTREAM "[service:a]\nuser = u@%\n", "4: user = u@%: the host of an account"},
    {UPSTREAM "[service:a]\nuser = u*\n", "4: user = u*: * is not a wildcard here"},
    {UPSTREAM "[log]\nviolations = v\nviolations = v\n", "5: violations = /tmp/v is on line 4 already"},
    {UPSTREAM "[tls]\nclient_ca = x\nclient = off\n", "4: client_ca is not used without TLS"},
};
/* clang-format on */

static void test_warnings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
        struct config_problems problems = {0};
        char first[500] = "none";
        struct config *config = ini_read(warnings[i].ini, strlen(warnings[i].ini), &problems);
        assert_non_null(config);
        assert_int_equal(problems.count, 1);
        assert_int_equal(problems.errors, 0);
        assert_true(problems.items[0].warning);
        snprintf(first, sizeof(first), "%u: %s", problems.items[0].line, problems.items[0].text);
        if (strncmp(first, warnings[i].expected, strlen(warnings[i].expected)) != 0)
            assert_string_equal(first, warnings[i].expected);
        config_problems_fini(&problems);
        config_free(config);
    }
}

/* inih would take the rest of such a line for another key: here, a service's ownership. */
static void test_long_lines(void **state)
{
    (void)state;
    for (size_t length = 190; length < 420; length++) {
        char ini[1024] = UPSTREAM "[service:a]\nuser = u\n";
        size_t start = strlen(ini), at;
        at = start + (size_t)sprintf(ini + start, "owns = ");
        while (at < start + length)
            ini[at++] = 'x';
        memcpy(ini + at, "\nmode = block\n", 15);
        struct config_problems problems = {0};
        struct config *config = ini_read(ini, strlen(ini), &problems);
        if (length <= 198) {
            assert_non_null(config);
            assert_int_equal(config->services[0].owns.items[0].value.length, length - 7);
            assert_int_equal(config->services[0].mode.line, 6);
        } else {
            assert_null(config);
            assert_int_equal(problems.count, 1);
            assert_int_equal(problems.items[0].line, 5);
            assert_non_null(strstr(problems.items[0].text, "at most 198"));
        }
        config_problems_fini(&problems);
        config_free(config);
    }
}

static void test_bytes(void **state)
{
    (void)state;
    static const char nul[] = "[upstream:main]\naddress = 127.0.0.1\0:3307\n";
    static const char bom[] = "\xef\xbb\xbf[upstream:main]\r\naddress = 127.0.0.1:3307\r\n";
    static const char no_end[] = "[upstream:main]\naddress = 127.0.0.1:3307";
    struct config_problems problems = {0};
    struct config *config;

    assert_null(ini_read(nul, sizeof(nul) - 1, &problems));
    assert_int_equal(problems.items[0].line, 2);
    config_problems_fini(&problems);
    config = ini_read(bom, sizeof(bom) - 1, &problems);
    assert_non_null(config);
    assert_text(config->upstreams[0].addresses.items[0].host, "127.0.0.1");
    config_free(config);
    config = ini_read(no_end, sizeof(no_end) - 1, &problems);
    assert_non_null(config);
    assert_int_equal(config->upstreams[0].addresses.items[0].port, 3307);
    config_free(config);
    assert_int_equal(problems.count, 0);
    assert_null(ini_read("", 0, &problems));
    assert_int_equal(problems.count, 1);
    config_problems_fini(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_all_problems),
        cmocka_unit_test(test_warnings), cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
