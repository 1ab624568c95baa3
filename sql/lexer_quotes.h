/* The part of the lexer that knows where quoted things and characters of more than one byte end.
 * Only sql/lexer.c includes this. Each takes where the thing starts and returns what is behind it;
 * one that does not end makes the token bad. */
#ifndef SQL_LEXER_QUOTES_H
#define SQL_LEXER_QUOTES_H

#include <stddef.h>

#include "sql/lexer.h"

/* Kept out of the functions that run for every token. */
#define APART __attribute__((noinline))

void sql_lexer_bad(struct sql_lexer *lexer, struct sql_token *token, const char *why);

/* The length of the character at `at` (inside the text), at least 1: the server's my_ismbchar. */
size_t sql_character_length(const struct sql_lexer *lexer, const uint8_t *at);

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
