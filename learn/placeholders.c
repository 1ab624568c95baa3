/* A small scanner of its own. It must recognize strings and comments, because a colon or a brace in
 * them is not a placeholder of a tool. Values, though, are put in everywhere, as the tools do.
 */
#include "learn/placeholders.h"

#include <string.h>

#include "base/arena.h"

struct putting {
    const struct placeholders *placeholders;
    struct text text;
    size_t at;
    char **room;
    size_t *room_size, length;
    char quote; /* the string or name that is open; 0: none */
    char *missing;
};

bool placeholders_add(struct placeholders *placeholders, const char *setting)
{
    const char *equals = strchr(setting, '=');

    if (!equals || equals == setting || placeholders->count == PLACEHOLDERS_MOST)
        return false;
    placeholders->names[placeholders->count] = (struct text){setting, (size_t)(equals - setting)};
    placeholders->values[placeholders->count++] = text_of(equals + 1);
    return true;
}

static bool is_name(char c)
{
    char lower = text_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-' || c == ':';
}

static bool is_start(char c)
{
    char lower = text_lower(c);
    return (lower >= 'a' && lower <= 'z') || c == '_';
}

bool placeholders_may_be_in(struct text text)
{
    for (size_t i = 0; i + 1 < text.length; i++) {
        char c = text.at[i], next = text.at[i + 1];
        if (c >= '@' && c != '{') /* most characters */
            continue;
        if ((c == '$' || c == '{' || c == '#') && next == '{')
            return true;
        if ((c == ':' && is_start(next)) || (c == '%' && (next == 's' || next == '(')))
            return true;
    }
    return false;
}

static void put(struct putting *putting, struct text text)
{
    size_t needed = putting->length + text.length;

    if (needed > *putting->room_size) {
        *putting->room_size = needed * 2 + 1024;
        *putting->room = memory_resize(*putting->room, *putting->room_size);
    }
    if (text.length > 0)
        memcpy(*putting->room + putting->length, text.at, text.length);
    putting->length = needed;
}

static const struct text *find_value(const struct putting *putting, struct text name)
{
    const struct placeholders *placeholders = putting->placeholders;

    for (size_t i = 0; placeholders && i < placeholders->count; i++) {
        if (text_equal(placeholders->names[i], name))
            return &placeholders->values[i];
    }
    return NULL;
}

static bool at_is(const struct putting *putting, const char *word)
{
    size_t length = strlen(word);
    return putting->text.length - putting->at >= length &&
           memcmp(putting->text.at + putting->at, word, length) == 0;
}

static void miss(struct putting *putting, struct text shown)
{
    if (putting->missing[0])
        return;
    if (shown.length >= PLACEHOLDER_NAME)
        shown.length = PLACEHOLDER_NAME - 1;
    memcpy(putting->missing, shown.at, shown.length);
    putting->missing[shown.length] = 0;
}

/* ${name}, {{ name }}: false where it does not end. */
static bool put_braces(struct putting *putting, const char *open, const char *close)
{
    struct text rest = {putting->text.at + putting->at, putting->text.length - putting->at};
    const char *end = memmem(rest.at, rest.length, close, strlen(close));

    if (!end)
        return false;
    struct text whole = {rest.at, (size_t)(end - rest.at) + strlen(close)};
    size_t before = strlen(open);
    struct text name = text_trim((struct text){rest.at + before, (size_t)(end - rest.at) - before});
    const struct text *value = find_value(putting, name);
    if (!value && (!putting->quote || putting->quote == '`'))
        miss(putting, whole);
    put(putting, value ? *value : whole);
    putting->at += whole.length;
    return true;
}

/* A word that may come before a label, as in `again :LOOP`, which is not a placeholder. */
static bool is_labelled(struct text word)
{
    static const struct text words[] = {
        {"begin",  5},
        {"loop",   4},
        {"while",  5},
        {"repeat", 6},
        {"for",    3},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (text_equal_fold(word, words[i]))
            return true;
    }
    return false;
}

/* After white space and comments: an opening bracket, which makes the word before it a call, or a
 * dot, which makes it a schema.
 */
static bool is_called(struct text rest)
{
    while (rest.length > 0) {
        const char *end = NULL;
        size_t length = 1;
        if (rest.at[0] == '(' || rest.at[0] == '.')
            return true;
        if (rest.length > 1 && memcmp(rest.at, "/*", 2) == 0) {
            if (rest.length > 2 && (rest.at[2] == '!' || rest.at[2] == 'M'))
                return true;
            end = memmem(rest.at, rest.length, "*/", 2);
            length = end ? (size_t)(end - rest.at) + 2 : rest.length;
        } else if (rest.at[0] == '#' || (rest.length > 1 && memcmp(rest.at, "--", 2) == 0)) {
            end = memchr(rest.at, '\n', rest.length);
            length = end ? (size_t)(end - rest.at) + 1 : rest.length;
        } else if (!strchr(" \t\r\n\v\f", rest.at[0])) {
            return false;
        }
        rest.at += length;
        rest.length -= length;
    }
    return false;
}

/* The length of the name if the brackets at `at` hold one word; 0: they hold more. */
static size_t bracketed_name(struct text rest, size_t at)
{
    size_t end = at;

    while (end < rest.length && is_name(rest.at[end]))
        end++;
    bool closed = rest.length - end >= 2 && memcmp(rest.at + end, ")s", 2) == 0;
    bool longer = rest.length - end > 2 && is_name(rest.at[end + 2]) && rest.at[end + 2] != '.';
    return closed && !longer ? end - at : 0;
}

/* :name, %(name)s and %s outside of quotes are parameters, unless a value is given for them. */
static bool put_parameter(struct putting *putting)
{
    struct text rest = {putting->text.at + putting->at, putting->text.length - putting->at};
    size_t start = 1, end = 1, after;

    if (rest.at[0] == ':') {
        bool doubled = putting->at > 0 && (rest.at[-1] == ':' || is_name(rest.at[-1]));
        if (rest.length < 2 || !is_start(rest.at[1]) || doubled)
            return false;
        while (end < rest.length && is_name(rest.at[end]) && rest.at[end] != ':' &&
               rest.at[end] != '-' && rest.at[end] != '.')
            end++;
        if (is_labelled((struct text){rest.at + 1, end - 1}))
            return false;
        after = end;
    } else if (at_is(putting, "%s")) {
        bool word = putting->at > 0 && (is_name(rest.at[-1]) || rest.at[-1] == ')');
        bool longer = rest.length > 2 && is_name(rest.at[2]) && rest.at[2] != ':';
        if (word || longer || is_called((struct text){rest.at + 2, rest.length - 2}))
            return false;
        after = 2;
    } else if (at_is(putting, "%(")) {
        size_t name = bracketed_name(rest, 2);
        if (name == 0)
            return false;
        start = 2;
        end = start + name;
        after = end + 2;
    } else {
        return false;
    }
    const struct text *value =
        end > start ? find_value(putting, (struct text){rest.at + start, end - start}) : NULL;
    put(putting, value ? *value : TEXT("?"));
    putting->at += after;
    return true;
}

/* A comment is copied as it is, except for the braces in it. */
static size_t comment_length(const struct putting *putting)
{
    struct text rest = {putting->text.at + putting->at, putting->text.length - putting->at};
    const char *end = NULL;

    if (at_is(putting, "/*") && !at_is(putting, "/*!")) {
        end = memmem(rest.at, rest.length, "*/", 2);
        return end ? (size_t)(end - rest.at) + 2 : rest.length;
    }
    if ((at_is(putting, "-- ") || at_is(putting, "--\n") || at_is(putting, "--\t") ||
         (rest.at[0] == '#' && !at_is(putting, "#{")))) {
        end = memchr(rest.at, '\n', rest.length);
        return end ? (size_t)(end - rest.at) : rest.length;
    }
    return 0;
}

static void follow_quote(struct putting *putting, char c)
{
    if (putting->quote == c)
        putting->quote = 0;
    else if (!putting->quote && (c == '\'' || c == '"' || c == '`'))
        putting->quote = c;
}

struct text placeholders_put(const struct placeholders *placeholders, struct text text, char **room,
                             size_t *room_size, char *missing)
{
    struct putting putting = {.placeholders = placeholders,
                              .text = text,
                              .room = room,
                              .room_size = room_size,
                              .missing = missing};

    missing[0] = 0;
    while (putting.at < text.length) {
        char c = text.at[putting.at];
        size_t comment = putting.quote ? 0 : comment_length(&putting);
        if (comment > 0) {
            put(&putting, (struct text){text.at + putting.at, comment});
            putting.at += comment;
            continue;
        }
        if ((at_is(&putting, "${") && put_braces(&putting, "${", "}")) ||
            (at_is(&putting, "#{") && put_braces(&putting, "#{", "}")) ||
            (at_is(&putting, "{{") && put_braces(&putting, "{{", "}}")) ||
            (!putting.quote && put_parameter(&putting)))
            continue;
        bool escape = c == '\\' && putting.quote && putting.quote != '`';
        follow_quote(&putting, c);
        size_t length = escape && putting.at + 1 < text.length ? 2 : 1;
        put(&putting, (struct text){text.at + putting.at, length});
        putting.at += length;
    }
    return (struct text){*room, putting.length};
}
