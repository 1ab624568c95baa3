/* Skips long lists of plain values without making a token for each, as in an INSERT of many rows.
 * Called by sql/expression.c, which does not need these values.
 */
#include "sql/lexer/internal.h"

static const uint8_t *plain_number(const struct sql_lexer *lexer, const uint8_t *at)
{
    if (*at == '-')
        at++;
    if (!digit_at(lexer, at))
        return NULL;
    while (digit_at(lexer, at))
        at++;
    if (at < lexer->end && *at == '.') {
        at++;
        while (digit_at(lexer, at))
            at++;
    }
    return at;
}

/* The position after the number, string or SQL NULL at `at`; a null pointer if there is none. */
static const uint8_t *plain_value(struct sql_lexer *lexer, const uint8_t *at)
{
    struct sql_token token = {.class = SQL_TOKEN_END};

    switch (*at) {
    case '\'':
        at = sql_lex_quoted(lexer, &token, at);
        return lexer->why ? NULL : at;
    case 'N':
    case 'n':
        if (lexer->end - at < 5 || (at[1] | 0x20) != 'u' || (at[2] | 0x20) != 'l' ||
            (at[3] | 0x20) != 'l')
            return NULL;
        return at + 4;
    default:
        return plain_number(lexer, at);
    }
}

static const uint8_t *skip_blanks(const struct sql_lexer *lexer, const uint8_t *at)
{
    while (at < lexer->end && (*at == ' ' || *at == '\n'))
        at++;
    return at;
}

/* `at` is at the bracket that closes a row. Returns the position after the bracket that opens the
 * next row; NULL: there is none. */
static const uint8_t *next_row(const struct sql_lexer *lexer, const uint8_t *at)
{
    at = skip_blanks(lexer, at + 1);
    if (at == lexer->end || *at != ',')
        return NULL;
    at = skip_blanks(lexer, at + 1);
    return at < lexer->end && *at == '(' ? at + 1 : NULL;
}

void sql_lexer_skip_values(struct sql_lexer *lexer, bool rows)
{
    const uint8_t *at = lexer->at;

    while (!lexer->why) {
        at = skip_blanks(lexer, at);
        if (at == lexer->end)
            return;
        at = plain_value(lexer, at);
        if (!at || at == lexer->end)
            break;
        if (*at == ',')
            lexer->at = ++at;
        else if (*at != ')' || !rows || !(at = next_row(lexer, at)))
            return;
    }
    /* A string that does not end is left to the next token, which reports it. */
    lexer->why = NULL;
    lexer->needs_mode = false;
}
