/* The words before which an expression ends, outside of brackets. Called by sql/expression.c.
 */
#include "sql/functions.h"
#include "sql/parser.h"

/* MySQL: NTH_VALUE(a, n) FROM FIRST [RESPECT NULLS] OVER; before 8.0 OVER may be an alias. An
 * alias RESPECT has no NULLS behind it. */
static bool at_from_first(const struct parser *p)
{
    struct sql_lexer ahead = p->lexer;
    struct sql_token token;

    if (p->n.keyword != KW_FIRST || p->state->dialect != SQL_MYSQL || p->state->version < 80000)
        return false;
    sql_lexer_next(&ahead, &token);
    if (token.keyword != KW_RESPECT)
        return token.keyword == KW_OVER;
    sql_lexer_next(&ahead, &token);
    return token.keyword == KW_NULLS;
}

bool ends_expression(const struct parser *p)
{
    switch (p->t.keyword) {
    case KW_FROM:
        return !at_from_first(p);
    case KW_GROUP: /* MariaDB: WITHIN GROUP (ORDER BY ...) */
        return p->n.sign != '(';
    case KW_WHERE:
    case KW_HAVING:
    case KW_ORDER:
    case KW_LIMIT:
    case KW_INTO:
    case KW_UNION:
    case KW_EXCEPT:
    case KW_INTERSECT:
    case KW_FOR:
    case KW_LOCK:
    case KW_PROCEDURE:
    case KW_JOIN:
    case KW_INNER:
    case KW_CROSS:
    case KW_NATURAL:
    case KW_STRAIGHT_JOIN:
    case KW_ON:
    case KW_USING:
    case KW_SELECT:
    case KW_WITH:
    case KW_SET:
        return true;
    case KW_USE: /* index hints behind an alias; the alias is read as part of the expression */
    case KW_FORCE:
    case KW_IGNORE:
        return p->n.keyword == KW_INDEX || p->n.keyword == KW_KEY;
    case KW_LEFT:
    case KW_RIGHT:
    case KW_VALUES:
    case KW_FETCH:
        return p->n.sign != '(';
    case KW_QUALIFY:
        return p->state->dialect == SQL_MYSQL &&
               (function_flags(KW_QUALIFY, p->state) & WORD_TIGHT);
    case KW_WINDOW: /* name AS (, or a column of that name */
        return (p->n.class == SQL_TOKEN_WORD || p->n.class == SQL_TOKEN_NAME) &&
               parser_peek(p).keyword == KW_AS;
    case KW_RETURNING:
        return p->state->dialect == SQL_MARIADB;
    case KW_MINUS:
        return p->n.keyword == KW_SELECT;
    case KW_THEN:
    case KW_WHEN:
    case KW_ELSE:
    case KW_DO:
    case KW_END:
        return p->body;
    default:
        return false;
    }
}
