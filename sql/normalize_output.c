/* See the header. Folding restores an earlier state: struct output is the whole state of the
 * output, and a copy of it is saved at each point to which folding may return.
 */
#include "sql/normalize_output.h"

#include <string.h>

#include "sql/lexer/keywords.h"

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

void normalize_literal(struct normalizer *n, const struct sql_token *token)
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

void normalize_prefix(struct normalizer *n, const struct sql_token *token, uint64_t hash,
                      enum last last)
{
    n->before_prefix = n->output;
    n->prefixed = true;
    n->prefix_is_word = token->class == SQL_TOKEN_WORD;
    if (n->list == LIST_LITERAL)
        n->list = LIST_NONE;
    if (n->group != GROUP_OPEN)
        n->group = GROUP_NONE;
    put(n, token, normalize_text(n, token), hash, last);
}

void normalize_other(struct normalizer *n, const struct sql_token *token, struct text shown,
                     uint64_t hash, enum last last)
{
    n->prefixed = false;
    n->list = LIST_NONE;
    n->group = GROUP_NONE;
    put(n, token, shown, hash, last);
}

void normalize_open(struct normalizer *n, const struct sql_token *token)
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

/* At the end of a row: leaves it out if a row of the same shape was written before. */
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

void normalize_close(struct normalizer *n, const struct sql_token *token)
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

void normalize_comma(struct normalizer *n, const struct sql_token *token)
{
    n->prefixed = false;
    n->list = n->list == LIST_LITERAL ? LIST_COMMA : LIST_NONE;
    n->group = n->group == GROUP_CLOSED                          ? GROUP_COMMA
               : n->group == GROUP_OPEN && n->list == LIST_COMMA ? GROUP_OPEN
                                                                 : GROUP_NONE;
    put(n, token, TEXT(","), ',', LAST_OPERATOR);
}

void normalize_semicolon(struct normalizer *n)
{
    n->prefixed = false;
    n->list = LIST_NONE;
    n->group = GROUP_NONE;
    if (n->output.last == LAST_NOTHING)
        return;
    n->semicolons = true;
    n->output.last = LAST_OPERATOR;
}

void normalize_begin_rows(struct normalizer *n)
{
    if (n->rows != ROWS_NONE)
        return;
    n->rows = ROWS_BEFORE;
    n->rows_depth = n->depth;
    n->shape_count = 0;
    n->last_row = n->output;
}

void normalize_rows(struct normalizer *n, const struct sql_token *token)
{
    if (n->rows == ROWS_BEHIND)
        n->rows = token->sign == ',' ? ROWS_BEFORE : ROWS_NONE;
    else if (n->rows == ROWS_BEFORE && token->sign != '(' && token->keyword != KW_ROW)
        n->rows = ROWS_NONE;
}
