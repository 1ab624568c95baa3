/* Words that belong to a value, or most likely are one. For sql/normalize.c alone. */
#include "sql/normalize_words.h"

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
