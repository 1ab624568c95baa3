/* See proxy/literal.h. Called by renew.c. */
#include "proxy/literal.h"

#include <stdio.h>

bool literal_can_be(const struct sql_state *state, struct text text)
{
    if (!state->mode_known || state->lossy & SQL_LOSSY_SIGNS ||
        (state->charset != SQL_UTF8 && state->charset != SQL_SINGLE_BYTE))
        return false;
    /* A character of four bytes is a question mark in utf8mb3, which counts as SQL_UTF8. */
    for (size_t i = 0, size; i < text.length; i += size) {
        size = text_character((struct text){text.at + i, text.length - i});
        if (text.at[i] == '\0' || size == 0 || size > 3 ||
            (size > 1 && (state->charset != SQL_UTF8 || state->lossy)))
            return false;
    }
    return true;
}

/* Names that sql/session.c remembers are plain: they contain no quotes. */
size_t literal_prepare(char *to, struct text name, struct text text, bool backslashes)
{
    const size_t head = (size_t)sprintf(to + 2, "PREPARE `%.*s` FROM '", TEXT_ARGS(name)) + 2;
    size_t length = head;

    to[0] = 0; /* no query attributes, in one set */
    to[1] = 1;
    for (size_t i = 0; i < text.length; i++) {
        const char c = text.at[i];
        if (c == '\'' || (c == '\\' && backslashes))
            to[length++] = c;
        to[length++] = c;
    }
    to[length++] = '\'';
    return length;
}
