/* Finds keywords in a hash table with open addressing. The key is the length of the word and its
 * last eight characters. It is filled before main runs and never changed. Called by the lexer for
 * every bare word.
 */
#include "sql/lexer/keywords.h"

#include <assert.h>
#include <string.h>

enum { SLOTS = 8192, SHIFT = 64 - 13 };

struct word {
    uint64_t last;
    const char *name;
    uint8_t length, flags[2];
};

/* clang-format off */
static struct word words[KEYWORD_COUNT] = {
    {0},
#define KEYWORD(symbol, text, mysql, mariadb) {0, text, sizeof(text) - 1, {mysql, mariadb}},
#include "sql/lexer/keywords.def"
#undef KEYWORD
};
/* clang-format on */

static uint16_t slots[SLOTS];

static size_t slot_of(uint64_t last, size_t length)
{
    return (size_t)(((last ^ length) * 0x9e3779b97f4a7c15u) >> SHIFT);
}

__attribute__((constructor)) static void fill(void)
{
    for (unsigned i = 1; i < KEYWORD_COUNT; i++) {
        struct word *word = &words[i];
        for (size_t j = 0; j < word->length; j++)
            word->last = word->last << 8 | ((uint8_t)word->name[j] | 0x20u);
        size_t slot = slot_of(word->last, word->length);
        while (slots[slot])
            slot = (slot + 1) % SLOTS;
        slots[slot] = (uint16_t)i;
    }
}

/* Are the characters before the last eight equal? `at` points to the word, in any letter case. */
static int same_head(const struct word *word, const uint8_t *at)
{
    for (size_t i = 0; i + 8 < word->length; i++) {
        if (((uint8_t)word->name[i] | 0x20u) != (at[i] | 0x20u))
            return 0;
    }
    return 1;
}

enum sql_keyword sql_keyword_find(uint64_t last, const uint8_t *at, size_t length)
{
    size_t slot = slot_of(last, length);

    while (slots[slot]) {
        const struct word *word = &words[slots[slot]];
        if (word->last == last && word->length == length && same_head(word, at))
            return (enum sql_keyword)slots[slot];
        slot = (slot + 1) % SLOTS;
    }
    return KEYWORD_NONE;
}

unsigned sql_keyword_flags(enum sql_keyword keyword, unsigned dialect)
{
    assert(keyword < KEYWORD_COUNT && dialect < 2);
    return words[keyword].flags[dialect];
}
