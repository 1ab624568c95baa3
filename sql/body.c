/* Stored bodies and compound statements: blocks, branches, loops, declarations, and the statements
 * in them. Local variables, cursors and labels are not listed as objects. The server undoes the
 * SETs of a stored body at its end; for compound statements see keep_of_body in sql/set.c. Called
 * by sql/define_stored.c and sql/statement.c.
 */
#include "sql/parser.h"

static void parse_list(struct parser *p);

/* A label before a block or loop. */
static void take_label(struct parser *p)
{
    if (at_name(p) && p->n.sign == ':') {
        step(p);
        step(p);
    } else if (at_sign(p, '<') && p->n.sign == '<') { /* ORACLE: <<label>> */
        parser_fail(p, "a label in sql_mode ORACLE");
    }
}

static void take_end_label(struct parser *p)
{
    if (at_name(p) && !at_reserved(p))
        step(p);
}

/* BEGIN [NOT ATOMIC] ... END [label] */
static void parse_block(struct parser *p)
{
    step(p);
    if (take_word(p, KW_NOT))
        need_word(p, KW_ATOMIC);
    parse_list(p);
    if (need_word(p, KW_END))
        take_end_label(p);
}

static void parse_if(struct parser *p)
{
    do {
        step(p);
        parse_expression(p);
        if (!need_word(p, KW_THEN))
            return;
        parse_list(p);
    } while (at_word(p, KW_ELSEIF) || at_word(p, KW_ELSIF));
    if (take_word(p, KW_ELSE))
        parse_list(p);
    if (need_word(p, KW_END))
        need_word(p, KW_IF);
}

static void parse_case(struct parser *p)
{
    step(p);
    if (!at_word(p, KW_WHEN))
        parse_expression(p);
    while (take_word(p, KW_WHEN)) {
        parse_expression(p);
        if (!need_word(p, KW_THEN))
            return;
        parse_list(p);
    }
    if (take_word(p, KW_ELSE))
        parse_list(p);
    if (need_word(p, KW_END))
        need_word(p, KW_CASE);
}

static void parse_loop_end(struct parser *p, enum sql_keyword word)
{
    if (need_word(p, KW_END) && need_word(p, word))
        take_end_label(p);
}

static void parse_while(struct parser *p)
{
    step(p);
    parse_expression(p);
    if (!need_word(p, KW_DO))
        return;
    parse_list(p);
    parse_loop_end(p, KW_WHILE);
}

static void parse_repeat(struct parser *p)
{
    step(p);
    parse_list(p);
    if (!need_word(p, KW_UNTIL))
        return;
    parse_expression(p);
    parse_loop_end(p, KW_REPEAT);
}

/* name(parameters) DO: a cursor. If another word than DO follows the bracket, it is a function. */
static bool take_cursor_call(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);

    if (!at_name(p) || p->n.sign != '(')
        return false;
    step(p);
    parse_bracket(p);
    if (at_word(p, KW_DO) || p->failed)
        return true;
    parser_back(p, &mark);
    return false;
}

/* MariaDB: FOR i IN [REVERSE] a..b DO, FOR r IN cursor DO, FOR r IN (query) DO */
static void parse_for(struct parser *p)
{
    struct name name;

    step(p);
    if (!read_name(p, &name, false))
        return;
    step(p);
    if (!need_word(p, KW_IN))
        return;
    take_word(p, KW_REVERSE);
    if (!take_cursor_call(p))
        parse_with_none(p, parse_expression);
    if (!need_word(p, KW_DO))
        return;
    parse_list(p);
    parse_loop_end(p, KW_FOR);
}

/* --- declarations --- */

/* TYPE OF [s.]t.c, ROW TYPE OF [s.]t: the server reads a table's definition. ROW TYPE OF may have
 * three names: MariaDB ignores the first and uses the last two. */
static void parse_type_of(struct parser *p, bool row)
{
    struct name parts[3];
    unsigned count = 0;

    step(p);
    if (!need_word(p, KW_OF))
        return;
    do {
        if (count == 3 || !read_name(p, &parts[count], p->fold))
            return;
        count++;
        step(p);
    } while (take_sign(p, '.'));
    unsigned table = row ? count : count - 1;
    if (table >= 2)
        add_object(p, SQL_TABLE, &parts[table - 2], &parts[table - 1], SQL_READ);
    else if (table == 1)
        add_object(p, SQL_TABLE, NULL, &parts[0], SQL_READ);
    else
        parser_fail(p, "a type of what is not understood");
}

/* DECLARE a, b type [DEFAULT expression]; also the parameters of routines and cursors, which can
 * have defaults since MariaDB 11.8. Brackets contain lengths, or the fields of a ROW. */
void parse_declared(struct parser *p)
{
    uint32_t depth = 0;

    while (!at_sign(p, ';') && (depth > 0 || !at_sign(p, ')')) && !at_end(p)) {
        if (take_word(p, KW_DEFAULT)) {
            parse_with_none(p, parse_expression);
        } else if (at_word(p, KW_SELECT)) {
            parser_fail(p, "a query where none is foreseen");
        } else if (at_word(p, KW_ROW) && p->n.keyword == KW_TYPE) {
            step(p);
            parse_type_of(p, true);
        } else if (at_word(p, KW_TYPE) && p->n.keyword == KW_OF) {
            parse_type_of(p, false);
        } else {
            depth += at_sign(p, '(');
            depth -= at_sign(p, ')');
            step(p);
        }
    }
}

/* DECLARE name CURSOR [(parameters)] FOR query; MariaDB: also FOR a prepared statement. */
static void declare_cursor(struct parser *p)
{
    step(p);
    step(p);
    if (take_sign(p, '(')) {
        parse_declared(p);
        need_sign(p, ')');
    }
    if (!need_word(p, KW_FOR))
        return;
    if (at_query(p) || at_sign(p, '(') || at_word(p, KW_VALUES))
        parse_query(p);
    else
        parser_fail(p, "a cursor of a statement that is not known");
}

/* DECLARE CONTINUE HANDLER FOR conditions statement */
static void declare_handler(struct parser *p)
{
    step(p);
    step(p);
    if (!need_word(p, KW_FOR))
        return;
    do {
        if (take_word(p, KW_SQLSTATE)) {
            take_word(p, KW_VALUE);
            step(p);
        } else if (take_word(p, KW_NOT)) {
            step(p); /* FOUND */
        } else {
            step(p);
        }
    } while (take_sign(p, ','));
    parse_body(p);
}

static void parse_declare(struct parser *p)
{
    step(p);
    if (p->n.keyword == KW_HANDLER)
        declare_handler(p);
    else if (p->n.keyword == KW_CURSOR)
        declare_cursor(p);
    else
        parse_declared(p); /* also CONDITION FOR */
}

/* --- statements --- */

/* FETCH [[NEXT] FROM] c INTO a, b; OPEN c [USING e]; CLOSE c */
static void parse_cursor(struct parser *p)
{
    enum sql_keyword word = (enum sql_keyword)p->t.keyword;

    step(p);
    if (word == KW_FETCH) {
        if (at_word(p, KW_GROUP)) { /* MariaDB, in aggregate functions: GROUP NEXT ROW */
            step(p);
            need_word(p, KW_NEXT);
            need_word(p, KW_ROW);
            return;
        }
        if (at_word(p, KW_NEXT) && p->n.keyword == KW_FROM)
            step(p);
        take_word(p, KW_FROM);
    }
    step(p);
    if (at_word(p, KW_INTO))
        parse_clause(p);
    else if (take_word(p, KW_USING))
        parse_expressions(p);
    else if (at_sign(p, '('))
        parse_with_none(p, parse_bracket);
}

static bool parse_flow(struct parser *p)
{
    switch (p->t.keyword) {
    case KW_BEGIN:
        parse_block(p);
        return true;
    case KW_IF:
        parse_if(p);
        return true;
    case KW_CASE:
        parse_case(p);
        return true;
    case KW_LOOP:
        step(p);
        parse_list(p);
        parse_loop_end(p, KW_LOOP);
        return true;
    case KW_WHILE:
        parse_while(p);
        return true;
    case KW_REPEAT:
        parse_repeat(p);
        return true;
    case KW_FOR:
        parse_for(p);
        return true;
    default:
        return false;
    }
}

static void parse_body_statement(struct parser *p)
{
    take_label(p);
    switch (p->t.keyword) {
    case KW_DECLARE:
        parse_declare(p);
        break;
    case KW_OPEN:
    case KW_FETCH:
    case KW_CLOSE:
        parse_cursor(p);
        break;
    case KW_RETURN:
        step(p);
        parse_expression(p);
        break;
    case KW_LEAVE:
    case KW_ITERATE:
        step(p);
        step(p);
        break;
    default:
        if (!parse_flow(p))
            parse_statement(p);
        break;
    }
}

/* From this version on MariaDB keeps each statement of a body as it was written; others keep the
 * body without the beginnings and ends of executable comments. */
enum { KEEPS_STATEMENTS = 110200 };

void parse_body(struct parser *p)
{
    const bool body = p->body;

    if (p->depth >= PARSER_DEPTH) {
        parser_fail(p, "statements too deep within each other");
        return;
    }
    p->depth++;
    p->body = p->has_body = true;
    const struct sql_lexer_span outer = sql_lexer_keeps(&p->lexer, p->t.offset);
    parse_body_statement(p);
    if (!sql_lexer_kept(&p->lexer, &outer, p->t.offset) && p->state->dialect == SQL_MARIADB &&
        p->state->version >= KEEPS_STATEMENTS)
        parser_fail(p, "a body that starts in an executable comment and goes on behind it");
    if (p->lexer.glues)
        parser_fail(p, "an executable comment in a body, without a blank beside it");
    p->body = body;
    p->depth--;
}

/* Statements, each with a semicolon behind it, up to a word that ends the list. */
static void parse_list(struct parser *p)
{
    const uint8_t prepared_count = p->prepared_count;

    for (;;) {
        switch (p->t.keyword) {
        case KW_END:
        case KW_ELSE:
        case KW_ELSEIF:
        case KW_ELSIF:
        case KW_WHEN:
        case KW_UNTIL:
            p->prepared_count = prepared_count;
            return;
        default:
            if (at_end(p)) {
                parser_fail(p, "a block that is not closed");
                return;
            }
            parse_body(p);
            if (!need_sign(p, ';'))
                return;
            break;
        }
    }
}

void parse_body_in(struct parser *p, const struct name *schema)
{
    const struct text current = p->schema;

    if (in_oracle(p)) {
        parser_fail(p, "a body in sql_mode ORACLE"); /* its declarations come before BEGIN */
        return;
    }
    if (p->rereads) {
        parser_fail(p, "a body that is stored in another sql_mode or character set");
        return;
    }
    check_head(p);
    if (schema->text.at)
        p->schema = schema->text;
    p->facts->stores = true;
    const bool stored = p->stored;
    p->stored = true;
    parse_body(p);
    p->stored = stored;
    p->schema = current;
}

/* Does a block, branch, loop or label start here? MariaDB takes these outside of routines too. */
bool at_compound(struct parser *p)
{
    if (p->state->dialect != SQL_MARIADB && !p->body)
        return false;
    switch (p->t.keyword) {
    case KW_BEGIN:
        if (p->n.keyword == KW_NOT)
            return true;
        return p->n.class == SQL_TOKEN_WORD && p->n.keyword != KW_WORK && in_oracle(p);
    case KW_IF:
    case KW_CASE:
    case KW_LOOP:
    case KW_WHILE:
    case KW_REPEAT:
    case KW_FOR:
        return true;
    default:
        return at_name(p) && p->n.sign == ':';
    }
}

void parse_compound(struct parser *p)
{
    if (p->set_for) {
        parser_fail(p, "a block behind SET STATEMENT in a body: it kills MariaDB");
        return;
    }
    set_kind(p, SQL_COMPOUND);
    p->facts->branches = true;
    p->compound = true;
    parse_body(p);
}
