/* PROXY headers, whole and byte by byte, and written ones read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "protocol/proxy_header.h"
#include "tests/unit/protocol/feed.h"

#define SIGNATURE "0d0a0d0a000d0a515549540a"

struct trial {
    const char *name;
    const char *bytes;  /* text, or hex where it starts with "0d" */
    const char *source; /* "address port", "" where nobody is named, NULL where it is bad */
};

/* clang-format off */
static const struct trial trials[] = {
    {"TCP4", "PROXY TCP4 192.0.2.1 198.51.100.255 56324 443\r\n", "192.0.2.1 56324"},
    {"TCP4, least and most", "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0 0"},
    {"TCP6", "PROXY TCP6 2001:db8::1 ::1 4124 3306\r\n", "2001:db8::1 4124"},
    {"TCP6, longest",
     "PROXY TCP6 ffff:f1ff:f2ff:f3ff:f4ff:f5ff:f6ff:f7ff ffff:f1ff:f2ff:f3ff:f4ff:f5ff:f6ff:f7ff 65535 65535\r\n",
     "ffff:f1ff:f2ff:f3ff:f4ff:f5ff:f6ff:f7ff 65535"},
    {"UNKNOWN", "PROXY UNKNOWN\r\n", ""},
    {"UNKNOWN and more", "PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n", ""},
    {"UNKNOWN and anything", "PROXY UNKNOWN  what ever\r\n", ""},
    {"other case", "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", NULL},
    {"other protocol", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", NULL},
    {"v6 in TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n", NULL},
    {"v4 in TCP6", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", NULL},
    {"no port", "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", NULL},
    {"port too large", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", NULL},
    {"port with a zero before", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", NULL},
    {"port with a sign", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", NULL},
    {"two spaces", "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", NULL},
    {"space at the end", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", NULL},
    {"one word more", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", NULL},
    {"nothing", "PROXY \r\n", NULL},
    {"no address", "PROXY TCP4\r\n", NULL},
    {"address cut", "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n", NULL},
    {"CR alone", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx", NULL},
    {"not a header", "GET / HTTP/1.1\r\n", NULL},
    {"a login", "\205\246\377\1", NULL},
    {"v2 TCP4", SIGNATURE "2111000c" "c0000201c6336401" "dc0401bb", "192.0.2.1 56324"},
    {"v2 TCP4 and a TLV", SIGNATURE "21110010" "c0000201c6336401" "dc0401bb" "04000141",
     "192.0.2.1 56324"},
    {"v2 TCP6", SIGNATURE "21210024" "20010db8000000000000000000000001"
     "00000000000000000000000000000001" "101c0cea",
     "2001:db8::1 4124"},
    {"v2 LOCAL", SIGNATURE "20000000", ""},
    {"v2 LOCAL with bytes", SIGNATURE "20110004" "01020304", ""},
    {"v2 of no family", SIGNATURE "21000000", ""},
    {"v2 UDP", SIGNATURE "2112000c" "c0000201c6336401" "dc0401bb", ""},
    {"v2 TCP4 cut", SIGNATURE "2111000b" "c0000201c6336401" "dc0401", NULL},
    {"v2 TCP6 cut", SIGNATURE "2121000c" "c0000201c6336401" "dc0401bb", NULL},
    {"v2 of another version", SIGNATURE "1111000c" "c0000201c6336401" "dc0401bb", NULL},
    {"v2 of another command", SIGNATURE "2211000c" "c0000201c6336401" "dc0401bb", NULL},
    {"v2 too long", SIGNATURE "21110ff1", NULL},
    {"v2 as long as can be", SIGNATURE "2111ffff", NULL},
    {"v2 of another signature", "0d0a0d0a000d0a515549540b" "20000000", NULL},
};
/* clang-format on */

static size_t bytes_of(const struct trial *trial, uint8_t *to)
{
    size_t length = strlen(trial->bytes);

    if (length > 1 && memcmp(trial->bytes, "0d", 2) == 0)
        return from_hex(trial->bytes, length, to);
    memcpy(to, trial->bytes, length);
    return length;
}

static void describe(const struct sockaddr_storage *address, char *to, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    memcpy(&v4, address, sizeof v4);
    memcpy(&v6, address, sizeof v6);
    to[0] = '\0';
    if (address->ss_family == AF_INET)
        snprintf(to, size, "%s %u", inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text),
                 ntohs(v4.sin_port));
    if (address->ss_family == AF_INET6)
        snprintf(to, size, "%s %u", inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text),
                 ntohs(v6.sin6_port));
}

static enum parse read_guarded(const uint8_t *bytes, size_t size, struct proxy_header *header)
{
    struct text text = guard_text((struct text){(const char *)bytes, size});

    return proxy_header_read((const uint8_t *)text.at, size, header);
}

static void test_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        uint8_t bytes[512];
        size_t size = bytes_of(&trials[i], bytes);
        struct proxy_header header;
        char source[64];
        memset(bytes + size, 1, 4); /* what follows is the session's */
        enum parse parse = read_guarded(bytes, size + 4, &header);
        describe(&header.source, source, sizeof source);
        if (parse != (trials[i].source ? PARSE_DONE : PARSE_BAD))
            fail_msg("%s: %d", trials[i].name, parse);
        if (trials[i].source && (header.size != size || strcmp(source, trials[i].source) != 0))
            fail_msg("%s: \"%s\", %zu bytes", trials[i].name, source, header.size);
        if (!trials[i].source)
            assert_int_equal(header.source.ss_family, AF_UNSPEC);
        for (size_t length = 0; length < size; length++) {
            parse = read_guarded(bytes, length, &header);
            if (parse == PARSE_DONE || (trials[i].source && parse == PARSE_BAD))
                fail_msg("%s, the first %zu bytes: %d", trials[i].name, length, parse);
        }
    }
}

/* A NUL does not end a word. */
static void test_nul(void **state)
{
    static const char line[] = "PROXY TCP4\0 192.0.2.1 192.0.2.2 1 2\r\n";
    static const char address[] = "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n";
    struct proxy_header header;

    (void)state;
    assert_int_equal(read_guarded((const uint8_t *)line, sizeof line - 1, &header), PARSE_BAD);
    assert_int_equal(read_guarded((const uint8_t *)address, sizeof address - 1, &header),
                     PARSE_BAD);
}

static void test_bounds(void **state)
{
    uint8_t bytes[PROXY_HEADER_MAX + 1] = "PROXY UNKNOWN ";
    struct proxy_header header;

    (void)state;
    memset(bytes + 14, 'x', 200);
    assert_int_equal(read_guarded(bytes, 106, &header), PARSE_MORE);
    assert_int_equal(read_guarded(bytes, 107, &header), PARSE_BAD);
    bytes[105] = '\r';
    bytes[106] = '\n';
    assert_int_equal(read_guarded(bytes, 107, &header), PARSE_DONE);
    assert_int_equal(header.size, 107);
    bytes[105] = 'x';
    bytes[106] = '\r';
    bytes[107] = '\n';
    assert_int_equal(read_guarded(bytes, 108, &header), PARSE_BAD);
    from_hex(SIGNATURE "20110ff0", 32, bytes);
    assert_int_equal(read_guarded(bytes, PROXY_HEADER_MAX - 1, &header), PARSE_MORE);
    assert_int_equal(read_guarded(bytes, PROXY_HEADER_MAX, &header), PARSE_DONE);
    assert_int_equal(header.size, PROXY_HEADER_MAX);
}

struct ends {
    const char *source, *destination; /* addresses; NULL for none, "unix" for a Unix socket */
    const char *v1, *v2;
};

/* clang-format off */
static const struct ends written[] = {
    {"192.0.2.1", "198.51.100.1", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
     SIGNATURE "2111000c" "c0000201c6336401" "dc0401bb"},
    {"2001:db8::1", "::1", "PROXY TCP6 2001:db8::1 ::1 56324 443\r\n",
     SIGNATURE "21210024" "20010db8000000000000000000000001" "00000000000000000000000000000001"
     "dc0401bb"},
    {"::ffff:192.0.2.1", "::ffff:198.51.100.1", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
     SIGNATURE "2111000c" "c0000201c6336401" "dc0401bb"},
    {"192.0.2.1", "::1", "PROXY TCP6 ::ffff:192.0.2.1 ::1 56324 443\r\n",
     SIGNATURE "21210024" "00000000000000000000ffffc0000201" "00000000000000000000000000000001"
     "dc0401bb"},
    {"unix", "198.51.100.1", "PROXY UNKNOWN\r\n", SIGNATURE "20000000"},
    {"192.0.2.1", NULL, "PROXY UNKNOWN\r\n", SIGNATURE "20000000"},
    {NULL, NULL, "PROXY UNKNOWN\r\n", SIGNATURE "20000000"},
};
/* clang-format on */

static const struct sockaddr *address_of(const char *text, uint16_t port,
                                         struct sockaddr_storage *to)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (!text)
        return NULL;
    memset(to, 0, sizeof *to);
    to->ss_family = AF_UNIX;
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        memcpy(to, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        memcpy(to, &v6, sizeof v6);
    return (const struct sockaddr *)to;
}

static void test_writing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        struct sockaddr_storage from, at;
        const struct sockaddr *source = address_of(written[i].source, 56324, &from);
        const struct sockaddr *destination = address_of(written[i].destination, 443, &at);
        uint8_t bytes[PROXY_HEADER_WRITTEN], v2[PROXY_HEADER_WRITTEN];
        struct proxy_header header;
        size_t size = proxy_header_write_v1(source, destination, bytes, sizeof bytes);
        assert_int_equal(size, strlen(written[i].v1));
        assert_memory_equal(bytes, written[i].v1, size);
        assert_int_equal(proxy_header_read(bytes, size, &header), PARSE_DONE);
        for (size_t room = 0; room < size; room++)
            assert_int_equal(proxy_header_write_v1(source, destination, bytes, room), 0);
        size = proxy_header_write_v2(source, destination, bytes, sizeof bytes);
        assert_int_equal(size, from_hex(written[i].v2, strlen(written[i].v2), v2));
        assert_memory_equal(bytes, v2, size);
        assert_int_equal(proxy_header_read(bytes, size, &header), PARSE_DONE);
        assert_int_equal(header.size, size);
        for (size_t room = 0; room < size; room++)
            assert_int_equal(proxy_header_write_v2(source, destination, bytes, room), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
