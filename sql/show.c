/* SHOW, EXPLAIN, DESCRIBE, HELP: they read the definitions of objects, and may contain queries.
 * Called by sql/statement.c.
 */
#include "sql/parser.h"

/* MariaDB also allows OFFSET and FETCH without LIMIT. */
static bool at_limit(const struct parser *p)
{
    return at_word(p, KW_LIMIT) || at_word(p, KW_OFFSET) || at_word(p, KW_FETCH);
}

static void parse_where(struct parser *p)
{
    parse_clause(p);
}

/* [LIKE 'pattern' | WHERE condition] [LIMIT n] */
static void parse_filter(struct parser *p)
{
    if (at_word(p, KW_LIKE)) {
        step(p);
        parse_expression(p);
    } else if (at_word(p, KW_WHERE)) {
        parse_with_none(p, parse_where);
    }
    if (at_limit(p))
        parse_clause(p);
}

static void read_current(struct parser *p)
{
    static const struct name nothing = {
        {"", 0},
        0, 0, false
    };

    if (p->schema.at || p->state->database_unknown)
        add_object(p, SQL_DATABASE, NULL, &nothing, SQL_READ);
}

/* TABLES, TRIGGERS, EVENTS ... [FROM database] */
static void show_of_database(struct parser *p)
{
    struct name database;

    p->facts->lists = !at_word(p, KW_EVENTS);
    step(p);
    if (at_word(p, KW_STATUS))
        step(p); /* TABLE STATUS */
    if (take_word(p, KW_FROM) || take_word(p, KW_IN))
        take_database(p, SQL_READ, &database);
    else
        read_current(p);
    parse_filter(p);
}

/* COLUMNS, INDEX ... FROM table [FROM database] */
static void show_of_table(struct parser *p)
{
    struct name schema, name;

    step(p);
    if (!take_word(p, KW_FROM) && !need_word(p, KW_IN))
        return;
    if (!take_table_name(p, &schema, &name))
        return;
    if (take_word(p, KW_FROM) || take_word(p, KW_IN)) {
        if (!read_name(p, &schema, p->fold))
            return;
        step(p);
    }
    note_need(p, add_table(p, &schema, &name, SQL_READ), SQL_NEEDS_TABLE);
    parse_filter(p);
}

static void show_routine(struct parser *p)
{
    struct name schema, name;

    const bool trigger = at_word(p, KW_TRIGGER);
    step(p);
    take_word(p, KW_BODY);
    if (trigger)
        take_trigger(p, SQL_READ);
    else if (take_routine_name(p, &schema, &name))
        add_object(p, SQL_ROUTINE, &schema, &name, SQL_READ);
}

static void show_create(struct parser *p)
{
    struct name database;

    step(p);
    switch (p->t.keyword) {
    case KW_TABLE:
    case KW_VIEW:
    case KW_SEQUENCE:
        step(p);
        note_need(p, take_table(p, SQL_READ), SQL_NEEDS_TABLE);
        return;
    case KW_DATABASE:
    case KW_SCHEMA:
        step(p);
        take_if_exists(p);
        take_database(p, SQL_READ, &database);
        return;
    case KW_PROCEDURE:
    case KW_FUNCTION:
    case KW_TRIGGER:
    case KW_EVENT:
    case KW_PACKAGE:
    case KW_LIBRARY:
        show_routine(p);
        return;
    case KW_USER:
    case KW_SERVER:
        p->facts->administration = true;
        skip_rest(p);
        return;
    default:
        parser_fail(p, "SHOW CREATE of what is not understood");
    }
}

/* PROCEDURE, FUNCTION or PACKAGE: STATUS of all, or CODE of one. */
static void show_routines(struct parser *p)
{
    step(p);
    take_word(p, KW_BODY);
    if (at_word(p, KW_CODE)) {
        show_routine(p);
    } else if (need_word(p, KW_STATUS)) {
        parse_filter(p);
    }
}

static void show_administration(struct parser *p)
{
    p->facts->administration = true;
    skip_rest(p);
}

/* SHOW GRANTS shows one's own privileges; with FOR, those of an account. */
static void show_grants(struct parser *p)
{
    step(p);
    if (!take_word(p, KW_FOR))
        return;
    if (!at_word(p, KW_CURRENT_USER))
        p->facts->administration = true;
    skip_rest(p);
}

/* SHOW without names of objects: VARIABLES, STATUS, DATABASES, CHARACTER SET, COUNT(*) WARNINGS ...
 */
static void show_plain(struct parser *p)
{
    while (p->t.class == SQL_TOKEN_WORD && !at_word(p, KW_LIKE) && !at_word(p, KW_WHERE) &&
           !at_limit(p) && !at_word(p, KW_FROM) && !at_word(p, KW_IN))
        step(p);
    if (at_sign(p, '('))
        skip_brackets(p);
    while (at_word(p, KW_WARNINGS) || at_word(p, KW_ERRORS) || p->t.class == SQL_TOKEN_STRING)
        step(p); /* COUNT(*) WARNINGS, PLUGINS SONAME 'file' */
    parse_filter(p);
}

/* SHOW [FULL] PROCESSLIST: an account with PROCESS sees the statements of other accounts too. */
static void show_threads(struct parser *p)
{
    const struct name schema = {.text = TEXT("information_schema")};
    const struct name name = {.text = TEXT("processlist")};

    p->unplaced = true;
    add_object(p, SQL_TABLE, &schema, &name, SQL_READ);
    p->unplaced = false;
    show_plain(p);
}

/* SHOW PROFILE [types] [FOR QUERY n], SHOW EXPLAIN FOR n */
static void show_numbered(struct parser *p)
{
    while (p->t.class == SQL_TOKEN_WORD || p->t.class == SQL_TOKEN_NUMBER || at_sign(p, ',') ||
           at_sign(p, '='))
        step(p);
}

void parse_show(struct parser *p)
{
    set_kind(p, SQL_SHOW);
    step(p);
    while (at_word(p, KW_FULL) || at_word(p, KW_EXTENDED) || at_word(p, KW_GLOBAL) ||
           at_word(p, KW_SESSION) || at_word(p, KW_LOCAL) || at_word(p, KW_STORAGE) ||
           at_word(p, KW_OPEN))
        step(p);
    switch (p->t.keyword) {
    case KW_TABLES:
    case KW_TRIGGERS:
    case KW_EVENTS:
        show_of_database(p);
        break;
    case KW_TABLE:
        if (p->n.keyword == KW_STATUS)
            show_of_database(p);
        else
            show_plain(p); /* SHOW TABLE TYPES */
        break;
    case KW_COLUMNS:
    case KW_FIELDS:
    case KW_INDEX:
    case KW_INDEXES:
    case KW_KEYS:
        show_of_table(p);
        break;
    case KW_CREATE:
        show_create(p);
        break;
    case KW_PROCEDURE:
    case KW_FUNCTION:
    case KW_PACKAGE:
    case KW_LIBRARY:
        show_routines(p);
        break;
    case KW_GRANTS:
        show_grants(p);
        break;
    case KW_ENGINE:
    case KW_BINARY:
    case KW_BINLOG:
    case KW_MASTER:
    case KW_SLAVE:
    case KW_REPLICA:
    case KW_REPLICAS:
    case KW_RELAYLOG:
    case KW_ALL:
        show_administration(p);
        break;
    case KW_EXPLAIN:
    case KW_ANALYZE:
        p->facts->administration = true; /* of another session */
        show_numbered(p);
        break;
    case KW_PROCESSLIST:
        show_threads(p);
        break;
    case KW_PROFILE:
        show_numbered(p);
        break;
    case KW_PARSE_TREE:
        step(p);
        parse_statement(p);
        break;
    default:
        show_plain(p);
        break;
    }
}

/* --- EXPLAIN --- */

static bool at_explained(const struct parser *p)
{
    switch (p->t.keyword) {
    case KW_SELECT:
    case KW_WITH:
    case KW_TABLE:
    case KW_VALUES:
    case KW_INSERT:
    case KW_REPLACE:
    case KW_UPDATE:
    case KW_DELETE:
        return true;
    default:
        return at_sign(p, '(');
    }
}

/* Takes EXTENDED, PARTITIONS, ANALYZE, FORMAT = x or INTO @v; false if there is none. A table may
 * have such a name. */
static bool take_option(struct parser *p)
{
    switch (p->t.keyword) {
    case KW_ANALYZE:
        step(p);
        return true;
    case KW_EXTENDED:
    case KW_PARTITIONS:
        if (p->n.class != SQL_TOKEN_WORD && p->n.sign != '(')
            return false;
        step(p);
        return true;
    case KW_FORMAT:
        if (p->n.sign != '=')
            return false;
        step(p);
        step(p);
        step(p);
        return true;
    case KW_INTO:
        step(p);
        p->assigns = true;
        if (p->t.class != SQL_TOKEN_VARIABLE)
            return parser_fail(p, "EXPLAIN INTO without a variable");
        step(p);
        return true;
    default:
        return false;
    }
}

/* FOR CONNECTION n, FOR SCHEMA s statement */
static void explain_for(struct parser *p)
{
    const struct text schema = p->schema;
    struct name database;

    step(p);
    if (take_word(p, KW_CONNECTION)) {
        p->facts->administration = true;
        parse_expression(p);
        return;
    }
    if (!take_word(p, KW_SCHEMA) && !need_word(p, KW_DATABASE))
        return;
    if (!take_database(p, SQL_READ, &database))
        return;
    p->schema = database.text;
    parse_statement(p);
    p->schema = schema;
}

void parse_explain(struct parser *p)
{
    set_kind(p, SQL_EXPLAIN);
    step(p);
    while (take_option(p)) {
    }
    if (at_explained(p)) {
        parse_statement(p);
    } else if (at_word(p, KW_FOR)) {
        explain_for(p);
    } else {
        note_need(p, take_table(p, SQL_READ), SQL_NEEDS_TABLE);
        if (p->t.class == SQL_TOKEN_STRING || p->t.class == SQL_TOKEN_NUMBER || at_name(p))
            step(p);
    }
}
