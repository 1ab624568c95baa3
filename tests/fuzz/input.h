/* What both fuzzers make of their bytes: the first three choose the state, the rest is the text;
 * and the changes to a text that must change nothing. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "sql/lexer/keywords.h"
#include "sql/lexer/lexer.h"

enum { CHOICES = 3, LONGEST = 4096 };

static inline struct sql_state input_state(const uint8_t *bytes)
{
    static const uint32_t versions[] = {90704, 80045, 50744, 80400, 101119, 110803};
    struct sql_state state = {.mode = bytes[1] & 0x7f, .mode_known = !(bytes[1] & 0x80)};

    state.version = versions[bytes[0] % 6];
    state.dialect = bytes[0] % 6 < 4 ? SQL_MYSQL : SQL_MARIADB;
    state.charset = bytes[2] & 7;
    state.lower_case_table_names = bytes[2] >> 3 & 1;
    if (!(bytes[2] & 0x80))
        sql_state_set_database(&state, TEXT("db"));
    return state;
}

/* A text in a block of its own, so that ASan sees a read behind its end. */
struct copy {
    char *at;
    size_t length, size;
};

static inline void copy_add(struct copy *copy, const char *at, size_t length)
{
    if (copy->length + length > copy->size) {
        copy->size = (copy->length + length) * 2;
        copy->at = realloc(copy->at, copy->size);
        if (!copy->at)
            abort();
    }
    if (length)
        memcpy(copy->at + copy->length, at, length);
    copy->length += length;
}

static inline struct text copy_seal(struct copy *copy)
{
    char *exact = realloc(copy->at, copy->length ? copy->length : 1);

    if (!exact)
        abort();
    copy->at = exact;
    copy->size = copy->length;
    return (struct text){exact, copy->length};
}

/* How a text is changed, and the offsets of its tokens before and after. */
struct change {
    bool comments; /* more blanks and comments where there are some */
    bool letters;  /* the case of reserved words */
    bool values;   /* other strings and numbers */
};

static inline void copy_word(struct copy *copy, struct text word)
{
    for (size_t i = 0; i < word.length; i++) {
        char c = word.at[i], other = (char)(c ^ 0x20);
        copy_add(copy, text_lower(c) >= 'a' && text_lower(c) <= 'z' ? &other : &c, 1);
    }
}

static inline void copy_value(struct copy *copy, struct text value, enum sql_token_class class)
{
    bool quoted = class == SQL_TOKEN_STRING && (value.at[0] == '\'' || value.at[0] == '"');

    if (quoted) {
        copy_add(copy, value.at, 1);
        copy_add(copy, "zqzq", 4);
        copy_add(copy, value.at, 1);
        return;
    }
    /* As many digits: behind an executable comment's mark their number counts. */
    bool digits = class == SQL_TOKEN_NUMBER;
    for (size_t i = 0; i < value.length; i++)
        digits = digits && value.at[i] >= '0' && value.at[i] <= '9';
    for (size_t i = 0; i < value.length; i++)
        copy_add(copy, digits ? &"1234567890"[value.at[i] - '0'] : value.at + i, 1);
}

/* The changed text; what the lexer cannot read stays as it is. */
static inline struct text copy_changed(struct copy *copy, struct text text,
                                       const struct sql_state *state, struct change change)
{
    struct sql_lexer lexer;
    struct sql_token token;
    size_t end = 0;

    sql_lexer_init(&lexer, text, 0, state);
    for (;;) {
        sql_lexer_next(&lexer, &token);
        if (token.offset < end || token.offset + (size_t)token.length > text.length)
            abort();
        if (token.class == SQL_TOKEN_BAD || token.class == SQL_TOKEN_END)
            break;
        bool gap = token.offset > end;
        copy_add(copy, text.at + end, token.offset - end);
        /* Before a bracket blanks alone: with IGNORE_SPACE a comment there is another thing. */
        if (gap && change.comments && token.sign != '(')
            copy_add(copy, "\t/* x' */ -- y`\n", 16);
        else if (gap && change.comments)
            copy_add(copy, "\t\n", 2);
        struct text at = {text.at + token.offset, token.length};
        bool reserved =
            token.keyword &&
            sql_keyword_flags((enum sql_keyword)token.keyword, state->dialect) & WORD_RESERVED;
        if (change.letters && reserved)
            copy_word(copy, at);
        else if (change.values)
            copy_value(copy, at, (enum sql_token_class)token.class);
        else
            copy_add(copy, at.at, at.length);
        end = token.offset + token.length;
    }
    copy_add(copy, text.at + end, text.length - end);
    return copy_seal(copy);
}

static inline void broken(const char *oracle, struct text before, struct text after)
{
    fprintf(stderr, "BROKEN: %s\n-- before\n%.*s\n-- after\n%.*s\n--\n", oracle, TEXT_ARGS(before),
            TEXT_ARGS(after));
    abort();
}

#endif
