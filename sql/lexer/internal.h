/* Between the files of the lexer; nobody else includes this. Each function of sql/lexer/quotes.c
 * takes where a thing starts and returns what is behind it; one that does not end makes the token
 * bad. */
#ifndef SQL_LEXER_INTERNAL_H
#define SQL_LEXER_INTERNAL_H

#include <stddef.h>

#include "sql/lexer/lexer.h"

/* Kept out of the functions that run for every token. */
#define APART __attribute__((noinline))

enum character {
    OTHER, /* a sign of its own */
    SPACE,
    LETTER, /* of a bare name, also _ and $ */
    DIGIT,
    HIGH,  /* over 127 */
    QUOTE, /* ' " ` */
    CONTROL,
    SPECIAL, /* starts something longer: @ . / - # * [ \ : */
};

extern const uint8_t sql_characters[256];

static inline bool digit_at(const struct sql_lexer *lexer, const uint8_t *at)
{
    return at < lexer->end && sql_characters[*at] == DIGIT;
}

static inline bool name_at(const struct sql_lexer *lexer, const uint8_t *at)
{
    return at < lexer->end && sql_characters[*at] >= LETTER && sql_characters[*at] <= HIGH;
}

void sql_lexer_bad(struct sql_lexer *lexer, struct sql_token *token, const char *why);

/* The length of the character at `at` (inside the text), at least 1: the server's my_ismbchar. */
size_t sql_character_length(const struct sql_lexer *lexer, const uint8_t *at);

/* A comment at `at`, or the end of an executable one: where reading goes on. `at` when there is
 * none. */
const uint8_t *sql_lex_comment(struct sql_lexer *lexer, const uint8_t *at);

/* A quote ' " or ` at `at`: a string or a name, as the mode has it. */
const uint8_t *sql_lex_quoted(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at);

/* A name from the delimiter at `at` to the next `close` that is not doubled. */
const uint8_t *sql_lex_delimited(struct sql_lexer *lexer, struct sql_token *token,
                                 const uint8_t *at, char close);

/* N'..', x'..', b'..' at `at`. False: it is a word. True: lexer->at is behind it. */
bool sql_lex_prefixed(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at);

/* $tag$..$tag$ at `at`. False: it is a word. True: lexer->at is behind it. */
bool sql_lex_dollar(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at);

#endif
