/* The statement without its values: one pass over the lexer's tokens, each of which is hashed and,
 * as long as there is room, written. Called for what is recorded; the lexer decides what a literal
 * is, so that a value is dropped wherever the server would see one.
 *
 * What becomes '?': strings, numbers, hex, bit and date literals with their introducers (_utf8'x',
 * DATE'x'), adjacent strings together, a sign in front of a literal, placeholders, the words NULL,
 * TRUE and FALSE (but for IS NULL, NOT NULL, SET NULL and the like), and the quoted part of an
 * account or variable (@'x'). So does what the server reads as a name, and its writer most likely
 * meant as a value: 12and, or "x" behind an equals sign under ANSI_QUOTES. Where the quotes are not
 * where they were meant to be ('O'Brien'), no name behind the first string is shown; where they are
 * none to the server (‘Smith’), nothing from there on. Then `(?, ?,
 * ?)` and `(?), (?)` become `(?)`, and a row of VALUES that looks like one before it is left out.
 *
 * Folding is done by going back: the whole of what was put out is one small struct, a copy of which
 * is taken where something may turn out to be folded.
 */
#include "sql/normalize.h"

#include "sql/lexer/keywords.h"
#include "sql/lexer/lexer.h"
#include "sql/normalize_words.h"

enum { ROW_SHAPES = 8 };

/* What the last token was, as far as the next one cares. */
enum last { LAST_NOTHING, LAST_OPERATOR, LAST_OPERAND, LAST_LITERAL, LAST_GLUE };

/* All that was put out so far. */
struct output {
    uint64_t digest, row; /* of all; of the row of VALUES that is being read */
    size_t length;
    bool cut;         /* something did not fit: nothing more is written */
    uint8_t last;     /* enum last */
    char sign;        /* the last token where it was a sign */
    uint16_t keyword; /* and where it was a keyword */
    uint32_t end;     /* where the last token ended in the text */
};

enum list { LIST_NONE, LIST_OPEN, LIST_LITERAL, LIST_COMMA };
enum group { GROUP_NONE, GROUP_CLOSED, GROUP_COMMA, GROUP_OPEN };
enum rows { ROWS_NONE, ROWS_BEFORE, ROWS_INSIDE, ROWS_BEHIND };

struct normalizer {
    struct text text;
    struct sql_lexer lexer;
    unsigned dialect;
    char *to;
    size_t size;
    struct output output;
    uint32_t depth;   /* of parentheses */
    uint32_t in_list; /* the depth inside of IN (...); 0: not in one */
    /* A token that goes away if a literal follows: a sign, an introducer, DATE. */
    bool prefixed, prefix_is_word;
    struct output before_prefix;
    /* A list of literals alone in its parentheses: first_literal is the output behind "(?". */
    enum list list;
    struct output first_literal;
    /* Such lists behind one another: first_group is the output behind the first. */
    enum group group;
    struct output first_group;
    /* The rows of one VALUES; those of another inside of a row are left alone. */
    enum rows rows;
    uint32_t rows_depth;
    unsigned shape_count;
    uint64_t shapes[ROW_SHAPES];
    struct output last_row; /* the output behind the last row that was not left out */
    /* The output before the first name behind a string. */
    bool string_seen, name_seen;
    uint32_t string_end;
    struct output before_name;
    bool semicolons; /* seen, not put out yet: those at the end are dropped */
};

static uint64_t mix(uint64_t hash, uint64_t token)
{
    hash = (hash ^ token) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static bool is_pair(char first, char second)
{
    static const char pairs[] = "<=>=<>!=||&&<<>>->:==>";

    for (const char *pair = pairs; *pair; pair += 2) {
        if (pair[0] == first && pair[1] == second)
            return true;
    }
    return false;
}

static bool needs_blank(const struct output *output, const struct sql_token *token)
{
    bool touches = output->end == token->offset;

    if (output->last == LAST_NOTHING || output->last == LAST_GLUE)
        return false;
    switch (token->sign) {
    case ')':
    case ',':
    case '.':
    case ';':
        return false;
    case '(':
        return !touches || output->last == LAST_LITERAL;
    default:
        break;
    }
    if (token->class == SQL_TOKEN_VARIABLE)
        return !touches || output->last == LAST_OPERATOR;
    return !(touches && token->sign && is_pair(output->sign, token->sign));
}

static void show(struct normalizer *n, struct text shown, bool blank)
{
    struct output *output = &n->output;
    size_t length = shown.length + (blank ? 1 : 0);

    if (output->cut || length > n->size - output->length) {
        output->cut = true;
        return;
    }
    if (blank)
        n->to[output->length++] = ' ';
    if (shown.length)
        memcpy(n->to + output->length, shown.at, shown.length);
    output->length += shown.length;
}

static void put(struct normalizer *n, const struct sql_token *token, struct text shown,
                uint64_t hash, enum last last)
{
    struct output *output = &n->output;

    if (n->semicolons) {
        show(n, TEXT(";"), false);
        output->digest = mix(output->digest, ';');
        n->semicolons = false;
    }
    show(n, shown, needs_blank(output, token));
    output->digest = mix(output->digest, hash);
    output->row = mix(output->row, hash);
    output->last = (uint8_t)last;
    output->sign = token->sign;
    output->keyword = token->keyword;
    output->end = token->offset + token->length;
}

static struct text token_text(const struct normalizer *n, const struct sql_token *token)
{
    return (struct text){n->text.at + token->offset, token->length};
}

static void put_literal(struct normalizer *n, const struct sql_token *token)
{
    bool wide = token->class == SQL_TOKEN_STRING || token->class == SQL_TOKEN_NUMBER;

    if (n->prefixed && (wide || !n->prefix_is_word))
        n->output = n->before_prefix;
    n->prefixed = false;
    if (n->output.last == LAST_LITERAL) {
        n->output.end = token->offset + token->length;
        return;
    }
    struct sql_token mark = *token;
    mark.sign = 0;
    mark.keyword = 0;
    put(n, &mark, TEXT("?"), '?', LAST_LITERAL);
    if (n->list == LIST_OPEN)
        n->first_literal = n->output;
    n->list = n->list == LIST_OPEN || n->list == LIST_COMMA ? LIST_LITERAL : LIST_NONE;
    if (n->list == LIST_NONE)
        n->group = GROUP_NONE;
}

/* A token that is put out now and taken back if a literal follows. */
static void put_prefix(struct normalizer *n, const struct sql_token *token, uint64_t hash,
                       enum last last)
{
    n->before_prefix = n->output;
    n->prefixed = true;
    n->prefix_is_word = token->class == SQL_TOKEN_WORD;
    if (n->list == LIST_LITERAL)
        n->list = LIST_NONE;
    if (n->group != GROUP_OPEN)
        n->group = GROUP_NONE;
    put(n, token, token_text(n, token), hash, last);
}

/* Everything that cannot be part of a list of literals. */
static void put_other(struct normalizer *n, const struct sql_token *token, struct text shown,
                      uint64_t hash, enum last last)
{
    n->prefixed = false;
    n->list = LIST_NONE;
    n->group = GROUP_NONE;
    put(n, token, shown, hash, last);
}

static bool is_literal_word(const struct output *output, const struct sql_token *token)
{
    if (token->keyword != KW_NULL && token->keyword != KW_TRUE && token->keyword != KW_FALSE)
        return false;
    return output->keyword != KW_IS && output->keyword != KW_NOT && output->keyword != KW_SET;
}

/* Does an expression end with this word, so that a minus behind it is an operator? */
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
    struct text word = token_text(n, token);
    enum sql_keyword keyword = (enum sql_keyword)token->keyword;
    enum last last = ends_operand(n, token->keyword) ? LAST_OPERAND : LAST_OPERATOR;
    uint64_t hash = text_hash(word, 'n', true);

    if (is_literal_word(&n->output, token) ||
        normalize_is_value(word, n->output.sign, n->output.keyword))
        put_literal(n, token);
    else if (keyword == KW_DATE || keyword == KW_TIME || keyword == KW_TIMESTAMP ||
             normalize_is_introducer(word))
        put_prefix(n, token, hash, last);
    else
        put_other(n, token, word, hash, last);
    if ((keyword == KW_VALUES || keyword == KW_VALUE) && n->rows == ROWS_NONE) {
        n->rows = ROWS_BEFORE;
        n->rows_depth = n->depth;
        n->shape_count = 0;
        n->last_row = n->output;
    }
}

static bool is_followed_by_dot(const struct normalizer *n, const struct sql_token *token)
{
    size_t i = (size_t)token->offset + token->length;

    while (i < n->text.length && (n->text.at[i] == ' ' || n->text.at[i] == '\n'))
        i++;
    return i < n->text.length && n->text.at[i] == '.';
}

/* "x" is a name under ANSI_QUOTES. Where a value would be expected, it is taken for one. */
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
    struct text name = token_text(n, token);
    struct text bare = {name.at + 1, name.length - 2};

    if (stands_for_value(n, token)) {
        put_literal(n, token);
        return;
    }
    put_other(n, token, name, text_hash(bare, 'n', false), LAST_OPERAND);
}

/* @x and @`x` are names; what stands in the quotes of @'x' may be anything. */
static void read_variable(struct normalizer *n, const struct sql_token *token)
{
    struct text shown = token_text(n, token);
    bool quoted = shown.length > 1 && (shown.at[1] == '\'' || shown.at[1] == '"');

    if (quoted)
        shown = TEXT("@?");
    put_other(n, token, shown, text_hash(shown, 'v', true), LAST_OPERAND);
}

static void open_parenthesis(struct normalizer *n, const struct sql_token *token)
{
    n->prefixed = false;
    n->list = LIST_OPEN;
    if (n->output.keyword == KW_IN)
        n->in_list = n->depth + 1;
    n->group = n->group == GROUP_COMMA ? GROUP_OPEN : GROUP_NONE;
    if (n->rows == ROWS_BEFORE && n->depth == n->rows_depth) {
        n->rows = ROWS_INSIDE;
        n->output.row = 0;
    }
    n->depth++;
    put(n, token, TEXT("("), '(', LAST_GLUE);
}

/* A row is over: has one of the same shape been put out before? */
static void close_row(struct normalizer *n)
{
    n->rows = ROWS_BEHIND;
    for (unsigned i = 0; i < n->shape_count; i++) {
        if (n->shapes[i] == n->output.row) {
            n->output = n->last_row;
            return;
        }
    }
    if (n->shape_count < ROW_SHAPES)
        n->shapes[n->shape_count++] = n->output.row;
    n->last_row = n->output;
}

static void close_parenthesis(struct normalizer *n, const struct sql_token *token)
{
    bool literals = n->list == LIST_LITERAL;
    bool follows = literals && n->group == GROUP_OPEN;

    n->prefixed = false;
    n->list = LIST_NONE;
    if (literals)
        n->output = n->first_literal;
    put(n, token, TEXT(")"), ')', LAST_OPERAND);
    if (follows)
        n->output = n->first_group;
    n->output.end = token->offset + token->length;
    if (literals && !follows)
        n->first_group = n->output;
    n->group = literals ? GROUP_CLOSED : GROUP_NONE;
    n->in_list = n->in_list == n->depth ? 0 : n->in_list;
    n->depth -= n->depth > 0;
    if (n->rows == ROWS_INSIDE && n->depth == n->rows_depth)
        close_row(n);
}

static void read_comma(struct normalizer *n, const struct sql_token *token)
{
    n->prefixed = false;
    n->list = n->list == LIST_LITERAL ? LIST_COMMA : LIST_NONE;
    n->group = n->group == GROUP_CLOSED                          ? GROUP_COMMA
               : n->group == GROUP_OPEN && n->list == LIST_COMMA ? GROUP_OPEN
                                                                 : GROUP_NONE;
    put(n, token, TEXT(","), ',', LAST_OPERATOR);
}

static void read_semicolon(struct normalizer *n)
{
    n->prefixed = false;
    n->list = LIST_NONE;
    n->group = GROUP_NONE;
    if (n->output.last == LAST_NOTHING)
        return;
    n->semicolons = true;
    n->output.last = LAST_OPERATOR;
}

static void read_sign(struct normalizer *n, const struct sql_token *token)
{
    uint8_t last = n->output.last;

    switch (token->sign) {
    case '?':
        put_literal(n, token);
        return;
    case '(':
        open_parenthesis(n, token);
        return;
    case ')':
        close_parenthesis(n, token);
        return;
    case ',':
        read_comma(n, token);
        return;
    case ';':
        read_semicolon(n);
        return;
    case '-':
    case '+':
        if (last != LAST_OPERAND && last != LAST_LITERAL) {
            put_prefix(n, token, (uint64_t)token->sign, LAST_OPERATOR);
            return;
        }
        break;
    default:
        break;
    }
    put_other(n, token, token_text(n, token), (uint64_t)(uint8_t)token->sign,
              token->sign == '.' ? LAST_GLUE : LAST_OPERATOR);
}

/* Between the rows of VALUES stand commas, and in MySQL the word ROW; with anything else they are
 * over. */
static void follow_rows(struct normalizer *n, const struct sql_token *token)
{
    if (n->rows == ROWS_BEHIND)
        n->rows = token->sign == ',' ? ROWS_BEFORE : ROWS_NONE;
    else if (n->rows == ROWS_BEFORE && token->sign != '(' && token->keyword != KW_ROW)
        n->rows = ROWS_NONE;
}

/* 'O'Brien: a name that begins where a string ends, and is no keyword. */
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

/* ‘Smith’: letters of a name to the server. What of what follows belongs to it is not known. */
static bool has_strange_quote(const struct normalizer *n, const struct sql_token *token)
{
    return (token->flags & SQL_TOKEN_HIGH) &&
           (token->class == SQL_TOKEN_WORD || token->class == SQL_TOKEN_VARIABLE) &&
           normalize_has_quote(token_text(n, token), n->lexer.charset == SQL_UTF8);
}

/* '?' to the end, instead of all from the first name behind a string on: what is a string and what
 * is not cannot be told. */
static void put_rest(struct normalizer *n, struct sql_token *token)
{
    if (n->name_seen)
        n->output = n->before_name;
    token->length = 0;
    put_literal(n, token);
}

static bool read_token(struct normalizer *n)
{
    struct sql_token token;

    sql_lexer_next(&n->lexer, &token);
    follow_rows(n, &token);
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
        put_literal(n, &token);
        return true;
    case SQL_TOKEN_VARIABLE:
        read_variable(n, &token);
        return true;
    case SQL_TOKEN_SYSTEM:
        put_other(n, &token, TEXT("@@"), '@', LAST_GLUE);
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
