/* Statements on whole tables and on sessions: CHECK TABLE and similar ones, FLUSH, LOCK TABLES,
 * HANDLER, KILL.
 * Called by sql/statement.c.
 */
#include "sql/parser.h"
#include "sql/session_internal.h"

/* MariaDB, after a table: PERSISTENT FOR ALL, or FOR COLUMNS (..) or ALL INDEXES (..) or ALL. */
static void skip_persistent(struct parser *p)
{
    if (!take_word(p, KW_PERSISTENT) || !need_word(p, KW_FOR) || take_word(p, KW_ALL))
        return;
    while (at_word(p, KW_COLUMNS) || at_word(p, KW_INDEXES)) {
        step(p);
        if (!take_word(p, KW_ALL))
            skip_brackets(p);
    }
}

/* QUICK, FOR UPGRADE and so on; MySQL's UPDATE or DROP HISTOGRAM ON columns. Only HISTOGRAM may
 * have commas: any other comma is a failure, because a table may follow it. */
static void skip_options(struct parser *p)
{
    bool histogram = at_word(p, KW_UPDATE) || at_word(p, KW_DROP);

    while (!at_end(p) && !at_sign(p, ';')) {
        if ((at_sign(p, ',') && !histogram) || at_sign(p, '(')) {
            parser_fail(p, "options of maintenance that are not understood");
            return;
        }
        step(p);
    }
}

static void maintain(struct parser *p, unsigned access)
{
    list_begin(p);
    do {
        note_need(p, take_table(p, access), SQL_NEEDS_TABLE);
        skip_persistent(p);
    } while (list_goes_on(p));
    skip_options(p);
}

/* CACHE INDEX t [PARTITION (..)] [INDEX (..)], ... IN cache; LOAD INDEX INTO CACHE t ..., ... */
static void maintain_indexes(struct parser *p)
{
    do {
        take_table(p, SQL_DEFINE);
        while (!at_end(p) && !at_sign(p, ',') && !at_sign(p, ';')) {
            if (at_sign(p, '('))
                skip_brackets(p);
            else
                step(p);
        }
    } while (take_sign(p, ','));
}

static bool take_table_word(struct parser *p)
{
    while (at_word(p, KW_NO_WRITE_TO_BINLOG) || at_word(p, KW_LOCAL))
        step(p);
    if (take_word(p, KW_TABLE) || take_word(p, KW_TABLES) || take_word(p, KW_VIEW))
        return true;
    return parser_fail(p, "maintenance of what is not understood");
}

void parse_maintenance(struct parser *p)
{
    enum sql_keyword word = (enum sql_keyword)p->t.keyword;

    step(p);
    switch ((unsigned)word) {
    case KW_CHECK:
        set_kind(p, SQL_CHECK_TABLE);
        break;
    case KW_CHECKSUM:
        set_kind(p, SQL_CHECKSUM_TABLE);
        break;
    case KW_REPAIR:
        set_kind(p, SQL_REPAIR_TABLE);
        break;
    case KW_OPTIMIZE:
        set_kind(p, SQL_OPTIMIZE_TABLE);
        break;
    case KW_ANALYZE:
        set_kind(p, SQL_ANALYZE_TABLE);
        break;
    default:
        set_kind(p, SQL_CACHE_INDEX);
        if (need_word(p, KW_INDEX))
            maintain_indexes(p);
        return;
    }
    if (take_table_word(p))
        maintain(p, word == KW_CHECK || word == KW_CHECKSUM ? SQL_READ : SQL_READ | SQL_WRITE);
}

void parse_load_index(struct parser *p)
{
    set_kind(p, SQL_LOAD_INDEX);
    step(p);
    if (need_word(p, KW_INDEX) && need_word(p, KW_INTO) && need_word(p, KW_CACHE))
        maintain_indexes(p);
}

void parse_flush(struct parser *p)
{
    set_kind(p, SQL_FLUSH);
    p->facts->administration = true;
    step(p);
    while (at_word(p, KW_NO_WRITE_TO_BINLOG) || at_word(p, KW_LOCAL))
        step(p);
    if (take_word(p, KW_TABLES) || take_word(p, KW_TABLE)) {
        const bool all = at_word(p, KW_WITH) || at_word(p, KW_FOR);
        if ((at_name(p) || at_sign(p, '.')) && !all)
            take_tables(p, SQL_READ);
        if (!at_end(p) && !at_sign(p, ';'))
            leaves(p, all ? SQL_LEAVES_SERVER_LOCK : SQL_LEAVES_TABLE_LOCKS);
    }
    skip_rest(p);
}

/* --- locks --- */

static void lock_table(struct parser *p)
{
    struct name schema, name, alias;
    unsigned access = SQL_READ;

    if (!take_table_name(p, &schema, &name))
        return;
    if (!at_word(p, KW_READ) && !at_word(p, KW_WRITE) && !at_word(p, KW_LOW_PRIORITY))
        take_alias(p, &alias);
    if (take_word(p, KW_READ)) {
        take_word(p, KW_LOCAL);
    } else {
        access = SQL_WRITE;
        take_word(p, KW_LOW_PRIORITY);
        need_word(p, KW_WRITE);
        take_word(p, KW_CONCURRENT);
    }
    add_table(p, &schema, &name, access);
}

void parse_lock_tables(struct parser *p)
{
    set_kind(p, SQL_LOCK_TABLES);
    step(p);
    if (at_word(p, KW_INSTANCE)) {
        p->facts->administration = true;
        leaves(p, SQL_LEAVES_BACKUP_LOCK);
        skip_rest(p);
        return;
    }
    leaves(p, SQL_LEAVES_TABLE_LOCKS);
    if (!take_word(p, KW_TABLES) && !need_word(p, KW_TABLE))
        return;
    list_begin(p);
    do
        lock_table(p);
    while (list_goes_on(p));
    if (at_word(p, KW_WAIT) || at_word(p, KW_NOWAIT))
        skip_rest(p);
}

void parse_unlock(struct parser *p)
{
    set_kind(p, SQL_UNLOCK_TABLES);
    step(p);
    if (take_word(p, KW_INSTANCE)) {
        p->facts->administration = true;
        ends(p, SQL_ENDS_BACKUP_LOCK);
        return;
    }
    ends(p, SQL_ENDS_TABLE_LOCKS | SQL_ENDS_SERVER_LOCK);
    if (!take_word(p, KW_TABLES))
        need_word(p, KW_TABLE);
}

/* --- HANDLER --- */

static void note_handler(struct parser *p, unsigned action, struct text name)
{
    if (action & SQL_ACTION_OPEN_HANDLER)
        leaves(p, SQL_LEAVES_HANDLER);
    if (p->body)
        return;
    if (!p->dynamic) {
        p->facts->user_lock =
            action & SQL_ACTION_OPEN_HANDLER ? SQL_HANDLER_OPENS : SQL_HANDLER_CLOSES;
        p->facts->lock_name = text_hash(name, 0, true);
    }
    p->facts->effects |= SQL_EFFECT_SESSION;
    p->facts->session.action |= (uint16_t)action;
    p->facts->session.name = name;
    p->facts->session.facts = p->facts;
}

void read_handler(struct parser *p, struct text name)
{
    const struct sql_facts *opened =
        p->session && !p->body && name.at ? sql_session_handler(p->session, name) : NULL;

    if (!opened) {
        parser_fail(p, "HANDLER of a table that was not seen to be opened");
        return;
    }
    for (uint32_t i = 0; i < opened->object_count; i++) {
        const struct sql_object *object = &opened->objects[i];
        struct name of = {.text = object->schema}, called = {.text = object->name};
        p->unplaced = true;
        if (object->session_only)
            add_table(p, &of, &called, SQL_READ);
        else
            add_object(p, SQL_TABLE, &of, &called, SQL_READ);
        p->unplaced = false;
    }
}

/* OPEN names a table; READ and CLOSE use the name it was opened by, which may be an alias. */
void parse_handler(struct parser *p)
{
    struct name schema, name, alias;

    set_kind(p, SQL_HANDLER);
    step(p);
    if (!take_table_name(p, &schema, &name))
        return;
    if (take_word(p, KW_OPEN)) {
        note_need(p, add_table(p, &schema, &name, SQL_READ), SQL_NEEDS_TABLE);
        if (take_alias(p, &alias))
            name = alias;
        note_handler(p, SQL_ACTION_OPEN_HANDLER, name.text);
        return;
    }
    if (take_word(p, KW_CLOSE)) {
        note_handler(p, SQL_ACTION_CLOSE_HANDLER, name.text);
        return;
    }
    if (!need_word(p, KW_READ))
        return;
    p->facts->session.handler = schema.text.at ? schema.text : name.text;
    read_handler(p, schema.text.at ? (struct text){NULL, 0} : name.text);
    while (p->t.class == SQL_TOKEN_WORD || p->t.class == SQL_TOKEN_NAME || at_sign(p, '=') ||
           at_sign(p, '<') || at_sign(p, '>')) {
        if (at_word(p, KW_WHERE) || at_word(p, KW_LIMIT))
            break;
        step(p);
    }
    if (at_sign(p, '('))
        parse_bracket(p);
    while (parse_clause(p)) {
    }
}

/* --- KILL --- */

static bool at_kill_end(const struct parser *p)
{
    return p->n.class == SQL_TOKEN_END || p->n.sign == ';';
}

/* A number, perhaps with a minus: drivers read the connection id as a signed 32-bit number, and the
 * server takes the number that they send modulo 2^32. */
static bool take_thread(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    uint32_t offset = p->t.offset;
    bool negative = take_sign(p, '-');
    struct text text = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    uint64_t thread;

    if (p->t.class != SQL_TOKEN_NUMBER || p->dynamic || p->body || !at_kill_end(p) ||
        !text_number(text, &thread) || (negative && thread > UINT32_MAX)) {
        parser_back(p, &mark);
        return false;
    }
    p->facts->effects |= SQL_EFFECT_KILL;
    p->facts->thread = negative ? (uint32_t) - (int64_t)thread : thread;
    p->facts->thread_offset = offset;
    p->facts->thread_length = p->t.offset + p->t.length - offset;
    step(p);
    return true;
}

/* A user variable whose value is known, as a number or a string, and is a session's number. */
static bool take_variable_thread(struct parser *p)
{
    const uint32_t offset = p->t.offset, length = p->t.length;
    uint64_t thread;

    if (p->dynamic || !at_kill_end(p))
        return false;
    struct text value = variable_value(p);
    if (value.length > 1 && value.at[0] == '\0')
        value = (struct text){value.at + 1, value.length - 1};
    if (!value.at || !text_number(value, &thread) || !sql_is_thread(thread))
        return false;
    step(p);
    p->facts->effects |= SQL_EFFECT_KILL;
    p->facts->thread = thread;
    p->facts->thread_offset = offset;
    p->facts->thread_length = length;
    return true;
}

/* CONNECTION_ID(): the session itself, whatever its number on the server. It never means a stored
 * function of that name: built-in functions take precedence. */
static bool take_itself(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);

    if (take_word(p, KW_CONNECTION_ID) && take_sign(p, '(') && at_sign(p, ')') && at_kill_end(p)) {
        step(p);
        return true;
    }
    parser_back(p, &mark);
    return false;
}

void parse_kill(struct parser *p)
{
    set_kind(p, SQL_KILL);
    step(p);
    if (at_word(p, KW_HARD) || at_word(p, KW_SOFT))
        step(p);
    if (take_word(p, KW_QUERY))
        p->facts->kill_query = true;
    else
        take_word(p, KW_CONNECTION);
    if (take_thread(p) || take_variable_thread(p) || take_itself(p))
        return;
    if (at_word(p, KW_USER) || at_word(p, KW_ID)) { /* MariaDB: KILL USER x, KILL QUERY ID n */
        p->facts->administration = true;
        skip_rest(p);
        return;
    }
    parse_expression(p);
    parser_fail(p, "KILL of a thread that is not a plain number");
}
