/* The connection phase but for the login packet: what real servers and scanners send, and every
 * packet cut short at each byte, against a page that cannot be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/handshake.h"
#include "tests/unit/protocol/handshakes.h"

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

    payload = guard_text(TEXT("\21user\0\4passshop"));
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
        cmocka_unit_test(test_auth_switch),
        cmocka_unit_test(test_change_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
