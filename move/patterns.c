/* The patterns of databases and hosts in the server's tables of rights: % is any text, _ any byte,
 * and a backslash takes the meaning from the character behind it. */
#include "move/rights.h"

#include <string.h>

bool pattern_matches(struct text pattern, struct text name, bool fold)
{
    size_t i = 0, j = 0, many = SIZE_MAX, from = 0;

    while (j < name.length) {
        const bool escaped = i + 1 < pattern.length && pattern.at[i] == '\\';
        const char c = i < pattern.length ? pattern.at[i + escaped] : '\0';
        if (i < pattern.length && !escaped && c == '%') {
            many = i++;
            from = j;
        } else if (i < pattern.length &&
                   ((!escaped && c == '_') ||
                    (fold ? text_lower(c) == text_lower(name.at[j]) : c == name.at[j]))) {
            i += escaped ? 2 : 1;
            j++;
        } else if (many != SIZE_MAX) {
            i = many + 1;
            j = ++from;
        } else {
            return false;
        }
    }
    while (i < pattern.length && pattern.at[i] == '%')
        i++;
    return i == pattern.length;
}

struct text pattern_of(struct arena *arena, struct text name)
{
    char *text = arena_take(arena, 2 * name.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < name.length; i++) {
        if (strchr("_%\\", name.at[i]))
            text[length++] = '\\';
        text[length++] = name.at[i];
    }
    return (struct text){text, length};
}

/* The element of a pattern at `i`: a byte, or MANY or ONE; moves `i` behind it. */
enum { MANY = 256, ONE };

static int element(struct text pattern, size_t *i)
{
    const bool escaped = *i + 1 < pattern.length && pattern.at[*i] == '\\';
    const char c = pattern.at[*i + escaped];

    *i += 1 + escaped;
    if (!escaped && (c == '%' || c == '_'))
        return c == '%' ? MANY : ONE;
    return (unsigned char)text_lower(c);
}

static size_t split(struct text pattern, int *elements, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < pattern.length && count < room;)
        elements[count++] = element(pattern, &i);
    return count;
}

bool patterns_meet(struct text a, struct text b)
{
    enum { MOST = 255 };
    int left[MOST], right[MOST];
    bool meet[2][MOST + 1] = {{false}}; /* do the rests from i and j on meet? by i's last bit, j */

    if (a.length > MOST || b.length > MOST)
        return true;
    const size_t many = split(a, left, MOST), count = split(b, right, MOST);
    for (size_t i = many + 1; i-- > 0;) {
        bool *here = meet[i & 1];
        const bool *next = meet[(i + 1) & 1];
        for (size_t j = count + 1; j-- > 0;) {
            const int x = i < many ? left[i] : -1, y = j < count ? right[j] : -1;
            if (x == MANY)
                here[j] = next[j] || (y >= 0 && here[j + 1]);
            else if (y == MANY)
                here[j] = here[j + 1] || (x >= 0 && next[j]);
            else
                here[j] = x < 0 || y < 0 ? x == y : (x == y || x == ONE || y == ONE) && next[j + 1];
        }
    }
    return meet[0][0];
}

/* Counts, like MariaDB, how many texts would match. */
static uint64_t how_many(struct text pattern, unsigned longest)
{
    uint64_t literals = 0, ones = 0, manys = 0, prefix = 0;

    for (size_t i = 0; i < pattern.length; i++) {
        const char c = pattern.at[i];
        if ((c == '%' || c == '_') && manys + ones == 0)
            prefix = literals;
        if (c == '%') {
            manys++;
            while (i + 1 < pattern.length && pattern.at[i + 1] == '%')
                i++;
        } else if (c == '_') {
            ones++;
        } else {
            i += c == '\\' && i + 1 < pattern.length;
            literals++;
        }
    }
    manys = manys < 31 ? manys : 31;
    ones = ones < 31 ? ones : 31;
    const uint64_t rest = manys > 0 && longest > literals + ones ? longest - literals - ones : 0;
    const uint64_t unit = longest + 1, short_unit = unit < 32 ? unit : 32;
    if (rest > ones)
        return (((rest * 2 + 1) * unit + manys) * short_unit + ones) * unit + prefix;
    return ((ones * 2 * unit + rest) * short_unit + manys) * unit + prefix;
}

uint64_t pattern_sort(struct text pattern, unsigned longest, bool mariadb)
{
    enum { LITERAL = 128, MOST = 127 };

    if (mariadb)
        return ~how_many(pattern, longest);
    for (size_t i = 0; i < pattern.length; i++) {
        const char c = pattern.at[i];
        if (c == '\\' && i + 1 < pattern.length)
            i++;
        else if (c == '%' || c == '_')
            return pattern.length == 1 && c == '%' ? 1 : i + 2 < MOST ? i + 2 : MOST;
    }
    return pattern.length > 0 ? LITERAL : 0;
}
