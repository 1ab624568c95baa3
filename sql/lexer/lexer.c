/* White space, words, numbers and signs. Comments are in sql/lexer/comments.c, quoted tokens in
 * sql/lexer/quotes.c, long lists of values in sql/lexer/values.c. Called for every token of every
 * statement: the common cases come first.
 *
 * Where MySQL and MariaDB read the same bytes differently, or the meaning of a byte depends on a
 * state that is not known, and this matters, the token is SQL_TOKEN_BAD and the statement
 * undetermined.
 */
#include "sql/lexer/lexer.h"

#include "sql/lexer/internal.h"
#include "sql/lexer/keywords.h"

#define R8(kind)  kind, kind, kind, kind, kind, kind, kind, kind
#define R16(kind) R8(kind), R8(kind)

/* clang-format off */
const uint8_t sql_characters[256] = {
    [0x00] = R8(CONTROL), CONTROL, SPACE, SPACE, SPACE, SPACE, SPACE, CONTROL, CONTROL,
    [0x10] = R16(CONTROL),
    [' '] = SPACE, ['"'] = QUOTE, ['\''] = QUOTE, ['`'] = QUOTE, ['#'] = SPECIAL, ['@'] = SPECIAL,
    ['.'] = SPECIAL, ['/'] = SPECIAL, ['-'] = SPECIAL, ['*'] = SPECIAL, ['['] = SPECIAL,
    ['\\'] = SPECIAL, ['$'] = LETTER, ['_'] = LETTER,
    ['0'] = R8(DIGIT), DIGIT, DIGIT,
    ['A'] = R8(LETTER), R8(LETTER), R8(LETTER), LETTER, LETTER,
    ['a'] = R8(LETTER), R8(LETTER), R8(LETTER), LETTER, LETTER,
    [0x7f] = CONTROL,
    [0x80] = R16(HIGH), R16(HIGH), R16(HIGH), R16(HIGH), R16(HIGH), R16(HIGH), R16(HIGH), R16(HIGH),
};

/* The ASCII characters of bare names, c | 0x20 as sql_keyword_find needs them; 0: other bytes. */
#define C2(c) [c] = (c) | 0x20, [(c) + 1] = ((c) + 1) | 0x20
#define C8(c) C2(c), C2((c) + 2), C2((c) + 4), C2((c) + 6)

static const uint8_t letters[256] = {
    ['$'] = '$', ['_'] = '_' | 0x20, C8('0'), C2('8'), C8('A'), C8('I'), C8('Q'), C2('Y'),
    C8('a'), C8('i'), C8('q'), C2('y'),
};
/* clang-format on */

void sql_lexer_init(struct sql_lexer *lexer, struct text text, uint32_t offset,
                    const struct sql_state *state)
{
    const uint8_t *start = (const uint8_t *)text.at;

    lexer->start = start;
    lexer->at = start ? start + offset : start;
    lexer->end = start ? start + text.length : start;
    /* mysqlslap sends a terminating zero byte with each text. The servers take it for the end. */
    if (lexer->end > lexer->at && lexer->end[-1] == '\0')
        lexer->end--;
    lexer->why = NULL;
    lexer->version = state->version;
    lexer->patch_unknown = state->patch_unknown;
    lexer->dialect = state->dialect;
    lexer->mode = state->mode;
    lexer->charset = state->charset;
    lexer->mode_known = state->mode_known;
    lexer->escapes_known = state->mode_known || state->escapes_known;
    lexer->needs_mode = lexer->executable = lexer->dot = lexer->name = lexer->glues = false;
    lexer->opened = lexer->kept = lexer->last = NULL;
    lexer->closed.opened = lexer->closed.before = lexer->closed.behind = NULL;
    lexer->hint = 0;
}

void sql_lexer_bad(struct sql_lexer *lexer, struct sql_token *token, const char *why)
{
    token->class = SQL_TOKEN_BAD;
    token->sign = 0;
    token->keyword = 0;
    if (!lexer->why)
        lexer->why = why;
}

static uint64_t last_of(const uint8_t *from, const uint8_t *end)
{
    uint64_t last = 0;

    for (; from < end; from++)
        last = last << 8 | letters[*from];
    return last;
}

/* Reads the rest of a bare word from its first byte over 127 on. */
static const uint8_t *high_word(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    token->flags |= SQL_TOKEN_HIGH;
    if (lexer->charset == SQL_SINGLE_BYTE || lexer->charset == SQL_CHARSET_UNKNOWN)
        sql_lexer_bad(lexer, token, "a bare name with bytes over 127 in this character set");
    while (name_at(lexer, at))
        at += sql_character_length(lexer, at);
    return at;
}

/* A word from `from` that must be a name, or that goes on at `at` with a dot or a byte over 127. */
APART static const uint8_t *odd_word(struct sql_lexer *lexer, struct sql_token *token,
                                     const uint8_t *from, const uint8_t *at)
{
    if (at < lexer->end && *at >= 0x80)
        at = high_word(lexer, token, at);
    if (lexer->name)
        token->flags |= SQL_TOKEN_AFTER_DOT;
    if (at < lexer->end && *at == '.' && name_at(lexer, at + 1))
        lexer->dot = true;
    else if (!token->flags)
        token->keyword = (uint16_t)sql_keyword_find(last_of(from, at), from, (size_t)(at - from));
    return at;
}

static inline const uint8_t *word(struct sql_lexer *lexer, struct sql_token *token,
                                  const uint8_t *from)
{
    const uint8_t *at = from, *end = lexer->end;
    uint64_t last = 0;
    uint8_t letter;

    token->class = SQL_TOKEN_WORD;
    while (at < end && (letter = letters[*at]) != 0) {
        last = last << 8 | letter;
        at++;
    }
    if (lexer->name || (at < end && (*at == '.' || *at >= 0x80)))
        return odd_word(lexer, token, from, at);
    token->keyword = (uint16_t)sql_keyword_find(last, from, (size_t)(at - from));
    return at;
}

/* The position after the exponent whose e is at `at`; NULL if it has no digits. */
static const uint8_t *exponent(const struct sql_lexer *lexer, const uint8_t *at)
{
    at++;
    if (at < lexer->end && (*at == '+' || *at == '-'))
        at++;
    if (!digit_at(lexer, at))
        return NULL;
    while (digit_at(lexer, at))
        at++;
    return at;
}

static bool letter_e(const struct sql_lexer *lexer, const uint8_t *at)
{
    return at < lexer->end && (*at | 0x20) == 'e';
}

/* The digits after a decimal point, and the exponent. MySQL reads the character after `1.e` as a
 * token of its own, even if it could start a comment: `1.e-- (SELECT ...)` is a subtraction. */
static const uint8_t *fraction(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    while (digit_at(lexer, at))
        at++;
    if (letter_e(lexer, at)) {
        at = exponent(lexer, at);
        if (!at)
            sql_lexer_bad(lexer, token, "a number that ends in its exponent's letter");
    }
    return at;
}

static bool hex_digit(uint8_t c)
{
    return sql_characters[c] == DIGIT || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The end of 0x.. or 0b..; NULL if it is a name or a plain number. */
static const uint8_t *prefixed_number(const struct sql_lexer *lexer, const uint8_t *from)
{
    const uint8_t *at = from + 2;

    if (lexer->end - from < 3 || from[0] != '0' || (from[1] != 'x' && from[1] != 'b'))
        return NULL;
    while (at < lexer->end && (from[1] == 'x' ? hex_digit(*at) : *at == '0' || *at == '1'))
        at++;
    return at - from > 2 && !name_at(lexer, at) ? at : NULL;
}

/* MariaDB's sign between the limits of a FOR: what is behind it is no name with a dot before it. */
static bool at_range(const struct sql_lexer *lexer, const uint8_t *at)
{
    return lexer->dialect == SQL_MARIADB && lexer->end - at > 1 && at[0] == '.' && at[1] == '.';
}

static const uint8_t *number(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *from)
{
    const uint8_t *at = from;

    token->class = SQL_TOKEN_NUMBER;
    while (digit_at(lexer, at))
        at++;
    if (!name_at(lexer, at)) {
        if (at < lexer->end && *at == '.' && !at_range(lexer, at))
            return fraction(lexer, token, at + 1);
        return at;
    }
    const uint8_t *prefixed = prefixed_number(lexer, from);
    if (prefixed)
        return prefixed;
    if (letter_e(lexer, at) && exponent(lexer, at))
        return exponent(lexer, at);
    lexer->name = true; /* 1st: a name, never a keyword */
    return word(lexer, token, from);
}

/* `at` is at an at sign. */
static const uint8_t *variable(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    at++;
    token->class = SQL_TOKEN_VARIABLE;
    if (at < lexer->end && *at == '@') {
        token->class = SQL_TOKEN_SYSTEM;
        return at + 1;
    }
    if (at < lexer->end && sql_characters[*at] == QUOTE)
        return sql_lex_delimited(lexer, token, at, (char)*at);
    while (name_at(lexer, at) || (at < lexer->end && *at == '.')) {
        if (*at >= 0x80) {
            token->flags |= SQL_TOKEN_HIGH;
            if (lexer->charset != SQL_UTF8)
                sql_lexer_bad(lexer, token, "a bare variable with bytes over 127");
        }
        at++;
    }
    return at;
}

static const uint8_t *sign(struct sql_token *token, const uint8_t *at)
{
    token->class = SQL_TOKEN_SIGN;
    token->sign = (char)*at;
    return at + 1;
}

/* In swe7 these are letters, of bare names too. */
static bool may_be_letter(uint8_t c)
{
    return c == '[' || c == ']' || c == '{' || c == '}' || c == '|' || c == '^' || c == '~';
}

static const uint8_t *special(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    switch (*at) {
    case '@':
        return variable(lexer, token, at);
    case '.':
        if (at_range(lexer, at)) {
            lexer->dot = false;
            token->class = SQL_TOKEN_SIGN;
            token->sign = SQL_SIGN_RANGE;
            return at + 2;
        }
        if (digit_at(lexer, at + 1) && !lexer->dot) {
            token->class = SQL_TOKEN_NUMBER;
            return fraction(lexer, token, at + 1);
        }
        lexer->name = name_at(lexer, at + 1);
        return sign(token, at);
    case '[':
        if (lexer->dialect == SQL_MARIADB && !lexer->mode_known) {
            lexer->needs_mode = true;
            sql_lexer_bad(lexer, token, "a bracket, and sql_mode is not known");
            return at;
        }
        if (lexer->dialect == SQL_MARIADB && (lexer->mode & SQL_MSSQL)) {
            token->class = SQL_TOKEN_NAME;
            return sql_lex_delimited(lexer, token, at, ']');
        }
        return sign(token, at);
    case '\\':
        if (lexer->end - at > 1 && at[1] == 'N') {
            token->class = SQL_TOKEN_NUMBER; /* NULL, in MySQL 5.7 and MariaDB */
            return at + 2;
        }
        sql_lexer_bad(lexer, token, "a backslash outside of quotes");
        return at;
    default:
        return sign(token, at);
    }
}

APART static const uint8_t *skip_space(struct sql_lexer *lexer, const uint8_t *at)
{
    while (at < lexer->end) {
        uint8_t kind = sql_characters[*at];
        if (kind == SPACE) {
            at++;
            continue;
        }
        if (kind != SPECIAL)
            return at;
        const uint8_t *behind = sql_lex_comment(lexer, at);
        if (behind == at || lexer->why)
            return at;
        at = behind;
    }
    return at;
}

/* All tokens but signs and plain words. */
APART static const uint8_t *rarer_token(struct sql_lexer *lexer, struct sql_token *token,
                                        const uint8_t *at)
{
    switch ((enum character)sql_characters[*at]) {
    case HIGH:
        return word(lexer, token, at);
    case DIGIT:
        return lexer->name ? word(lexer, token, at) : number(lexer, token, at);
    case QUOTE:
        if (lexer->charset == SQL_CHARSET_UNKNOWN && *at == '`') {
            sql_lexer_bad(lexer, token, "a backtick, and the character set is not known");
            return at;
        }
        return sql_lex_quoted(lexer, token, at);
    case SPECIAL:
        return special(lexer, token, at);
    case OTHER: /* may_be_letter */
        sql_lexer_bad(lexer, token, "a sign that is a letter in a character set");
        return at;
    case LETTER: /* may be the prefix or tag of a literal */
        if (*at == '$' ? sql_lex_dollar(lexer, token, at) : sql_lex_prefixed(lexer, token, at))
            return lexer->at;
        return word(lexer, token, at);
    case CONTROL:
    case SPACE:
    default:
        sql_lexer_bad(lexer, token, "a control character outside of quotes");
        return at;
    }
}

/* Could a word that starts here be the prefix or the tag of a literal? */
static inline bool starts_literal(const struct sql_lexer *lexer, const uint8_t *at)
{
    if (*at == '$')
        return lexer->dialect == SQL_MYSQL && !lexer->name;
    return lexer->end - at > 1 && at[1] == '\'' && !lexer->name;
}

static inline const uint8_t *token_at(struct sql_lexer *lexer, struct sql_token *token,
                                      const uint8_t *at)
{
    uint8_t kind = sql_characters[*at];

    if (kind == LETTER && !starts_literal(lexer, at))
        return word(lexer, token, at);
    if (kind == OTHER && (lexer->charset != SQL_CHARSET_UNKNOWN || !may_be_letter(*at)))
        return sign(token, at);
    return rarer_token(lexer, token, at);
}

/* Returns SQL_TOKEN_END, or SQL_TOKEN_BAD after an error. */
APART static void end_here(struct sql_lexer *lexer, struct sql_token *token, const uint8_t *at)
{
    lexer->at = at;
    token->offset = (uint32_t)(at - lexer->start);
    token->class = lexer->why ? SQL_TOKEN_BAD : SQL_TOKEN_END;
    if (!lexer->why && lexer->executable)
        sql_lexer_bad(lexer, token, "a comment that is not closed");
}

void sql_lexer_next(struct sql_lexer *lexer, struct sql_token *token)
{
    const uint8_t *at = lexer->at, *end = lexer->end;

    *token = (struct sql_token){.class = SQL_TOKEN_END};
    if (at < end && *at == ' ')
        at++;
    if (at < end && (sql_characters[*at] == SPACE || sql_characters[*at] == SPECIAL) && !lexer->why)
        at = skip_space(lexer, at);
    if (lexer->why || at == end) {
        end_here(lexer, token, at);
        return;
    }
    token->offset = (uint32_t)(at - lexer->start);
    const uint8_t *behind = token_at(lexer, token, at);
    if (lexer->why) { /* lexer->at stays here: all later tokens are bad */
        token->class = SQL_TOKEN_BAD;
        token->keyword = 0;
        lexer->at = at;
        return;
    }
    if (token->sign == '.')
        lexer->dot = false;
    else
        lexer->name = false;
    token->length = (uint32_t)(behind - at);
    lexer->at = behind;
    if (lexer->opened)
        sql_lex_note_token(lexer, at);
}
