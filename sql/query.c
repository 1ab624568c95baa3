/* Queries: SELECT, TABLE, VALUES, set operations, and the clauses after FROM; with.c parses their
 * WITH. Called by every file whose statements may contain a query.
 */
#include "sql/parser.h"

bool at_query(const struct parser *p)
{
    switch (p->t.keyword) {
    case KW_SELECT:
        return true;
    case KW_WITH:
        return p->n.class == SQL_TOKEN_WORD || p->n.class == SQL_TOKEN_NAME;
    case KW_TABLE:
        return p->n.class == SQL_TOKEN_WORD || p->n.class == SQL_TOKEN_NAME;
    default:
        return false;
    }
}

/* --- clauses --- */

/* At an option after the file name of INTO OUTFILE? */
static bool at_file_option(const struct parser *p)
{
    static const uint16_t words[] = {KW_CHARACTER, KW_CHARSET,    KW_SET,        KW_FIELDS,
                                     KW_COLUMNS,   KW_LINES,      KW_TERMINATED, KW_BY,
                                     KW_ENCLOSED,  KW_OPTIONALLY, KW_ESCAPED,    KW_STARTING};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (at_word(p, (enum sql_keyword)words[i]))
            return true;
    }
    return p->t.class == SQL_TOKEN_NUMBER;
}

static void parse_into(struct parser *p)
{
    step(p);
    if (at_word(p, KW_OUTFILE) || at_word(p, KW_DUMPFILE)) {
        p->facts->administration = true;
        step(p);
        if (p->t.class != SQL_TOKEN_STRING)
            parser_fail(p, "INTO OUTFILE without a file");
        step(p);
        while (p->t.class == SQL_TOKEN_STRING || at_file_option(p)) {
            if (take_word(p, KW_SET) && at_name(p))
                step(p);
            else if (!at_word(p, KW_SET) && !take_word(p, KW_CHARSET))
                step(p);
        }
        return;
    }
    do {
        if (p->t.class == SQL_TOKEN_VARIABLE)
            p->assigns = true;
        else if (!at_name(p)) {
            parser_fail(p, "INTO without a variable");
            return;
        }
        step(p);
        while (at_sign(p, '.') && (p->n.class == SQL_TOKEN_WORD || p->n.class == SQL_TOKEN_NAME)) {
            step(p);
            step(p);
        }
    } while (take_sign(p, ','));
}

/* OF tables, by the names or aliases that the query uses */
static void parse_locked(struct parser *p)
{
    struct name schema, name;

    if (!take_word(p, KW_OF))
        return;
    do {
        const struct sql_token first = p->t;
        if (take_table_name(p, &schema, &name) && schema.text.at)
            note_qualifier(p, &first, &p->named);
    } while (take_sign(p, ','));
}

/* FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE, with NOWAIT, WAIT n or SKIP LOCKED */
static bool parse_lock(struct parser *p)
{
    if (take_word(p, KW_LOCK)) {
        if (!need_word(p, KW_IN) || !need_word(p, KW_SHARE) || !need_word(p, KW_MODE))
            return false;
    } else if (p->n.keyword == KW_UPDATE || p->n.keyword == KW_SHARE) {
        step(p);
        step(p);
        parse_locked(p);
    } else {
        return false;
    }
    while (at_word(p, KW_NOWAIT) || at_word(p, KW_SKIP) || at_word(p, KW_LOCKED) ||
           at_word(p, KW_WAIT) || p->t.class == SQL_TOKEN_NUMBER)
        step(p);
    return true;
}

/* LIMIT, OFFSET, FETCH: numbers, parameters and variables. */
static void parse_limit(struct parser *p)
{
    step(p);
    for (;;) {
        switch (p->t.keyword) {
        case KW_OFFSET:
        case KW_ROW:
        case KW_ROWS:
        case KW_EXAMINED:
        case KW_ONLY:
        case KW_FIRST:
        case KW_NEXT:
        case KW_FETCH:
            step(p);
            continue;
        case KW_WITH:
            if (p->n.keyword != KW_TIES)
                return;
            step(p);
            step(p);
            continue;
        default:
            break;
        }
        if (p->t.class == SQL_TOKEN_NUMBER || p->t.class == SQL_TOKEN_VARIABLE || at_sign(p, '?') ||
            at_sign(p, ',') || at_sign(p, '.') || at_sign(p, '+') ||
            (at_name(p) && !at_reserved(p)))
            step(p);
        else
            return;
    }
}

static void parse_window(struct parser *p)
{
    step(p);
    do {
        struct name name;
        if (!read_name(p, &name, false))
            return;
        step(p);
        if (!need_word(p, KW_AS))
            return;
        parse_bracket(p);
    } while (take_sign(p, ','));
}

static void parse_list(struct parser *p)
{
    step(p);
    if (!need_word(p, KW_BY))
        return;
    parse_expressions(p);
    if (at_word(p, KW_WITH) && (p->n.keyword == KW_ROLLUP || p->n.keyword == KW_CUBE)) {
        step(p);
        step(p);
    }
}

bool parse_clause(struct parser *p)
{
    switch (p->t.keyword) {
    case KW_WHERE:
    case KW_HAVING:
    case KW_QUALIFY:
        step(p);
        parse_expression(p);
        return true;
    case KW_GROUP:
    case KW_ORDER:
        parse_list(p);
        return true;
    case KW_LIMIT:
    case KW_OFFSET:
    case KW_FETCH:
        parse_limit(p);
        return true;
    case KW_INTO:
        parse_into(p);
        return true;
    case KW_FOR:
    case KW_LOCK:
        return parse_lock(p);
    case KW_WINDOW:
        parse_window(p);
        return true;
    case KW_PROCEDURE:
        step(p);
        step(p); /* ANALYSE */
        parse_bracket(p);
        return true;
    default:
        return false;
    }
}

/* --- query expressions --- */

/* At an option between SELECT and its list? Some of the words may also be columns:
 * parse_expressions reads them then. */
static bool is_select_option(unsigned keyword)
{
    switch (keyword) {
    case KW_ALL:
    case KW_DISTINCT:
    case KW_DISTINCTROW:
    case KW_HIGH_PRIORITY:
    case KW_STRAIGHT_JOIN:
    case KW_SQL_BIG_RESULT:
    case KW_SQL_CALC_FOUND_ROWS:
    case KW_SQL_SMALL_RESULT:
        return true;
    default:
        return false;
    }
}

bool is_column_or_option(const struct parser *p, unsigned keyword)
{
    return keyword == KW_SQL_BUFFER_RESULT || keyword == KW_SQL_NO_CACHE ||
           (keyword == KW_SQL_CACHE && p->state->dialect == SQL_MARIADB);
}

static bool at_select_option(const struct parser *p)
{
    if (is_column_or_option(p, p->t.keyword))
        return is_select_option(p->n.keyword) || is_column_or_option(p, p->n.keyword);
    return is_select_option(p->t.keyword);
}

static void parse_select(struct parser *p)
{
    step(p);
    while (at_select_option(p))
        step(p);
    if (is_column_or_option(p, p->t.keyword) && p->n.sign == '(') /* elsewhere a call */
        step(p);
    parse_expressions(p);
    do {
        if (take_word(p, KW_FROM))
            parse_table_references(p, SQL_READ);
    } while (parse_clause(p) || at_word(p, KW_FROM));
}

static void parse_operand(struct parser *p)
{
    switch (p->t.keyword) {
    case KW_SELECT:
        parse_select(p);
        return;
    case KW_TABLE:
        step(p);
        parse_table_factor(p, SQL_READ);
        return;
    case KW_VALUES:
        step(p);
        parse_rows(p);
        return;
    default:
        parser_fail(p, "a query is missing");
    }
}

static bool at_set_operation(const struct parser *p)
{
    return at_word(p, KW_UNION) || at_word(p, KW_EXCEPT) || at_word(p, KW_INTERSECT) ||
           (at_word(p, KW_MINUS) && (p->n.keyword == KW_SELECT || p->n.sign == '('));
}

/* A WITH after an opening bracket. On MySQL it belongs to the whole query expression and replaces
 * the earlier WITH: the names of that WITH's CTEs mean tables from here on. */
static void replace_with(struct parser *p, uint16_t mark)
{
    for (unsigned i = mark; i < p->cte_count; i++)
        p->ctes[i].visible = false;
    enter_with(p);
}

void parse_query_body(struct parser *p, uint16_t mark)
{
    uint32_t open = 0;

    may_run_code(p);
    for (;;) {
        while (at_sign(p, '(') || (at_word(p, KW_WITH) && p->state->dialect == SQL_MYSQL)) {
            if (take_sign(p, '('))
                open++;
            else
                replace_with(p, mark);
        }
        if (at_word(p, KW_WITH))
            parse_query(p);
        else
            parse_operand(p);
        while (parse_clause(p) || (open > 0 && at_sign(p, ')'))) {
            if (open > 0 && take_sign(p, ')'))
                open--;
        }
        if (!at_set_operation(p))
            break;
        step(p);
        skip_quantifier(p);
    }
    if (open > 0)
        parser_fail(p, "a bracket that is not closed");
}

void need_plain_operands(struct parser *p)
{
    if (p->with_inside && p->state->dialect == SQL_MYSQL)
        parser_fail(p, "a set operation behind a WITH in brackets");
}

void parse_query(struct parser *p)
{
    if (p->depth >= PARSER_DEPTH) {
        parser_fail(p, "queries too deep within each other");
        return;
    }
    p->depth++;
    const uint16_t mark = enter_with(p);
    parse_query_body(p, mark);
    leave_with(p, mark);
    p->depth--;
}
