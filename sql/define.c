/* CREATE, ALTER, DROP, RENAME, TRUNCATE. The definitions of tables are read in sql/define_table.c,
 * those of views, triggers, events and routines in sql/define_stored.c. Called by sql/statement.c.
 */
#include "sql/parser.h"
#include "sql/session_internal.h"

static const struct name nothing = {
    {"", 0},
    0, 0, false
};

/* Accounts, tablespaces, servers and so on. */
static void administer(struct parser *p, enum sql_kind kind)
{
    set_kind(p, kind);
    p->facts->administration = true;
    skip_rest(p);
}

/* --- CREATE --- */

/* DEFINER = user */
static void skip_definer(struct parser *p)
{
    step(p);
    if (need_sign(p, '='))
        skip_user(p);
}

/* Takes OR REPLACE, ALGORITHM = x, DEFINER = x, SQL SECURITY x, or a modifier of TABLE, INDEX and
 * so on. Returns false at the word that says what is created or altered. */
static bool take_prefix(struct parser *p, bool *temporary)
{
    switch (p->t.keyword) {
    case KW_DEFINER:
        skip_definer(p);
        return true;
    case KW_ALGORITHM:
        step(p);
        take_sign(p, '=');
        step(p);
        return true;
    case KW_SQL:
        step(p);
        if (need_word(p, KW_SECURITY))
            step(p);
        return true;
    case KW_TEMPORARY:
        *temporary = true;
        step(p);
        return true;
    case KW_OR:
    case KW_REPLACE:
    case KW_UNIQUE:
    case KW_FULLTEXT:
    case KW_VECTOR:
    case KW_ONLINE:
    case KW_AGGREGATE:
    case KW_IGNORE:
        step(p);
        return true;
    case KW_MATERIALIZED:
        step(p);
        return at_word(p, KW_VIEW);
    case KW_SPATIAL:
        if (p->n.keyword != KW_INDEX)
            return false;
        step(p);
        return true;
    default:
        return false;
    }
}

/* INDEX name ON table (columns) options */
static void create_index(struct parser *p)
{
    set_kind(p, SQL_CREATE_INDEX);
    step(p);
    while (!at_word(p, KW_ON) && (at_name(p) || p->t.class == SQL_TOKEN_STRING))
        step(p);
    if (!need_word(p, KW_ON))
        return;
    take_table(p, SQL_DEFINE);
    skip_rest(p);
}

/* Does a database option start here, with no name before it? Some of the words can be a name. */
static bool at_database_option(const struct parser *p)
{
    switch (p->t.keyword) {
    case KW_CHARACTER:
    case KW_DEFAULT:
    case KW_COLLATE:
    case KW_READ:
        return true;
    case KW_CHARSET:
        return p->n.sign == '=' || p->n.class == SQL_TOKEN_STRING ||
               (p->n.class == SQL_TOKEN_WORD && p->n.keyword != KW_CHARSET &&
                p->n.keyword != KW_COMMENT && p->n.keyword != KW_ENCRYPTION &&
                !(sql_keyword_flags(p->n.keyword, p->state->dialect) & WORD_RESERVED));
    case KW_COMMENT:
    case KW_ENCRYPTION:
        return p->n.sign == '=' || p->n.class == SQL_TOKEN_STRING;
    default:
        return false;
    }
}

static void parse_database(struct parser *p, enum sql_kind kind)
{
    struct name name;

    set_kind(p, kind);
    step(p);
    take_if_exists(p);
    /* ALTER DATABASE may leave the name out. */
    if (kind == SQL_ALTER_DATABASE && at_database_option(p))
        add_object(p, SQL_DATABASE, NULL, &nothing, SQL_DEFINE);
    else
        take_database(p, SQL_DEFINE, &name);
    skip_rest(p);
}

/* A temporary table of the same name does not hide the sequence. */
static void parse_sequence(struct parser *p, enum sql_kind kind)
{
    set_kind(p, kind);
    step(p);
    take_if_exists(p);
    take_real_table(p, SQL_DEFINE);
    parse_table_options(p);
}

/* MySQL: LIBRARY name [COMMENT text] LANGUAGE word [COMMENT text] AS text. Its code does not
 * run by itself: a routine that uses it is not in SQL, so its CREATE is undetermined. */
static void parse_library(struct parser *p, enum sql_kind kind)
{
    struct name schema;

    set_kind(p, kind);
    step(p);
    take_if_exists(p);
    take_routine(p, SQL_DEFINE, &schema);
    while (at_word(p, KW_COMMENT) || at_word(p, KW_LANGUAGE) || at_word(p, KW_AS)) {
        step(p);
        step(p);
    }
}

/* MySQL: JSON [RELATIONAL] DUALITY VIEW */
static void create_duality_view(struct parser *p)
{
    set_kind(p, SQL_CREATE_VIEW);
    while (!at_word(p, KW_VIEW) && p->t.class == SQL_TOKEN_WORD)
        step(p);
    if (at_word(p, KW_VIEW))
        parse_view(p);
    else
        parser_fail(p, "CREATE JSON of what is not understood");
}

void parse_create(struct parser *p)
{
    bool temporary = false;

    p->defines = p->t.offset;
    step(p);
    const bool replaces = at_word(p, KW_OR);
    while (take_prefix(p, &temporary)) {
    }
    if (temporary)
        leaves(p, SQL_LEAVES_TABLE);
    switch (p->t.keyword) {
    case KW_TABLE:
        set_kind(p, SQL_CREATE_TABLE);
        parse_create_table(p, temporary, replaces);
        break;
    case KW_VIEW:
        set_kind(p, SQL_CREATE_VIEW);
        parse_view(p);
        break;
    case KW_JSON:
        create_duality_view(p);
        break;
    case KW_INDEX:
        create_index(p);
        break;
    case KW_DATABASE:
    case KW_SCHEMA:
        parse_database(p, SQL_CREATE_DATABASE);
        break;
    case KW_TRIGGER:
        parse_trigger(p);
        break;
    case KW_PROCEDURE:
    case KW_FUNCTION:
        parse_routine(p);
        break;
    case KW_EVENT:
        parse_event(p, SQL_CREATE_EVENT);
        break;
    case KW_SEQUENCE:
        parse_sequence(p, SQL_CREATE_SEQUENCE);
        break;
    case KW_LIBRARY:
        parse_library(p, SQL_CREATE_OTHER);
        break;
    case KW_USER:
    case KW_ROLE:
    case KW_SERVER:
    case KW_TABLESPACE:
    case KW_UNDO:
    case KW_LOGFILE:
    case KW_RESOURCE:
    case KW_SPATIAL:
        administer(p, SQL_CREATE_OTHER);
        break;
    default:
        set_kind(p, SQL_CREATE_OTHER);
        parser_fail(p, "CREATE of what is not understood");
        break;
    }
}

/* --- ALTER --- */

static void alter_routine(struct parser *p)
{
    struct name schema;

    set_kind(p, SQL_ALTER_ROUTINE);
    step(p);
    take_if_exists(p);
    take_routine(p, SQL_DEFINE, &schema);
    const uint32_t changes = p->t.offset;
    skip_characteristics(p);
    check_changes(p, changes);
}

void parse_alter(struct parser *p)
{
    bool temporary = false;

    p->defines = p->t.offset;
    step(p);
    while (take_prefix(p, &temporary)) {
    }
    switch (p->t.keyword) {
    case KW_TABLE:
        set_kind(p, SQL_ALTER_TABLE);
        parse_alter_table(p);
        break;
    case KW_VIEW:
        set_kind(p, SQL_ALTER_VIEW);
        parse_view(p);
        break;
    case KW_DATABASE:
    case KW_SCHEMA:
        parse_database(p, SQL_ALTER_DATABASE);
        break;
    case KW_PROCEDURE:
    case KW_FUNCTION:
        alter_routine(p);
        break;
    case KW_EVENT:
        parse_event(p, SQL_ALTER_EVENT);
        break;
    case KW_SEQUENCE:
        parse_sequence(p, SQL_ALTER_SEQUENCE);
        break;
    case KW_LIBRARY:
        parse_library(p, SQL_ALTER_OTHER);
        break;
    case KW_USER:
    case KW_ROLE:
    case KW_SERVER:
    case KW_TABLESPACE:
    case KW_UNDO:
    case KW_LOGFILE:
    case KW_RESOURCE:
    case KW_INSTANCE:
        administer(p, SQL_ALTER_OTHER);
        break;
    default:
        set_kind(p, SQL_ALTER_OTHER);
        parser_fail(p, "ALTER of what is not understood");
        break;
    }
}

/* --- DROP, RENAME, TRUNCATE --- */

/* The session forgets its own temporary tables with the names of the statement. */
static void forget_tables(struct parser *p)
{
    if (p->stored)
        return;
    p->facts->effects |= SQL_EFFECT_SESSION;
    p->facts->session.action |= SQL_ACTION_DROP_TABLES;
}

/* DROP TEMPORARY: drops a table of the session, or is an error. In stored code silogate does not
 * see the drop, and the name may then mean the base table: so the facts list a drop of that. */
static void drop_temporary(struct parser *p)
{
    struct name schema, name;

    if (!take_table_name(p, &schema, &name))
        return;
    const unsigned number = p->stored ? add_object(p, SQL_TABLE, &schema, &name, SQL_DEFINE)
                                      : add_temporary(p, &schema, &name);
    if (number < SQL_OBJECTS && p->body)
        p->facts->objects[number].unplaced = true;
}

static void drop_tables(struct parser *p, enum sql_kind kind, bool temporary)
{
    set_kind(p, kind);
    step(p);
    take_if_exists(p);
    list_begin(p);
    do {
        if (temporary && kind != SQL_DROP_VIEW)
            drop_temporary(p);
        else if (kind != SQL_DROP_TABLE) /* a temporary table does not hide it */
            take_real_table(p, SQL_DEFINE);
        else
            take_table(p, SQL_DEFINE);
    } while (list_goes_on(p));
    while (at_word(p, KW_RESTRICT) || at_word(p, KW_CASCADE) || at_word(p, KW_WAIT) ||
           at_word(p, KW_NOWAIT) || p->t.class == SQL_TOKEN_NUMBER)
        step(p);
    if (kind != SQL_DROP_VIEW) /* a temporary sequence is a temporary table */
        forget_tables(p);
}

/* DROP INDEX name ON table */
static void drop_index(struct parser *p)
{
    set_kind(p, SQL_DROP_INDEX);
    step(p);
    take_if_exists(p);
    if (!at_name(p)) {
        parser_fail(p, "DROP INDEX without a name");
        return;
    }
    step(p);
    if (!need_word(p, KW_ON))
        return;
    take_table(p, SQL_DEFINE);
    skip_rest(p);
}

static void drop_routine(struct parser *p, enum sql_kind kind)
{
    struct name schema;

    set_kind(p, kind);
    step(p);
    take_word(p, KW_BODY);
    take_if_exists(p);
    if (kind == SQL_DROP_TRIGGER)
        take_trigger(p, SQL_DEFINE);
    else
        take_routine(p, SQL_DEFINE, &schema);
}

static void drop_database(struct parser *p)
{
    struct name name;

    set_kind(p, SQL_DROP_DATABASE);
    step(p);
    take_if_exists(p);
    if (!take_database(p, SQL_DEFINE, &name) || p->body)
        return;
    p->facts->effects |= SQL_EFFECT_DATABASE_DROPPED;
    p->facts->database = name.text;
    p->facts->database_offset = name.offset;
    p->facts->database_length = name.length;
}

void parse_drop(struct parser *p)
{
    bool temporary = false;

    step(p);
    while (at_word(p, KW_TEMPORARY) || at_word(p, KW_ONLINE)) {
        temporary |= at_word(p, KW_TEMPORARY);
        step(p);
    }
    switch (p->t.keyword) {
    case KW_TABLE:
    case KW_TABLES:
        drop_tables(p, SQL_DROP_TABLE, temporary);
        break;
    case KW_VIEW:
        drop_tables(p, SQL_DROP_VIEW, temporary);
        break;
    case KW_SEQUENCE:
        drop_tables(p, SQL_DROP_SEQUENCE, temporary);
        break;
    case KW_INDEX:
        drop_index(p);
        break;
    case KW_DATABASE:
    case KW_SCHEMA:
        drop_database(p);
        break;
    case KW_TRIGGER:
        drop_routine(p, SQL_DROP_TRIGGER);
        break;
    case KW_EVENT:
        drop_routine(p, SQL_DROP_EVENT);
        break;
    case KW_PROCEDURE:
    case KW_FUNCTION:
    case KW_PACKAGE:
    case KW_LIBRARY:
        drop_routine(p, SQL_DROP_ROUTINE);
        break;
    case KW_PREPARE:
        parse_deallocate(p);
        break;
    case KW_USER:
    case KW_ROLE:
    case KW_SERVER:
    case KW_TABLESPACE:
    case KW_UNDO:
    case KW_LOGFILE:
    case KW_RESOURCE:
    case KW_SPATIAL:
        administer(p, SQL_DROP_OTHER);
        break;
    default:
        set_kind(p, SQL_DROP_OTHER);
        parser_fail(p, "DROP of what is not understood");
        break;
    }
}

/* old TO new: both names become objects. Afterwards no temporary table of these names is known
 * (see forget_tables). */
static void rename_pair(struct parser *p)
{
    struct name schema, name, new_schema;

    if (!take_table_name(p, &schema, &name))
        return;
    const unsigned renamed = add_object(p, SQL_TABLE, &schema, &name, SQL_DEFINE);
    if (at_word(p, KW_WAIT) || at_word(p, KW_NOWAIT)) {
        step(p);
        if (p->t.class == SQL_TOKEN_NUMBER)
            step(p);
    }
    if (!need_word(p, KW_TO) || !take_table_name(p, &new_schema, &name))
        return;
    place_follows(p, add_object(p, SQL_TABLE, &new_schema, &name, SQL_DEFINE), renamed);
    move_to(p, &schema, &new_schema);
}

void parse_rename(struct parser *p)
{
    step(p);
    if (at_word(p, KW_USER)) {
        administer(p, SQL_ALTER_OTHER);
        return;
    }
    set_kind(p, SQL_RENAME_TABLE);
    if (!take_word(p, KW_TABLE) && !need_word(p, KW_TABLES))
        return;
    take_if_exists(p);
    do
        rename_pair(p);
    while (take_sign(p, ','));
    forget_tables(p);
}

void parse_truncate(struct parser *p)
{
    set_kind(p, SQL_TRUNCATE);
    step(p);
    take_word(p, KW_TABLE); /* the keyword, never a schema: TABLE.`t` is TABLE .`t` */
    take_table(p, SQL_DEFINE);
    if (at_word(p, KW_WAIT) || at_word(p, KW_NOWAIT))
        skip_rest(p);
}
