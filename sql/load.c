/* LOAD DATA and LOAD XML: a table is filled from a file. Called by sql/statement.c.
 */
#include "sql/parser.h"

/* FIELDS, LINES, CHARACTER SET ...: words and strings, up to the columns or SET. */
static void skip_formats(struct parser *p)
{
    while (p->t.class == SQL_TOKEN_STRING || p->t.class == SQL_TOKEN_NUMBER ||
           p->t.class == SQL_TOKEN_WORD || at_sign(p, '=') || at_sign(p, '<') || at_sign(p, '>')) {
        if (at_word(p, KW_SET))
            return;
        if (take_word(p, KW_CHARACTER) || take_word(p, KW_CHAR)) {
            need_word(p, KW_SET);
            step(p);
            continue;
        }
        step(p);
    }
}

void parse_load(struct parser *p)
{
    if (p->n.keyword == KW_INDEX) {
        parse_load_index(p);
        return;
    }
    step(p);
    set_kind(p, at_word(p, KW_XML) ? SQL_LOAD_XML : SQL_LOAD_DATA);
    may_run_code(p);
    if (!at_word(p, KW_XML) && !at_word(p, KW_DATA)) {
        parser_fail(p, "LOAD of what is not understood");
        return;
    }
    step(p);
    bool local = false;
    while (!at_word(p, KW_INTO) && !at_end(p)) {
        local |= at_word(p, KW_LOCAL);
        if (!at_name(p) && p->t.class != SQL_TOKEN_STRING && p->t.class != SQL_TOKEN_NUMBER) {
            parser_fail(p, "LOAD DATA that is not understood");
            return;
        }
        step(p);
    }
    p->facts->administration |= !local;
    if (!need_word(p, KW_INTO) || !need_word(p, KW_TABLE))
        return;
    take_table(p, SQL_WRITE);
    skip_partitions(p);
    skip_formats(p);
    if (at_sign(p, '(')) {
        p->assigns = true; /* columns may be read into @v */
        skip_brackets(p);
        if (at_word(p, KW_PARALLEL) || at_word(p, KW_MEMORY) || at_word(p, KW_ALGORITHM))
            skip_formats(p);
    }
    if (take_word(p, KW_SET))
        parse_expressions(p);
}
