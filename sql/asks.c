/* See sql/asks.h. The tokens are read, not the grammar: a word too many only means that silogate
 * sends what it has to send a statement later.
 */
#include "sql/asks.h"

#include "sql/lexer/lexer.h"

/* What came before the present token. */
struct place {
    bool shows;    /* SHOW or GET, in this statement */
    bool variable; /* @@, and perhaps a scope and a dot */
    bool called;   /* the name of one of the functions: a bracket makes it a call */
    bool begun;    /* a token */
    bool writes;   /* the text begins with an INSERT, UPDATE, DELETE or REPLACE */
    bool behind;   /* that statement has ended: the rows and warnings are its own */
    bool sql;      /* SQL, before the % of MariaDB's SQL%ROWCOUNT */
};

static bool is_one_of(struct text word, const struct text *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal_fold(word, words[i]))
            return true;
    }
    return false;
}

static bool is_function(struct text word)
{
    static const struct text functions[] = {TEXT("row_count"), TEXT("found_rows")};

    return is_one_of(word, functions, sizeof(functions) / sizeof(functions[0]));
}

static bool is_variable(struct text word)
{
    static const struct text variables[] = {TEXT("warning_count"), TEXT("error_count")};

    return is_one_of(word, variables, sizeof(variables) / sizeof(variables[0]));
}

static bool is_shown(struct text word)
{
    static const struct text shown[] = {TEXT("warnings"), TEXT("errors"), TEXT("diagnostics")};

    return is_one_of(word, shown, sizeof(shown) / sizeof(shown[0]));
}

static bool is_measured(struct text word)
{
    static const struct text shown[] = {TEXT("status"), TEXT("profiles"), TEXT("profile")};

    return is_one_of(word, shown, sizeof(shown) / sizeof(shown[0]));
}

static bool is_write(struct text word)
{
    static const struct text writes[] = {TEXT("insert"), TEXT("update"), TEXT("delete"),
                                         TEXT("replace")};

    return is_one_of(word, writes, sizeof(writes) / sizeof(writes[0]));
}

/* A word, or a name without its quotes. */
static bool word_asks(struct place *place, struct text word, bool quoted)
{
    const bool variable = place->variable;

    place->called = place->behind ? text_equal_fold(word, TEXT("found_rows")) : is_function(word);
    place->sql = text_equal_fold(word, TEXT("sql"));
    if (quoted)
        return variable && is_variable(word) && !place->behind;
    if (text_equal_fold(word, TEXT("show")) || text_equal_fold(word, TEXT("get")))
        place->shows = true;
    if (text_equal_fold(word, TEXT("execute")))
        return true;
    if (place->behind)
        return place->shows && is_measured(word);
    return (variable && is_variable(word)) ||
           (place->shows && (is_shown(word) || is_measured(word)));
}

static bool sign_asks(struct place *place, char sign)
{
    const bool asks = (place->called && sign == '(') || (place->sql && sign == '%');

    place->called = place->sql = false;
    place->variable = place->variable && sign == '.';
    if (sign == ';') {
        place->shows = false;
        place->behind = place->writes;
    }
    return asks;
}

static bool asks(struct place *place, struct text text, const struct sql_token *token)
{
    const char *at = text.at + token->offset;

    if (!place->begun && token->class == SQL_TOKEN_WORD)
        place->writes = is_write((struct text){at, token->length});
    place->begun = true;
    switch ((unsigned)token->class) {
    case SQL_TOKEN_WORD:
        return word_asks(place, (struct text){at, token->length}, false);
    case SQL_TOKEN_NAME:
        return token->length >= 2 &&
               word_asks(place, (struct text){at + 1, token->length - 2}, true);
    case SQL_TOKEN_SIGN:
        return sign_asks(place, token->sign);
    case SQL_TOKEN_SYSTEM:
        place->variable = true;
        return false;
    case SQL_TOKEN_BAD:
        return true;
    default:
        place->called = place->variable = place->sql = false;
        return false;
    }
}

bool sql_asks_back(struct text text, const struct sql_state *state)
{
    struct sql_lexer lexer;
    struct sql_token token;
    struct place place = {.shows = false};

    if (text.length == 0)
        return false;
    sql_lexer_init(&lexer, text, 0, state);
    do {
        sql_lexer_next(&lexer, &token);
        if (asks(&place, text, &token))
            return true;
    } while (token.class != SQL_TOKEN_END);
    return false;
}
