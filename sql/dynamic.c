/* PREPARE, EXECUTE, EXECUTE IMMEDIATE, DEALLOCATE: statements whose text is a value. The text of a
 * literal is analysed, and the text that the session remembers for a user variable. With any other
 * value the statement is undetermined. Called by sql/statement.c and sql/define.c.
 */
#include <string.h>

#include "sql/parser.h"
#include "sql/reread.h"
#include "sql/session_internal.h"

static bool has_high_bytes(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((uint8_t)text.at[i] >= 0x80)
            return true;
    }
    return false;
}

/* Analyses the statement in `text` as part of the current one. `literal` is its place in the
 * command; class SQL_TOKEN_END: the text is not in the command. */
static void parse_text(struct parser *p, struct text text, const struct sql_token *literal)
{
    const struct parser_mark mark = parser_mark(p);
    const bool nowhere = p->nowhere;
    const char *start = (const char *)p->lexer.start + literal->offset;
    const uint8_t effects = p->facts->effects;

    if (p->rereads || p->dynamic || p->lexer.executable) {
        parser_fail(p, "a statement's text that may be read in another way than is known");
        return;
    }
    resolve_qualifiers(p);
    p->facts->session.reading = sql_reading_of(text, p->state);
    p->dynamic = true;
    p->nowhere = literal->class != SQL_TOKEN_STRING;
    if (!p->nowhere) {
        p->literal.text = (struct text){start + 1, literal->length - 2u};
        p->literal.offset = literal->offset + 1;
        p->literal.in = p->literal.out = 0;
        p->literal.quote = start[0];
        p->literal.escaped = literal->flags & SQL_TOKEN_ESCAPED;
    }
    if (++p->texts == 0)
        parser_fail(p, "more statements within statements than can be followed");
    parser_start(p, text, 0);
    parse_statement(p);
    take_sign(p, ';');
    if (!at_end(p))
        parser_fail(p, "text behind the prepared statement's end");
    else
        resolve_qualifiers(p);
    sql_reading_note(&p->facts->session.reading, p->facts);
    p->literal.text.at = NULL;
    p->dynamic = false;
    p->nowhere = nowhere;
    if (p->failed)
        return;
    parser_back(p, &mark);
    if (p->body && p->facts->effects != effects)
        parser_fail(p, "a prepared statement that changes how later ones are read");
}

/* Takes the value at p->t and returns its text. `at` NULL: not known. */
static struct text take_value(struct parser *p)
{
    struct text text = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    struct text value = {NULL, 0};

    if (p->t.class == SQL_TOKEN_STRING && (text.at[0] == '\'' || text.at[0] == '"')) {
        value = unescape(p, text, p->t.flags & SQL_TOKEN_ESCAPED);
        step(p);
    } else if (p->t.class == SQL_TOKEN_VARIABLE) {
        value = variable_value(p);
        step(p);
    }
    /* Checks a variable too: it may have been set before this character_set_connection. */
    value = keeps_its_text(p, value);
    /* Bytes over 127 may change when the server converts the value between character sets. */
    if (value.at && p->state->charset != SQL_UTF8 && has_high_bytes(value))
        value.at = NULL;
    return value;
}

static bool at_statement_end(const struct parser *p)
{
    return at_end(p) || at_sign(p, ';') || at_word(p, KW_USING);
}

/* Only one of several texts runs. Their objects are one list, but nothing may be believed that only
 * one of them brings about. That they forget something is no harm. */
static void check_one_of_several(struct parser *p, uint8_t effects)
{
    struct sql_facts *facts = p->facts;
    const unsigned forgets = SQL_ACTION_FORGET_VARIABLES | SQL_ACTION_FORGET_ALL |
                             SQL_ACTION_FORGET_TABLES | SQL_ACTION_RUNS_CODE;

    if (facts->session.action & SQL_ACTION_DROP_TABLES) {
        facts->session.action &= (uint16_t)~SQL_ACTION_DROP_TABLES;
        facts->session.action |= SQL_ACTION_FORGET_TABLES;
    }
    if (facts->session.action & SQL_ACTION_SET_VARIABLE) {
        facts->session.action &= (uint16_t)~SQL_ACTION_SET_VARIABLE;
        p->assigns = true;
    }
    if (facts->session.action & ~forgets || facts->session.handler.at || facts->xa || p->united ||
        facts->effects & ~((unsigned)effects | SQL_EFFECT_SESSION))
        parser_fail(p, "one of several texts, which changes what later statements mean");
}

/* Analyses each text that a variable may hold: `value` has them with a zero byte between them (see
 * SQL_ACTION_SET_VARIABLE). */
static void parse_each_text(struct parser *p, struct text value)
{
    static const struct sql_token nowhere = {.class = SQL_TOKEN_END};
    const uint8_t effects = p->facts->effects;
    const char *start = value.at, *end;
    uint8_t marks = 0;

    while (value.length > 0 && (end = memchr(value.at, 0, value.length)) != NULL) {
        struct text text = {value.at, (size_t)(end - value.at)};
        parse_text(p, text, &nowhere);
        check_one_of_several(p, effects);
        marks |= p->facts->session.reading.marks;
        value.at += text.length + 1;
        value.length -= text.length + 1;
    }
    const bool several = value.at != start;
    parse_text(p, value, &nowhere);
    if (several)
        check_one_of_several(p, effects);
    p->facts->session.reading.marks |= marks;
}

/* Analyses the value at p->t as a statement, or fails if it is not known. Returns its text; `at`
 * NULL: not known, or a variable that may hold several texts. */
static struct text parse_value(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    struct sql_token literal = p->t;
    struct text value = take_value(p);

    if (value.at && at_statement_end(p)) {
        if (literal.class == SQL_TOKEN_STRING)
            parse_text(p, value, &literal);
        else
            parse_each_text(p, value);
        if (value.length > 0 && memchr(value.at, 0, value.length))
            value.at = NULL;
        return value;
    }
    value.at = NULL;
    if (p->failed)
        return value;
    parser_back(p, &mark);
    parse_expression(p);
    parser_fail(p, "a statement whose text is not known");
    return value;
}

/* The value for facts->session.value: the database in which the text is prepared, a zero byte, and
 * the text. `at` NULL: the text or database is not known, or there is too little room. */
static struct text text_to_keep(struct parser *p, struct text text)
{
    const struct text database = sql_state_database(p->state);
    const size_t size = database.length + 1 + text.length;

    if (!text.at || p->state->database_unknown || text.length > SQL_SESSION_TEXT ||
        size > SQL_NAMES - p->facts->names_length)
        return (struct text){NULL, 0};
    char *to = take_room(p, size);
    if (database.length > 0)
        memcpy(to, database.at, database.length);
    to[database.length] = '\0';
    memcpy(to + database.length + 1, text.at, text.length);
    return (struct text){to, size};
}

/* What an EXECUTE of the text that was just analysed changes in the session, into *later. False: it
 * is more than that can say. */
static bool changes_later(const struct parser *p, uint8_t before, uint8_t *later)
{
    const unsigned states =
        SQL_EFFECT_MODE | SQL_EFFECT_CHARSET | SQL_EFFECT_LOSSY | SQL_EFFECT_UNKNOWN;
    const unsigned databases = SQL_EFFECT_DATABASE | SQL_EFFECT_DATABASE_DROPPED;
    const unsigned tables =
        SQL_ACTION_CREATE_TEMPORARY | SQL_ACTION_DROP_TABLES | SQL_ACTION_FORGET_TABLES;
    /* each EXECUTE forgets all variables */
    const unsigned variables = SQL_ACTION_SET_VARIABLE | SQL_ACTION_FORGET_VARIABLES;
    const unsigned effects = p->facts->effects & ~(unsigned)before;
    const unsigned action = p->facts->session.action;

    *later = (action & tables ? SQL_LATER_TABLES : 0) | (effects & states ? SQL_LATER_STATE : 0) |
             (effects & databases ? SQL_LATER_DATABASE : 0) |
             (action & SQL_ACTION_CREATE_TEMPORARY ? SQL_LATER_CREATES : 0);
    /* What a MERGE table stands on has to be remembered with its name; and at an EXECUTE, LIKE may
     * name another table than now. */
    return !p->united && !(effects & ~(states | databases | SQL_EFFECT_SESSION)) &&
           !(action & ~(tables | variables | SQL_ACTION_RUNS_CODE));
}

void parse_prepare(struct parser *p)
{
    struct name name;
    uint8_t later;

    set_kind(p, SQL_PREPARE);
    step(p);
    if (!read_name(p, &name, false))
        return;
    step(p);
    if (!need_word(p, KW_FROM))
        return;
    const uint8_t effects = p->facts->effects;
    const uint16_t left = p->facts->leaves;
    const bool assigns = p->assigns, calls = p->calls;
    const struct text text = parse_value(p);
    if (p->body) {
        if (!p->failed && p->prepared_count < PARSER_PREPARED)
            p->prepared[p->prepared_count++] = name.text;
        return;
    }
    /* The effects of the prepared statement belong to its EXECUTE. But the servers evaluate some
     * expressions already now. */
    const bool evaluates = p->assigns || p->calls || sql_facts_evaluate_early(p->facts);
    p->assigns = assigns;
    p->calls = calls;
    bool kept = changes_later(p, effects, &later);
    p->facts->effects = effects | SQL_EFFECT_SESSION;
    p->facts->likeness = false;
    p->facts->session.later = later;
    p->facts->session.leaves = p->facts->leaves;
    p->facts->leaves = (uint16_t)(left | (evaluates ? p->facts->leaves & SQL_LEAVES_USER_LOCK : 0));
    p->facts->session.action = SQL_ACTION_PREPARE | (evaluates ? SQL_ACTION_EVALUATES : 0);
    p->facts->session.name = name.text;
    p->facts->xa = SQL_XA_NONE;
    p->facts->xa_foreign = false;
    /* The server reads and stores a body in the sql_mode at the time of the EXECUTE. */
    kept &= !p->facts->stores;
    p->facts->session.facts = kept && !p->failed ? p->facts : NULL;
    if (p->facts->session.facts)
        p->facts->session.value = text_to_keep(p, text);
}

/* Adds the facts that the session remembers of the PREPARE to those of this EXECUTE. */
static void execute_facts(struct parser *p, const struct sql_facts *facts)
{
    p->facts->administration |= facts->administration;
    p->facts->branches |= facts->branches;
    p->facts->leaves |= facts->session.leaves;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        p->calls |= object->type == SQL_ROUTINE && (object->access & SQL_EXECUTE);
        struct name schema = {object->schema, 0, 0, false}, name = {object->name, 0, 0, false};
        if (i == 0 && object->session_only && object->access == SQL_DEFINE &&
            facts->session.later & SQL_LATER_CREATES)
            add_temporary(p, &schema, &name);
        else if (object->session_only)
            add_table(p, &schema, &name, object->access);
        else
            note_need(p, add_object(p, (enum sql_type)object->type, &schema, &name, object->access),
                      object->needs);
    }
    if (facts->session.handler.at)
        read_handler(p, facts->session.handler);
    if (facts->session.later & SQL_LATER_TABLES) {
        p->facts->effects |= SQL_EFFECT_SESSION;
        p->facts->session.action |= SQL_ACTION_FORGET_TABLES;
    }
    /* MariaDB returns from a USE to the current database if the PREPARE was in another one. */
    if (facts->session.later & SQL_LATER_DATABASE)
        p->facts->effects |= SQL_EFFECT_UNKNOWN | SQL_EFFECT_DATABASE;
    if (facts->session.later & SQL_LATER_STATE)
        p->facts->effects |= SQL_EFFECT_UNKNOWN;
}

/* Was `name` prepared earlier in this body, by a PREPARE that always runs before this EXECUTE? Then
 * the facts already list its objects; and if that PREPARE failed, there is nothing to execute. */
static bool is_prepared_here(const struct parser *p, struct text name)
{
    for (unsigned i = 0; i < p->prepared_count; i++) {
        if (text_equal_fold(p->prepared[i], name))
            return true;
    }
    return false;
}

static void execute_known(struct parser *p)
{
    struct name name;

    if (!read_name(p, &name, false))
        return;
    step(p);
    const bool here = p->body && is_prepared_here(p, name.text);
    const struct sql_facts *facts =
        p->session && !p->body ? sql_session_statement(p->session, name.text) : NULL;
    p->assigns = true; /* perhaps: the session does not remember whether it sets variables */
    if (!p->body)
        p->facts->session.name = name.text;
    may_run_code(p);
    if (facts && facts->determined)
        execute_facts(p, facts);
    enum sql_alike alike =
        facts ? sql_reads_alike(&facts->session.reading, p->state) : SQL_READS_ALIKE;
    if (p->rereads && facts && facts->session.reading.marks)
        alike = SQL_READS_OTHERWISE;
    if (alike != SQL_READS_ALIKE)
        parser_fail(p, "EXECUTE of a text that may say something else in this sql_mode or set");
    p->facts->needs_mode |= alike == SQL_READS_UNKNOWN && !p->state->mode_known;
    if (take_word(p, KW_USING))
        parse_expressions(p);
    if (!here && (!facts || !facts->determined))
        parser_fail(p, "EXECUTE of a statement that is not known");
}

/* Is there more in the rest of the statement than names and literals? MariaDB evaluates some of it
 * before it reads the text. */
static bool may_assign(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    bool assigns = false;

    for (; !at_end(p) && !at_sign(p, ';'); step(p))
        assigns |= at_sign(p, '(') || at_sign(p, ':');
    if (!p->failed)
        parser_back(p, &mark);
    return assigns;
}

void parse_execute(struct parser *p)
{
    step(p);
    if (!take_word(p, KW_IMMEDIATE)) {
        set_kind(p, SQL_EXECUTE_STATEMENT);
        execute_known(p);
        return;
    }
    set_kind(p, SQL_EXECUTE_IMMEDIATE);
    const bool variable = p->t.class == SQL_TOKEN_VARIABLE;
    parse_value(p);
    if (!take_word(p, KW_USING))
        return;
    if ((variable || p->remembers) && may_assign(p))
        parser_fail(p, "a statement's text that a parameter may change");
    parse_expressions(p);
}

void parse_deallocate(struct parser *p)
{
    struct name name;

    set_kind(p, SQL_DEALLOCATE);
    if (take_word(p, KW_DEALLOCATE) && !at_word(p, KW_PREPARE))
        parser_fail(p, "DEALLOCATE of what is not understood");
    step(p);
    if (!read_name(p, &name, false))
        return;
    step(p);
    if (p->body)
        return;
    p->facts->effects |= SQL_EFFECT_SESSION;
    p->facts->session.action |= SQL_ACTION_DEALLOCATE;
    p->facts->session.name = name.text;
}

bool sql_session_prepared(const struct sql_session *session, struct text name,
                          struct text *database, struct text *text)
{
    const struct sql_facts *facts = sql_session_statement(session, name);
    const struct text kept = facts ? facts->session.value : (struct text){NULL, 0};
    const char *end = kept.at ? memchr(kept.at, 0, kept.length) : NULL;

    if (!end)
        return false;
    *database = (struct text){end > kept.at ? kept.at : NULL, (size_t)(end - kept.at)};
    *text = (struct text){end + 1, kept.length - database->length - 1};
    return true;
}

uint64_t sql_session_prepared_in(const struct sql_session *session, struct text name)
{
    const struct sql_facts *facts = sql_session_statement(session, name);

    return facts ? facts->prepared_in : 0;
}
