/* Folds the case of names, and for routines also their accents. */
#include "policy/casefold.h"

#include <stdint.h>

#include "sql/names_fold.h"

static const struct casefold {
    uint16_t first, last, to;
    uint8_t step, grow;
} casefolds[] = {
#define CASEFOLD(first, last, step, grow, to) {first, last, to, step, grow},
#include "policy/casefold.def"
#undef CASEFOLD
};

/* Runs with a step of two overlap; no run is longer than this. */
enum { RUNS = sizeof(casefolds) / sizeof(casefolds[0]), LONGEST_RUN = 64 };

static uint32_t letter(uint32_t c)
{
    size_t low = 0, high = RUNS;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (casefolds[middle].first <= c)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low > 0 && (uint32_t)casefolds[low - 1].first + LONGEST_RUN > c; low--) {
        const struct casefold *run = &casefolds[low - 1];
        if (c <= run->last && (c - run->first) % run->step == 0)
            return run->to + (run->grow ? c - run->first : 0);
    }
    return c;
}

/* The character at `from`, and its length in bytes; 0: there is no character of two or three
 * bytes. */
static uint32_t character(const uint8_t *from, size_t left, size_t *length)
{
    *length = 1;
    if (left >= 2 && (from[0] & 0xe0) == 0xc0 && (from[1] & 0xc0) == 0x80) {
        *length = 2;
        return (uint32_t)(from[0] & 0x1f) << 6 | (from[1] & 0x3f);
    }
    if (left >= 3 && (from[0] & 0xf0) == 0xe0 && (from[1] & 0xc0) == 0x80 &&
        (from[2] & 0xc0) == 0x80) {
        *length = 3;
        return (uint32_t)(from[0] & 0x0f) << 12 | (uint32_t)(from[1] & 0x3f) << 6 |
               (from[2] & 0x3f);
    }
    return 0;
}

static size_t write_character(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    to[0] = (char)(0xe0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 0x3f));
    to[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

static struct text casefold_text(struct text name, char *to)
{
    const uint8_t *from = (const uint8_t *)name.at;
    size_t length = 0;

    for (size_t i = 0, taken; i < name.length; i += taken) {
        uint32_t c = from[i] < 0x80 ? 0 : character(from + i, name.length - i, &taken);
        /* An overlong UTF-8 form is not a character: folding must not make the text longer or
         * produce an ASCII letter. */
        if (c >= 0x80 && (taken == 2 || c >= 0x800)) {
            length += write_character(letter(c), to + length);
        } else {
            taken = 1;
            to[length++] = text_lower(name.at[i]);
        }
    }
    return (struct text){to, length};
}

/* Folds names as sql/ does for the facts. A letter that sql/ does not know makes a statement
 * undetermined, so here only the ASCII letters of such a name are folded. */
static struct text fold_case(struct text name, char *to)
{
    if (!name_fold(name, to)) {
        for (size_t i = 0; i < name.length; i++)
            to[i] = text_lower(name.at[i]);
    }
    return (struct text){to, name.length};
}

struct text name_in(enum name_form form, struct text name, char *to)
{
    if (form == AS_WRITTEN)
        return name;
    return form == IN_LOWER_CASE ? fold_case(name, to) : casefold_text(name, to);
}

/* See the header. */
struct text schema_in(enum name_form form, struct text schema, char *to)
{
    return name_in(form == CASEFOLDED_NAME ? AS_WRITTEN : form, schema, to);
}
