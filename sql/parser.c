/* The parser's tokens: start, fail, skip. Called by every file of the statement families. */
#include "sql/parser.h"

static void end_token(struct parser *p, struct sql_token *token)
{
    *token = (struct sql_token){.class = SQL_TOKEN_END,
                                .offset = (uint32_t)(p->lexer.end - p->lexer.start)};
}

void parser_start(struct parser *p, struct text text, uint32_t offset)
{
    sql_lexer_init(&p->lexer, text, offset, p->state);
    sql_lexer_next(&p->lexer, &p->t);
    sql_lexer_next(&p->lexer, &p->n);
    if (p->t.class == SQL_TOKEN_BAD)
        parser_stop(p);
}

void parser_end(struct parser *p)
{
    end_token(p, &p->t);
    end_token(p, &p->n);
}

/* The current token is SQL_TOKEN_BAD: the lexer met an error, or parser_fail was called before. */
void parser_stop(struct parser *p)
{
    if (!p->facts->why)
        p->facts->why = p->lexer.why;
    if (p->lexer.needs_mode)
        p->facts->needs_mode = true;
    p->failed = true;
    parser_end(p);
}

bool parser_fail(struct parser *p, const char *why)
{
    if (p->failed)
        return false;
    p->facts->why = why;
    p->failed = true;
    p->lexer.why = why;
    p->lexer.needs_mode = false;
    parser_end(p);
    return false;
}

bool may_be_oracle(const struct parser *p)
{
    return p->state->dialect == SQL_MARIADB &&
           (!p->state->mode_known || (p->state->mode & SQL_ORACLE));
}

bool in_oracle(struct parser *p)
{
    if (p->state->mode_known || !may_be_oracle(p))
        return may_be_oracle(p);
    if (!p->failed)
        p->facts->needs_mode = true;
    return parser_fail(p, "sql_mode is not known, and it may be ORACLE");
}

bool has_packages(struct parser *p)
{
    return (p->state->dialect == SQL_MARIADB && p->state->version >= 110400) || in_oracle(p);
}

bool need_word(struct parser *p, enum sql_keyword word)
{
    return take_word(p, word) || parser_fail(p, "a word is missing that the grammar wants");
}

bool need_sign(struct parser *p, char sign)
{
    return take_sign(p, sign) || parser_fail(p, "a sign is missing that the grammar wants");
}

struct sql_token parser_peek(const struct parser *p)
{
    struct sql_lexer ahead = p->lexer;
    struct sql_token token;

    sql_lexer_next(&ahead, &token);
    return token;
}

struct parser_mark parser_mark(const struct parser *p)
{
    return (struct parser_mark){p->lexer, p->t, p->n};
}

void parser_back(struct parser *p, const struct parser_mark *mark)
{
    p->lexer = mark->lexer;
    p->t = mark->t;
    p->n = mark->n;
}

bool take_if_exists(struct parser *p)
{
    if (!at_word(p, KW_IF) || (p->n.keyword != KW_EXISTS && p->n.keyword != KW_NOT))
        return false;
    step(p);
    take_word(p, KW_NOT);
    return need_word(p, KW_EXISTS);
}

void skip_brackets(struct parser *p)
{
    uint32_t depth = 0;

    do {
        if (at_sign(p, '('))
            depth++;
        else if (at_sign(p, ')'))
            depth--;
        else if (at_end(p) || at_sign(p, ';')) {
            parser_fail(p, "a bracket that is not closed");
            return;
        } else if (at_word(p, KW_SELECT) || at_word(p, KW_TABLE)) {
            parser_fail(p, "a query where none is foreseen");
            return;
        } else if (p->n.sign == '.') {
            note_qualifiers_in(p);
        }
        step(p);
    } while (depth > 0);
}

void skip_partitions(struct parser *p)
{
    if (!take_word(p, KW_PARTITION))
        return;
    skip_brackets(p);
}

void skip_rest(struct parser *p)
{
    while (!at_end(p) && !at_sign(p, ';')) {
        if (at_word(p, KW_SELECT)) {
            parser_fail(p, "a query where none is foreseen");
            return;
        }
        if (at_sign(p, '('))
            skip_brackets(p);
        else
            step(p);
    }
}

void skip_user(struct parser *p)
{
    if (at_word(p, KW_CURRENT_USER) || at_word(p, KW_CURRENT_ROLE)) {
        step(p);
        if (at_sign(p, '('))
            skip_brackets(p);
        return;
    }
    if (!at_name(p) && p->t.class != SQL_TOKEN_STRING) {
        parser_fail(p, "a user is missing");
        return;
    }
    step(p);
    if (p->t.class == SQL_TOKEN_VARIABLE)
        step(p);
}
