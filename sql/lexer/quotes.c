/* Finds where quoted names and strings end, in every character set that a client may use. Called by
 * the other files of the lexer. The loops do what the servers' loops do: a backslash escapes the
 * one byte after it, not the whole character; a lead byte forms a character only with a valid
 * trailing byte.
 */
#include "sql/lexer/internal.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool between(uint8_t c, uint8_t low, uint8_t high)
{
    return c >= low && c <= high;
}

static size_t gb18030_length(const uint8_t *at, size_t left)
{
    if (!between(at[0], 0x81, 0xfe) || left < 2)
        return 1;
    if (between(at[1], 0x40, 0x7e) || between(at[1], 0x80, 0xfe))
        return 2;
    if (left >= 4 && between(at[1], 0x30, 0x39) && between(at[2], 0x81, 0xfe) &&
        between(at[3], 0x30, 0x39))
        return 4;
    return 1;
}

size_t sql_character_length(const struct sql_lexer *lexer, const uint8_t *at)
{
    size_t left = (size_t)(lexer->end - at);
    uint8_t a = at[0], b = left > 1 ? at[1] : 0;
    bool two = false;

    if (a < 0x80)
        return 1;
    switch ((enum sql_charset)lexer->charset) {
    case SQL_GBK:
        two = between(a, 0x81, 0xfe) && (between(b, 0x40, 0x7e) || between(b, 0x80, 0xfe));
        break;
    case SQL_BIG5:
        two = between(a, 0xa1, 0xf9) && (between(b, 0x40, 0x7e) || between(b, 0xa1, 0xfe));
        break;
    case SQL_SJIS:
        two = (between(a, 0x81, 0x9f) || between(a, 0xe0, 0xfc)) &&
              (between(b, 0x40, 0x7e) || between(b, 0x80, 0xfc));
        break;
    case SQL_GB18030:
        return gb18030_length(at, left);
    case SQL_UTF8:
    case SQL_SINGLE_BYTE:
    case SQL_MULTI_BYTE_SAFE:
    case SQL_CHARSET_UNKNOWN:
    default: /* no byte of a longer character equals a quote or a backslash */
        break;
    }
    return two ? 2 : 1;
}

static bool multi_byte(const struct sql_lexer *lexer)
{
    return lexer->charset >= SQL_BIG5 && lexer->charset <= SQL_SJIS;
}

/* Could `at` be a lead byte in some character set, and the next byte its trailing byte? */
static bool doubtful(const struct sql_lexer *lexer, const uint8_t *at)
{
    return lexer->charset == SQL_CHARSET_UNKNOWN && *at >= 0x80 && lexer->end - at > 1 &&
           (at[1] == '\\' || at[1] == '`' || at[1] == ']');
}

const uint8_t *sql_lex_delimited(struct sql_lexer *lexer, struct sql_token *token,
                                 const uint8_t *at, char close)
{
    for (at++; at < lexer->end && *at != 0; at++) {
        if (*at == (uint8_t)close) {
            if (lexer->end - at < 2 || at[1] != (uint8_t)close)
                return at + 1;
            token->flags |= SQL_TOKEN_ESCAPED;
            at++;
        } else if (*at >= 0x80) {
            token->flags |= SQL_TOKEN_HIGH;
            if (doubtful(lexer, at))
                sql_lexer_bad(lexer, token,
                              "a byte over 127 before a quote, and the character "
                              "set is not known");
            at += sql_character_length(lexer, at) - 1;
        }
    }
    sql_lexer_bad(lexer, token, "a quoted name that is not closed");
    return at;
}

/* The first byte from `at` on that is `quote` or a backslash, in a character set where these bytes
 * are never part of a longer character. */
static const uint8_t *find_end(const uint8_t *at, const uint8_t *end, uint8_t quote)
{
#ifdef __SSE2__
    const __m128i quotes = _mm_set1_epi8((char)quote), backslashes = _mm_set1_epi8('\\');

    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        int found = _mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quotes), _mm_cmpeq_epi8(bytes, backslashes)));
        if (found)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (at < end && *at != quote && *at != '\\')
        at++;
    return at;
}

/* The same for other character sets: reads one character at a time. */
static const uint8_t *find_end_slow(struct sql_lexer *lexer, struct sql_token *token,
                                    const uint8_t *at, uint8_t quote)
{
    while (at < lexer->end && *at != quote && *at != '\\') {
        if (doubtful(lexer, at))
            sql_lexer_bad(lexer, token,
                          "a byte over 127 before a backslash, and the character "
                          "set is not known");
        at += sql_character_length(lexer, at);
    }
    return at;
}

static const uint8_t *string(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    const uint8_t quote = *at++;
    const bool slow = multi_byte(lexer) || lexer->charset == SQL_CHARSET_UNKNOWN;

    token->class = SQL_TOKEN_STRING;
    for (;;) {
        at = slow ? find_end_slow(lexer, token, at, quote) : find_end(at, lexer->end, quote);
        if (at >= lexer->end)
            break;
        if (*at == '\\') {
            if (!lexer->escapes_known) {
                lexer->needs_mode = true;
                sql_lexer_bad(lexer, token, "a backslash, and sql_mode is not known");
                return at;
            }
            if (lexer->mode & SQL_NO_BACKSLASH_ESCAPES) {
                at++;
                continue;
            }
            if (lexer->end - at < 2)
                break;
            token->flags |= SQL_TOKEN_ESCAPED;
            at += 2;
            continue;
        }
        if (lexer->end - at < 2 || at[1] != quote)
            return at + 1;
        token->flags |= SQL_TOKEN_ESCAPED;
        at += 2;
    }
    sql_lexer_bad(lexer, token, "a string that is not closed");
    return lexer->end;
}

const uint8_t *sql_lex_quoted(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    if (*at == '\'')
        return string(lexer, token, at);
    if (*at == '"' && !lexer->mode_known) {
        lexer->needs_mode = true;
        sql_lexer_bad(lexer, token, "a double quote, and sql_mode is not known");
        return at;
    }
    if (*at == '"' && !(lexer->mode & SQL_ANSI_QUOTES))
        return string(lexer, token, at);
    token->class = SQL_TOKEN_NAME;
    return sql_lex_delimited(lexer, token, at, (char)*at);
}

/* x'..' and b'..': an even number of hex digits, or bits. */
static bool digits(const struct sql_lexer *lexer, const uint8_t *at, bool hex)
{
    const uint8_t *from = at;

    while (at < lexer->end && (hex ? (between(*at, '0', '9') || between(*at | 0x20, 'a', 'f'))
                                   : between(*at, '0', '1')))
        at++;
    return at < lexer->end && *at == '\'' && (!hex || (at - from) % 2 == 0);
}

bool sql_lex_prefixed(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    uint8_t prefix = *at | 0x20;

    if (prefix == 'n') {
        lexer->at = string(lexer, token, at + 1);
        return true;
    }
    if (prefix != 'x' && prefix != 'b')
        return false;
    token->class = SQL_TOKEN_NUMBER;
    lexer->at = at;
    if (digits(lexer, at + 2, prefix == 'x'))
        lexer->at = (const uint8_t *)memchr(at + 2, '\'', (size_t)(lexer->end - at - 2)) + 1;
    else
        sql_lexer_bad(lexer, token, "a hex or bit literal that is none");
    return true;
}

/* The next position of the same tag from `at` on; NULL: none. */
static const uint8_t *find_tag(const struct sql_lexer *lexer, const uint8_t *at, const uint8_t *tag,
                               size_t length)
{
    return memmem(at, (size_t)(lexer->end - at), tag, length);
}

bool sql_lex_dollar(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    const uint8_t *tag = at++;

    if (lexer->version < 80000)
        return false;
    while (at < lexer->end &&
           (between(*at, '0', '9') || between(*at | 0x20, 'a', 'z') || *at == '_' || *at >= 0x80))
        at++;
    if (at == lexer->end || *at != '$')
        return false;
    at++;
    size_t length = (size_t)(at - tag);
    const uint8_t *close = lexer->version < 90000 ? NULL : find_tag(lexer, at, tag, length);
    token->class = SQL_TOKEN_STRING;
    lexer->at = close ? close + length : at;
    if (!close)
        sql_lexer_bad(lexer, token,
                      "a dollar-quoted string that is not closed, or a name that "
                      "looks like one");
    return true;
}
