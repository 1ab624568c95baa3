/* One row out of an answer: values, what is no row, and answers that come byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/row.h"
#include "tests/unit/protocol/feed.h"

#define EOF_OFF  CAPABILITY_DEPRECATE_EOF
#define OPTIONAL CAPABILITY_OPTIONAL_RESULTSET_METADATA
#define CACHE    CAPABILITY_MARIADB_CACHE_METADATA

struct trial {
    const char *name;
    capabilities_t capabilities;
    const char *words;
    enum row row;
    const char *first, *second; /* NULL for NULL */
};

/* clang-format off */
static const struct trial trials[] = {
    {"two values", 0, "x:02 col col eof:2 x:01610262 eof:2", ROW_BAD, NULL, NULL},
    {"values", 0, "x:02 col col eof:2 x:0161026263 eof:2", ROW_DONE, "a", "bc"},
    {"values without EOF", EOF_OFF, "x:02 col col x:0161026263 end:2", ROW_DONE, "a", "bc"},
    {"old EOFs in spite of DEPRECATE_EOF", EOF_OFF, "x:02 col col eof:2 x:0161026263 eof:2",
     ROW_DONE, "a", "bc"},
    {"NULL and empty", EOF_OFF, "x:02 col col x:fb00 end:2", ROW_DONE, NULL, ""},
    {"empty and NULL", EOF_OFF, "x:02 col col x:00fb end:2", ROW_DONE, "", NULL},
    {"the first of two rows", EOF_OFF, "x:02 col col x:01610162 x:01630164 end:2", ROW_DONE, "a",
     "b"},
    {"more columns than asked for", EOF_OFF, "x:03 col col col x:016101620163 end:2", ROW_DONE,
     "a", "b"},
    {"fewer columns than asked for", EOF_OFF, "x:01 col x:0161 end:2", ROW_NONE, NULL, NULL},
    {"no rows", EOF_OFF, "x:02 col col end:2", ROW_NONE, NULL, NULL},
    {"no rows with EOF", 0, "x:02 col col eof:2 eof:2", ROW_NONE, NULL, NULL},
    {"no result", 0, "ok:2", ROW_NONE, NULL, NULL},
    {"an error", 0, "err:1146", ROW_NONE, NULL, NULL},
    {"an error behind a row", 0, "x:02 col col eof:2 x:01610162 err:1317", ROW_NONE, NULL, NULL},
    {"metadata", OPTIONAL, "x:0201 col col eof:2 x:01610162 eof:2", ROW_DONE, "a", "b"},
    {"no metadata", OPTIONAL, "x:0200 eof:2 x:01610162 eof:2", ROW_DONE, "a", "b"},
    {"no metadata, no EOF", CACHE | EOF_OFF, "x:0200 x:01610162 end:2", ROW_DONE, "a", "b"},
    {"a value of 300 bytes is cut", EOF_OFF, "x:02 col col x:fc2c0161 end:2", ROW_BAD, NULL, NULL},
    {"a value with a length of two bytes", EOF_OFF, "x:02 col col x:fc0100610162 end:2", ROW_DONE,
     "a", "b"},
    {"several results", EOF_OFF, "ok:a x:02 col col x:01610162 end:a ok:2", ROW_DONE, "a", "b"},
    {"a file", 0, "x:fb78", ROW_BAD, NULL, NULL},
    {"nonsense", 0, "x:", ROW_BAD, NULL, NULL},
};
/* clang-format on */

static void check_value(const char *name, const char *want, struct text value)
{
    if (want ? !value.at || !text_equal(value, text_of(want)) : value.at != NULL)
        fail_msg("%s: \"%.*s\"", name, TEXT_ARGS(value));
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        const struct trial *trial = &trials[i];
        struct bytes bytes = {0};
        struct text values[2];
        size_t size;
        bytes_words(&bytes, trial->words);
        size_t whole = bytes.size;
        bytes_add(&bytes, "\1\0\0\0\16", 5); /* not part of it */
        struct text text = guard_text((struct text){(const char *)bytes.at, bytes.size});
        enum row row = row_read(text, trial->capabilities, values, 2, &size);
        if (row != trial->row)
            fail_msg("%s: %d", trial->name, row);
        if (row != ROW_BAD && size != whole)
            fail_msg("%s: %zu bytes", trial->name, size);
        if (row == ROW_DONE) {
            check_value(trial->name, trial->first, values[0]);
            check_value(trial->name, trial->second, values[1]);
        }
        for (size_t length = 0; length < whole && row != ROW_BAD; length++) {
            text = guard_text((struct text){(const char *)bytes.at, length});
            assert_int_equal(row_read(text, trial->capabilities, values, 2, &size), ROW_MORE);
        }
        free(bytes.at);
    }
}

static void test_long_row(void **state)
{
    struct bytes bytes = {0};
    struct text values[1];
    size_t size;

    (void)state;
    bytes_words(&bytes, "x:01 col big:16777215:00 end:2");
    assert_int_equal(
        row_read((struct text){(const char *)bytes.at, bytes.size}, EOF_OFF, values, 1, &size),
        ROW_BAD);
    free(bytes.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
