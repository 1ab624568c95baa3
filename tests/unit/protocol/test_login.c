/* Login packets: of real clients, of scanners, old ones, and cut short behind each field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/handshake.h"
#include "tests/unit/protocol/handshakes.h"

struct early {
    const char *name;
    size_t length; /* of mysql_login */
    enum parse parse;
    const char *user, *database, *plugin;
    size_t auth, attributes;
};

static void test_logins_that_stop_early(void **state)
{
    static const struct early stops[] = {
        {"inside the fixed part",          31,  PARSE_BAD,  "",        "",     "",                      0,  0  },
        {"no user at all, and no TLS",     32,  PARSE_BAD,  "",        "",     "",                      0,  0  },
        {"inside the user",                36,  PARSE_DONE, "bill",    "",     "",                      0,  0  },
        {"user without NUL",               39,  PARSE_DONE, "billing", "",     "",                      0,  0  },
        {"user",                           40,  PARSE_DONE, "billing", "",     "",                      0,  0  },
        {"length of auth alone",           41,  PARSE_BAD,  "",        "",     "",                      0,  0  },
        {"inside auth",                    50,  PARSE_BAD,  "",        "",     "",                      0,  0  },
        {"auth",                           73,  PARSE_DONE, "billing", "",     "",                      32, 0  },
        {"database without NUL",           77,  PARSE_DONE, "billing", "shop", "",                      32, 0  },
        {"database",                       78,  PARSE_DONE, "billing", "shop", "",                      32, 0  },
        {"plugin without NUL",             99,  PARSE_DONE, "billing", "shop", "caching_sha2_password", 32, 0  },
        {"plugin",                         100, PARSE_DONE, "billing", "shop", "caching_sha2_password", 32, 0  },
        {"length of the attributes alone", 101, PARSE_BAD,  "",        "",     "",                      0,  0  },
        {"inside the attributes",          150, PARSE_BAD,  "",        "",     "",                      0,  0  },
        {"all",                            215, PARSE_DONE, "billing", "shop", "caching_sha2_password", 32, 114},
    };

    (void)state;
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        struct login login;
        enum parse parse = login_read(payload_of(mysql_login, stops[i].length), &login);
        if (parse != stops[i].parse)
            fail_msg("%s: %d", stops[i].name, parse);
        if (parse == PARSE_BAD)
            continue;
        if (!text_equal(login.user, text_of(stops[i].user)) ||
            !text_equal(login.database, text_of(stops[i].database)) ||
            !text_equal(login.plugin, text_of(stops[i].plugin)) ||
            login.auth.length != stops[i].auth || login.attributes.length != stops[i].attributes)
            fail_msg("%s: other fields", stops[i].name);
    }
}

static void test_login_of_mysql(void **state)
{
    struct login login;

    (void)state;
    assert_int_equal(login_read(payload_of(mysql_login, SIZE_MAX), &login), PARSE_DONE);
    assert_true(login.capabilities == 0x19bfa28d);
    assert_int_equal(login.max_packet, 1 << 24);
    assert_int_equal(login.collation, 255);
    assert_false(login.is_ssl_request);
    assert_memory_equal(login.auth.at, "\x95\x41\x56\xf6", 4);
}

static void test_login_of_mariadb(void **state)
{
    struct login login;

    (void)state;
    assert_int_equal(login_read(payload_of(mariadb_login, SIZE_MAX), &login), PARSE_DONE);
    assert_true(login.capabilities == 0x1d00bfa28c);
    assert_int_equal(login.auth.length, 20);
    assert_true(text_equal(login.plugin, TEXT("mysql_native_password")));
}

/* Of a client that has CLIENT_LONG_PASSWORD the last 4 bytes of the filler mean nothing. */
static void test_filler_of_a_mysql_client(void **state)
{
    uint8_t bytes[256];
    size_t size = from_hex(mysql_login, strlen(mysql_login), bytes);
    struct login login;

    (void)state;
    memset(bytes + 28, 0xff, 4);
    assert_int_equal(login_read((struct text){(const char *)bytes, size}, &login), PARSE_DONE);
    assert_true(login.capabilities == 0x19bfa28d);
}

static void test_ssl_request(void **state)
{
    struct login login;
    uint8_t bytes[64];

    (void)state;
    assert_int_equal(login_read(payload_of(ssl_request, SIZE_MAX), &login), PARSE_DONE);
    assert_true(login.is_ssl_request && login.capabilities & CAPABILITY_SSL);
    assert_int_equal(ssl_request_write(&login, 1, bytes, sizeof bytes), 36);
    assert_memory_equal(bytes, "\40\0\0\1", 4);
    assert_memory_equal(bytes + 4, payload_of(ssl_request, SIZE_MAX).at, 32);
    assert_int_equal(ssl_request_write(&login, 1, bytes, 35), 0);
    login.capabilities = CAPABILITY_SSL | CAPABILITY_PROTOCOL_41 | CAPABILITY_MARIADB_PROGRESS;
    assert_int_equal(ssl_request_write(&login, 1, bytes, sizeof bytes), 36);
    assert_memory_equal(bytes + 32, "\1\0\0\0", 4);
    login.capabilities |= CAPABILITY_LONG_PASSWORD;
    assert_int_equal(ssl_request_write(&login, 1, bytes, sizeof bytes), 36);
    assert_memory_equal(bytes + 32, "\0\0\0\0", 4);
}

static void test_login_written_is_login_read(void **state)
{
    static const char *const logins[] = {mysql_login, mariadb_login, pymysql_login};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct text payload = payload_of(logins[i], SIZE_MAX);
        struct login login;
        uint8_t bytes[512];
        assert_int_equal(login_read(payload, &login), PARSE_DONE);
        size_t size = login_write(&login, 1, bytes, sizeof bytes);
        assert_int_equal(size, PACKET_HEADER + payload.length);
        assert_memory_equal(bytes + PACKET_HEADER, payload.at, payload.length);
        for (size_t room = 0; room < size; room++)
            assert_int_equal(login_write(&login, 1, bytes, room), 0);
    }
}

static void test_login_that_cannot_be_written(void **state)
{
    static const char auth[300];
    struct login login = {
        .capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION,
        .user = TEXT("a\0b"),
        .auth = {auth, 255}
    };
    uint8_t bytes[512];

    (void)state;
    assert_int_equal(login_write(&login, 1, bytes, sizeof bytes), 0); /* would be user "a" */
    login.user = TEXT("a");
    assert_true(login_write(&login, 1, bytes, sizeof bytes) > 0);
    login.auth.length = 256;
    assert_int_equal(login_write(&login, 1, bytes, sizeof bytes), 0);
    login.capabilities |= CAPABILITY_PLUGIN_AUTH_LENENC_CLIENT_DATA;
    assert_true(login_write(&login, 1, bytes, sizeof bytes) > 0);
}

struct old_login {
    const char *name, *hex;
    const char *user, *auth, *database;
    enum parse parse;
    uint8_t zstd_level;
};

/* The fixed part with 4 bytes of flags, then the rest. */
#define FIXED                                                                                      \
    "0000000121"                                                                                   \
    "0000000000000000000000000000000000000000000000"

/* clang-format off */
static const struct old_login old_logins[] = {
    {"auth that ends at a NUL", "01020000" FIXED "75736572" "00" "70617373" "00", "", "", "",
     PARSE_BAD, 0},
    {"auth that may end at a NUL or not", "09022800" FIXED "75736572" "00" "0278006462" "00"
     "6462" "00",
     "", "", "", PARSE_BAD, 0},
    {"auth of a byte's length", "09820000" FIXED "75736572" "00" "0470617373" "6462" "00",
     "user", "pass", "db", PARSE_DONE, 0},
    {"empty everything", "09a20800" FIXED "00" "00" "00" "00", "", "", "", PARSE_DONE, 0},
    {"a level of zstd", "01a20804" FIXED "75736572" "00" "00" "61" "00" "03", "user", "", "",
     PARSE_DONE, 3},
    {"before 4.1", "85a6030000000175736572" "00", "", "", "", PARSE_BAD, 0},
    {"auth with a length of NULL", "01a22800" FIXED "75736572" "00" "fb", "", "", "", PARSE_BAD, 0},
    {"auth of 4 GB", "01a22800" FIXED "75736572" "00" "feffffffff00000000" "61", "", "", "",
     PARSE_BAD, 0},
    {"attributes of 16 MB", "01a21800" FIXED "75736572" "00" "00" "61" "00" "fdffffff" "61", "",
     "", "", PARSE_BAD, 0},
    {"HTTP", "474554202f20485454502f312e310d0a486f73743a206578616d706c65", "", "", "", PARSE_BAD,
     0},
    {"TLS without a request", "a5010000a10303000102030405060708090a0b0c0d0e0f10111213141516171819",
     "", "", "",
     PARSE_BAD, 0},
    {"nothing", "", "", "", "", PARSE_BAD, 0},
};
/* clang-format on */

static void test_other_logins(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof old_logins / sizeof old_logins[0]; i++) {
        const struct old_login *old = &old_logins[i];
        struct login login;
        enum parse parse = login_read(payload_of(old->hex, SIZE_MAX), &login);
        if (parse != old->parse)
            fail_msg("%s: %d", old->name, parse);
        if (parse == PARSE_DONE &&
            (!text_equal(login.user, text_of(old->user)) ||
             !text_equal(login.auth, text_of(old->auth)) || login.zstd_level != old->zstd_level ||
             !text_equal(login.database, text_of(old->database))))
            fail_msg("%s: other fields", old->name);
    }
}

static void test_attributes(void **state)
{
    struct text attributes, key, value;
    struct login login;
    unsigned pairs = 0;

    (void)state;
    login_read(payload_of(mysql_login, SIZE_MAX), &login);
    attributes = login.attributes;
    while (attribute_next(&attributes, &key, &value)) {
        pairs++;
        if (text_equal(key, TEXT("program_name")))
            assert_true(text_equal(value, TEXT("mysql")));
        if (text_equal(key, TEXT("_client_version")))
            assert_true(text_equal(value, TEXT("9.7.4")));
    }
    assert_int_equal(pairs, 7);
    attributes = guard_text(TEXT("\1k\1v\2no"));
    assert_true(attribute_next(&attributes, &key, &value));
    assert_true(text_equal(key, TEXT("k")) && text_equal(value, TEXT("v")));
    assert_false(attribute_next(&attributes, &key, &value));
    attributes = guard_text(TEXT("\5k"));
    assert_false(attribute_next(&attributes, &key, &value));
    attributes = (struct text){0};
    assert_false(attribute_next(&attributes, &key, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filler_of_a_mysql_client),
        cmocka_unit_test(test_logins_that_stop_early),
        cmocka_unit_test(test_login_of_mysql),
        cmocka_unit_test(test_login_of_mariadb),
        cmocka_unit_test(test_ssl_request),
        cmocka_unit_test(test_login_written_is_login_read),
        cmocka_unit_test(test_login_that_cannot_be_written),
        cmocka_unit_test(test_other_logins),
        cmocka_unit_test(test_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
