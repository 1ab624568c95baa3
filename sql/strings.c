/* Looks into the strings of a text. Called by move/texts.c. */
#include "sql/strings.h"

#include "sql/lexer/lexer.h"

bool sql_has_string(struct text text, const struct sql_state *state,
                    bool (*is_one)(struct text string, const void *of), const void *of)
{
    struct sql_lexer lexer;
    struct sql_token token;

    sql_lexer_init(&lexer, text, 0, state);
    do {
        sql_lexer_next(&lexer, &token);
        if (token.class == SQL_TOKEN_STRING &&
            is_one((struct text){text.at + token.offset, token.length}, of))
            return true;
    } while (token.class != SQL_TOKEN_END && token.class != SQL_TOKEN_BAD);
    return false;
}
