/* The table of privileges, and the forms in which servers keep them. */
#include "catalogue/privileges.h"

#include <string.h>

static const struct {
    const char *word, *column;
    unsigned scope, access;
} privileges[] = {
#define P(symbol, word, column, scope, access) {word, column, scope, access},
    PRIVILEGES(P)
#undef P
};

unsigned privilege_access(int number)
{
    return privileges[number].access;
}

uint64_t privileges_for(unsigned access, enum privilege_scope scope, bool is_mariadb)
{
    const uint64_t mariadb = PRIVILEGE(DELETE_HISTORY);
    uint64_t bits = 0;

    for (int i = 0; i < PRIVILEGE_COUNT; i++) {
        if ((privileges[i].access & access) && (privileges[i].scope & scope) &&
            i != PRIVILEGE_NUMBER_SHOW_CREATE_ROUTINE)
            bits |= 1ull << i;
    }
    return is_mariadb ? bits : bits & ~mariadb;
}

uint64_t privilege_of_column(struct text column)
{
    for (int i = 0; column.length && i < PRIVILEGE_COUNT; i++) {
        if (text_equal_fold(column, text_of(privileges[i].column)))
            return 1ull << i;
    }
    return 0;
}

static uint64_t privilege_of_word(struct text word)
{
    if (text_equal_fold(word, TEXT("Grant")))
        return PRIVILEGE(GRANT);
    if (text_equal_fold(word, TEXT("Delete versioning rows")))
        return PRIVILEGE(DELETE_HISTORY);
    for (int i = 0; i < PRIVILEGE_COUNT; i++) {
        if (text_equal_fold(word, text_of(privileges[i].word)))
            return 1ull << i;
    }
    return 0;
}

uint64_t privileges_of_set(struct text set)
{
    uint64_t bits = 0;

    while (set.length) {
        const char *comma = memchr(set.at, ',', set.length);
        size_t length = comma ? (size_t)(comma - set.at) : set.length;
        bits |= privilege_of_word(text_trim((struct text){set.at, length}));
        length += comma != NULL;
        set = (struct text){set.at + length, set.length - length};
    }
    return bits;
}

struct text privileges_words(uint64_t bits, struct arena *arena)
{
    char words[2048];
    size_t length = 0;

    for (int i = 0; i < PRIVILEGE_COUNT; i++) {
        size_t size = strlen(privileges[i].word);
        if (!(bits & 1ull << i) || length + size + 2 > sizeof(words))
            continue;
        if (length) {
            memcpy(words + length, ", ", 2);
            length += 2;
        }
        memcpy(words + length, privileges[i].word, size);
        length += size;
    }
    return arena_text(arena, (struct text){words, length});
}
