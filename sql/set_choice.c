/* A user variable that is set to one of several literals. Scripts choose a statement this way: SET
 * @q = IF(condition, 'ALTER TABLE ..', 'SELECT 1'). Called by sql/set.c.
 */
#include "sql/set_internal.h"

/* Skips to the comma or bracket that ends an argument. */
static void skip_argument(struct parser *p)
{
    for (uint32_t depth = 0; !at_end(p); step(p)) {
        if (at_sign(p, '('))
            depth++;
        else if (depth == 0 && (at_sign(p, ',') || at_sign(p, ')')))
            return;
        else if (at_sign(p, ')'))
            depth--;
    }
}

/* Takes a literal and appends it to `texts`; takes NULL and appends nothing. */
static bool take_alternative(struct parser *p, struct text *texts)
{
    struct text literal = {(const char *)p->lexer.start + p->t.offset, p->t.length}, text;

    if (take_word(p, KW_NULL))
        return true;
    if (2 * (texts->length + literal.length) > SQL_NAMES - p->facts->names_length)
        return false;
    if (p->t.class != SQL_TOKEN_STRING || (literal.at[0] != '\'' && literal.at[0] != '"'))
        return false;
    text = keeps_its_text(p, unescape(p, literal, p->t.flags & SQL_TOKEN_ESCAPED));
    step(p);
    if (text.length > 0 && memchr(text.at, 0, text.length))
        return false;
    char *room = text.at ? take_room(p, texts->length + 1 + text.length) : NULL;
    if (!room || p->t.class == SQL_TOKEN_STRING)
        return false;
    size_t used = texts->at ? texts->length + 1 : 0;
    if (texts->at) {
        memcpy(room, texts->at, texts->length);
        room[texts->length] = '\0';
    }
    if (text.length)
        memcpy(room + used, text.at, text.length);
    *texts = (struct text){room, used + text.length};
    return true;
}

/* Skips the rest of (SELECT IF(..) ..) with its last bracket; false if it has UNION or the like. */
static bool skip_query(struct parser *p)
{
    for (uint32_t depth = 0; !at_end(p) && !at_sign(p, ';'); step(p)) {
        if (at_word(p, KW_UNION) || at_word(p, KW_EXCEPT) || at_word(p, KW_INTERSECT) ||
            at_word(p, KW_MINUS))
            return false;
        if (at_sign(p, '('))
            depth++;
        else if (at_sign(p, ')') && depth-- == 0)
            return take_sign(p, ')');
    }
    return false;
}

struct text read_choice(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    const uint32_t room = p->facts->names_length;
    const bool query = at_sign(p, '(') && p->n.keyword == KW_SELECT;
    struct text texts = {NULL, 0};
    uint32_t open = 0;
    bool good = true;

    if (!query && !at_word(p, KW_IF))
        return texts;
    for (unsigned i = 0; query && i < 2; i++)
        step(p);
    do {
        good = good && at_word(p, KW_IF) && p->n.sign == '(';
        step(p);
        step(p);
        open++;
        skip_argument(p);
        good = good && take_sign(p, ',') && take_alternative(p, &texts) && take_sign(p, ',');
    } while (good && at_word(p, KW_IF));
    good = good && take_alternative(p, &texts);
    for (; good && open > 0; open--)
        good = take_sign(p, ')');
    if (good && query)
        good = (at_sign(p, ')') || at_word(p, KW_FROM)) && skip_query(p);
    good = good && (at_end(p) || at_sign(p, ';'));
    if (!p->failed)
        parser_back(p, &mark);
    if (good && !p->failed)
        return texts;
    p->facts->names_length = room;
    return (struct text){NULL, 0};
}
