/* SELECT or DO of one GET_LOCK, RELEASE_LOCK or RELEASE_ALL_LOCKS and nothing else: whether it is
 * called, how often, and for which lock is certain only here. Called by sql/analyze.c.
 */
#include "sql/parser.h"

bool at_user_lock(const struct parser *p)
{
    return (at_word(p, KW_SELECT) || at_word(p, KW_DO)) &&
           (p->n.keyword == KW_GET_LOCK || p->n.keyword == KW_RELEASE_LOCK ||
            p->n.keyword == KW_RELEASE_ALL_LOCKS);
}

/* 'name', of characters that are the same bytes in every character set. `folded`: in MySQL 'L' and
 * 'l' are the same lock, in MariaDB they are two. */
static bool take_lock(struct sql_lexer *lexer, struct sql_token *token, bool folded, uint64_t *hash)
{
    const char *at = (const char *)lexer->start + token->offset;

    if (token->class != SQL_TOKEN_STRING || token->flags & SQL_TOKEN_ESCAPED || at[0] != '\'')
        return false;
    const struct text name = {at + 1, token->length - 2};
    for (size_t i = 0; i < name.length; i++) {
        if (name.at[i] < ' ' || name.at[i] > '~' || name.at[i] == '\\')
            return false;
    }
    *hash = text_hash(name, 0, folded);
    sql_lexer_next(lexer, token);
    return true;
}

/* , 10 */
static void skip_timeout(struct sql_lexer *lexer, struct sql_token *token)
{
    if (token->sign != ',')
        return;
    sql_lexer_next(lexer, token);
    if (token->sign == '-')
        sql_lexer_next(lexer, token);
    if (token->class == SQL_TOKEN_NUMBER || token->sign == '?')
        sql_lexer_next(lexer, token);
}

/* [[AS] alias] and the end */
static bool ends_here(struct sql_lexer *lexer, struct sql_token *token)
{
    if (token->keyword == KW_AS) {
        sql_lexer_next(lexer, token);
        sql_lexer_next(lexer, token);
    } else if (token->class == SQL_TOKEN_NAME ||
               (token->class == SQL_TOKEN_WORD && token->keyword == KEYWORD_NONE)) {
        sql_lexer_next(lexer, token);
    }
    return token->class == SQL_TOKEN_END || token->sign == ';';
}

/* Is a literal of ASCII signs the same name in every session? The servers convert it to the
 * connection's character set: swe7 has letters for some signs, and for MariaDB a name in utf16 is
 * another one. */
static bool keeps_names(const struct sql_state *state)
{
    return !(state->lossy & SQL_LOSSY_SIGNS) && state->charset != SQL_CHARSET_UNKNOWN &&
           state->charset != SQL_SJIS;
}

void note_user_lock(struct parser *p, struct text text, uint32_t offset)
{
    struct sql_lexer lexer;
    struct sql_token token;
    uint64_t name = 0;

    sql_lexer_init(&lexer, text, offset, p->state);
    sql_lexer_next(&lexer, &token);
    sql_lexer_next(&lexer, &token);
    const unsigned word = token.keyword;
    sql_lexer_next(&lexer, &token);
    if (token.sign != '(')
        return;
    sql_lexer_next(&lexer, &token);
    if (word != KW_RELEASE_ALL_LOCKS &&
        (!keeps_names(p->state) ||
         !take_lock(&lexer, &token, p->state->dialect == SQL_MYSQL, &name)))
        return;
    if (word == KW_GET_LOCK)
        skip_timeout(&lexer, &token);
    if (token.sign != ')')
        return;
    sql_lexer_next(&lexer, &token);
    if (!ends_here(&lexer, &token))
        return;
    p->facts->user_lock = word == KW_GET_LOCK       ? SQL_USER_LOCK_GETS
                          : word == KW_RELEASE_LOCK ? SQL_USER_LOCK_RELEASES
                                                    : SQL_USER_LOCK_RELEASES_ALL;
    p->facts->lock_name = name;
}
