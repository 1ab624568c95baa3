/* The cursors, against a page that cannot be read, and the frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/protocol/feed.h"

static struct reader guarded(const void *bytes, size_t size)
{
    struct text text = guard_text((struct text){bytes, size});

    return (struct reader){.at = (const uint8_t *)text.at,
                           .end = (const uint8_t *)text.at + text.length};
}

static void test_integers(void **state)
{
    struct reader reader = guarded("\1\2\3\4\5\6\7\10\11", 9);

    (void)state;
    assert_int_equal(read_integer(&reader, 1), 0x01);
    assert_int_equal(read_integer(&reader, 3), 0x040302);
    assert_int_equal(read_integer(&reader, 4), 0x08070605);
    assert_false(reader.bad);
    assert_int_equal(read_integer(&reader, 2), 0);
    assert_true(reader.bad);
    assert_int_equal(read_integer(&reader, 1), 0); /* also what would have fitted */
    reader = guarded("\1\2\3\4\5\6\7\10", 8);
    assert_true(read_integer(&reader, 8) == 0x0807060504030201u);
}

struct lenenc {
    const char *bytes;
    size_t size;
    uint64_t number;
    bool bad;
};

static const struct lenenc lenencs[] = {
    {"\0",                    1, 0,                   false},
    {"\xfa",                  1, 250,                 false},
    {"\xfb",                  1, 0,                   true },
    {"\xff\1\1\1\1\1\1\1\1",  9, 0,                   true },
    {"\xfc\1\2",              3, 0x201,               false},
    {"\xfc\1",                2, 0,                   true },
    {"\xfd\1\2\3",            4, 0x30201,             false},
    {"\xfd\1\2",              3, 0,                   true },
    {"\xfe\1\2\3\4\5\6\7\10", 9, 0x0807060504030201u, false},
    {"\xfe\1\2\3\4\5\6\7",    8, 0,                   true },
    {"",                      0, 0,                   true },
};

static void test_lenencs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lenencs / sizeof lenencs[0]; i++) {
        struct reader reader = guarded(lenencs[i].bytes, lenencs[i].size);
        assert_true(read_lenenc(&reader) == lenencs[i].number);
        assert_int_equal(reader.bad, lenencs[i].bad);
    }
}

static void test_texts(void **state)
{
    struct reader reader = guarded("\3abcde\0f", 8);

    (void)state;
    assert_true(text_equal(read_lenenc_text(&reader), TEXT("abc")));
    assert_true(text_equal(read_nul_text(&reader), TEXT("de")));
    struct text none = read_bytes(&reader, 0);
    assert_true(none.at && none.length == 0);
    assert_true(text_equal(read_rest(&reader), TEXT("f")));
    assert_true(read_rest(&reader).length == 0 && !reader.bad);
    assert_null(read_nul_text(&reader).at);
    assert_true(reader.bad);
    reader = guarded("abc", 3);
    assert_null(read_nul_text(&reader).at);
    assert_true(reader.bad && reader.at == reader.end);
    reader = guarded("\4abc", 4);
    assert_null(read_lenenc_text(&reader).at);
    assert_true(reader.bad);
    reader = guarded("\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
                     "abc",
                     12);
    assert_null(read_lenenc_text(&reader).at);
    assert_true(reader.bad);
    reader = (struct reader){0};
    assert_null(read_nul_text(&reader).at);
    assert_true(reader.bad);
}

static void test_writing(void **state)
{
    static const uint64_t numbers[] = {0,       250,      251,       0xffff,
                                       0x10000, 0xffffff, 0x1000000, UINT64_MAX};
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct writer writer = {.at = bytes, .end = bytes + sizeof bytes};
        write_lenenc(&writer, numbers[i]);
        size_t size = (size_t)(writer.at - bytes);
        struct reader reader = guarded(bytes, size);
        assert_true(read_lenenc(&reader) == numbers[i]);
        assert_true(reader.at == reader.end && !reader.bad);
        assert_int_equal(size, numbers[i] < 251         ? 1
                               : numbers[i] <= 0xffff   ? 3
                               : numbers[i] <= 0xffffff ? 4
                                                        : 9);
        for (size_t room = 0; room < size; room++) {
            writer = (struct writer){.at = bytes, .end = bytes + room};
            write_lenenc(&writer, numbers[i]);
            assert_true(writer.full);
        }
    }
    struct writer writer = {.at = bytes, .end = bytes + sizeof bytes};
    write_nul_text(&writer, (struct text){"a\0b", 3});
    assert_true(writer.full); /* it would be read as another, shorter text */
}

static void test_frame(void **state)
{
    uint8_t bytes[16];

    (void)state;
    for (size_t room = 0; room <= 9; room++) {
        struct writer writer = {.at = bytes, .end = bytes + room};
        uint8_t *packet = packet_begin(&writer);
        write_lenenc_text(&writer, TEXT("abcd"));
        assert_int_equal(packet_end(&writer, packet, 7), room < 9 ? 0 : 9);
    }
    assert_memory_equal(bytes, "\5\0\0\7\4abcd", 9);
}

static void test_frame_is_one_packet(void **state)
{
    size_t size = PACKET_HEADER + (size_t)PACKET_MAX;
    uint8_t *bytes = malloc(size);
    char *payload = calloc(1, PACKET_MAX);

    (void)state;
    assert_true(bytes && payload);
    for (size_t length = PACKET_MAX - 1; length <= PACKET_MAX; length++) {
        struct writer writer = {.at = bytes, .end = bytes + size};
        uint8_t *packet = packet_begin(&writer);
        write_bytes(&writer, (struct text){payload, length});
        assert_int_equal(packet_end(&writer, packet, 0), length < PACKET_MAX ? size - 1 : 0);
    }
    free(payload);
    free(bytes);
}

static void test_error_packet(void **state)
{
    uint8_t bytes[64];
    struct text message = TEXT("SELECT command denied");

    (void)state;
    size_t size = packet_error(bytes, sizeof bytes, 1, 1142, "42000", message);
    assert_int_equal(size, 4 + 9 + message.length);
    assert_memory_equal(bytes, "\36\0\0\1\xff\x76\4#42000SELECT command denied", size);
    assert_int_equal(packet_error(bytes, 4 + 9 + 6, 1, 1142, "42000", message), 4 + 9 + 6);
    assert_memory_equal(bytes, "\17\0\0\1\xff\x76\4#42000SELECT", 19);
    assert_int_equal(packet_error(bytes, 4 + 8, 1, 1142, "42000", message), 0);
    assert_int_equal(packet_error(bytes, sizeof bytes, 0, 1043, NULL, TEXT("Bad")), 10);
    assert_memory_equal(bytes, "\6\0\0\0\xff\x13\4Bad", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),     cmocka_unit_test(test_lenencs),
        cmocka_unit_test(test_texts),        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_frame),        cmocka_unit_test(test_frame_is_one_packet),
        cmocka_unit_test(test_error_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
