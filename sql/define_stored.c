/* Views, triggers, events and routines: the server stores their text. The part before the body is
 * read here, the body in sql/body.c. Called by sql/define.c.
 */
#include <string.h>

#include "sql/parser.h"
#include "sql/reread.h"

void take_routine(struct parser *p, unsigned access, struct name *schema)
{
    struct name name;

    if (take_routine_name(p, schema, &name))
        add_object(p, SQL_ROUTINE, schema, &name, access);
}

void take_trigger(struct parser *p, unsigned access)
{
    struct name schema, name;

    if (take_routine_name(p, &schema, &name))
        place_trigger(p, add_object(p, SQL_ROUTINE, &schema, &name, access), &schema, &name,
                      SQL_OBJECTS);
}

/* The marks of the text from the statement's CREATE or ALTER to the current token, where the server
 * may read that text otherwise once it has stored it; else 0. */
static uint8_t stored_marks(const struct parser *p)
{
    const char *start = (const char *)p->lexer.start;

    if (!sql_charset_hides_signs((enum sql_charset)p->state->charset))
        return 0;
    return sql_marks((struct text){start + p->defines, p->t.offset - p->defines});
}

/* Bytes that may be a part of a character; where the set is not known, signs may be letters too. */
static bool spells_characters(const struct parser *p)
{
    const unsigned signs = p->state->charset == SQL_CHARSET_UNKNOWN ? SQL_MARK_SIGNS : 0;

    return stored_marks(p) & (SQL_MARK_HIGH | SQL_MARK_BYTES | signs);
}

/* The servers do not store the text of a view but print it, and read that in the view's
 * character_set_client. MySQL doubles every byte 0x5C of a literal, also the second byte of a
 * character. The backslash that MariaDB puts before a sign may become such a second byte, or
 * another character; the sign then ends the literal. In swe7 an accented letter is the byte of a
 * backtick, also in the names of columns that `*` stands for. */
static void check_printed(struct parser *p)
{
    const unsigned high = p->state->dialect == SQL_MYSQL ? SQL_MARK_HIGH : 0;

    if (p->state->charset == SQL_CHARSET_UNKNOWN ||
        stored_marks(p) & (SQL_MARK_BYTES | SQL_MARK_ESCAPES | SQL_MARK_QUOTES | high))
        parser_fail(p, "a view that the server may print and read otherwise in this character set");
}

/* The part before the body of a routine, trigger or event is also printed, in utf8: the names, the
 * values of an ENUM that a function returns, the comment. It is read in the set of its client. */
void check_head(struct parser *p)
{
    if (spells_characters(p))
        parser_fail(p, "a head of stored code that may be read otherwise in this character set");
}

/* ALTER PROCEDURE or FUNCTION: the new comment is printed before the body, and both are read in the
 * set of the client that has created the routine. That is not known here. */
void check_changes(struct parser *p, uint32_t from)
{
    const char *start = (const char *)p->lexer.start;

    if (sql_marks((struct text){start + from, p->t.offset - from}) & SQL_MARK_HIGH)
        parser_fail(p, "a comment that is read in the character set of the routine's creator");
}

/* If the table of a trigger is renamed, even later and in another character set, its new name is
 * printed and read in the same way: the last byte of the name and the quote behind it may be one
 * character. The name then ends at the next such quote, in the trigger's body. */
static void check_renamed(struct parser *p)
{
    const char *at = (const char *)p->lexer.start + p->defines;
    const size_t length = p->t.offset - p->defines;
    const bool ansi = !p->state->mode_known || p->state->mode & SQL_ANSI_QUOTES;

    if (sql_charset_hides_signs((enum sql_charset)p->state->charset) &&
        (memchr(at, '`', length) || (ansi && memchr(at, '"', length))))
        parser_fail(p, "a quoted name in a trigger, which may be read otherwise after a RENAME in "
                       "this character set");
}

/* VIEW name [(columns)] AS query [WITH CHECK OPTION] */
void parse_view(struct parser *p)
{
    step(p);
    take_if_exists(p);
    struct name schema, name;
    if (!take_table_name(p, &schema, &name))
        return;
    add_object(p, SQL_TABLE, &schema, &name, SQL_DEFINE);
    if (at_sign(p, '('))
        skip_brackets(p);
    if (!need_word(p, KW_AS))
        return;
    if (p->rereads && !p->body) {
        parser_fail(p, "a view that is stored in another sql_mode or character set");
        return;
    }
    const bool stored = p->stored;
    p->stored = true;
    p->facts->prints = true;
    p->view = schema.text;
    parse_query(p);
    p->view.at = NULL;
    p->stored = stored;
    if (take_word(p, KW_WITH)) {
        if (at_word(p, KW_CASCADED) || at_word(p, KW_LOCAL))
            step(p);
        if (need_word(p, KW_CHECK))
            need_word(p, KW_OPTION);
    }
    if (!p->failed)
        check_printed(p);
}

/* TRIGGER name BEFORE INSERT ON table FOR EACH ROW [FOLLOWS other] body */
void parse_trigger(struct parser *p)
{
    struct name schema, name, table_schema, table;

    set_kind(p, SQL_CREATE_TRIGGER);
    step(p);
    take_if_exists(p);
    if (!take_routine_name(p, &schema, &name))
        return;
    while (!at_word(p, KW_ON) && (at_name(p) || at_sign(p, ',')))
        step(p); /* MariaDB 11: also UPDATE OF columns */
    if (!need_word(p, KW_ON) || !take_table_name(p, &table_schema, &table))
        return;
    /* A trigger is in the schema of its table. A table without a schema is looked for in the schema
     * written before the trigger's name, not in the current database. */
    if (!schema.text.at)
        schema.text = table_schema.text;
    else if (!table_schema.text.at)
        table_schema.text = schema.text;
    const unsigned trigger = add_object(p, SQL_ROUTINE, &schema, &name, SQL_DEFINE);
    const unsigned on = add_object(p, SQL_TABLE, &table_schema, &table, SQL_DEFINE);
    place_trigger(p, trigger, &schema, &name, on);
    if (!need_word(p, KW_FOR) || !need_word(p, KW_EACH) || !need_word(p, KW_ROW))
        return;
    if (at_word(p, KW_FOLLOWS) || at_word(p, KW_PRECEDES)) {
        step(p);
        struct name other_schema, other;
        take_routine_name(p, &other_schema, &other);
    }
    p->beside = (uint16_t)on; /* names without a schema in the body: in its schema */
    parse_body_in(p, &table_schema);
    p->beside = SQL_OBJECTS;
    if (!p->failed)
        check_renamed(p);
}

/* Skips the event's schedule and options, up to DO. Returns true if they have a RENAME TO another
 * schema than that of `from`. */
static bool skip_schedule(struct parser *p, const struct name *from)
{
    bool moves = false;

    while (!at_word(p, KW_DO) && !at_end(p) && !at_sign(p, ';')) {
        if (at_sign(p, '('))
            parse_bracket(p);
        else if (at_word(p, KW_SELECT) || at_sign(p, '.')) {
            return parser_fail(p, "a query or a stored function where none is foreseen");
        } else if (at_word(p, KW_RENAME)) {
            struct name schema;
            step(p);
            need_word(p, KW_TO);
            take_routine(p, SQL_DEFINE, &schema);
            struct text old = from->text.at ? from->text : p->schema;
            struct text new = schema.text.at ? schema.text : p->schema;
            moves = !old.at || !new.at || !text_equal(old, new);
        } else
            step(p);
    }
    return moves;
}

void parse_event(struct parser *p, enum sql_kind kind)
{
    struct name schema;

    set_kind(p, kind);
    step(p);
    take_if_exists(p);
    take_routine(p, SQL_DEFINE, &schema);
    bool moves = skip_schedule(p, &schema);
    if (take_word(p, KW_DO))
        parse_body_in(p, &schema);
    else if (kind == SQL_ALTER_EVENT)
        parser_fail(p, "ALTER EVENT without a body: the one it has is read anew");
    if (moves)
        parser_fail(p, "an event that changes its schema: names in its body mean others there");
}

/* The characteristics before the body of a routine. */
void skip_characteristics(struct parser *p)
{
    for (;;) {
        switch (p->t.keyword) {
        case KW_COMMENT:
            step(p);
            step(p);
            break;
        case KW_LANGUAGE:
            step(p);
            if (!take_word(p, KW_SQL))
                parser_fail(p, "a routine in another language than SQL");
            break;
        case KW_SQL:
            step(p);
            if (need_word(p, KW_SECURITY))
                step(p);
            break;
        case KW_NOT:
        case KW_DETERMINISTIC:
        case KW_CONTAINS:
        case KW_NO:
        case KW_READS:
        case KW_MODIFIES:
        case KW_DATA:
        case KW_AGGREGATE:
            step(p);
            if (at_word(p, KW_SQL) && p->n.keyword != KW_SECURITY)
                step(p); /* CONTAINS SQL, NO SQL */
            break;
        default:
            return;
        }
    }
}

/* The type behind RETURNS: words, and brackets with numbers and strings; up to a characteristic or
 * the body. */
static void skip_type(struct parser *p)
{
    if (take_word(p, KW_TYPE)) { /* MariaDB: TYPE OF table.column */
        parser_fail(p, "a type that is a table's");
        return;
    }
    step(p);
    for (;;) {
        switch (p->t.keyword) {
        case KW_CHARACTER:
            step(p);
            take_word(p, KW_SET);
            step(p);
            break;
        case KW_CHARSET:
        case KW_COLLATE:
            step(p);
            step(p);
            break;
        case KW_COMPRESSED: /* MariaDB: [= method] */
            step(p);
            if (take_sign(p, '='))
                step(p);
            break;
        case KW_UNSIGNED:
        case KW_SIGNED:
        case KW_ZEROFILL:
        case KW_BINARY:
        case KW_ASCII:
        case KW_UNICODE:
        case KW_PRECISION:
        case KW_VARYING:
        case KW_VARCHAR:
        case KW_VARBINARY:
        case KW_CHAR:
        case KW_BYTE:
            step(p);
            break;
        default:
            if (!at_sign(p, '('))
                return;
            skip_brackets(p);
            break;
        }
    }
}

/* PROCEDURE name (parameters) characteristics body; FUNCTION also has RETURNS type. */
void parse_routine(struct parser *p)
{
    bool function = at_word(p, KW_FUNCTION);
    struct name schema;

    set_kind(p, function ? SQL_CREATE_FUNCTION : SQL_CREATE_PROCEDURE);
    step(p);
    take_if_exists(p);
    take_routine(p, SQL_DEFINE, &schema);
    if (function && at_word(p, KW_RETURNS)) { /* RETURNS type SONAME 'file': a loadable function */
        p->facts->administration = true;
        skip_rest(p);
        return;
    }
    if (in_oracle(p)) {
        parser_fail(p, "a routine in sql_mode ORACLE");
        return;
    }
    if (take_sign(p, '(')) {
        parse_declared(p);
        need_sign(p, ')');
    }
    if (function && need_word(p, KW_RETURNS))
        skip_type(p);
    skip_characteristics(p);
    parse_body_in(p, &schema);
}
