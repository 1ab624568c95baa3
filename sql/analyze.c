/* The entry of the analysis: reads one statement of a command's text; its first word chooses the
 * parser. To read this folder for the first time: sql/lexer/lexer.h, sql/parser.h, then this file,
 * then sql/query.c.
 */
#include "sql/analyze.h"

#include <assert.h>

#include "sql/parser.h"
#include "sql/reread.h"
#include "sql/session_internal.h"

/* MySQL ignores unused CTEs. In a chain of CTEs where each is used only by the next unused one,
 * each CTE takes one more reading of the statement. */
enum { PASSES = 8 };

static void parse_query_statement(struct parser *p)
{
    switch (p->t.keyword) {
    case KW_TABLE:
        set_kind(p, SQL_TABLE_STATEMENT);
        break;
    case KW_VALUES:
        set_kind(p, SQL_VALUES_STATEMENT);
        break;
    default:
        set_kind(p, SQL_SELECT);
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
        set_kind(p, SQL_SELECT);
        parse_query_body(p, mark);
        break;
    }
    leave_with(p, mark);
}

static void parse_use(struct parser *p)
{
    struct name name;

    set_kind(p, SQL_USE);
    step(p);
    if (p->body) {
        parser_fail(p, "USE in a body");
        return;
    }
    if (!take_database(p, SQL_READ, &name))
        return;
    p->facts->effects |= SQL_EFFECT_DATABASE;
    p->facts->database = name.text;
    if (p->dynamic) /* this name cannot be replaced inside a literal */
        return;
    p->facts->database_offset = name.offset;
    p->facts->database_length = name.length;
}

/* CALL [schema.]name [(arguments)]; MariaDB with packages: also package.name and
 * schema.package.name. */
static void parse_call_statement(struct parser *p)
{
    struct name parts[3];
    unsigned count = 0;
    const bool packages = p->state->dialect == SQL_MARIADB &&
                          ((p->state->mode & SQL_ORACLE) || p->state->version >= 110400);

    set_kind(p, SQL_CALL);
    step(p);
    do {
        if (count == 3 || !read_name(p, &parts[count], p->fold && count == 0 && p->n.sign == '.')) {
            parser_fail(p, "a name of too many parts");
            return;
        }
        count++;
        step(p);
    } while (take_sign(p, '.'));
    if (count == 1)
        add_object(p, SQL_ROUTINE, NULL, &parts[0], SQL_EXECUTE);
    else
        add_object(p, SQL_ROUTINE, &parts[0], &parts[1], SQL_EXECUTE);
    if (count == 2 && packages)
        add_object(p, SQL_ROUTINE, NULL, &parts[0], SQL_EXECUTE);
    if (at_sign(p, '('))
        parse_bracket(p);
    p->assigns = true; /* an OUT parameter may be a user variable */
    p->calls |= !p->stored;
}

/* SIGNAL, RESIGNAL, GET DIAGNOSTICS: they may set user variables. */
static void parse_condition(struct parser *p)
{
    set_kind(p, at_word(p, KW_GET) ? SQL_DIAGNOSTICS : SQL_SIGNAL);
    p->assigns = true;
    while (!at_end(p) && !at_sign(p, ';')) {
        if (take_word(p, KW_SET) || take_sign(p, ',') || take_word(p, KW_FOR))
            continue;
        if (at_sign(p, ')') || at_sign(p, '}')) {
            parser_fail(p, "a bracket that is not opened");
            return;
        }
        const uint32_t offset = p->t.offset;
        parse_expression(p);
        if (p->t.offset == offset) {
            parser_fail(p, "a condition that is not understood");
            return;
        }
    }
}

/* ANALYZE of tables; MariaDB: also ANALYZE of a statement, which the server executes. */
static void parse_analyze(struct parser *p)
{
    if (p->n.keyword == KW_TABLE || p->n.keyword == KW_TABLES || p->n.keyword == KW_LOCAL ||
        p->n.keyword == KW_NO_WRITE_TO_BINLOG)
        parse_maintenance(p);
    else
        parse_explain(p);
}

static void parse_help(struct parser *p)
{
    set_kind(p, SQL_HELP);
    step(p);
    step(p);
}

/* Statements that few clients send, by their first word. */
static const struct {
    uint16_t word; /* enum sql_keyword */
    void (*parse)(struct parser *p);
} rarer[] = {
    {KW_CHECK,      parse_maintenance   },
    {KW_CHECKSUM,   parse_maintenance   },
    {KW_REPAIR,     parse_maintenance   },
    {KW_OPTIMIZE,   parse_maintenance   },
    {KW_CACHE,      parse_maintenance   },
    {KW_ANALYZE,    parse_analyze       },
    {KW_FLUSH,      parse_flush         },
    {KW_LOCK,       parse_lock_tables   },
    {KW_UNLOCK,     parse_unlock        },
    {KW_HANDLER,    parse_handler       },
    {KW_KILL,       parse_kill          },
    {KW_LOAD,       parse_load          },
    {KW_PREPARE,    parse_prepare       },
    {KW_EXECUTE,    parse_execute       },
    {KW_DEALLOCATE, parse_deallocate    },
    {KW_HELP,       parse_help          },
    {KW_SIGNAL,     parse_condition     },
    {KW_RESIGNAL,   parse_condition     },
    {KW_GET,        parse_condition     },
    {KW_GRANT,      parse_grant         },
    {KW_REVOKE,     parse_grant         },
    {KW_CHANGE,     parse_administration},
    {KW_STOP,       parse_administration},
    {KW_RESET,      parse_administration},
    {KW_PURGE,      parse_administration},
    {KW_SHUTDOWN,   parse_administration},
    {KW_RESTART,    parse_administration},
    {KW_CLONE,      parse_administration},
    {KW_INSTALL,    parse_administration},
    {KW_UNINSTALL,  parse_administration},
    {KW_BINLOG,     parse_administration},
    {KW_IMPORT,     parse_administration},
    {KW_BACKUP,     parse_administration},
};

static void parse_rarer(struct parser *p)
{
    for (size_t i = 0; i < sizeof(rarer) / sizeof(rarer[0]); i++) {
        if (p->t.keyword == rarer[i].word) {
            rarer[i].parse(p);
            return;
        }
    }
    if (at_sign(p, '('))
        parse_query_statement(p);
    else if (at_compound(p))
        parse_compound(p);
    else
        parser_fail(p, "a statement that starts with a word that is not understood");
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
        if (at_compound(p))
            parse_compound(p);
        else
            parse_transaction(p);
        break;
    case KW_SHOW:
        parse_show(p);
        break;
    case KW_EXPLAIN:
    case KW_DESCRIBE:
    case KW_DESC:
        parse_explain(p);
        break;
    case KW_CREATE:
        parse_create(p);
        break;
    case KW_ALTER:
        parse_alter(p);
        break;
    case KW_DROP:
        parse_drop(p);
        break;
    case KW_RENAME:
        parse_rename(p);
        break;
    case KW_TRUNCATE:
        parse_truncate(p);
        break;
    case KW_CALL:
        parse_call_statement(p);
        break;
    case KW_DO:
        set_kind(p, SQL_DO);
        step(p);
        parse_expressions(p);
        break;
    default:
        parse_rarer(p);
        break;
    }
    p->depth--;
}

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
    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (facts->objects[i].type != SQL_DATABASE)
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
    p->united = p->has_body = p->set_for = p->references = p->rereads = p->matches = p->compound =
        p->dynamic = p->stored = p->at_start = false;
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

    return (sql_marks(text) & (SQL_MARK_QUOTES | SQL_MARK_HIGH)) != 0;
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
