/* Frames of the compressed protocol: packed and unpacked at once and byte by byte, and what is
 * none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "protocol/compress.h"

static const enum compression kinds[] = {COMPRESSION_ZLIB, COMPRESSION_ZSTD};

/* Unpacks all of it, `piece` bytes at a time into `room` bytes. False where it is bad. */
static bool read_all(enum compression kind, const uint8_t *from, size_t size, size_t piece,
                     size_t room, uint8_t *to, size_t *got, bool *ended)
{
    struct unpacker unpacker = {.kind = (uint8_t)kind};
    size_t at = 0, taken = 0, more = 0;
    bool good = true;

    *got = 0;
    do {
        unpacker.begun = false;
        good = unpack(&unpacker, from + at, size - at < piece ? size - at : piece, &taken,
                      to + *got, room, &more);
        at += taken;
        *got += more;
    } while (good && (taken || more || unpacker.begun || unpacker.more));
    *ended = !unpacker.in_frame && unpacker.header_got == 0 && at == size;
    unpack_end(&unpacker);
    return good;
}

static void test_there_and_back(void **test)
{
    (void)test;
    static const size_t sizes[] = {1, 49, 50, 51, 1000, 16384, COMPRESS_CHUNK};
    static const size_t pieces[] = {1, 7, 100, COMPRESS_ROOM};
    uint8_t *text = malloc(COMPRESS_CHUNK), *frame = malloc(COMPRESS_ROOM),
            *back = malloc(2 * COMPRESS_ROOM);

    srand(3);
    for (unsigned i = 0; i < 2 * 2 * sizeof(sizes) / sizeof(*sizes); i++) {
        size_t size = sizes[i / 4], got;
        bool noise = i & 1, ended;
        enum compression kind = kinds[i / 2 % 2];
        for (size_t j = 0; j < size; j++)
            text[j] = (uint8_t)(noise ? rand() : 'a');
        size_t length = pack(kind, 3, 9, text, size, frame);
        assert_int_equal(frame[3], 9);
        assert_int_equal(length, COMPRESS_HEADER + bytes_get3(frame));
        assert_int_equal(bytes_get3(frame + 4), !noise && size >= 50 ? size : 0);
        for (unsigned p = 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
            size_t room = pieces[sizeof(pieces) / sizeof(*pieces) - 1 - p];
            assert_true(read_all(kind, frame, length, pieces[p], room, back, &got, &ended));
            assert_true(ended);
            assert_int_equal(got, size);
            assert_memory_equal(back, text, size);
        }
    }
    free(text);
    free(frame);
    free(back);
    compress_thread_end();
}

/* A frame of 1,000 equal bytes, and one thing of it changed. */
static void test_what_is_none(void **test)
{
    (void)test;
    static uint8_t text[1000], frame[COMPRESS_ROOM + 1], back[4 * COMPRESS_ROOM];

    for (unsigned k = 0; k < 2; k++) {
        size_t length = pack(kinds[k], 3, 0, text, sizeof(text), frame), got;
        bool ended;
        assert_true(read_all(kinds[k], frame, length, length, 5000, back, &got, &ended) && ended);
        bytes_put3(frame + 4, 999); /* unpacks to more than it says */
        assert_false(read_all(kinds[k], frame, length, length, 5000, back, &got, &ended));
        bytes_put3(frame + 4, 1001); /* to less */
        assert_false(read_all(kinds[k], frame, length, length, 5000, back, &got, &ended));
        bytes_put3(frame + 4, sizeof(text));
        bytes_put3(frame, (uint32_t)(length - COMPRESS_HEADER + 1)); /* a byte behind its end */
        assert_false(read_all(kinds[k], frame, length + 1, length + 1, 5000, back, &got, &ended));
        bytes_put3(frame, (uint32_t)(length - COMPRESS_HEADER - 1)); /* cut */
        assert_false(read_all(kinds[k], frame, length - 1, length, 5000, back, &got, &ended));
        bytes_put3(frame, 0); /* empty, and yet it unpacks to something */
        assert_false(read_all(kinds[k], frame, COMPRESS_HEADER, 7, 5000, back, &got, &ended));
        memset(frame, 0x55, 64);
        bytes_put3(frame, 50);
        assert_false(read_all(kinds[k], frame, 57, 57, 5000, back, &got, &ended));
    }
    compress_thread_end();
}

static void test_flags(void **test)
{
    (void)test;
    assert_int_equal(compression_of(0), COMPRESSION_NONE);
    assert_int_equal(compression_of(CAPABILITY_COMPRESS), COMPRESSION_ZLIB);
    assert_int_equal(compression_of(CAPABILITY_ZSTD_COMPRESSION_ALGORITHM), COMPRESSION_ZSTD);
    assert_int_equal(compression_of(COMPRESSION_FLAGS), COMPRESSION_ZLIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
