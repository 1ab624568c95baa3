/* Expressions, read token by token: brackets are counted, sql/query.c reads the subqueries, calls
 * of functions that are not built in become objects, and sequences too. No tree, no precedence.
 * Called wherever the grammar has an expression.
 */
#include "sql/functions.h"
#include "sql/parser.h"

/* For functions that are built in only if the bracket follows at once: does it? With IGNORE_SPACE
 * in sql_mode there may be white space before it, but no comment. */
static bool call_is_tight(struct parser *p)
{
    const uint8_t *at = p->lexer.start + p->t.offset + p->t.length;
    const uint8_t *bracket = p->lexer.start + p->n.offset;

    if (at == bracket)
        return true;
    while (at < bracket && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
        at++;
    if (at < bracket)
        return false;
    if (!p->state->mode_known) {
        p->facts->needs_mode = true;
        return parser_fail(p, "a blank before a function's bracket, and sql_mode is not known");
    }
    return p->state->mode & SQL_IGNORE_SPACE;
}

static bool is_geometry(enum sql_keyword word)
{
    return word == KW_POLYGON || word == KW_MULTIPOLYGON || word == KW_LINESTRING ||
           word == KW_MULTILINESTRING || word == KW_MULTIPOINT || word == KW_GEOMETRYCOLLECTION;
}

/* The number of arguments of the call at p->t (1 for none); 0 if its end is too far away. */
static unsigned count_arguments(struct parser *p)
{
    enum { LOOK = 200 };
    const struct parser_mark mark = parser_mark(p);
    unsigned count = 1;
    uint32_t depth = 0;

    step(p);
    step(p);
    for (unsigned i = 0; i < LOOK && !at_end(p) && !(depth == 0 && at_sign(p, ')')); i++) {
        if (at_sign(p, '('))
            depth++;
        else if (at_sign(p, ')'))
            depth--;
        else if (depth == 0 && at_sign(p, ','))
            count++;
        step(p);
    }
    if (!at_sign(p, ')'))
        count = 0;
    if (!p->failed)
        parser_back(p, &mark);
    return count;
}

/* MariaDB: some names are built-in functions only with the right number of arguments. Returns true
 * for such a name, and sets *yes: is it built in here? */
static bool decided_by_arguments(struct parser *p, enum sql_keyword word, bool *yes)
{
    if (p->state->dialect != SQL_MARIADB || (word != KW_POINT && !is_geometry(word)))
        return false;
    *yes = word == KW_POINT ? count_arguments(p) == 2 : parser_peek(p).sign != ')';
    return true;
}

/* Built-in functions that read the server's files or change its replication sources. */
static bool is_administration(enum sql_keyword word)
{
    return word == KW_LOAD_FILE || word == KW_ASYNCHRONOUS_CONNECTION_FAILOVER_ADD_SOURCE ||
           word == KW_ASYNCHRONOUS_CONNECTION_FAILOVER_RESET;
}

/* Loadable functions that execute a text from their arguments or act on the server: those of
 * Spider, lib_mysqludf_sys and group replication. They belong to no database. */
static bool acts_on_server(struct text name)
{
    static const struct text prefixes[] = {
        {"asynchronous_connection_failover_", 33},
        {"group_replication_",                18},
        {"spider_",                           7 },
        {"sys_eval",                          8 },
        {"sys_exec",                          8 },
    };

    for (unsigned i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (name.length >= prefixes[i].length &&
            text_equal_fold((struct text){name.at, prefixes[i].length}, prefixes[i]))
            return true;
    }
    return false;
}

static void note_lock_call(struct parser *p, enum sql_keyword word)
{
    if (word == KW_GET_LOCK)
        leaves(p, SQL_LEAVES_USER_LOCK);
    else if (word == KW_RELEASE_LOCK || word == KW_RELEASE_ALL_LOCKS)
        leaves(p, SQL_MAY_END_USER_LOCK);
}

/* Is the word at p->t, with a bracket at p->n, something else than a call of a stored function?
 * Also notes user locks and administration. */
static bool built_in(struct parser *p)
{
    const bool quoted = p->t.class == SQL_TOKEN_NAME;
    enum sql_keyword word = (enum sql_keyword)p->t.keyword;
    struct name name;
    bool yes;

    if (quoted) {
        if (!read_name(p, &name, false))
            return true;
        word = function_find(name.text);
    }
    p->facts->administration |= is_administration(word);
    note_lock_call(p, word);
    if (decided_by_arguments(p, word, &yes))
        return yes;
    if (is_column_or_option(p, word))
        return false;
    unsigned flags = function_flags(word, p->state);
    if (quoted)
        return flags & WORD_QUOTED;
    return (flags & WORD_TIGHT) && ((flags & WORD_SPACED) || call_is_tight(p));
}

/* A name that is followed by an opening bracket; takes only the name. */
static void parse_call(struct parser *p)
{
    struct name name;

    if (!built_in(p) && read_name(p, &name, false)) {
        p->facts->administration |= acts_on_server(name.text);
        add_object(p, SQL_ROUTINE, NULL, &name, SQL_EXECUTE);
    }
    step(p);
}

static bool is_text(const struct name *name, struct text text)
{
    return text_equal_fold(name->text, text);
}

/* first.second(: a function of the schema `first`; MariaDB with packages: or of the package
 * `first`. */
static void qualified_call(struct parser *p, const struct name *first, const struct name *second)
{
    add_object(p, SQL_ROUTINE, first, second, SQL_EXECUTE);
    if (p->state->dialect == SQL_MARIADB && is_text(first, TEXT("mariadb_schema")))
        note_lock_call(p, function_find(second->text)); /* its schema of built-in functions */
    if (has_packages(p))
        add_object(p, SQL_ROUTINE, NULL, first, SQL_EXECUTE);
}

bool at_value(struct parser *p, const struct sql_token *last)
{
    struct text text = {(const char *)p->lexer.start + last->offset, last->length};

    if (!may_be_oracle(p))
        return false;
    if (last->class == SQL_TOKEN_NAME)
        text = (struct text){text.at + 1, text.length - 2};
    return (text_equal_fold(text, TEXT("nextval")) || text_equal_fold(text, TEXT("currval"))) &&
           in_oracle(p);
}

/* Adds the routine or sequence that names with dots can mean: before an opening bracket a stored
 * function; else s.nextval or s.currval. */
static void read_dotted(struct parser *p, const struct sql_token *tokens, unsigned count)
{
    const uint32_t room = p->facts->names_length, objects = p->facts->object_count;
    struct name parts[3];

    for (unsigned i = 0; i < count; i++) {
        if (!read_name_of(p, &tokens[i], &parts[i], p->fold && i == 0))
            return;
    }
    if (count == 2 && at_sign(p, '('))
        qualified_call(p, &parts[0], &parts[1]);
    else if (count == 3 && at_sign(p, '('))
        add_object(p, SQL_ROUTINE, &parts[0], &parts[1], SQL_EXECUTE);
    else
        add_object(p, SQL_TABLE, count == 3 ? &parts[0] : NULL, &parts[count - 2],
                   SQL_READ | SQL_WRITE);
    if (p->facts->object_count == objects)
        p->facts->names_length = room;
}

/* Names with dots between them: a column, or a call of a stored function. */
static void parse_dotted(struct parser *p)
{
    struct sql_token tokens[3];
    unsigned count = 0;

    while (at_name(p) && count < 3) {
        tokens[count++] = p->t;
        step(p);
        if (!take_sign(p, '.'))
            break;
    }
    if (count == 3 || (count == 2 && at_sign(p, '*')))
        note_qualifier(p, &tokens[0], &tokens[1]);
    if (at_sign(p, '*'))
        step(p);
    else if (count >= 2 && (at_sign(p, '(') || at_value(p, &tokens[count - 1])))
        read_dotted(p, tokens, count);
}

/* NEXT VALUE FOR s, PREVIOUS VALUE FOR s. */
static bool at_value_for(const struct parser *p)
{
    return p->n.keyword == KW_VALUE && p->state->dialect == SQL_MARIADB &&
           parser_peek(p).keyword == KW_FOR;
}

static void parse_value_for(struct parser *p)
{
    unsigned access = at_word(p, KW_NEXT) ? SQL_READ | SQL_WRITE : SQL_READ;

    step(p);
    step(p);
    step(p);
    take_table(p, access);
}

/* NEXTVAL(s), LASTVAL(s), SETVAL(s, n): reads up to the sequence; walk() reads the rest. */
static void parse_sequence_call(struct parser *p, uint32_t *depth)
{
    unsigned access = at_word(p, KW_LASTVAL) ? SQL_READ : SQL_READ | SQL_WRITE;

    step(p);
    step(p);
    (*depth)++;
    take_table(p, access);
}

/* A query, mostly in brackets, and then up to their end: behind a word that seems to end a query,
 * as an alias END in a body, tables may follow. */
static void parse_inner_query(struct parser *p, uint32_t depth)
{
    parse_query(p);
    if (depth > 0 && !at_sign(p, ')'))
        parser_fail(p, "a query in brackets that does not end with them");
}

/* A set operation inside brackets: a query follows it. */
static void parse_set_operation(struct parser *p, uint32_t depth)
{
    step(p);
    need_plain_operands(p);
    skip_quantifier(p);
    if (at_word(p, KW_TABLE))
        parse_inner_query(p, depth);
}

/* CASE ... END in a body, where WHEN, THEN, ELSE and END otherwise end an expression. */
static void parse_case(struct parser *p)
{
    if (p->depth >= PARSER_DEPTH) {
        parser_fail(p, "expressions too deep within each other");
        return;
    }
    p->depth++;
    do {
        step(p);
        parse_expressions(p);
    } while (at_word(p, KW_WHEN) || at_word(p, KW_THEN) || at_word(p, KW_ELSE));
    need_word(p, KW_END);
    p->depth--;
}

/* A keyword: a subquery, an operator, a sequence, a call, or an ordinary word. */
static void parse_word(struct parser *p, uint32_t *depth)
{
    switch (p->t.keyword) {
    case KW_SELECT:
        parse_inner_query(p, *depth);
        return;
    case KW_UNION:
    case KW_EXCEPT:
    case KW_INTERSECT:
        if (p->n.sign == '(' && !built_in(p))
            break;
        parse_set_operation(p, *depth);
        return;
    case KW_NEXT:
    case KW_PREVIOUS:
        if (at_value_for(p)) {
            parse_value_for(p);
            return;
        }
        break;
    case KW_CASE:
        if (p->body) {
            parse_case(p);
            return;
        }
        break;
    case KW_MATCH:
        p->matches = true;
        step(p);
        return;
    case KW_AGAINST:
        if (p->matches) { /* an operator, not a call */
            p->matches = false;
            step(p);
            return;
        }
        break;
    case KW_NEXTVAL:
    case KW_LASTVAL:
    case KW_SETVAL:
        if (p->state->dialect == SQL_MARIADB && p->n.sign == '(') {
            parse_sequence_call(p, depth);
            return;
        }
        break;
    default:
        break;
    }
    if (p->n.sign == '(')
        parse_call(p);
    else
        step(p);
}

static void parse_system_variable(struct parser *p)
{
    step(p);
    if (p->t.class == SQL_TOKEN_WORD && p->n.sign != '.')
        step(p);
}

/* One sign; false where the expression ends before it. */
static bool parse_sign(struct parser *p, uint32_t *depth)
{
    switch (p->t.sign) {
    case '(':
        (*depth)++;
        step(p);
        if (at_query(p))
            parse_inner_query(p, *depth);
        return true;
    case '{':
        (*depth)++;
        step(p);
        if (at_name(p))
            step(p); /* {d '..'}, {fn ..}, {anything ..} */
        return true;
    case ')':
    case '}':
        if (*depth == 0)
            return false;
        (*depth)--;
        step(p);
        return true;
    case ',':
        if (*depth == 0)
            return false;
        step(p);
        return true;
    case ';':
        return false;
    default:
        step(p);
        return true;
    }
}

/* A column, with or without its table and schema, or a call. */
static void parse_named(struct parser *p)
{
    if (p->n.sign == '.')
        parse_dotted(p);
    else if (p->n.sign == '(')
        parse_call(p);
    else
        step(p);
}

/* Reads up to the end of the expression; with `bracket`, only the bracket at p->t and its contents.
 * `rows`: the bracket is a row of values, and more rows may follow behind commas. */
static void walk(struct parser *p, bool bracket, bool rows)
{
    uint32_t depth = 0;

    for (;;) {
        switch ((enum sql_token_class)p->t.class) {
        case SQL_TOKEN_SIGN:
            if (!parse_sign(p, &depth) || (bracket && depth == 0))
                return;
            break;
        case SQL_TOKEN_WORD:
            if (p->t.keyword && depth == 0 && ends_expression(p))
                return;
            if (p->t.keyword && p->n.sign != '.')
                parse_word(p, &depth);
            else
                parse_named(p);
            break;
        case SQL_TOKEN_NAME:
            parse_named(p);
            break;
        case SQL_TOKEN_VARIABLE:
            step(p);
            break;
        case SQL_TOKEN_SYSTEM:
            parse_system_variable(p);
            break;
        case SQL_TOKEN_STRING:
        case SQL_TOKEN_NUMBER:
            if (depth > 0 && p->n.sign == ',')
                sql_lexer_skip_values(&p->lexer, rows && depth == 1);
            step(p);
            break;
        case SQL_TOKEN_END:
        case SQL_TOKEN_BAD:
        default:
            if (depth > 0)
                parser_fail(p, "a bracket that is not closed");
            return;
        }
    }
}

void parse_expression(struct parser *p)
{
    walk(p, false, false);
}

void parse_expressions(struct parser *p)
{
    do
        walk(p, false, false);
    while (take_sign(p, ','));
}

void parse_bracket(struct parser *p)
{
    if (at_sign(p, '('))
        walk(p, true, false);
    else
        parser_fail(p, "a bracket is missing");
}

void parse_rows(struct parser *p)
{
    do {
        take_word(p, KW_ROW);
        if (!at_sign(p, '(')) {
            parser_fail(p, "a row is missing");
            return;
        }
        walk(p, true, true);
    } while (take_sign(p, ','));
}
