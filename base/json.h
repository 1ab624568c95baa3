/* Writes JSON into a buffer of fixed size. Reading JSON is left to a library. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Set `at` and `size` and zero the rest. Output that does not fit is dropped, and `full` is set. */
struct json {
    char *at;
    size_t size, length;
    bool full;
};

/* Bytes as they are: braces, brackets, commas. */
void json_raw(struct json *json, struct text t);
/* The key of an object's next field, with a comma before it if it is not the first. The key needs
 * no escapes.
 */
void json_key(struct json *json, const char *key);
/* The next field: a string, or null where `value.at` is NULL. */
void json_field(struct json *json, const char *key, struct text value);
/* A quoted string; bytes that are not UTF-8 become U+FFFD, so that every line is valid JSON. */
void json_text(struct json *json, struct text t);
void json_number(struct json *json, uint64_t number);
/* 16 lower-case hex digits with quotes: the form of digests and ids. */
void json_hex(struct json *json, uint64_t number);

#endif
