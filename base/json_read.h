/* Reads one text of JSON (RFC 8259) into a flat array of values. Strings without escapes stay where
 * they are in the text, the others are written out beside it; nothing is allocated once the two
 * have grown.
 */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { JSON_DEPTH = 64 }; /* arrays and objects within each other; deeper ones are refused */

enum value_type {
    VALUE_NONE, /* what was asked for is not there */
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
};

struct json_value {
    enum value_type type;
    uint32_t size;    /* in values: this one and all that it holds, which lie behind it */
    struct text text; /* a string without its escapes; a number as it is written */
};

/* A zeroed one is ready; it is used again for text after text. */
struct json_tree {
    struct json_value *values;
    uint32_t count, room;
    char *bytes; /* strings that had escapes */
    size_t used, size;
};

void json_tree_fini(struct json_tree *tree);
/* The value that the text is, NULL where it is not JSON in UTF-8. It holds until the next call, and
 * only as long as the text does. */
const struct json_value *json_read(struct json_tree *tree, struct text text);

/* A member of an object; VALUE_NONE where there is none, or `object` is no object. Never NULL. */
const struct json_value *value_get(const struct json_value *object, struct text key);
/* A string's text; none where `value` is no string. */
struct text value_text(const struct json_value *value);
/* The next element of an array: `*at` begins as NULL, and is NULL again behind the last one; also
 * where `array` is no array. */
bool value_next(const struct json_value *array, const struct json_value **at);

#endif
