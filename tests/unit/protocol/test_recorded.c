/* The tracker over what real servers have answered (recorded.def, made by record.py): it must end
 * where the server fell silent, in pieces of any size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/row.h"
#include "tests/unit/protocol/slow.h"

struct recorded {
    const char *name;
    enum command_answer expected;
    capabilities_t capabilities;
    uint32_t results;
    uint16_t error;
    const char *hex;
};

static const struct recorded recorded[] = {
#include "tests/unit/protocol/recorded.def"
};

enum { RECORDED = sizeof recorded / sizeof recorded[0] };

static struct bytes bytes_of(const struct recorded *answer)
{
    size_t length = strlen(answer->hex);
    struct bytes bytes = {.at = malloc(length / 2 + 1)};

    assert(bytes.at);
    bytes.size = from_hex(answer->hex, length, bytes.at);
    return bytes;
}

static void check_end(const struct recorded *answer, const struct feeding *feeding, size_t size)
{
    char end[64];

    snprintf(end, sizeof end, "complete %u", answer->results);
    const char *found = strstr(feeding->told.log, end);
    if (!found || found[strlen(end)] != '\0' || feeding->told.passed != size ||
        feeding->answer.error_code != answer->error)
        fail_msg("%s (capabilities %llx): \"%s\" at %zu of %zu, error %u", answer->name,
                 (unsigned long long)answer->capabilities, feeding->told.log, feeding->told.passed,
                 size, feeding->answer.error_code);
}

static void test_recorded_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDED; i++) {
        struct bytes bytes = bytes_of(&recorded[i]);
        struct feeding feeding;
        struct slow_answer slow;
        for (size_t cut = 0; cut <= bytes.size; cut++) {
            feeding_start(&feeding, recorded[i].expected, recorded[i].capabilities);
            feeding_upto(&feeding, bytes.at, cut);
            assert_true(cut == bytes.size || !feeding.over);
            feeding_upto(&feeding, bytes.at, bytes.size);
            check_end(&recorded[i], &feeding, bytes.size);
        }
        feeding_start(&feeding, recorded[i].expected, recorded[i].capabilities);
        for (size_t at = 0; at <= bytes.size; at++)
            feeding_upto(&feeding, bytes.at, at);
        check_end(&recorded[i], &feeding, bytes.size);
        slow_read(&slow, recorded[i].expected, recorded[i].capabilities, bytes.at, bytes.size);
        assert_string_equal(slow.told.log, feeding.told.log);
        free(bytes.at);
    }
}

/* The rows that the recorded SELECTs have. */
static void test_recorded_rows(void **state)
{
    unsigned rows = 0;

    (void)state;
    for (size_t i = 0; i < RECORDED; i++) {
        const char *name = strstr(recorded[i].name, ": ") + 2;
        bool has_row = strcmp(name, "rows") == 0 || strcmp(name, "no metadata") == 0;
        if (!has_row && strcmp(name, "no rows") != 0 && strcmp(name, "error") != 0)
            continue;
        struct bytes bytes = bytes_of(&recorded[i]);
        struct text values[2], text = {(const char *)bytes.at, bytes.size};
        size_t size;
        enum row row = row_read(text, recorded[i].capabilities, values, 2, &size);
        assert_int_equal(row, has_row ? ROW_DONE : ROW_NONE);
        assert_int_equal(size, bytes.size);
        if (has_row) {
            assert_true(text_equal(values[0], TEXT("1")));
            assert_true(values[1].length == 1);
            rows++;
        }
        free(bytes.at);
    }
    assert_int_equal(rows, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_answers),
        cmocka_unit_test(test_recorded_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
