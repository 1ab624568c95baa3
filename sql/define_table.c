/* CREATE TABLE and ALTER TABLE. Columns, keys, options and partitions are read token by token:
 * neither server allows subqueries or stored functions in them. Only REFERENCES, UNION, LIKE,
 * EXCHANGE, RENAME, CONVERT and sequences name other tables. Called by sql/define.c.
 */
#include "sql/parser.h"
#include "sql/session_internal.h"

/* The underlying tables of a MERGE table: counted as base tables, because the MERGE table can exist
 * longer than a temporary table of the same name. */
static void take_united(struct parser *p)
{
    do
        note_need(p, take_real_table(p, SQL_READ | SQL_WRITE), SQL_NEEDS_TABLE);
    while (take_sign(p, ','));
}

/* UNION [=] (t, ...) */
static void parse_union(struct parser *p)
{
    if (p->body) {
        parser_fail(p, "a body that makes or changes a MERGE table");
        return;
    }
    p->united = true;
    step(p);
    take_sign(p, '=');
    if (!need_sign(p, '('))
        return;
    if (!at_sign(p, ')'))
        take_united(p);
    need_sign(p, ')');
}

/* REFERENCES table. A table without a schema is in the schema of the table that is defined.
 * MariaDB, and maybe MySQL before 8.0, checks the privilege on a table of the current database
 * instead, so both tables become objects. */
static void take_referenced(struct parser *p)
{
    struct name schema, name;

    step(p);
    if (!take_table_name(p, &schema, &name))
        return;
    const bool beside = !schema.text.at && p->home.at;
    p->beside = p->defined;
    p->unplaced = beside; /* only the second object gets the place */
    if (!beside || p->state->dialect == SQL_MARIADB || p->state->version < 80000)
        note_need(p, add_object(p, SQL_TABLE, &schema, &name, SQL_READ), SQL_NEEDS_TABLE);
    p->unplaced = false;
    p->references |= !schema.text.at;
    if (beside) {
        schema = (struct name){.text = p->home};
        note_need(p, add_object(p, SQL_TABLE, &schema, &name, SQL_READ), SQL_NEEDS_TABLE);
    }
    p->beside = SQL_OBJECTS;
}

/* Engines that store the data themselves. Other engines (CONNECT, SPIDER, FEDERATED, OQGRAPH, S3)
 * use tables, files and servers whose names are in strings. */
static bool keeps_to_itself(struct text engine)
{
    static const struct text engines[] = {
        {"innodb",      6 },
        {"myisam",      6 },
        {"aria",        4 },
        {"memory",      6 },
        {"heap",        4 },
        {"csv",         3 },
        {"archive",     7 },
        {"blackhole",   9 },
        {"merge",       5 },
        {"mrg_myisam",  10},
        {"ndb",         3 },
        {"ndbcluster",  10},
        {"rocksdb",     7 },
        {"columnstore", 11},
    };

    for (unsigned i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        if (text_equal_fold(engine, engines[i]))
            return true;
    }
    return false;
}

void take_engine_name(struct parser *p)
{
    struct text engine = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    struct name name;

    if (p->t.class == SQL_TOKEN_STRING)
        engine = unescape(p, engine, p->t.flags & SQL_TOKEN_ESCAPED);
    else if (!at_name(p) || !read_name(p, &name, false))
        return;
    else
        engine = name.text;
    p->facts->administration |= !keeps_to_itself(engine);
    step(p);
}

static void take_engine(struct parser *p)
{
    step(p);
    take_sign(p, '=');
    take_engine_name(p);
}

/* NEXT VALUE FOR s and NEXTVAL(s) in a column's default. */
static bool take_sequence(struct parser *p)
{
    if (p->state->dialect != SQL_MARIADB)
        return false;
    if ((at_word(p, KW_NEXTVAL) || at_word(p, KW_LASTVAL) || at_word(p, KW_SETVAL)) &&
        p->n.sign == '(') {
        step(p);
        step(p);
        take_table(p, SQL_READ | SQL_WRITE);
        while (!at_sign(p, ')') && !at_end(p))
            step(p);
        return take_sign(p, ')');
    }
    if ((at_word(p, KW_NEXT) || at_word(p, KW_PREVIOUS)) && p->n.keyword == KW_VALUE) {
        step(p);
        step(p);
        if (need_word(p, KW_FOR))
            take_table(p, SQL_READ | SQL_WRITE);
        return true;
    }
    return false;
}

/* DATA DIRECTORY, INDEX DIRECTORY: MySQL checks the FILE privilege. Without `=` or a string
 * behind it, DIRECTORY may be the name of an index. */
static void take_directory(struct parser *p)
{
    const struct sql_token behind = parser_peek(p);

    p->facts->administration |= behind.sign == '=' || behind.class == SQL_TOKEN_STRING;
    step(p);
}

/* MariaDB writes _latin1'x' 'y' into the expressions of a table without escaping what is in it, and
 * reads that again: a quote in it ends the literal. */
static void check_introduced(struct parser *p)
{
    const char *text = (const char *)p->lexer.start;
    bool plain = p->n.class == SQL_TOKEN_STRING;

    if (p->state->dialect != SQL_MARIADB || (!plain && p->n.class != SQL_TOKEN_NUMBER) ||
        (text[p->t.offset] != '_' && p->t.class != SQL_TOKEN_STRING))
        return;
    for (uint32_t i = 1; i + 1 < p->n.length; i++) {
        const char c = text[p->n.offset + i];
        plain &= c >= ' ' && c <= '~' && c != '\'' && c != '"' && c != '\\';
    }
    if (!plain)
        parser_fail(p, "an introducer in a table, before a literal that is not printed as it is");
}

/* Up to the last name of a column, in a CHECK, a generated column, a partition, ORDER BY. */
static void walk_names(struct parser *p)
{
    const uint32_t offset = p->t.offset;

    if (p->n.sign == '.')
        note_qualifiers_in(p);
    if ((p->t.offset != offset && at_value(p, &p->t)) || (at_sign(p, '.') && at_value(p, &p->n)))
        parser_fail(p, "a sequence's value in sql_mode ORACLE");
}

/* One token of a definition, or one whole clause that adds to the facts. */
static void walk_definition(struct parser *p)
{
    switch (p->t.keyword) {
    case KW_REFERENCES:
        take_referenced(p);
        return;
    case KW_UNION:
        parse_union(p);
        return;
    case KW_ENGINE:
        take_engine(p);
        return;
    case KW_CONNECTION:
        if (p->n.sign == '=' || p->n.class == SQL_TOKEN_STRING)
            p->facts->administration = true;
        step(p);
        return;
    case KW_DATA:
    case KW_INDEX: /* DIRECTORY = 'a folder of the server' */
        if (p->n.keyword == KW_DIRECTORY)
            take_directory(p);
        step(p);
        return;
    case KW_SELECT:
        parser_fail(p, "a query where none is foreseen");
        return;
    default:
        if (take_sequence(p))
            return;
        check_introduced(p);
        walk_names(p);
        step(p);
        return;
    }
}

/* A bracket of a definition, with its contents. */
static void walk_bracket(struct parser *p)
{
    uint32_t depth = 0;

    do {
        if (at_sign(p, '(')) {
            depth++;
            step(p);
        } else if (at_sign(p, ')')) {
            depth--;
            step(p);
        } else if (at_end(p)) {
            parser_fail(p, "a bracket that is not closed");
            return;
        } else if (at_word(p, KW_TABLE)) { /* MySQL: (TABLE t) is a query */
            parser_fail(p, "a query where none is foreseen");
            return;
        } else {
            walk_definition(p);
        }
    } while (depth > 0);
}

void parse_table_options(struct parser *p)
{
    while (!at_end(p) && !at_sign(p, ';')) {
        if (at_sign(p, '('))
            walk_bracket(p);
        else
            walk_definition(p);
    }
}

/* Is there a query behind the bracket at p->t and any further opening brackets? */
static bool at_bracketed_query(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);

    while (at_sign(p, '('))
        step(p);
    bool query = at_word(p, KW_SELECT) || at_word(p, KW_WITH) || at_word(p, KW_TABLE) ||
                 at_word(p, KW_VALUES);
    if (p->failed)
        return false;
    parser_back(p, &mark);
    return query;
}

/* Does the query that fills the table start here? The definition ends before it. */
static bool at_filling(struct parser *p)
{
    switch (p->t.keyword) {
    case KW_AS:
    case KW_SELECT:
        return true;
    case KW_WITH:
        return p->n.keyword != KW_SYSTEM && p->n.sign == 0;
    case KW_TABLE:
    case KW_VALUES:
        return p->n.class == SQL_TOKEN_WORD || p->n.class == SQL_TOKEN_NAME || p->n.sign == '(';
    case KW_IGNORE:
    case KW_REPLACE:
        return true;
    default:
        return at_sign(p, '(') && at_bracketed_query(p);
    }
}

static void parse_filling(struct parser *p)
{
    if (at_word(p, KW_IGNORE) || at_word(p, KW_REPLACE))
        step(p);
    take_word(p, KW_AS);
    parse_query(p);
}

/* OR REPLACE drops an existing temporary table even if the statement then fails: in stored code
 * this is listed as in drop_temporary (sql/define.c). After a compound statement the session does
 * not know whether the temporary table exists. */
static void create_temporary(struct parser *p, const struct name *schema, const struct name *name,
                             bool replaces)
{
    unsigned number = add_temporary(p, schema, name);

    if (p->stored && replaces)
        add_object(p, SQL_TABLE, schema, name, SQL_DEFINE);
    if (p->body && !p->stored) {
        p->facts->effects |= SQL_EFFECT_SESSION;
        p->facts->session.action |= SQL_ACTION_DROP_TABLES;
    }
    if (number < SQL_OBJECTS && p->body)
        p->facts->objects[number].unplaced = true;
    if (number >= SQL_OBJECTS || p->body || !p->facts->objects[number].schema.at)
        return;
    p->facts->effects |= SQL_EFFECT_SESSION;
    p->facts->session.action |= SQL_ACTION_CREATE_TEMPORARY;
    p->facts->session.name = p->facts->objects[number].name;
    p->facts->session.value = p->facts->objects[number].schema;
}

/* LIKE table: the likeness of a MERGE table has the same underlying tables. Whether a real table is
 * one is not known. A block forgets its temporary tables, but not this. */
static void take_like(struct parser *p, bool temporary)
{
    struct sql_facts *facts = p->facts;
    const uint32_t count = facts->object_count;
    unsigned number = take_table(p, SQL_READ);

    note_need(p, number, SQL_NEEDS_TABLE);
    if (p->state->dialect == SQL_MARIADB)
        facts->session.action |= SQL_ACTION_EVALUATES;
    if (number >= SQL_OBJECTS || !temporary || p->stored)
        return;
    facts->effects |= SQL_EFFECT_SESSION;
    facts->session.action |= SQL_ACTION_LIKENESS;
    if (!facts->objects[number].session_only || add_likeness(p, number)) {
        p->united = facts->likeness = true;
        if (p->body)
            facts->session.action |= SQL_ACTION_CREATE_TEMPORARY;
    } else if (facts->object_count > count + 1) {
        p->united = true;
    }
}

void parse_create_table(struct parser *p, bool temporary, bool replaces)
{
    struct name schema, name;

    step(p);
    take_if_exists(p);
    if (!take_table_name(p, &schema, &name))
        return;
    const struct sql_token called = p->named;
    p->home = schema.text;
    if (temporary) {
        create_temporary(p, &schema, &name, replaces);
    } else {
        p->defined = (uint16_t)add_object(p, SQL_TABLE, &schema, &name, SQL_DEFINE);
        called_table(p, p->defined, &called);
    }
    if (take_word(p, KW_LIKE)) {
        take_like(p, temporary);
        return;
    }
    if (at_sign(p, '(') && p->n.keyword == KW_LIKE) {
        step(p);
        step(p);
        take_like(p, temporary);
        need_sign(p, ')');
        return;
    }
    while (!at_end(p) && !at_sign(p, ';')) {
        if (at_filling(p)) {
            parse_filling(p);
            return;
        }
        if (at_sign(p, '('))
            walk_bracket(p);
        else
            walk_definition(p);
    }
}

/* --- ALTER TABLE --- */

/* A MERGE table stores underlying tables of its own schema without the schema. After a move to
 * another schema it uses the tables with the same names there, of any service. silogate cannot know
 * whether a table is a MERGE table, so moving any table needs access to the whole new schema. */
void move_to(struct parser *p, const struct name *from, const struct name *to)
{
    static const struct name nothing = {
        {"", 0},
        0, 0, false
    };
    struct text old = from->text.at ? from->text : p->schema;
    struct text new = to->text.at ? to->text : p->schema;

    if (!old.at || !new.at || !text_equal(old, new))
        add_object(p, SQL_DATABASE, to, &nothing, SQL_DEFINE);
}

static void rename_to(struct parser *p, const struct name *from)
{
    struct name schema, name;

    step(p);
    if (at_word(p, KW_COLUMN) || at_word(p, KW_INDEX) || at_word(p, KW_KEY))
        return; /* RENAME of a column or an index */
    if (!take_word(p, KW_TO) && !take_word(p, KW_AS))
        take_sign(p, '=');
    if (!take_table_name(p, &schema, &name))
        return;
    place_follows(p, add_object(p, SQL_TABLE, &schema, &name, SQL_DEFINE), p->defined);
    move_to(p, from, &schema);
    p->home = schema.text.at ? schema.text : p->schema;
    if (!p->stored) {
        p->facts->effects |= SQL_EFFECT_SESSION;
        p->facts->session.action |= SQL_ACTION_DROP_TABLES;
    }
}

/* EXCHANGE PARTITION name WITH TABLE t */
static void exchange_partition(struct parser *p)
{
    step(p);
    step(p);
    step(p);
    if (need_word(p, KW_WITH) && need_word(p, KW_TABLE))
        take_table(p, SQL_WRITE | SQL_DEFINE);
}

/* MariaDB: CONVERT PARTITION name TO TABLE t, CONVERT TABLE t TO PARTITION ... */
static void convert_partition(struct parser *p)
{
    step(p);
    if (take_word(p, KW_TABLE)) {
        take_table(p, SQL_WRITE | SQL_DEFINE);
        return;
    }
    step(p);
    step(p);
    if (need_word(p, KW_TO) && need_word(p, KW_TABLE))
        take_table(p, SQL_WRITE | SQL_DEFINE);
}

static void walk_action(struct parser *p, const struct name *schema)
{
    switch (p->t.keyword) {
    case KW_RENAME:
        rename_to(p, schema);
        return;
    case KW_EXCHANGE:
        if (p->n.keyword == KW_PARTITION)
            exchange_partition(p);
        else
            step(p);
        return;
    case KW_CONVERT:
        if (p->n.keyword == KW_PARTITION || p->n.keyword == KW_TABLE)
            convert_partition(p);
        else
            step(p);
        return;
    default:
        if (at_sign(p, '('))
            walk_bracket(p);
        else
            walk_definition(p);
    }
}

void parse_alter_table(struct parser *p)
{
    struct name schema, name;

    step(p);
    take_if_exists(p);
    if (!take_table_name(p, &schema, &name))
        return;
    const struct sql_token called = p->named;
    p->defined = (uint16_t)add_table(p, &schema, &name, SQL_DEFINE);
    called_table(p, p->defined, &called);
    p->home = schema.text;
    p->references = false;
    const struct parser_mark mark = parser_mark(p);
    while (!at_end(p) && !at_sign(p, ';'))
        walk_action(p, &schema);
    if (!p->references || !p->home.at || p->home.at == schema.text.at || p->failed)
        return;
    /* After RENAME to another schema, names in REFERENCES may mean tables there: read again. */
    parser_back(p, &mark);
    while (!at_end(p) && !at_sign(p, ';'))
        walk_action(p, &schema);
}
