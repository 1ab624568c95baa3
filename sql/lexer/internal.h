/* Shared by the files of the lexer; no other file includes this. A literal or a quoted name that is
 * not closed makes the token SQL_TOKEN_BAD. */
#ifndef SQL_LEXER_INTERNAL_H
#define SQL_LEXER_INTERNAL_H

#include <stddef.h>

#include "sql/lexer/lexer.h"

/* For rare cases: not inlined into the functions that run for every token. */
#define APART __attribute__((noinline))

enum character {
    OTHER, /* a token of one character */
    SPACE,
    LETTER, /* of a bare name; also _ and $ */
    DIGIT,
    HIGH,  /* over 127 */
    QUOTE, /* ' " ` */
    CONTROL,
    SPECIAL, /* may start a longer token or a comment: @ . / - # * [ \ */
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

/* The length in bytes of the character at `at`, at least 1, like the server's my_ismbchar. `at`
 * must be before the end. */
size_t sql_character_length(const struct sql_lexer *lexer, const uint8_t *at);

/* A token starts at `at`; the text has an executable comment before it. */
void sql_lex_note_token(struct sql_lexer *lexer, const uint8_t *at);

/* Skips a comment at `at`, or the start or end of an executable comment. Returns where the lexer
 * continues; `at` if there is none. On an error it sets lexer->why, and may return NULL. */
const uint8_t *sql_lex_comment(struct sql_lexer *lexer, const uint8_t *at);

/* A string or a name, depending on sql_mode, whose quote ' " or ` is at `at`. Returns its end. */
const uint8_t *sql_lex_quoted(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at);

/* A name from the delimiter at `at` to the next `close` that is not doubled. Returns its end. */
const uint8_t *sql_lex_delimited(struct sql_lexer *lexer, struct sql_token *token,
                                 const uint8_t *at, char close);

/* N'..', x'..', b'..' at `at`. False: it is a word. True: lexer->at is after it. */
bool sql_lex_prefixed(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at);

/* $tag$..$tag$ at `at`. False: it is a word. True: lexer->at is after it. */
bool sql_lex_dollar(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at);

#endif
