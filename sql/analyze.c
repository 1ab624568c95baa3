/* The entry of the analysis: reads one statement of a command's text. To read this folder for the
 * first time: sql/lexer/lexer.h, sql/parser.h, this file, sql/statement.c, then sql/query.c.
 */
#include "sql/analyze.h"

#include <assert.h>

#include "sql/parser.h"
#include "sql/reread.h"
#include "sql/session_internal.h"

/* MySQL ignores unused CTEs. In a chain of CTEs where each is used only by the next unused one,
 * each CTE takes one more reading of the statement. */
enum { PASSES = 8 };

/* Makes the session forget the user variables that it remembers. After a CALL it forgets
 * everything: a procedure may run dynamic SQL, drop temporary tables and prepare other statements
 * under the same names. */
static void forget_variables(struct parser *p)
{
    if (!p->assigns && !p->calls)
        return;
    p->facts->effects |= SQL_EFFECT_SESSION;
    p->facts->session.action |= p->calls ? SQL_ACTION_FORGET_ALL : SQL_ACTION_FORGET_VARIABLES;
}

/* After a failure the rest of the text is not read, so it may change the session in any way. The
 * same is true of a prepared statement whose text is not known. */
static void expect_anything(struct parser *p)
{
    struct sql_facts *facts = p->facts;
    const uint8_t *at = p->lexer.at;
    bool more = at < p->lexer.end && memchr(at, ';', (size_t)(p->lexer.end - at));

    if (!more && facts->kind != SQL_UNKNOWN && facts->kind != SQL_SET &&
        facts->kind != SQL_EXECUTE_STATEMENT && facts->kind != SQL_EXECUTE_IMMEDIATE &&
        facts->kind != SQL_COMPOUND)
        return;
    facts->effects |= SQL_EFFECT_UNKNOWN;
    bool executes = facts->kind == SQL_EXECUTE_STATEMENT || facts->kind == SQL_EXECUTE_IMMEDIATE;
    /* MySQL does not prepare USE. */
    if (more || (executes ? p->state->dialect == SQL_MARIADB : facts->kind != SQL_SET)) {
        facts->effects |= SQL_EFFECT_DATABASE;
        facts->database = (struct text){NULL, 0};
        facts->database_offset = facts->database_length = 0;
    }
}

/* A later statement that uses a temporary MERGE table also uses its underlying tables, and policy
 * may have forbidden them by then. So the session remembers these facts with the table. */
static void note_united(struct parser *p)
{
    struct sql_facts *facts = p->facts;
    const struct sql_object *first = &facts->objects[0];

    if (!p->united || p->failed || facts->object_count == 0)
        return;
    if (facts->kind != SQL_CREATE_TABLE && !(facts->session.action & SQL_ACTION_CREATE_TEMPORARY)) {
        /* The session may have temporary tables that are not known here: renamed, forgotten, made
         * by a procedure. */
        const bool known = facts->kind == SQL_ALTER_TABLE && first->session_only;
        facts->effects |= SQL_EFFECT_SESSION;
        facts->session.action |= SQL_ACTION_CREATE_TEMPORARY;
        facts->session.name = known ? first->name : (struct text){NULL, 0};
        facts->session.value = known ? first->schema : (struct text){NULL, 0};
    }
    if (facts->session.action & SQL_ACTION_CREATE_TEMPORARY)
        facts->session.facts = facts;
}

/* Does MariaDB open a table or view for it? Not for the listed kinds (tried with 10.11). */
static bool opens_tables(const struct sql_facts *facts)
{
    const bool runs_code = facts->session.action & SQL_ACTION_RUNS_CODE;

    switch (facts->kind) {
    case SQL_CREATE_TABLE: /* LIKE: see take_like */
    case SQL_CREATE_PROCEDURE:
    case SQL_CREATE_FUNCTION:
    case SQL_DROP_TABLE:
    case SQL_DROP_VIEW:
    case SQL_DROP_ROUTINE:
        if (!runs_code)
            return false;
        break;
    default:
        break;
    }
    /* The tables and functions of a view, and not the view itself. */
    const bool view = facts->kind == SQL_CREATE_VIEW;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type != SQL_DATABASE && !(view && object->access == SQL_DEFINE))
            return true;
    }
    return facts->lists;
}

static size_t finish(struct parser *p, size_t length)
{
    struct sql_facts *facts = p->facts;

    if (p->assigns && facts->kind != SQL_LOAD_DATA && facts->kind != SQL_LOAD_XML)
        read_written(p);
    forget_variables(p);
    note_united(p);
    facts->determined = !p->failed;
    if (p->failed) {
        facts->list_next = 0;
        expect_anything(p);
    }
    if (p->state->dialect == SQL_MARIADB && !p->state->from_file && opens_tables(facts))
        facts->session.action |= SQL_ACTION_EVALUATES;
    if (p->session && sql_session_disturbed(p->session, facts))
        facts->effects |= SQL_EFFECT_SESSION;
    return !p->failed && at_sign(p, ';') ? p->t.offset + 1 : length;
}

static void parser_init(struct parser *p, const struct sql_state *state,
                        const struct sql_session *session, struct sql_facts *facts)
{
    p->lists = false;
    p->list_from = 0;
    p->facts = facts;
    p->state = state;
    p->session = session;
    p->schema = sql_state_database(state);
    p->home = p->view = (struct text){NULL, 0};
    p->texts = 0;
    p->calls = p->failed = p->body = p->assigns = p->remembers = p->nowhere = p->collects =
        p->in_cte = p->indexed = false;
    p->with_inside = false;
    p->united = p->has_body = p->set_for = p->references = p->rereads = p->matches = p->no_with =
        p->compound = p->dynamic = p->stored = p->at_start = false;
    p->fold = state->lower_case_table_names != 0;
    p->prepared_count = 0;
    p->depth = 0;
    p->beside = p->defined = SQL_OBJECTS;
    p->literal.text.at = NULL;
    p->unplaced = p->qualifiers_lost = false;
    p->called_count = p->qualifier_count = 0;
    p->cte_count = p->cte_floor = p->cte_inner_floor = p->joined_count = 0;
}

/* Can the text from `offset` to the current token mean something else in another sql_mode or
 * character set? */
static bool reads_otherwise(const struct parser *p, size_t offset)
{
    const uint8_t *start = p->lexer.start;
    struct text text = {(const char *)start + offset, p->t.offset - offset};

    const unsigned bytes = p->facts->prints ? SQL_MARK_BYTES | SQL_MARK_ESCAPES : 0;

    return (sql_marks(text) & (SQL_MARK_QUOTES | SQL_MARK_HIGH | bytes)) != 0;
}

static void read_statement(struct parser *p, struct text text, size_t offset)
{
    memset(p->facts, 0, offsetof(struct sql_facts, objects));
    p->skipped = p->unused_count;
    p->start = (uint32_t)offset;
    parser_start(p, text, (uint32_t)offset);
    const bool locks = at_user_lock(p);
    if (at_end(p) || at_sign(p, ';'))
        p->facts->kind = p->failed ? SQL_UNKNOWN : SQL_EMPTY;
    else
        parse_statement(p);
    if (!at_end(p) && !at_sign(p, ';'))
        parser_fail(p, "text behind the statement's end that is not understood");
    /* The servers read a body's statements again after a change of a table that they use. */
    else if (p->has_body && p->rereads && !p->failed && reads_otherwise(p, offset))
        parser_fail(p, "a body that may read its own statements otherwise the second time");
    else if (p->qualifier_count > 0 || p->qualifiers_lost)
        resolve_qualifiers(p);
    if (locks && !p->failed)
        note_user_lock(p, text, (uint32_t)offset);
}

/* The first statement that MySQL's command-line client sends, to learn whether the server knows
 * dollar quotes. Every server answers it with an error, and it touches no object. */
static bool asks_for_dollar_quotes(struct text text, const struct sql_state *state)
{
    return state->dialect == SQL_MYSQL && text_equal(text, TEXT("select $$"));
}

static size_t analyze(struct text text, size_t offset, const uint32_t *from,
                      const struct sql_state *state, const struct sql_session *session,
                      struct sql_facts *facts)
{
    struct parser p;
    bool assigns = false;

    assert(offset <= text.length);
    if (text.length > UINT32_MAX) {
        memset(facts, 0, offsetof(struct sql_facts, objects));
        facts->why = "a text of more than four gigabytes";
        return text.length;
    }
    if (offset == 0 && asks_for_dollar_quotes(text, state)) {
        memset(facts, 0, offsetof(struct sql_facts, objects));
        facts->determined = true;
        facts->kind = SQL_SELECT;
        return text.length;
    }
    p.unused_count = 0;
    for (unsigned passes = 0; passes <= PASSES; passes++) {
        parser_init(&p, state, session, facts);
        p.lists = from != NULL;
        p.list_from = from ? *from : 0;
        read_statement(&p, text, offset);
        assigns |= p.assigns;
        if (p.failed && p.skipped > 0)
            p.unused_count = 0; /* reads the statement once more, with every CTE */
        else if (p.failed || p.unused_count == p.skipped)
            break;
    }
    p.assigns = assigns;
    return finish(&p, text.length);
}

size_t sql_analyze(struct text text, size_t offset, const struct sql_state *state,
                   const struct sql_session *session, struct sql_facts *facts)
{
    return analyze(text, offset, NULL, state, session, facts);
}

size_t sql_analyze_batch(struct text text, size_t offset, uint32_t from,
                         const struct sql_state *state, const struct sql_session *session,
                         struct sql_facts *facts)
{
    return analyze(text, offset, &from, state, session, facts);
}
