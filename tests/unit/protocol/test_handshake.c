/* The connection phase: what real servers and clients send, what scanners send, and every packet
 * cut short at each byte, against a page that cannot be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/handshake.h"
#include "tests/unit/protocol/feed.h"

/* clang-format off */
static const char mysql_greeting[] = /* MySQL 9.7.4 */
    "0a392e372e342d3200100000005f340c357851052200ffffff0200ffdf150000000000000000000021555a173c2f"
    "6a2d191340320063616368696e675f736861325f70617373776f726400";
static const char mariadb_greeting[] = /* MariaDB 10.11 */
    "0a352e352e352d31302e31312e31392d4d6172696144422d302b646562313275312d6c6f67000b000000597b2230"
    "69424f4300fef7080200ff81150000000000001d000000456f7d4a3771573e703b724e006d7973716c5f6e617469"
    "76655f70617373776f726400";
static const char mysql_login[] = /* the mysql client 9.7 */
    "8da2bf1900000001ff000000000000000000000000000000000000000000000062696c6c696e670020954156f63f"
    "8cdf8ee17e4fb24ebbde30da0030e2204319793c9d1b5f9eb2db3773686f700063616368696e675f736861325f70"
    "617373776f72640072045f706964053236363032095f706c6174666f726d067838365f3634035f6f73054c696e75"
    "780c5f636c69656e745f6e616d65086c69626d7973716c076f735f7573657204726f6f740f5f636c69656e745f76"
    "657273696f6e05392e372e340c70726f6772616d5f6e616d65056d7973716c";
static const char mariadb_login[] = /* libmariadb 3.3 to a MariaDB */
    "8ca2bf000000100021000000000000000000000000000000000000001d00000062696c6c696e670014bc434e06c0"
    "fa666a0396f263763759c53a55785973686f70006d7973716c5f6e61746976655f70617373776f7264007f035f6f"
    "73054c696e75780c5f636c69656e745f6e616d650a6c69626d617269616462045f7069640532363630380f5f636c"
    "69656e745f76657273696f6e06332e332e3230095f706c6174666f726d067838365f36340c70726f6772616d5f6e"
    "616d65056d7973716c0c5f7365727665725f686f7374093132372e302e302e31";
static const char pymysql_login[] =
    "0da23a00ffffff002d000000000000000000000000000000000000000000000062696c6c696e670020954156f63f"
    "8cdf8ee17e4fb24ebbde30da0030e2204319793c9d1b5f9eb2db3773686f700063616368696e675f736861325f70"
    "617373776f726400360c5f636c69656e745f6e616d650770796d7973716c045f7069640532363630300f5f636c69"
    "656e745f76657273696f6e05312e302e32";
static const char ssl_request[] = "8daabf1900000001ff0000000000000000000000000000000000000000000000";
/* clang-format on */

/* The payload that `hex` stands for, before the guard page; the first `length` bytes of it. */
static struct text payload_of(const char *hex, size_t length)
{
    static uint8_t bytes[4096];
    size_t size = from_hex(hex, strlen(hex), bytes);

    assert(size <= sizeof bytes);
    return guard_text((struct text){(const char *)bytes, length < size ? length : size});
}

static void test_greeting_of_mysql(void **state)
{
    struct greeting greeting;

    (void)state;
    assert_int_equal(greeting_read(payload_of(mysql_greeting, SIZE_MAX), &greeting), PARSE_DONE);
    assert_true(text_equal(greeting.version, TEXT("9.7.4-2")));
    assert_int_equal(greeting.thread_id, 16);
    assert_memory_equal(greeting.nonce, "_4\f5xQ\5\"!UZ\27</j-\31\23@2", 20);
    assert_true(greeting.capabilities == 0xdfffffff);
    assert_int_equal(greeting.collation, 255);
    assert_int_equal(greeting.status, STATUS_AUTOCOMMIT);
    assert_true(text_equal(greeting.plugin, TEXT("caching_sha2_password")));
}

static void test_greeting_of_mariadb(void **state)
{
    struct greeting greeting;

    (void)state;
    assert_int_equal(greeting_read(payload_of(mariadb_greeting, SIZE_MAX), &greeting), PARSE_DONE);
    assert_true(text_equal(greeting.version, TEXT("5.5.5-10.11.19-MariaDB-0+deb12u1-log")));
    assert_true(greeting.capabilities == 0x1d81fff7fe);
    assert_false(greeting.capabilities & CAPABILITY_LONG_PASSWORD);
    assert_true(greeting.capabilities & CAPABILITY_MARIADB_CACHE_METADATA);
    assert_memory_equal(greeting.nonce + 8, "Eo}J7qW>p;rN", 12);
    assert_true(text_equal(greeting.plugin, TEXT("mysql_native_password")));
}

static void test_greeting_written_is_greeting_read(void **state)
{
    static const char *const greetings[] = {mysql_greeting, mariadb_greeting};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct text payload = payload_of(greetings[i], SIZE_MAX);
        struct greeting greeting;
        uint8_t bytes[256];
        greeting_read(payload, &greeting);
        size_t size = greeting_write(&greeting, 0, bytes, sizeof bytes);
        assert_int_equal(size, PACKET_HEADER + payload.length);
        assert_int_equal(bytes_get3(bytes), payload.length);
        assert_memory_equal(bytes + PACKET_HEADER, payload.at, payload.length);
        for (size_t room = 0; room < size; room++)
            assert_int_equal(greeting_write(&greeting, 0, bytes, room), 0);
    }
}

static void test_other_greetings(void **state)
{
    struct greeting greeting = {.capabilities = CAPABILITY_PROTOCOL_41 | CAPABILITY_PLUGIN_AUTH,
                                .plugin = TEXT("abc")};
    char version[HANDSHAKE_VERSION_MAX + 1];
    uint8_t bytes[512];

    (void)state;
    memset(version, '9', sizeof version);
    for (size_t length = HANDSHAKE_VERSION_MAX; length <= HANDSHAKE_VERSION_MAX + 1; length++) {
        struct greeting read;
        greeting.version = (struct text){version, length};
        size_t size = greeting_write(&greeting, 0, bytes, sizeof bytes);
        struct text payload = {(const char *)bytes + PACKET_HEADER, size - PACKET_HEADER};
        assert_int_equal(greeting_read(payload, &read),
                         length <= HANDSHAKE_VERSION_MAX ? PARSE_DONE : PARSE_BAD);
    }
    /* A nonce of 23 bytes and a NUL, as the length before it says; before 4.1, and an error. */
    assert_int_equal(greeting_read(payload_of("0a3900"
                                              "01000000"
                                              "3131313131313131"
                                              "00"
                                              "0002"
                                              "08"
                                              "0200"
                                              "0800"
                                              "18"
                                              "00000000000000000000"
                                              "323232323232323232323232"
                                              "33333300"
                                              "61626300",
                                              SIZE_MAX),
                                   &greeting),
                     PARSE_DONE);
    assert_memory_equal(greeting.nonce, "11111111222222222222", 20);
    assert_true(text_equal(greeting.plugin, TEXT("abc")));
    assert_int_equal(greeting_read(payload_of("0a3900"
                                              "01000000"
                                              "3131313131313131"
                                              "00"
                                              "0000"
                                              "08"
                                              "0200"
                                              "0800"
                                              "15"
                                              "00000000000000000000"
                                              "323232323232323232323232"
                                              "00"
                                              "61626300",
                                              SIZE_MAX),
                                   &greeting),
                     PARSE_BAD);
    assert_int_equal(greeting_read(payload_of("ff1004546f6f206d616e79", SIZE_MAX), &greeting),
                     PARSE_BAD);
}

/* What a parser says of bytes. */
enum kind { GREETING, LOGIN, CHANGE_USER };

static enum parse parse_as(enum kind kind, struct text payload)
{
    struct greeting greeting;
    struct login login;
    struct change_user change_user;
    const capabilities_t capabilities = CAPABILITY_SECURE_CONNECTION | CAPABILITY_PLUGIN_AUTH |
                                        CAPABILITY_CONNECT_ATTRS | CAPABILITY_PROTOCOL_41;

    switch (kind) {
    case GREETING:
        return greeting_read(payload, &greeting);
    case LOGIN:
        return login_read(payload, &login);
    case CHANGE_USER:
        return change_user_read(payload, capabilities, &change_user);
    }
    return PARSE_BAD;
}

struct cut {
    const char *name;
    enum kind kind;
    const char *hex;
    size_t least; /* with fewer bytes it is bad */
};

/* clang-format off */
static const char change_user_packet[] = /* billing, 4 bytes, shop, utf8mb4, a plugin, one attribute */
    "1162696c6c696e67000401020304" "73686f7000" "2d00" "61626300" "04016b0176";
/* clang-format on */

/* The last field may lack its NUL; a login may stop behind any whole field. */
static void test_cut_short(void **state)
{
    static const struct cut cuts[] = {
        {"greeting",            GREETING,    mysql_greeting,     51},
        {"greeting of MariaDB", GREETING,    mariadb_greeting,   80},
        {"SSLRequest",          LOGIN,       ssl_request,        32},
        {"COM_CHANGE_USER",     CHANGE_USER, change_user_packet, 14},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        size_t size = strlen(cuts[i].hex) / 2;
        for (size_t length = 0; length < cuts[i].least; length++) {
            if (parse_as(cuts[i].kind, payload_of(cuts[i].hex, length)) != PARSE_BAD)
                fail_msg("%s of %zu bytes", cuts[i].name, length);
        }
        assert_int_equal(parse_as(cuts[i].kind, payload_of(cuts[i].hex, size)), PARSE_DONE);
        for (size_t length = cuts[i].least; length < size; length++)
            parse_as(cuts[i].kind, payload_of(cuts[i].hex, length)); /* alive is enough */
    }
}

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
    {"auth that ends at a NUL", "01020000" FIXED "75736572" "00" "70617373" "00", "user", "pass",
     "", PARSE_DONE, 0},
    {"auth that ends at a NUL, and a database", "09020000" FIXED "75736572" "00" "70617373" "00"
     "6462" "00",
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

static void test_auth_switch(void **state)
{
    struct auth_switch auth_switch;
    uint8_t bytes[64];

    (void)state;
    struct text payload = guard_text(TEXT("\xfe"
                                          "ed25519\0"
                                          "0123456789\0"));
    assert_int_equal(auth_switch_read(payload, &auth_switch), PARSE_DONE);
    assert_true(text_equal(auth_switch.plugin, TEXT("ed25519")));
    assert_true(text_equal(auth_switch.data, TEXT("0123456789\0")));
    assert_int_equal(auth_switch_write(&auth_switch, 2, bytes, sizeof bytes), 4 + payload.length);
    assert_memory_equal(bytes + 4, payload.at, payload.length);
    assert_int_equal(auth_switch_write(&auth_switch, 2, bytes, 3 + payload.length), 0);
    assert_int_equal(auth_switch_read(guard_text(TEXT("\xfe"
                                                      "ed25519")),
                                      &auth_switch),
                     PARSE_DONE);
    assert_true(text_equal(auth_switch.plugin, TEXT("ed25519")) && auth_switch.data.length == 0);
    /* The one byte of servers before 4.1.1, which asks for the oldest hash. */
    assert_int_equal(auth_switch_read(guard_text(TEXT("\xfe")), &auth_switch), PARSE_BAD);
    assert_int_equal(auth_switch_read(guard_text(TEXT("\0\0\0\2\0\0\0")), &auth_switch), PARSE_BAD);
    assert_int_equal(auth_switch_read((struct text){0}, &auth_switch), PARSE_BAD);
}

static void test_change_user(void **state)
{
    const capabilities_t most = CAPABILITY_PROTOCOL_41 | CAPABILITY_SECURE_CONNECTION |
                                CAPABILITY_PLUGIN_AUTH | CAPABILITY_CONNECT_ATTRS;
    struct text payload = payload_of(change_user_packet, SIZE_MAX);
    struct change_user change_user;
    uint8_t bytes[256];

    (void)state;
    assert_int_equal(change_user_read(payload, most, &change_user), PARSE_DONE);
    assert_true(text_equal(change_user.user, TEXT("billing")));
    assert_true(text_equal(change_user.auth, TEXT("\1\2\3\4")));
    assert_true(text_equal(change_user.database, TEXT("shop")));
    assert_true(change_user.has_collation && change_user.collation == 45);
    assert_true(text_equal(change_user.plugin, TEXT("abc")));
    assert_true(text_equal(change_user.attributes, TEXT("\1k\1v")));
    size_t size = change_user_write(&change_user, most, bytes, sizeof bytes);
    assert_int_equal(size, 4 + payload.length);
    assert_memory_equal(bytes + 4, payload.at, payload.length);
    for (size_t room = 0; room < size; room++)
        assert_int_equal(change_user_write(&change_user, most, bytes, room), 0);

    /* Its auth has one byte of length, whatever else was agreed on. */
    assert_int_equal(change_user_write(&change_user,
                                       most | CAPABILITY_PLUGIN_AUTH_LENENC_CLIENT_DATA, bytes,
                                       sizeof bytes),
                     size);
    char auth[255] = {0};
    change_user.auth = (struct text){auth, sizeof auth};
    uint8_t more[512];
    size = change_user_write(&change_user, most | CAPABILITY_PLUGIN_AUTH_LENENC_CLIENT_DATA, more,
                             sizeof more);
    payload = (struct text){(const char *)more + 4, size - 4};
    assert_int_equal(change_user_read(payload, most, &change_user), PARSE_DONE);
    assert_int_equal(change_user.auth.length, 255);

    payload = guard_text(TEXT("\21user\0pass\0shop"));
    assert_int_equal(change_user_read(payload, CAPABILITY_PROTOCOL_41, &change_user), PARSE_DONE);
    assert_true(text_equal(change_user.auth, TEXT("pass")) && !change_user.has_collation);
    assert_true(text_equal(change_user.database, TEXT("shop")));
    payload = guard_text(TEXT("\21user\0\0\0"));
    assert_int_equal(change_user_read(payload, most, &change_user), PARSE_DONE);
    assert_true(change_user.auth.length == 0 && change_user.database.length == 0);
    size = change_user_write(&change_user, most, bytes, sizeof bytes);
    assert_int_equal(size, 4 + payload.length);
    assert_memory_equal(bytes + 4, payload.at, payload.length);
    assert_int_equal(change_user_read(guard_text(TEXT("\3user\0\0\0")), most, &change_user),
                     PARSE_BAD);
    assert_int_equal(change_user_read(guard_text(TEXT("\21user\0\0\0\55")), most, &change_user),
                     PARSE_BAD); /* half a collation */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeting_of_mysql),
        cmocka_unit_test(test_greeting_of_mariadb),
        cmocka_unit_test(test_greeting_written_is_greeting_read),
        cmocka_unit_test(test_other_greetings),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_filler_of_a_mysql_client),
        cmocka_unit_test(test_logins_that_stop_early),
        cmocka_unit_test(test_login_of_mysql),
        cmocka_unit_test(test_login_of_mariadb),
        cmocka_unit_test(test_ssl_request),
        cmocka_unit_test(test_login_written_is_login_read),
        cmocka_unit_test(test_login_that_cannot_be_written),
        cmocka_unit_test(test_other_logins),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_auth_switch),
        cmocka_unit_test(test_change_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
