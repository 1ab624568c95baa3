/* JSON input: one pass over the text, each value behind the one that holds it. Used by violations/
 * for its own logs; these hold what clients sent, so nothing is taken on trust.
 */
#include "base/json_read.h"

#include <stdlib.h>

#include "base/arena.h"

struct reader {
    struct json_tree *tree;
    const char *at, *end;
    int depth;
};

static bool read_value(struct reader *reader);

void json_tree_fini(struct json_tree *tree)
{
    free(tree->values);
    free(tree->bytes);
}

/* It may move when the next one is added. */
static struct json_value *add(struct json_tree *tree, enum value_type type)
{
    if (tree->count == tree->room) {
        tree->room = tree->room ? tree->room * 2 : 256;
        tree->values = memory_resize(tree->values, tree->room * sizeof(*tree->values));
    }
    struct json_value *value = &tree->values[tree->count++];
    *value = (struct json_value){.type = type, .size = 1};
    return value;
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

static bool skip(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* Four hex digits. */
static bool read_unit(struct reader *reader, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        if (reader->at == reader->end)
            return false;
        char c = *reader->at++, lower = text_lower(c);
        if (c >= '0' && c <= '9')
            *unit = *unit << 4 | (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *unit = *unit << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* As UTF-8; it takes less room than its escape did. */
static void put_character(struct json_tree *tree, uint32_t c)
{
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t firsts[] = {0, 0xc0, 0xe0, 0xf0};

    tree->bytes[tree->used++] = (char)(firsts[more] | c >> (6 * more));
    while (more-- > 0)
        tree->bytes[tree->used++] = (char)(0x80 | (c >> (6 * more) & 0x3f));
}

/* Behind a backslash. Half of a surrogate pair is no character. */
static bool read_escape(struct reader *reader)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    uint32_t unit, low;

    if (reader->at == reader->end)
        return false;
    char c = *reader->at++;
    const char *name = memchr(names, c, sizeof(names) - 1);
    if (name) {
        put_character(reader->tree, (uint32_t)meant[name - names]);
        return true;
    }
    if (c != 'u' || !read_unit(reader, &unit) || (unit >= 0xdc00 && unit <= 0xdfff))
        return false;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (!skip(reader, '\\') || !skip(reader, 'u') || !read_unit(reader, &low) || low < 0xdc00 ||
            low > 0xdfff)
            return false;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    put_character(reader->tree, unit);
    return true;
}

/* Up to a quote, a backslash or what is no character. */
static void skip_plain(struct reader *reader)
{
    while (reader->at < reader->end) {
        unsigned char c = (unsigned char)*reader->at;
        size_t length = 1;
        if (c < 0x20 || c == '"' || c == '\\')
            return;
        if (c >= 0x80)
            length = text_character((struct text){reader->at, (size_t)(reader->end - reader->at)});
        if (length == 0)
            return;
        reader->at += length;
    }
}

/* Behind its first quote. */
static bool read_string(struct reader *reader)
{
    struct json_tree *tree = reader->tree;
    struct json_value *value = add(tree, VALUE_STRING);
    const char *start = reader->at;

    skip_plain(reader);
    value->text = (struct text){start, (size_t)(reader->at - start)};
    if (skip(reader, '"'))
        return true;
    value->text.at = tree->bytes + tree->used;
    for (;;) {
        memcpy(tree->bytes + tree->used, start, (size_t)(reader->at - start));
        tree->used += (size_t)(reader->at - start);
        if (skip(reader, '"'))
            break;
        if (!skip(reader, '\\') || !read_escape(reader))
            return false;
        start = reader->at;
        skip_plain(reader);
    }
    value->text.length = (size_t)(tree->bytes + tree->used - value->text.at);
    return true;
}

static bool skip_digits(struct reader *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start;
}

static bool read_number(struct reader *reader)
{
    struct json_value *value = add(reader->tree, VALUE_NUMBER);
    const char *start = reader->at;

    skip(reader, '-');
    if (!skip(reader, '0') && !skip_digits(reader))
        return false;
    if (skip(reader, '.') && !skip_digits(reader))
        return false;
    if (skip(reader, 'e') || skip(reader, 'E')) {
        if (!skip(reader, '-'))
            skip(reader, '+');
        if (!skip_digits(reader))
            return false;
    }
    value->text = (struct text){start, (size_t)(reader->at - start)};
    return true;
}

static bool read_word(struct reader *reader, enum value_type type, struct text word)
{
    struct text found = {reader->at, word.length};

    if ((size_t)(reader->end - reader->at) < word.length || !text_equal(found, word))
        return false;
    reader->at += word.length;
    add(reader->tree, type);
    return true;
}

static bool read_key(struct reader *reader)
{
    skip_space(reader);
    if (!skip(reader, '"') || !read_string(reader))
        return false;
    skip_space(reader);
    return skip(reader, ':');
}

/* An array or an object, behind its first bracket: keys are values like others, each before its
 * own. */
static bool read_members(struct reader *reader, enum value_type type)
{
    uint32_t number = reader->tree->count;
    char close = type == VALUE_OBJECT ? '}' : ']';

    add(reader->tree, type);
    if (reader->depth++ == JSON_DEPTH)
        return false;
    skip_space(reader);
    if (!skip(reader, close)) {
        do {
            if ((type == VALUE_OBJECT && !read_key(reader)) || !read_value(reader))
                return false;
            skip_space(reader);
        } while (skip(reader, ','));
        if (!skip(reader, close))
            return false;
    }
    reader->depth--;
    reader->tree->values[number].size = reader->tree->count - number;
    return true;
}

static bool read_value(struct reader *reader)
{
    skip_space(reader);
    if (skip(reader, '"'))
        return read_string(reader);
    if (skip(reader, '{'))
        return read_members(reader, VALUE_OBJECT);
    if (skip(reader, '['))
        return read_members(reader, VALUE_ARRAY);
    return read_word(reader, VALUE_NULL, TEXT("null")) ||
           read_word(reader, VALUE_TRUE, TEXT("true")) ||
           read_word(reader, VALUE_FALSE, TEXT("false")) || read_number(reader);
}

const struct json_value *json_read(struct json_tree *tree, struct text text)
{
    struct reader reader = {.tree = tree, .at = text.at, .end = text.at + text.length};

    if (text.length == 0)
        return NULL;
    if (tree->size < text.length) {
        free(tree->bytes);
        tree->size = text.length * 2;
        tree->bytes = memory_take(tree->size);
    }
    tree->count = 0;
    tree->used = 0;
    if (!read_value(&reader))
        return NULL;
    skip_space(&reader);
    return reader.at == reader.end ? tree->values : NULL;
}

const struct json_value *value_get(const struct json_value *object, struct text key)
{
    static const struct json_value none = {.type = VALUE_NONE, .size = 1};

    if (object->type != VALUE_OBJECT)
        return &none;
    const struct json_value *end = object + object->size;
    for (const struct json_value *at = object + 1; at < end; at += 1 + at[1].size) {
        if (text_equal(at->text, key))
            return at + 1;
    }
    return &none;
}

struct text value_text(const struct json_value *value)
{
    return value->type == VALUE_STRING ? value->text : (struct text){NULL, 0};
}

bool value_next(const struct json_value *array, const struct json_value **at)
{
    const struct json_value *next = *at ? *at + (*at)->size : array + 1;

    *at = array->type == VALUE_ARRAY && next < array + array->size ? next : NULL;
    return *at != NULL;
}
