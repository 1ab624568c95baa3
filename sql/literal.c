/* The bytes that a string literal means. Called where a literal is the text of a statement, or a
 * value that the session remembers.
 */
#include "sql/parser.h"
#include "sql/reread.h"

/* The byte that a backslash and `c` mean (MySQL manual, "String Literals"). */
static char escaped(char c)
{
    switch (c) {
    case '0':
        return '\0';
    case 'b':
        return '\b';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'Z':
        return 26;
    default:
        return c;
    }
}

struct text keeps_its_text(const struct parser *p, struct text text)
{
    uint8_t changes = 0;

    /* A literal is in character_set_client: in armscii8 some bytes over 127 become quotes and
     * commas, in gbk a backslash may be the second byte of a character, in swe7 it is a letter.
     * MariaDB converts the text of PREPARE to character_set_client, and sjis has no backslash. */
    if (p->state->lossy & SQL_LOSSY_SIGNS || p->state->charset == SQL_CHARSET_UNKNOWN ||
        p->state->charset == SQL_SJIS)
        changes |= SQL_MARK_SIGNS;
    if (p->state->lossy & SQL_LOSSY_HIGH || p->state->charset != SQL_UTF8)
        changes |= SQL_MARK_HIGH;
    if (text.at && changes && sql_marks(text) & changes)
        text = (struct text){NULL, 0};
    return text;
}

struct text unescape(struct parser *p, struct text literal, bool has_escapes)
{
    const char quote = literal.at[0];
    struct text inner = {literal.at + 1, literal.length - 2};
    const bool backslashes = !(p->state->mode & SQL_NO_BACKSLASH_ESCAPES);
    size_t length = 0;

    if (!has_escapes)
        return inner;
    if (p->state->charset != SQL_UTF8 && p->state->charset != SQL_SINGLE_BYTE)
        return (struct text){NULL, 0};
    char *to = take_room(p, inner.length);
    if (!to)
        return (struct text){NULL, 0};
    for (size_t i = 0; i < inner.length; i++) {
        char c = inner.at[i];
        if (c == quote)
            i++;
        else if (c == '\\' && backslashes)
            c = escaped(inner.at[++i]);
        to[length++] = c;
    }
    return (struct text){to, length};
}
