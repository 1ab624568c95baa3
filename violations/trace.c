/* Finds sqlcommenter tags in comments. If it is not certain what is a comment and what is a literal
 * (executable comments, multi-byte character sets, brackets, dollar quotes), no tags are reported,
 * because a literal must never be shown.
 */
#include "violations/trace.h"

#include <string.h>

enum { VALUE_MOST = 256 };

static const struct text key_names[] = {
#define K(symbol, name) {name, sizeof(name) - 1},
    TRACE_KEYS(K)
#undef K
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The offset after the quoted text that starts at `i`; 0 if it does not end, or if its end is not
 * certain. */
static size_t skip_quoted(struct text text, size_t i, const struct sql_state *state)
{
    char quote = text.at[i];
    bool escapes = quote != '`' && !(state->mode & SQL_NO_BACKSLASH_ESCAPES);

    for (i++; i < text.length; i++) {
        if (text.at[i] == quote)
            /* a doubled quote counts as the start of the next quoted text: the end is the same */
            return i + 1;
        if (text.at[i] != '\\' || !escapes)
            continue;
        if (quote == '"')
            /* with ANSI_QUOTES it is a name, where a backslash is not an escape; otherwise it is
             * a string */
            return 0;
        i++;
    }
    return 0;
}

static size_t skip_line(struct text text, size_t i)
{
    const char *end = memchr(text.at + i, '\n', text.length - i);
    return end ? (size_t)(end - text.at) + 1 : text.length;
}

/* The offset after the comment at `i`, with its text in *inside; 0 if it does not end or contains
 * code.
 */
static size_t skip_comment(struct text text, size_t i, struct text *inside)
{
    size_t start = i + 2;
    if (start + 1 < text.length && (text.at[start] == '!' || memcmp(text.at + start, "M!", 2) == 0))
        return 0;
    const char *end =
        start < text.length ? memmem(text.at + start, text.length - start, "*/", 2) : NULL;
    if (!end)
        return 0;
    *inside = (struct text){text.at + start, (size_t)(end - text.at) - start};
    return (size_t)(end - text.at) + 2;
}

static bool is_readable(struct text text, const struct sql_state *state)
{
    bool double_byte = state->charset != SQL_UTF8 && state->charset != SQL_SINGLE_BYTE &&
                       state->charset != SQL_MULTI_BYTE_SAFE;

    if (state->mode & SQL_MSSQL || (!state->mode_known && memchr(text.at, '[', text.length)))
        return false;
    for (size_t i = 0; double_byte && i < text.length; i++) {
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    }
    return true;
}

/* The offset after whatever starts at `i`; 0 if that is not certain. *comment becomes the comment
 * that was skipped, or empty if it was code. */
static size_t skip_one(struct text text, size_t i, const struct sql_state *state,
                       struct text *comment)
{
    char c = text.at[i];
    char next = i + 1 < text.length ? text.at[i + 1] : '\0';

    if (c == '/' && next == '*')
        return skip_comment(text, i, comment);
    if (c == '#' ||
        (c == '-' && next == '-' && (i + 2 == text.length || (unsigned char)text.at[i + 2] <= ' ')))
        return skip_line(text, i);
    if (is_space(c) || c == ';')
        return i + 1;
    *comment = (struct text){NULL, 0};
    if (c == '\'' || c == '"' || c == '`')
        return skip_quoted(text, i, state);
    return c == '$' ? 0 : i + 1;
}

/* The text of the comment that ends the statement. */
static bool last_comment(struct text text, const struct sql_state *state, struct text *comment)
{
    *comment = (struct text){NULL, 0};
    while (text.length > 0 &&
           (is_space(text.at[text.length - 1]) || text.at[text.length - 1] == ';'))
        text.length--;
    if (text.length < 4 || memcmp(text.at + text.length - 2, "*/", 2) != 0 ||
        !is_readable(text, state))
        return false;
    for (size_t i = 0; i < text.length;) {
        i = skip_one(text, i, state, comment);
        if (i == 0)
            return false;
    }
    return comment->at && comment->at + comment->length + 2 == text.at + text.length;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %2F becomes '/', \' becomes '. */
static struct text decode(struct trace *trace, struct text raw)
{
    char *start = trace->bytes + trace->length;
    size_t room = sizeof(trace->bytes) - trace->length;
    size_t length = 0;

    if (room > VALUE_MOST)
        room = VALUE_MOST;
    for (size_t i = 0; i < raw.length && length < room; i++) {
        char c = raw.at[i];
        if (c == '\\' && i + 1 < raw.length)
            c = raw.at[++i];
        if (c == '%' && i + 2 < raw.length && hex_digit(raw.at[i + 1]) >= 0 &&
            hex_digit(raw.at[i + 2]) >= 0) {
            c = (char)(hex_digit(raw.at[i + 1]) << 4 | hex_digit(raw.at[i + 2]));
            i += 2;
        }
        start[length++] = c;
    }
    trace->length += length;
    return (struct text){start, length};
}

/* version-trace-parent-flags in hexadecimal (W3C Trace Context); any other value is not shown. */
static bool is_traceparent(struct text value)
{
    if (value.length < 55 || value.length > 128)
        return false;
    for (size_t i = 0; i < value.length; i++) {
        if (hex_digit(value.at[i]) < 0 && value.at[i] != '-')
            return false;
    }
    return value.at[2] == '-' && value.at[35] == '-' && value.at[52] == '-';
}

static void set_value(struct trace *trace, struct text key, struct text raw)
{
    for (size_t k = 0; k < TRACE_KEY_COUNT; k++) {
        if (!text_equal_fold(key, key_names[k]) || trace->values[k].at)
            continue;
        size_t before = trace->length;
        trace->values[k] = decode(trace, raw);
        if (trace->values[k].length == 0 ||
            (k == TRACE_TRACEPARENT && !is_traceparent(trace->values[k]))) {
            trace->values[k] = (struct text){NULL, 0};
            trace->length = before;
        }
    }
}

/* key='value',key='value'; stops at the first part that has another form. */
static void read_tags(struct trace *trace, struct text tags)
{
    size_t i = 0;

    for (;;) {
        const char *equals = memchr(tags.at + i, '=', tags.length - i);
        if (!equals)
            return;
        size_t at = (size_t)(equals - tags.at);
        struct text key = text_trim((struct text){tags.at + i, at - i});
        if (at + 1 >= tags.length || tags.at[at + 1] != '\'')
            return;
        size_t start = at + 2, end = start;
        while (end < tags.length && tags.at[end] != '\'')
            end += tags.at[end] == '\\' ? 2 : 1;
        if (end >= tags.length)
            return;
        set_value(trace, key, (struct text){tags.at + start, end - start});
        for (i = end + 1; i < tags.length && is_space(tags.at[i]); i++)
            ;
        if (i >= tags.length || tags.at[i] != ',')
            return;
        i++;
    }
}

void trace_read(struct trace *trace, struct text text, const struct sql_state *state)
{
    struct text comment;

    memset(trace->values, 0, sizeof(trace->values));
    trace->length = 0;
    if (last_comment(text, state, &comment))
        read_tags(trace, comment);
}

void trace_set_parent(struct trace *trace, struct text value)
{
    if (!is_traceparent(value) || sizeof(trace->bytes) - trace->length < value.length)
        return;
    trace->values[TRACE_TRACEPARENT] = (struct text){NULL, 0};
    set_value(trace, key_names[TRACE_TRACEPARENT], value);
}

uint64_t trace_hash(const struct trace *trace, uint64_t seed)
{
    for (size_t k = TRACE_TRACESTATE + 1; k < TRACE_KEY_COUNT; k++) {
        if (trace->values[k].at)
            seed = text_hash(trace->values[k], seed + k, false);
    }
    return seed;
}

void trace_write(const struct trace *trace, struct json *json)
{
    const char *before = "{";

    for (size_t k = 0; k < TRACE_KEY_COUNT; k++) {
        if (!trace->values[k].at)
            continue;
        json_raw(json, text_of(before));
        json_text(json, key_names[k]);
        json_raw(json, TEXT(":"));
        json_text(json, trace->values[k]);
        before = ",";
    }
    json_raw(json, *before == '{' ? TEXT("null") : TEXT("}"));
}
