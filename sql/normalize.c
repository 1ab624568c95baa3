/* Normalizes a statement in one pass over the lexer's tokens: each token is hashed and, while there
 * is room, written. The lexer decides what a literal is, so that everything that the server reads
 * as a value is dropped.
 *
 * These become '?': strings, numbers, hex, bit and date literals with their introducers (_utf8'x',
 * DATE'x'), adjacent strings together, a sign before a literal, placeholders, the words NULL, TRUE
 * and FALSE (except in IS NULL, NOT NULL, SET NULL and the like), and the quoted part of an account
 * or variable (@'x'). So do tokens that the server reads as names but that are most likely meant as
 * values: 12and, or "x" after an equals sign under ANSI_QUOTES. At a misplaced quote ('O'Brien'),
 * at a character that looks like a quote but is none to the server (‘Smith’), and at a token that
 * cannot be read, the rest becomes one '?': from the first name after the first string, if there
 * was one, else from there. normalize_output.c writes the text and folds it: `(?, ?, ?)` and `(?),
 * (?)` become `(?)`, and a row of VALUES of the same shape as an earlier one is left out.
 */
#include "sql/normalize.h"

#include "sql/lexer/keywords.h"
#include "sql/lexer/lexer.h"
#include "sql/normalize_output.h"
#include "sql/normalize_words.h"

static bool is_literal_word(const struct output *output, const struct sql_token *token)
{
    if (token->keyword != KW_NULL && token->keyword != KW_TRUE && token->keyword != KW_FALSE)
        return false;
    return output->keyword != KW_IS && output->keyword != KW_NOT && output->keyword != KW_SET;
}

/* Can this word end an operand, so that a minus after it is an operator? */
static bool ends_operand(const struct normalizer *n, uint16_t keyword)
{
    switch (keyword) {
    case KW_END:
    case KW_NULL:
    case KW_TRUE:
    case KW_FALSE:
    case KW_CURRENT_DATE:
    case KW_CURRENT_TIME:
    case KW_CURRENT_TIMESTAMP:
    case KW_CURRENT_USER:
    case KW_DEFAULT:
        return true;
    default:
        return !(sql_keyword_flags((enum sql_keyword)keyword, n->dialect) & WORD_RESERVED);
    }
}

static void read_word(struct normalizer *n, const struct sql_token *token)
{
    struct text word = normalize_text(n, token);
    enum sql_keyword keyword = (enum sql_keyword)token->keyword;
    enum last last = ends_operand(n, token->keyword) ? LAST_OPERAND : LAST_OPERATOR;
    uint64_t hash = text_hash(word, 'n', true);

    if (is_literal_word(&n->output, token) ||
        normalize_is_value(word, n->output.sign, n->output.keyword))
        normalize_literal(n, token);
    else if (keyword == KW_DATE || keyword == KW_TIME || keyword == KW_TIMESTAMP ||
             normalize_is_introducer(word))
        normalize_prefix(n, token, hash, last);
    else
        normalize_other(n, token, word, hash, last);
    if (keyword == KW_VALUES || keyword == KW_VALUE)
        normalize_begin_rows(n);
}

static bool is_followed_by_dot(const struct normalizer *n, const struct sql_token *token)
{
    size_t i = (size_t)token->offset + token->length;

    while (i < n->text.length && (n->text.at[i] == ' ' || n->text.at[i] == '\n'))
        i++;
    return i < n->text.length && n->text.at[i] == '.';
}

/* "x" is a name under ANSI_QUOTES. In a position where a value is expected it is treated as one. */
static bool stands_for_value(const struct normalizer *n, const struct sql_token *token)
{
    const struct output *output = &n->output;

    if (n->text.at[token->offset] != '"' || output->sign == '.' || is_followed_by_dot(n, token))
        return false;
    return output->sign == '=' || output->sign == '<' || output->sign == '>' ||
           output->keyword == KW_LIKE || output->last == LAST_LITERAL || n->rows == ROWS_INSIDE ||
           (n->in_list == n->depth && (n->list == LIST_OPEN || n->list == LIST_COMMA));
}

static void read_name(struct normalizer *n, const struct sql_token *token)
{
    struct text name = normalize_text(n, token);
    struct text bare = {name.at + 1, name.length - 2};

    if (stands_for_value(n, token)) {
        normalize_literal(n, token);
        return;
    }
    normalize_other(n, token, name, text_hash(bare, 'n', false), LAST_OPERAND);
}

/* @x and @`x` are names; the quotes of @'x' may contain any value. */
static void read_variable(struct normalizer *n, const struct sql_token *token)
{
    struct text shown = normalize_text(n, token);
    bool quoted = shown.length > 1 && (shown.at[1] == '\'' || shown.at[1] == '"');

    if (quoted)
        shown = TEXT("@?");
    normalize_other(n, token, shown, text_hash(shown, 'v', true), LAST_OPERAND);
}

static void read_sign(struct normalizer *n, const struct sql_token *token)
{
    uint8_t last = n->output.last;

    switch (token->sign) {
    case '?':
        normalize_literal(n, token);
        return;
    case '(':
        normalize_open(n, token);
        return;
    case ')':
        normalize_close(n, token);
        return;
    case ',':
        normalize_comma(n, token);
        return;
    case ';':
        normalize_semicolon(n);
        return;
    case '-':
    case '+':
        if (last != LAST_OPERAND && last != LAST_LITERAL) {
            normalize_prefix(n, token, (uint64_t)token->sign, LAST_OPERATOR);
            return;
        }
        break;
    default:
        break;
    }
    normalize_other(n, token, normalize_text(n, token), (uint64_t)(uint8_t)token->sign,
                    token->sign == '.' ? LAST_GLUE : LAST_OPERATOR);
}

/* 'O'Brien: a bare name, not a keyword, that begins right where a string ends. */
static bool is_misquoted(struct normalizer *n, const struct sql_token *token)
{
    bool is_name =
        token->class == SQL_TOKEN_NAME || (token->class == SQL_TOKEN_WORD && token->keyword == 0);

    if (token->class == SQL_TOKEN_STRING) {
        n->string_seen = true;
        n->string_end = token->offset + token->length;
    } else if (is_name && n->string_seen && !n->name_seen) {
        n->name_seen = true;
        n->before_name = n->output;
    }
    return token->class == SQL_TOKEN_WORD && is_name && n->string_seen &&
           n->string_end == token->offset;
}

/* ‘Smith’: to the server it is a name. Where the intended value ends is not known. */
static bool has_strange_quote(const struct normalizer *n, const struct sql_token *token)
{
    return (token->flags & SQL_TOKEN_HIGH) &&
           (token->class == SQL_TOKEN_WORD || token->class == SQL_TOKEN_VARIABLE) &&
           normalize_has_quote(normalize_text(n, token), n->lexer.charset == SQL_UTF8);
}

/* Writes one '?' for the rest of the statement. It also replaces the output from the first name
 * after a string on, because what was meant as a string is not known there. */
static void put_rest(struct normalizer *n, struct sql_token *token)
{
    if (n->name_seen)
        n->output = n->before_name;
    token->length = 0;
    normalize_literal(n, token);
}

static bool read_token(struct normalizer *n)
{
    struct sql_token token;

    sql_lexer_next(&n->lexer, &token);
    normalize_rows(n, &token);
    if (is_misquoted(n, &token) || has_strange_quote(n, &token)) {
        put_rest(n, &token);
        return false;
    }
    switch ((enum sql_token_class)token.class) {
    case SQL_TOKEN_END:
        return false;
    case SQL_TOKEN_WORD:
        read_word(n, &token);
        return true;
    case SQL_TOKEN_NAME:
        read_name(n, &token);
        return true;
    case SQL_TOKEN_STRING:
    case SQL_TOKEN_NUMBER:
        normalize_literal(n, &token);
        return true;
    case SQL_TOKEN_VARIABLE:
        read_variable(n, &token);
        return true;
    case SQL_TOKEN_SYSTEM:
        normalize_other(n, &token, TEXT("@@"), '@', LAST_GLUE);
        return true;
    case SQL_TOKEN_SIGN:
        read_sign(n, &token);
        return true;
    case SQL_TOKEN_BAD:
        break;
    }
    put_rest(n, &token);
    return false;
}

uint64_t sql_normalize(struct text text, const struct sql_state *state, char *to, size_t size,
                       size_t *length)
{
    struct normalizer n = {.text = text, .dialect = state->dialect, .to = to, .size = size};

    sql_lexer_init(&n.lexer, text, 0, state);
    while (read_token(&n))
        continue;
    *length = n.output.length;
    return n.output.digest;
}
