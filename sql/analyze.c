/* The door of the analysis: one statement out of a command's text, by its first word. Who reads
 * this for the first time: sql/lexer.h, sql/parser.h, then here, then sql/query.c.
 */
#include "sql/analyze.h"

#include "sql/parser.h"
#include "sql/session_internal.h"

/* Unused CTEs that are used by unused CTEs: one more reading for each of the chain. */
enum { PASSES = 8 };

static void parse_query_statement(struct parser *p)
{
    switch (p->t.keyword) {
    case KW_TABLE:
        p->facts->kind = SQL_TABLE_STATEMENT;
        break;
    case KW_VALUES:
        p->facts->kind = SQL_VALUES_STATEMENT;
        break;
    default:
        p->facts->kind = SQL_SELECT;
        break;
    }
    parse_query(p);
}

/* WITH before a query, an UPDATE or a DELETE. */
static void parse_with_statement(struct parser *p)
{
    const uint16_t mark = enter_with(p);

    switch (p->t.keyword) {
    case KW_UPDATE:
        parse_update(p);
        break;
    case KW_DELETE:
        parse_delete(p);
        break;
    default:
        parse_query_statement(p);
        p->facts->kind = SQL_SELECT;
        break;
    }
    leave_with(p, mark);
}

static void parse_use(struct parser *p)
{
    struct name name;

    p->facts->kind = SQL_USE;
    step(p);
    if (!take_database(p, SQL_READ, &name))
        return;
    p->facts->effects |= SQL_EFFECT_DATABASE;
    p->facts->database = name.text;
    p->facts->database_offset = name.offset;
    p->facts->database_length = name.length;
}

void parse_statement(struct parser *p)
{
    if (p->depth >= PARSER_DEPTH) {
        parser_fail(p, "statements too deep within each other");
        return;
    }
    p->depth++;
    switch (p->t.keyword) {
    case KW_SELECT:
    case KW_TABLE:
    case KW_VALUES:
        parse_query_statement(p);
        break;
    case KW_WITH:
        parse_with_statement(p);
        break;
    case KW_INSERT:
    case KW_REPLACE:
        parse_insert(p);
        break;
    case KW_UPDATE:
        parse_update(p);
        break;
    case KW_DELETE:
        parse_delete(p);
        break;
    case KW_SET:
        parse_set(p);
        break;
    case KW_USE:
        parse_use(p);
        break;
    case KW_BEGIN:
    case KW_START:
    case KW_COMMIT:
    case KW_ROLLBACK:
    case KW_SAVEPOINT:
    case KW_RELEASE:
    case KW_XA:
        parse_transaction(p);
        break;
    default:
        if (at_sign(p, '('))
            parse_query_statement(p);
        else
            parser_fail(p, "a statement that starts with a word that is not understood");
        break;
    }
    p->depth--;
}

/* What the session remembers of user variables is out of date. */
static void forget_variables(struct parser *p)
{
    if (!p->assigns || !p->session)
        return;
    p->facts->effects |= SQL_EFFECT_SESSION;
    p->facts->session.action |= SQL_ACTION_FORGET_VARIABLES;
}

static size_t finish(struct parser *p, size_t length)
{
    struct sql_facts *facts = p->facts;
    size_t next = length;

    if (at_sign(p, ';'))
        next = p->t.offset + 1;
    else if (!at_end(p))
        parser_fail(p, "text behind the statement's end that is not understood");
    forget_variables(p);
    if (p->session && sql_session_disturbed(p->session, facts))
        facts->effects |= SQL_EFFECT_SESSION;
    facts->determined = !p->failed;
    return p->failed ? length : next;
}

static void parser_init(struct parser *p, const struct sql_mood *mood,
                        const struct sql_session *session, struct sql_facts *facts)
{
    p->facts = facts;
    p->mood = mood;
    p->session = session;
    p->schema = sql_mood_database(mood);
    p->failed = p->body = p->assigns = p->nowhere = p->collects = p->in_cte = p->indexed = false;
    p->rereads = p->matches = false;
    p->fold = mood->lower_case_table_names != 0;
    p->depth = 0;
    p->cte_count = p->cte_floor = p->joined_count = 0;
}

size_t sql_analyze(struct text text, size_t offset, const struct sql_mood *mood,
                   const struct sql_session *session, struct sql_facts *facts)
{
    struct parser p;
    bool assigns = false;
    unsigned passes = 0;

    p.unused_count = 0;
    do {
        memset(facts, 0, offsetof(struct sql_facts, objects));
        parser_init(&p, mood, session, facts);
        if (text.length > UINT32_MAX) {
            facts->why = "a text of more than four gigabytes";
            return text.length;
        }
        p.skipped = p.unused_count;
        parser_start(&p, text, (uint32_t)offset);
        if (at_end(&p) || at_sign(&p, ';'))
            facts->kind = p.failed ? SQL_UNKNOWN : SQL_EMPTY;
        else
            parse_statement(&p);
        assigns |= p.assigns;
    } while (!p.failed && p.unused_count > p.skipped && ++passes < PASSES);
    p.assigns = assigns;
    return finish(&p, text.length);
}
