/* The command table, what a command is answered with, query attributes, and the allow-list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/protocol/feed.h"

static void test_table(void **state)
{
    static const uint8_t refused[] = {0x00, 0x05, 0x06, 0x0b, 0x0f, 0x10, 0x13, 0x14,
                                      0x1d, 0x20, 0x21, 0x22, 0xf9, 0xfb, 0xfe, 0xff};
    unsigned rows = 0;

    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        const struct command_row *row = command_row((uint8_t)code);
        if (!row)
            continue;
        rows++;
        assert_int_equal(row->code, code);
        assert_memory_equal(row->name, "COM_", 4);
        assert_true(row->kind && row->kind[0]);
        assert_true(row->judged <= JUDGED_FREE && row->answer <= ANSWER_LOGIN);
    }
    assert_int_equal(rows, 24);
    for (size_t i = 0; i < sizeof refused; i++)
        assert_null(command_row(refused[i]));
}

struct judged {
    uint8_t code;
    enum command_judged judged;
    enum command_answer answer;
};

static void test_what_matters_most(void **state)
{
    static const struct judged commands[] = {
        {COMMAND_QUERY,               JUDGED_TEXT,           ANSWER_RESULTS},
        {COMMAND_STMT_PREPARE,        JUDGED_PREPARE,        ANSWER_PREPARE},
        {COMMAND_STMT_EXECUTE,        JUDGED_STATEMENT,      ANSWER_RESULTS},
        {COMMAND_STMT_BULK_EXECUTE,   JUDGED_STATEMENT,      ANSWER_RESULTS},
        {COMMAND_STMT_FETCH,          JUDGED_STATEMENT,      ANSWER_FETCH  },
        {COMMAND_INIT_DB,             JUDGED_DATABASE,       ANSWER_OK     },
        {COMMAND_FIELD_LIST,          JUDGED_TABLE,          ANSWER_FIELDS },
        {COMMAND_PROCESS_KILL,        JUDGED_KILL,           ANSWER_OK     },
        {COMMAND_CHANGE_USER,         JUDGED_USER,           ANSWER_LOGIN  },
        {COMMAND_BINLOG_DUMP,         JUDGED_ADMINISTRATION, ANSWER_FETCH  },
        {COMMAND_BINLOG_DUMP_GTID,    JUDGED_ADMINISTRATION, ANSWER_FETCH  },
        {COMMAND_REGISTER_REPLICA,    JUDGED_ADMINISTRATION, ANSWER_OK     },
        {COMMAND_SHUTDOWN,            JUDGED_ADMINISTRATION, ANSWER_OK     },
        {COMMAND_STMT_CLOSE,          JUDGED_FREE,           ANSWER_NONE   },
        {COMMAND_STMT_SEND_LONG_DATA, JUDGED_FREE,           ANSWER_NONE   },
        {COMMAND_QUIT,                JUDGED_FREE,           ANSWER_CLOSE  },
    };

    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command_row *row = command_row(commands[i].code);
        assert_non_null(row);
        assert_int_equal(row->judged, commands[i].judged);
        assert_int_equal(row->answer, commands[i].answer);
    }
}

static void test_cursor_is_asked_for(void **state)
{
    const struct command_row *execute = command_row(COMMAND_STMT_EXECUTE);
    const struct command_row *bulk = command_row(COMMAND_STMT_BULK_EXECUTE);
    char payload[] = "\x17\1\0\0\0\0\1\0\0\0";

    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        payload[5] = (char)flags;
        struct text text = guard_text((struct text){payload, 10});
        assert_int_equal(command_answer(execute, text), flags & 1 ? ANSWER_CURSOR : ANSWER_RESULTS);
        assert_int_equal(command_answer(bulk, text), ANSWER_RESULTS);
    }
    payload[5] = 1;
    for (size_t length = 0; length < 6; length++)
        assert_int_equal(command_answer(execute, guard_text((struct text){payload, length})),
                         ANSWER_RESULTS);
    assert_int_equal(command_answer(execute, guard_text((struct text){payload, 6})), ANSWER_CURSOR);
}

struct attributes {
    const char *name;
    const char *hex;   /* behind the command byte, before the text "SELECT 1" */
    const char *value; /* of the attribute "a"; NULL for none */
    bool bad;
};

/* clang-format off */
static const struct attributes trials[] = {
    {"none", "0001", NULL, false},
    {"a text", "01010001" "fe000161" "0178", "x", false},
    {"an empty text", "01010001" "fe000161" "00", "", false},
    {"each type of a text", "06010001" "0f000162" "fd000163" "fc000164" "f9000165" "f5000166"
     "fb000161"
     "0131" "0132" "0133" "0134" "0135" "0136", "6", false},
    {"a text behind numbers", "07010001" "01000162" "02000163" "03800164" "08000165" "04000166"
     "05000167"
     "fe000161" "01" "0101" "01010101" "0101010101010101" "01010101" "0101010101010101" "0178",
     "x", false},
    {"a text behind dates and times", "04010001" "0c000162" "0b000163" "0a000164" "fe000161"
     "0be90701020304050a0b0c0d" "0c000100000001020304050607" "04e9070102" "0178", "x", false},
    {"empty dates", "03010001" "0c000162" "0b000163" "fe000161" "00" "00" "0178", "x", false},
    {"a text behind a decimal and a vector", "03010001" "f6000162" "f2000163" "fe000161"
     "03312e35" "0401020304" "0178", "x", false},
    {"a NULL of an integer", "02010101" "03000162" "fe000161" "0178", "x", false},
    {"a NULL of a type that is not known", "02010101" "06000162" "fe000161" "0178", "x", false},
    {"NULL is no text", "01010101" "fe000161", NULL, false},
    {"a number is no text", "01010001" "03000161" "01010101", NULL, false},
    {"another name", "01010001" "fe000162" "0178", NULL, false},
    {"a name in another case", "01010001" "fe000141" "0178", NULL, false},
    {"the first of two", "02010001" "fe000161" "fe000161" "0131" "0132", "1", false},
    {"nine, with two bytes of NULLs", "0901ff0001" "03000162" "03000163" "03000164" "03000165"
     "03000166"
     "03000167" "03000168" "03000169" "fe000161" "0178", "x", false},
    {"a length of three bytes", "01010001" "fe000161" "fc010078", "x", false},
    {"no set", "0000", NULL, true},
    {"two sets", "01020001" "fe000161" "0178", NULL, true},
    {"types of a kind that is not known", "01010002" "fe000161" "0178", NULL, true},
    {"no types", "01010000" "0178", NULL, true},
    {"a year, which MySQL reads as a text", "01010001" "0d000161" "0178", NULL, true},
    {"an INT24, which MySQL reads as a text", "01010001" "09000161" "0178", NULL, true},
    {"a NULL outside of the bitmap", "01010001" "06000161" "0178", NULL, true},
    {"a type that is not known", "01010001" "f3000161" "0178", NULL, true},
    {"a number whose flag makes its type another", "01010001" "03010161" "00000000", NULL, true},
    {"a text with such a flag", "01010001" "fe400161" "0178", NULL, true},
    {"an unsigned number with such a flag", "01010001" "03810161" "00000000", NULL, true},
    {"a value longer than all", "01010001" "fe000161" "f078", NULL, true},
    {"a length that is NULL", "01010001" "fe000161" "fb", NULL, true},
    {"a length of 4 GB and 1", "01010001" "fe000161" "fe010000000100000078", NULL, true},
    {"more parameters than bytes", "fdffffff01", NULL, true},
    {"as many parameters as there can be", "feffffffffffffffff01", NULL, true},
    {"nothing", "", NULL, false},
};
/* clang-format on */

static void test_attributes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        uint8_t payload[256] = {COMMAND_QUERY};
        size_t size = 1 + from_hex(trials[i].hex, strlen(trials[i].hex), payload + 1);
        struct text value;
        struct query query;
        if (size > 1) {
            struct writer writer = writer_of(payload + size, sizeof payload - size);
            write_bytes(&writer, TEXT("SELECT 1"));
            size += 8;
        }
        struct text text = guard_text((struct text){(const char *)payload, size});
        enum parse parse = query_read(text, CAPABILITY_QUERY_ATTRIBUTES, &query);
        if (size == 1 || trials[i].bad) {
            assert_int_equal(parse, PARSE_BAD);
            assert_null(query.text.at);
            assert_false(query_attribute(&query, TEXT("a"), &value));
            continue;
        }
        if (parse != PARSE_DONE || !text_equal(query.text, TEXT("SELECT 1")))
            fail_msg("%s: \"%.*s\"", trials[i].name, TEXT_ARGS(query.text));
        assert_true(query.attributes.at + query.attributes.length == query.text.at);
        bool found = query_attribute(&query, TEXT("a"), &value);
        if (found != (trials[i].value != NULL) ||
            (found && !text_equal(value, text_of(trials[i].value))))
            fail_msg("%s: %s", trials[i].name, found ? "another value" : "no value");
    }
}

/* Every command that is cut short is bad or has less text; none reads past its end. */
static void test_attributes_cut_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        uint8_t payload[256] = {COMMAND_QUERY};
        size_t size = 1 + from_hex(trials[i].hex, strlen(trials[i].hex), payload + 1);
        for (size_t length = 0; length < size; length++) {
            struct query query;
            struct text value;
            struct text text = guard_text((struct text){(const char *)payload, length});
            enum parse parse = query_read(text, CAPABILITY_QUERY_ATTRIBUTES, &query);
            assert_int_equal(parse, PARSE_BAD);
            assert_false(query_attribute(&query, TEXT("a"), &value));
        }
    }
}

static void test_query_without_attributes(void **state)
{
    struct text payload = guard_text((struct text){"\3\1\1SELECT 1", 11}), value;
    struct query query;

    (void)state;
    assert_int_equal(query_read(payload, 0, &query), PARSE_DONE);
    assert_true(query.text.at == payload.at + 1 && query.text.length == 10);
    assert_int_equal(query.attributes.length, 0);
    assert_false(query_attribute(&query, TEXT("a"), &value));
    assert_int_equal(query_read(guard_text((struct text){"\3", 1}), 0, &query), PARSE_DONE);
    assert_int_equal(query.text.length, 0);
    assert_int_equal(query_read(guard_text((struct text){"\26SELECT 1", 9}), 0, &query), PARSE_BAD);
    assert_int_equal(query_read((struct text){0}, 0, &query), PARSE_BAD);
}

static void test_capabilities(void **state)
{
    const capabilities_t refused = CAPABILITY_COMPRESS | CAPABILITY_SSL | CAPABILITY_NO_SCHEMA |
                                   CAPABILITY_ZSTD_COMPRESSION_ALGORITHM |
                                   CAPABILITY_MARIADB_COM_MULTI | 1ull << 29 | ~0ull << 38;

    (void)state;
    for (unsigned bit = 0; bit < 64; bit++)
        assert_true(capabilities_allowed(1ull << bit) == (1ull << bit & ~refused));
    assert_true(capabilities_allowed(~0ull) == ~refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_what_matters_most),
        cmocka_unit_test(test_cursor_is_asked_for),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_attributes_cut_short),
        cmocka_unit_test(test_query_without_attributes),
        cmocka_unit_test(test_capabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
