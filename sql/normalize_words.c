/* Words that belong to a value or most likely are values. Only sql/normalize.c uses them. */
#include "sql/normalize_words.h"

#include <string.h>

#include "sql/lexer/keywords.h"
#include "sql/state.h"

bool normalize_is_introducer(struct text word)
{
    static const struct text others[] = {
        {"ucs2",     4},
        {"utf16",    5},
        {"utf16le",  7},
        {"utf32",    5},
        {"swe7",     4},
        {"filename", 8}
    };

    if (word.length < 2 || word.at[0] != '_')
        return false;
    struct text charset = {word.at + 1, word.length - 1};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (text_equal_fold(charset, others[i]))
            return true;
    }
    return sql_charset_of(charset) != SQL_CHARSET_UNKNOWN;
}

static bool is_hex_digit(char c)
{
    c = text_lower(c);
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool normalize_is_value(struct text word, char sign, uint16_t keyword)
{
    size_t i = 2;

    if ((word.at[0] < '0' || word.at[0] > '9') && word.at[0] != '$')
        return false;
    if (word.length > 1 && word.at[0] == '0') {
        while (i < word.length && is_hex_digit(word.at[i]))
            i++;
        if (i == word.length)
            return true;
    }
    return sign != '.' && keyword != KW_FROM && keyword != KW_JOIN && keyword != KW_INTO &&
           keyword != KW_UPDATE && keyword != KW_TABLE;
}

/* The characters whose bytes are `head` and one last byte in the range. */
struct quotes {
    const char *head;
    uint8_t first, last;
};

static bool has_one(struct text word, const struct quotes *quotes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t head = strlen(quotes[i].head);
        for (size_t at = 0; at + head < word.length; at++) {
            uint8_t last = (uint8_t)word.at[at + head];
            if (last >= quotes[i].first && last <= quotes[i].last &&
                memcmp(word.at + at, quotes[i].head, head) == 0)
                return true;
        }
    }
    return false;
}

bool normalize_has_quote(struct text word, bool utf8)
{
    static const struct quotes in_utf8[] = {
        {"\xe2\x80", 0x98, 0x9f}, /* curly and low quotes */
        {"\xe2\x80", 0xb2, 0xba}, /* primes, single angular quotes */
        {"\xe2\x9d", 0x9b, 0x9e}, /* ornaments */
        {"\xc2",     0xab, 0xab}, /* angular quotes */
        {"\xc2",     0xbb, 0xbb},
        {"\xc2",     0xb4, 0xb4}, /* the acute accent */
        {"\xca",     0xb9, 0xbd}, /* letters that look like quotes */
        {"\xe3\x80", 0x8a, 0x8f}, /* corner brackets */
        {"\xe3\x80", 0x9d, 0x9f},
        {"\xef\xbc", 0x82, 0x82}, /* full-width quotes */
        {"\xef\xbc", 0x87, 0x87},
    };
    static const struct quotes in_others[] = {
        {"\xa1", 0xa5, 0xb1}, /* big5, gbk, gb2312, euckr */
        {"\xa1", 0xc6, 0xc9}, /* ujis */
        {"\x81", 0x65, 0x68}, /* sjis */
        {"\x81", 0x8c, 0x8d},
    };

    return has_one(word, in_utf8, sizeof(in_utf8) / sizeof(in_utf8[0])) ||
           (!utf8 && has_one(word, in_others, sizeof(in_others) / sizeof(in_others[0])));
}
