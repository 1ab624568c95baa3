/* The head of COM_STMT_EXECUTE and its kin: byte by byte, before a page that cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/execute.h"
#include "tests/unit/sql/guard.h"

enum { PLAIN = 0, NAMED = CAPABILITY_QUERY_ATTRIBUTES };

#define HEAD       "\x17\1\0\0\0\0\1\0\0\0"
#define COUNTED    "\x17\1\0\0\0\x8\1\0\0\0"
#define BULK_TYPED "\xfa\1\0\0\0\x80\0"
#define BULK       "\xfa\1\0\0\0\0\0"

static const struct {
    const char *name, *bytes;
    size_t length;
    uint32_t parameters;
    capabilities_t capabilities;
    enum parse parse, types; /* of execute_read, and of execute_types where there are some */
    bool has_types;
    size_t types_at;
    uint32_t count;
} rows[] = {
#define ROW(name, bytes, ...)                                                                      \
    {                                                                                              \
        name, bytes, sizeof(bytes) - 1, __VA_ARGS__                                                \
    }
    ROW("types", HEAD "\0\1\xfd\0\3\0x", 2, PLAIN, PARSE_DONE, PARSE_DONE, true, 12, 2),
    ROW("none", HEAD "\0\0x", 2, PLAIN, PARSE_DONE, PARSE_DONE, false, 12, 2),
    ROW("nine", HEAD "\0\0\0x", 9, PLAIN, PARSE_DONE, PARSE_DONE, false, 13, 9),
    ROW("neither", HEAD "\0\2x", 1, PLAIN, PARSE_BAD, PARSE_DONE, false, 0, 0),
    ROW("no flag", HEAD "\0", 1, PLAIN, PARSE_BAD, PARSE_DONE, false, 0, 0),
    ROW("short", "\x17\1\0\0", 1, PLAIN, PARSE_BAD, PARSE_DONE, false, 0, 0),
    ROW("half a type", HEAD "\0\1\xfd\0\3", 2, PLAIN, PARSE_DONE, PARSE_BAD, true, 12, 2),
    ROW("named", COUNTED "\1\0\1\xfd\0\0x", 1, NAMED, PARSE_DONE, PARSE_DONE, true, 13, 1),
    ROW("attribute", COUNTED "\2\0\1\xfd\0\0\xfd\0\1ax", 1, NAMED, PARSE_DONE, PARSE_DONE, true, 13,
        2),
    ROW("name cut", COUNTED "\1\0\1\xfd\0\7abc", 1, NAMED, PARSE_DONE, PARSE_BAD, true, 13, 1),
    ROW("fewer", COUNTED "\1\0\1\xfd\0\0x", 2, NAMED, PARSE_BAD, PARSE_DONE, false, 0, 0),
    ROW("too many", COUNTED "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", 1, NAMED, PARSE_BAD,
        PARSE_DONE, false, 0, 0),
    ROW("not counted", HEAD "\0\1\xfd\0\0x", 1, NAMED, PARSE_BAD, PARSE_DONE, false, 0, 0),
    ROW("bulk", BULK_TYPED "\xfd\0\3\0x", 2, PLAIN, PARSE_DONE, PARSE_DONE, true, 7, 2),
    ROW("bulk, none", BULK "x", 2, PLAIN, PARSE_DONE, PARSE_DONE, false, 7, 2),
};

static void test_rows(void **state)
{
    uint8_t types[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text all = guard_text((struct text){rows[i].bytes, rows[i].length});
        struct execute execute;
        enum parse parse =
            execute_read(all, all.length, rows[i].parameters, rows[i].capabilities, &execute);
        if (parse != rows[i].parse)
            fail_msg("%s: %d", rows[i].name, parse);
        if (parse != PARSE_DONE)
            continue;
        assert_int_equal(execute.has_types, rows[i].has_types);
        assert_int_equal(execute.types_at, rows[i].types_at);
        assert_int_equal(execute.count, rows[i].count);
        if (execute.has_types)
            assert_int_equal(execute_types(all, all.length, &execute, rows[i].parameters, types),
                             rows[i].types);
    }
}

/* Of each row, all that is shorter: more is asked for, and nothing else is said. */
static void test_byte_by_byte(void **state)
{
    uint8_t types[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t length = 0; length < rows[i].length; length++) {
            struct text part = guard_text((struct text){rows[i].bytes, length});
            struct execute execute;
            enum parse parse = execute_read(part, rows[i].length, rows[i].parameters,
                                            rows[i].capabilities, &execute);
            assert_true(parse == PARSE_MORE || parse == rows[i].parse);
            if (parse == PARSE_DONE && execute.has_types)
                assert_int_not_equal(
                    execute_types(part, rows[i].length, &execute, rows[i].parameters, types),
                    length < execute.types_at + 2 * (size_t)rows[i].parameters ? PARSE_DONE
                                                                               : PARSE_BAD + 1);
        }
    }
}

/* What is put in reads as what was taken out. */
static void test_there_and_back(void **state)
{
    static const uint8_t types[] = {0xfd, 0, 3, 0x80, 0xfc, 0};

    (void)state;
    for (unsigned named = 0; named < 2; named++) {
        uint8_t bytes[64] = {0}, again[6];
        struct execute execute = {.named = named};
        size_t length = execute_write_types(&execute, 3, types, bytes);
        assert_int_equal(length, named ? 9 : 6);
        struct text text = guard_text((struct text){(const char *)bytes, length});
        assert_int_equal(execute_types(text, length, &execute, 3, again), PARSE_DONE);
        assert_memory_equal(again, types, sizeof(types));
        assert_true(execute_head(3) >= 10 + 9 + 1 + 1 + length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
