/* Any bytes as JSON: what is JSON, and what it says, is the same as jansson has it. */
#include <jansson.h>

#include "base/json_read.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool equal(const struct json_value *ours, const json_t *theirs);

static bool members_equal(const struct json_value *ours, const json_t *theirs)
{
    for (uint32_t at = 1; at < ours->size; at += 1 + ours[at + 1].size) {
        const json_t *member = json_object_getn(theirs, ours[at].text.at, ours[at].text.length);
        /* Of a name that comes twice jansson keeps the last. */
        bool again = value_get(ours, ours[at].text) != ours + at + 1;
        for (uint32_t next = at + 1 + ours[at + 1].size; next < ours->size && !again;
             next += 1 + ours[next + 1].size)
            again = text_equal(ours[next].text, ours[at].text);
        if (!member || (!again && !equal(ours + at + 1, member)))
            return false;
    }
    return true;
}

static bool elements_equal(const struct json_value *ours, const json_t *theirs)
{
    const struct json_value *at = NULL;
    size_t count = 0;

    while (value_next(ours, &at)) {
        if (!equal(at, json_array_get(theirs, count++)))
            return false;
    }
    return count == json_array_size(theirs);
}

static bool equal(const struct json_value *ours, const json_t *theirs)
{
    switch (ours->type) {
    case VALUE_NULL:
        return json_is_null(theirs);
    case VALUE_FALSE:
        return json_is_false(theirs);
    case VALUE_TRUE:
        return json_is_true(theirs);
    case VALUE_NUMBER:
        return json_is_number(theirs);
    case VALUE_STRING:
        return json_is_string(theirs) &&
               text_equal(ours->text,
                          (struct text){json_string_value(theirs), json_string_length(theirs)});
    case VALUE_ARRAY:
        return json_is_array(theirs) && elements_equal(ours, theirs);
    case VALUE_OBJECT:
        return json_is_object(theirs) && members_equal(ours, theirs);
    case VALUE_NONE:
        break;
    }
    return false;
}

static size_t depth(struct text text)
{
    size_t open = 0;

    for (size_t i = 0; i < text.length; i++)
        open += text.at[i] == '[' || text.at[i] == '{';
    return open;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct json_tree tree;
    struct copy copy = {0};
    json_error_t error;

    copy_add(&copy, (const char *)bytes, size);
    struct text text = copy_seal(&copy);
    const struct json_value *ours = json_read(&tree, text);
    json_t *theirs = json_loadb(text.at, text.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    /* Numbers and names that jansson has no type for, and how deep one goes. */
    bool beyond = !theirs && (json_error_code(&error) == json_error_numeric_overflow ||
                              json_error_code(&error) == json_error_null_byte_in_key);
    /* Bytes of 0 are the end of it for jansson. */
    if (!beyond && depth(text) <= JSON_DEPTH && !memchr(text.at, 0, text.length)) {
        if (!ours != !theirs)
            broken(ours ? "jansson refuses it" : "jansson takes it", text, text);
        if (ours && !equal(ours, theirs))
            broken("jansson reads something else", text, text);
    }
    json_decref(theirs);
    free(copy.at);
    return 0;
}
