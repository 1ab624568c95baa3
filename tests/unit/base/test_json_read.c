/* JSON as it is read: what is JSON and what is not, each string without its escapes, members by
 * name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json_read.h"
#include "tests/unit/sql/guard.h"

/* Each value on its own: words by letter, strings in <>, what holds others in brackets. */
static size_t show(const struct json_value *value, char *to)
{
    static const char letters[] = "-nft";
    enum value_type type = value->type;
    char *start = to;

    if (type == VALUE_STRING || type == VALUE_NUMBER) {
        to += sprintf(to, type == VALUE_STRING ? "<%.*s>" : "%.*s", TEXT_ARGS(value->text));
    } else if (type == VALUE_ARRAY || type == VALUE_OBJECT) {
        *to++ = type == VALUE_ARRAY ? '[' : '{';
        for (uint32_t at = 1; at < value->size; at += value[at].size)
            to += show(value + at, to);
        *to++ = type == VALUE_ARRAY ? ']' : '}';
    } else {
        *to++ = letters[type];
    }
    *to = '\0';
    return (size_t)(to - start);
}

static void test_is_json(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"null",                                     "n"                                      },
        {" \t\r\n true ",                            "t"                                      },
        {"false",                                    "f"                                      },
        {"0",                                        "0"                                      },
        {"-0.5e+10",                                 "-0.5e+10"                               },
        {"18446744073709551616",                     "18446744073709551616"                   },
        {"\"\"",                                     "<>"                                     },
        {"\"it's /plain/ \x7f\"",                    "<it's /plain/ \x7f>"                    },
        {"\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te\"",      "<a\"b\\c/d\b\f\n\r\te>"                 },
        {"\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"",  "<A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80>"},
        {"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", "<\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80>" },
        {"[]",                                       "[]"                                     },
        {"[ 1 , [\"a\\tb\",{}] ,null]",              "[1[<a\tb>{}]n]"                         },
        {"{ }",                                      "{}"                                     },
        {"{\"a\" : 1 ,\"b\\n\":[true]}",             "{<a>1<b\n>[t]}"                         },
    };
    struct json_tree tree = {0};
    char shown[1024];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text text = text_of(cases[i].text);
        const struct json_value *value = json_read(&tree, guard_text(text));
        if (!value)
            fail_msg("%s is JSON", cases[i].text);
        show(value, shown);
        if (strcmp(shown, cases[i].expected) != 0)
            fail_msg("%s\n gives    %s\n expected %s", cases[i].text, shown, cases[i].expected);
        /* Of all but numbers no beginning is JSON. */
        if (strchr("-0123456789", cases[i].text[0]))
            continue;
        for (size_t length = 0; length < text_trim(text).length; length++) {
            struct text cut = {text_trim(text).at, length};
            if (json_read(&tree, guard_text(cut)))
                fail_msg("%.*s is no JSON", TEXT_ARGS(cut));
        }
    }
    json_tree_fini(&tree);
}

static void test_is_not_json(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        " ",
        "nul",
        "nullx",
        "NULL",
        "1 2",
        "01",
        "+1",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "'a'",
        "\"a",
        "\"\n\"",
        "\"\\x41\"",
        "\"\\u12g4\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ude00\"",
        "\"\x80\"",
        "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "[1,]",
        "[1 2]",
        "[,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{1:2}",
        "{a:1}",
        "{\"a\":1]",
        "[1}",
        "]",
        "{}{}",
    };
    struct json_tree tree = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (json_read(&tree, guard_text(text_of(cases[i]))))
            fail_msg("%s is no JSON", cases[i]);
    }
    json_tree_fini(&tree);
}

static void test_depth_has_an_end(void **state)
{
    (void)state;
    static char deep[2 * (JSON_DEPTH + 1)];
    struct json_tree tree = {0};

    for (size_t depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        struct text text = {deep, 2 * depth};
        assert_int_equal(json_read(&tree, text) != NULL, depth == JSON_DEPTH);
    }
    json_tree_fini(&tree);
}

static void test_members_and_elements(void **state)
{
    (void)state;
    struct json_tree tree = {0};
    const struct json_value *object = json_read(
        &tree, TEXT("{\"list\":[1,[2,3],\"x\"],\"in\":{\"name\":\"inner\"},\"name\":\"outer\"}"));
    const struct json_value *at = NULL;
    static const enum value_type types[] = {VALUE_NUMBER, VALUE_ARRAY, VALUE_STRING};

    assert_non_null(object);
    assert_true(text_equal(value_text(value_get(object, TEXT("name"))), TEXT("outer")));
    const struct json_value *inner = value_get(object, TEXT("in"));
    assert_true(text_equal(value_text(value_get(inner, TEXT("name"))), TEXT("inner")));
    for (size_t i = 0; i < 3; i++) {
        assert_true(value_next(value_get(object, TEXT("list")), &at));
        assert_int_equal(at->type, types[i]);
    }
    assert_false(value_next(value_get(object, TEXT("list")), &at));
    assert_null(at);
    /* What is not there has no members, no elements and no text. */
    const struct json_value *none = value_get(object, TEXT("nam"));
    assert_int_equal(none->type, VALUE_NONE);
    assert_int_equal(value_get(none, TEXT("name"))->type, VALUE_NONE);
    assert_int_equal(value_get(value_get(object, TEXT("list")), TEXT("x"))->type, VALUE_NONE);
    assert_false(value_next(none, &at));
    assert_false(value_next(inner, &at));
    assert_null(value_text(none).at);
    assert_null(value_text(inner).at);
    json_tree_fini(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_json),
        cmocka_unit_test(test_is_not_json),
        cmocka_unit_test(test_depth_has_an_end),
        cmocka_unit_test(test_members_and_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
