/* Servers put blanks between all tokens, backticks around all names, and "..." where they have
 * shortened the text. (MySQL manual, "Performance Schema Statement Digests and Sampling";
 * sql_digest.cc says what is shortened, and how.)
 */
#include "learn/digest_text.h"

#include "sql/lexer/keywords.h"

static bool is_plain(struct text name)
{
    if (name.length == 0 || (name.at[0] >= '0' && name.at[0] <= '9'))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = text_lower(name.at[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$'))
            return false;
    }
    return true;
}

static bool is_reserved(struct text name, enum sql_dialect dialect)
{
    uint64_t last = 0;

    for (size_t i = name.length > 8 ? name.length - 8 : 0; i < name.length; i++)
        last = last << 8 | ((unsigned char)name.at[i] | 0x20);
    enum sql_keyword keyword = sql_keyword_find(last, (const uint8_t *)name.at, name.length);
    return keyword != KEYWORD_NONE && sql_keyword_flags(keyword, dialect) & WORD_RESERVED;
}

/* The length of the name in backticks at `from`, including them. */
static size_t copy_name(struct text from, enum sql_dialect dialect, char *to, size_t *length)
{
    size_t end = 1;

    while (end < from.length && from.at[end] != '`')
        end++;
    if (end == from.length) { /* not closed: copied unchanged */
        memcpy(to + *length, from.at, from.length);
        *length += from.length;
        return from.length;
    }
    struct text name = {from.at + 1, end - 1};
    bool bare = is_plain(name) && !is_reserved(name, dialect);
    struct text shown = bare ? name : (struct text){from.at, end + 1};
    memcpy(to + *length, shown.at, shown.length);
    *length += shown.length;
    return end + 1;
}

static bool ends_in(const char *at, size_t length, const char *end)
{
    size_t size = strlen(end);
    return length >= size && memcmp(at + length - size, end, size) == 0;
}

/* "..." is one of these: the inside of brackets, the rest of a list of literals, or the end of a
 * text that was cut off. */
static size_t copy_dots(struct text from, char *to, size_t *length, bool *cut)
{
    bool in_brackets = ends_in(to, *length, "(") && from.length > 3 && from.at[3] == ')';
    bool in_list = ends_in(to, *length, "?, ") || ends_in(to, *length, "? , ");

    if (in_brackets || (in_list && from.length > 3))
        to[(*length)++] = '?';
    else if (in_list && from.length == 3)
        to[(*length)++] = '?';
    else
        *cut = true;
    return 3;
}

/* The server writes the keyword USER as its synonym. */
static bool is_user(const char *to, size_t length)
{
    return ends_in(to, length, "CREATE ") || ends_in(to, length, "ALTER ") ||
           ends_in(to, length, "DROP ") || ends_in(to, length, "RENAME ");
}

bool digest_text_is_prepare(struct text text)
{
    static const struct text words[] = {
        {"PREPARE ",    8 },
        {"DEALLOCATE ", 11}
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = words[i].length;
        if (text.length > length && memcmp(text.at, words[i].at, length) == 0)
            return text.at[length] != '`' && text.length > length + 8 &&
                   memcmp(text.at + length, "PREPARE ", 8) != 0;
    }
    return false;
}

struct text digest_text_read(struct text text, enum sql_dialect dialect, char *to, bool *cut)
{
    size_t length = 0;

    *cut = false;
    text = text_trim(text);
    if (text.length > 9 && memcmp(text.at, "EXECUTE ", 8) == 0 && text.at[8] != '`' &&
        memcmp(text.at + 8, "IMMEDIATE", text.length < 17 ? text.length - 8 : 9) != 0)
        text = (struct text){text.at + 8, text.length - 8};
    for (size_t i = 0; i < text.length && !*cut;) {
        struct text rest = {text.at + i, text.length - i};
        if (rest.at[0] == '`') {
            i += copy_name(rest, dialect, to, &length);
        } else if (rest.length >= 3 && memcmp(rest.at, " . ", 3) == 0) {
            to[length++] = '.';
            i += 3;
        } else if (rest.length >= 3 && memcmp(rest.at, "...", 3) == 0) {
            i += copy_dots(rest, to, &length, cut);
        } else if (rest.length >= 2 && memcmp(rest.at, "@?", 2) == 0) {
            /* the name of a variable or host */
            to[length++] = '@';
            to[length++] = 'v';
            i += 2;
        } else if (rest.length > 11 && memcmp(rest.at, "SYSTEM_USER", 11) == 0 &&
                   is_user(to, length)) {
            memcpy(to + length, "USER", 4);
            length += 4;
            i += 11;
        } else if (rest.length >= 11 && memcmp(rest.at, "/* , ... */", 11) == 0) {
            i += 11;
        } else {
            to[length++] = rest.at[0];
            i++;
        }
    }
    return text_trim((struct text){to, length});
}
