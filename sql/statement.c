/* A statement of any family: its first word chooses the parser. Small families are parsed here.
 */
#include "sql/parser.h"
#include "sql/session_internal.h"

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
    if (count == 2 && has_packages(p))
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

static void parse_family(struct parser *p)
{
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
}

/* Does the statement here only read or write rows, or explain such a statement? What it reads as
 * SQL text while it runs, and what it stores, does not depend on a variable of the session, and
 * nothing is believed of the user variables that it sets. */
static bool at_rows(const struct parser *p)
{
    switch (p->t.keyword) {
    case KW_SELECT:
    case KW_TABLE:
    case KW_VALUES:
    case KW_WITH:
    case KW_INSERT:
    case KW_REPLACE:
    case KW_UPDATE:
    case KW_DELETE:
    case KW_EXPLAIN:
    case KW_DESCRIBE:
    case KW_DESC:
        return true;
    default:
        return at_sign(p, '(');
    }
}

/* A hint SET_VAR in any query of a statement sets a variable for all of this statement, and MySQL
 * gives it the old value back at its end: a SET then reads another sql_mode than the session's or
 * does not last, an event is stored with another one, a temporary table gets another engine. */
void parse_statement(struct parser *p)
{
    const bool rows = at_rows(p);
    const uint32_t outer = p->lexer.hint < p->t.offset ? p->lexer.hint : 0;

    if (p->depth >= PARSER_DEPTH) {
        parser_fail(p, "statements too deep within each other");
        return;
    }
    if (outer)
        p->lexer.hint = 0;
    p->depth++;
    parse_family(p);
    p->depth--;
    if (p->lexer.hint && p->lexer.hint < p->t.offset) {
        if (!rows)
            parser_fail(p, "a hint SET_VAR outside of SELECT, INSERT, UPDATE and DELETE");
        p->lexer.hint = 0;
    }
    if (outer)
        p->lexer.hint = outer;
}
