/* Folds names to lower case: ASCII, and the Latin, Greek and Cyrillic letters of two bytes whose
 * lower case has a fixed distance. Letters of scripts without case are not changed; for any other
 * character folding fails. Called by sql/names.c, sql/places.c and others.
 */
#include "sql/names_fold.h"

bool name_has_high(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        if ((uint8_t)name.at[i] >= 0x80)
            return true;
    }
    return false;
}

bool name_has_upper(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        if ((uint8_t)name.at[i] >= 0x80 || text_lower(name.at[i]) != name.at[i])
            return true;
    }
    return false;
}

bool name_has_signs(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        if (c == '@' || c == '`' || (c >= '[' && c <= '^') || (c >= '{' && c <= '~'))
            return true;
    }
    return false;
}

size_t name_characters(struct text name)
{
    size_t count = 0;

    for (size_t i = 0; i < name.length; i++)
        count += ((uint8_t)name.at[i] & 0xc0) != 0x80;
    return count;
}

static bool is_trail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

bool name_is_utf8(struct text name)
{
    const uint8_t *at = (const uint8_t *)name.at;
    size_t length;

    for (size_t left = name.length; left > 0; left -= length, at += length) {
        length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : 3;
        if (length == 1)
            continue;
        if (at[0] < 0xc2 || at[0] > 0xef || length > left || !is_trail(at[1]))
            return false;
        if (length == 3 && (!is_trail(at[2]) || (at[0] == 0xe0 && at[1] < 0xa0) ||
                            (at[0] == 0xed && at[1] > 0x9f)))
            return false;
    }
    return true;
}

/* The lower case of a character of two or three bytes; 0: not known. */
static uint32_t lower(uint32_t c)
{
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3ab && c != 0x3a2) ||
        (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if ((c >= 0xa0 && c <= 0xff) || (c >= 0x3ac && c <= 0x3ce) || (c >= 0x430 && c <= 0x45f))
        return c;
    if ((c >= 0x5d0 && c <= 0x5ea) || (c >= 0x620 && c <= 0x6d3) || (c >= 0x0e01 && c <= 0x0e5b) ||
        (c >= 0x3040 && c <= 0x30ff) || (c >= 0x4e00 && c <= 0x9fff) ||
        (c >= 0xac00 && c <= 0xd7a3))
        return c; /* Hebrew, Arabic, Thai, Kana, Han, Hangul: no case */
    return 0;
}

static bool fold_two(const uint8_t *from, char *to)
{
    uint32_t c = lower((uint32_t)(from[0] & 0x1f) << 6 | (from[1] & 0x3f));

    to[0] = (char)(0xc0 | c >> 6);
    to[1] = (char)(0x80 | (c & 0x3f));
    return c != 0 && (from[1] & 0xc0) == 0x80;
}

static bool fold_three(const uint8_t *from, char *to)
{
    uint32_t c =
        (uint32_t)(from[0] & 0x0f) << 12 | (uint32_t)(from[1] & 0x3f) << 6 | (from[2] & 0x3f);

    memcpy(to, from, 3);
    return lower(c) == c && (from[1] & 0xc0) == 0x80 && (from[2] & 0xc0) == 0x80;
}

bool name_fold(struct text name, char *to)
{
    const uint8_t *from = (const uint8_t *)name.at;

    for (size_t i = 0, length; i < name.length; i += length) {
        length = from[i] < 0x80 ? 1 : (from[i] & 0xe0) == 0xc0 ? 2 : 3;
        if (length > name.length - i || from[i] >= 0xf0)
            return false;
        if (length == 1)
            to[i] = text_lower(name.at[i]);
        else if (!(length == 2 ? fold_two(from + i, to + i) : fold_three(from + i, to + i)))
            return false;
    }
    return true;
}
