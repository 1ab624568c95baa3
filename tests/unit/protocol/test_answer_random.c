/* The tracker over answers made at random, most of them valid, some with bytes turned over or cut
 * off: in pieces of any size it must tell what the slow oracle tells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/protocol/slow.h"

enum { ANSWERS = 20000, MOST_ROWS = 12 };

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static bool chance(uint32_t one_in)
{
    return draw(one_in) == 0;
}

struct making {
    struct bytes bytes;
    capabilities_t capabilities;
    enum command_answer expected;
    uint8_t sequence;
};

static void put(struct making *making, const struct writer *writer, const uint8_t *payload)
{
    assert(!writer->full);
    bytes_packet(&making->bytes, payload, (size_t)(writer->at - payload), &making->sequence);
    if (making->capabilities & CAPABILITY_MARIADB_PROGRESS && chance(16))
        bytes_packet(&making->bytes, (const uint8_t *)"\xff\xff\xff\1\1\2\0\0\0\0", 10,
                     &making->sequence);
}

static void put_error(struct making *making)
{
    uint8_t payload[64] = {0xff, (uint8_t)draw(255), (uint8_t)draw(255), '#'};

    bytes_packet(&making->bytes, payload, 4 + draw(60), &making->sequence);
}

static void put_filler(struct making *making, uint8_t first, size_t size)
{
    uint8_t payload[64 + 20000];

    payload[0] = first;
    for (size_t i = 1; i < size; i++)
        payload[i] = (uint8_t)draw(256);
    struct writer writer = {.at = payload + size, .end = payload + sizeof payload};
    put(making, &writer, payload);
}

static size_t some_size(void)
{
    return chance(200) ? 16000 + draw(800) : 1 + draw(chance(10) ? 400 : 20);
}

static void put_ok(struct making *making, uint8_t header, uint16_t status)
{
    uint8_t payload[512];
    struct writer writer = {.at = payload, .end = payload + sizeof payload};

    if (chance(3))
        status |= STATUS_SESSION_STATE_CHANGED;
    write_integer(&writer, header, 1);
    write_lenenc(&writer, chance(4) ? draw(1u << 30) : 0);
    write_lenenc(&writer, chance(4) ? draw(70000) : 0);
    write_integer(&writer, status, 2);
    write_integer(&writer, draw(3), 2);
    if (making->capabilities & CAPABILITY_SESSION_TRACK) {
        write_lenenc_text(&writer, chance(2) ? TEXT("Rows matched: 1") : TEXT(""));
        if (status & STATUS_SESSION_STATE_CHANGED)
            write_lenenc_text(&writer, chance(2) ? TEXT("\1\2\1t") : TEXT("\0\12\10sql_mode\0"));
    } else if (chance(2)) {
        write_bytes(&writer, TEXT("Rows matched: 1"));
    }
    put(making, &writer, payload);
}

static void put_end(struct making *making, uint16_t status)
{
    bool is_new = making->capabilities & CAPABILITY_DEPRECATE_EOF;
    uint8_t payload[5] = {0xfe, 0, 0, (uint8_t)status, (uint8_t)(status >> 8)};

    if (chance(20))
        is_new = !is_new;
    if (is_new)
        put_ok(making, 0xfe, status);
    else
        bytes_packet(&making->bytes, payload, sizeof payload, &making->sequence);
}

static void put_eof(struct making *making, uint16_t status)
{
    uint8_t payload[5] = {0xfe, 0, 0, (uint8_t)status, (uint8_t)(status >> 8)};
    bool is_sent = !(making->capabilities & CAPABILITY_DEPRECATE_EOF);

    if (chance(20))
        is_sent = !is_sent;
    if (is_sent)
        bytes_packet(&making->bytes, payload, sizeof payload, &making->sequence);
}

static void put_rows(struct making *making)
{
    for (uint32_t i = draw(MOST_ROWS); i > 0; i--)
        put_filler(making, (uint8_t)draw(0xfe), some_size());
}

static void put_result_set(struct making *making, uint16_t status)
{
    uint8_t payload[16];
    struct writer writer = {.at = payload, .end = payload + sizeof payload};
    uint32_t columns = 1 + draw(chance(20) ? 300 : 5);
    bool has_byte = making->capabilities &
                    (CAPABILITY_OPTIONAL_RESULTSET_METADATA | CAPABILITY_MARIADB_CACHE_METADATA);
    bool has_metadata = !has_byte || chance(2);

    write_lenenc(&writer, columns);
    if (has_byte)
        write_integer(&writer, has_metadata, 1);
    put(making, &writer, payload);
    for (uint32_t i = 0; has_metadata && i < columns; i++)
        put_filler(making, 3, 20 + draw(20));
    if (making->expected == ANSWER_CURSOR && chance(3)) {
        put_end(making, (uint16_t)(status | STATUS_CURSOR_EXISTS));
        return;
    }
    put_eof(making,
            chance(4) ? STATUS_CURSOR_EXISTS | (uint16_t)(draw(4) << 3 | draw(2) << 12) : status);
    put_rows(making);
    if (chance(12))
        put_error(making);
    else
        put_end(making, status);
}

static void put_results(struct making *making)
{
    uint32_t results = 1 + draw(4);

    while (results-- > 0) {
        uint16_t status = (uint16_t)(2 | (results > 0 ? STATUS_MORE_RESULTS_EXISTS : 0));
        uint32_t kind = draw(10);
        if (kind == 0) {
            put_error(making);
            return;
        }
        if (kind == 1)
            put_filler(making, 0xfb, 1 + draw(30));
        if (kind < 4)
            put_ok(making, 0, status);
        else
            put_result_set(making, status);
    }
}

static void put_prepared(struct making *making)
{
    uint8_t payload[16];
    struct writer writer = {.at = payload, .end = payload + sizeof payload};
    bool has_byte = making->capabilities & CAPABILITY_OPTIONAL_RESULTSET_METADATA;
    bool has_metadata = !has_byte || chance(2);
    uint32_t counts[2] = {draw(5), draw(5)};

    write_integer(&writer, 0, 1);
    write_integer(&writer, draw(1u << 30), 4);
    write_integer(&writer, counts[1], 2);
    write_integer(&writer, counts[0], 2);
    write_integer(&writer, 0, 3);
    if (has_byte)
        write_integer(&writer, has_metadata, 1);
    put(making, &writer, payload);
    for (int i = 0; i < 2; i++) {
        for (uint32_t j = 0; has_metadata && j < counts[i]; j++)
            put_filler(making, 3, 20 + draw(20));
        if (counts[i] > 0)
            put_eof(making, 2);
    }
}

static void make(struct making *making)
{
    static const enum command_answer kinds[] = {ANSWER_RESULTS, ANSWER_RESULTS, ANSWER_CURSOR,
                                                ANSWER_PREPARE, ANSWER_FETCH,   ANSWER_FIELDS,
                                                ANSWER_STRING,  ANSWER_OK};
    static const capabilities_t flags[] = {
        CAPABILITY_DEPRECATE_EOF, CAPABILITY_SESSION_TRACK, CAPABILITY_OPTIONAL_RESULTSET_METADATA,
        CAPABILITY_MARIADB_CACHE_METADATA, CAPABILITY_MARIADB_PROGRESS};

    *making = (struct making){.sequence = 1};
    making->expected = kinds[draw(sizeof kinds / sizeof kinds[0])];
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        making->capabilities |= chance(2) ? flags[i] : 0;
    switch (making->expected) {
    case ANSWER_PREPARE:
        put_prepared(making);
        break;
    case ANSWER_FETCH:
    case ANSWER_FIELDS:
        put_rows(making);
        put_end(making, 2);
        break;
    case ANSWER_OK:
        put_ok(making, chance(2) ? 0 : 0xfe, 2);
        break;
    case ANSWER_STRING:
        put_filler(making, 'U', some_size());
        break;
    case ANSWER_RESULTS:
    case ANSWER_CURSOR:
    case ANSWER_NONE:
    case ANSWER_CLOSE:
    case ANSWER_LOGIN:
        put_results(making);
        break;
    }
    if (chance(4))
        put_ok(making, 0, 2);
}

/* Bytes turned over, or the end cut off. */
static void spoil(struct bytes *bytes)
{
    for (uint32_t i = draw(4); i > 0; i--)
        bytes->at[draw((uint32_t)bytes->size)] ^= (uint8_t)(1u << draw(8));
    if (chance(3))
        bytes->size = draw((uint32_t)bytes->size + 1);
}

static void check(const struct making *making, uint64_t number, size_t pieces)
{
    struct slow_answer slow;
    struct feeding feeding;
    size_t size = making->bytes.size;

    enum slow outcome =
        slow_read(&slow, making->expected, making->capabilities, making->bytes.at, size);
    feeding_start(&feeding, making->expected, making->capabilities);
    for (size_t at = 0; at < size;) {
        size_t piece = 1 + draw((uint32_t)pieces);
        at = size - at < piece ? size : at + piece;
        feeding_upto(&feeding, making->bytes.at, at);
    }
    feeding_upto(&feeding, making->bytes.at, size);
    if (strcmp(feeding.told.log, slow.told.log) != 0)
        fail_msg("answer %llu: \"%s\", not \"%s\"", (unsigned long long)number, feeding.told.log,
                 slow.told.log);
    if (outcome == SLOW_ENDED && feeding.told.passed != slow.told.passed)
        fail_msg("answer %llu: passed %zu, not %zu", (unsigned long long)number,
                 feeding.told.passed, slow.told.passed);
}

static void test_random_answers(void **state)
{
    unsigned ended = 0;

    (void)state;
    for (uint64_t number = 0; number < ANSWERS; number++) {
        struct making making;
        struct slow_answer slow;
        seed = number;
        make(&making);
        slow_read(&slow, making.expected, making.capabilities, making.bytes.at, making.bytes.size);
        ended += strstr(slow.told.log, "complete") != NULL;
        check(&making, number, 3);
        check(&making, number, 40);
        check(&making, number, making.bytes.size);
        spoil(&making.bytes);
        check(&making, number, 40);
        free(making.bytes.at);
    }
    /* The rest are the few whose servers end or do not end metadata as the capabilities say. */
    assert_true(ended > ANSWERS * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_answers)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
