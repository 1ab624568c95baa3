/* SET in all its forms: what it changes for the reading of later statements, and what is an act on
 * the server. Called by sql/statement.c.
 */
#include "sql/session_internal.h"
#include "sql/set_internal.h"

/* --- user variables --- */

struct name variable_name(struct parser *p)
{
    const char *at = (const char *)p->lexer.start + p->t.offset + 1;
    struct name name = {
        {at, p->t.length - 1u},
        p->t.offset, p->t.length, false
    };

    if (name.text.length >= 2 && (*at == '`' || *at == '\'' || *at == '"'))
        name.text = (struct text){at + 1, name.text.length - 2};
    return name;
}

struct text variable_value(struct parser *p)
{
    const unsigned quiet = SQL_ACTION_RUNS_CODE;

    if (p->t.class != SQL_TOKEN_VARIABLE || p->t.flags & SQL_TOKEN_HIGH || !p->session || p->body ||
        p->assigns || p->calls || p->facts->object_count > 0 || p->facts->session.action & ~quiet)
        return (struct text){NULL, 0};
    struct text value = sql_session_variable(p->session, variable_name(p).text);
    p->remembers |= value.at != NULL;
    return value;
}

/* Takes @@sql_mode or @@character_set_client at p->t and returns a text that means the same as its
 * value. Tools save these variables in user variables before they change them. */
static struct text take_saved(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    struct text value = {NULL, 0};
    char *words;

    if (p->t.class != SQL_TOKEN_SYSTEM)
        return value;
    if (take_own(p, TEXT("character_set_client"))) {
        value = sql_charset_name((enum sql_charset)p->state->charset);
    } else if (take_own(p, TEXT("sql_mode")) && p->state->mode_known &&
               (words = take_room(p, SQL_MODE_TEXT))) {
        value = (struct text){words, sql_mode_words(p->state->mode, words)};
    }
    if (p->failed || (value.at && at_value_end(p)))
        return value;
    parser_back(p, &mark);
    return (struct text){NULL, 0};
}

/* Reads a number that may be a session's id; a later KILL may use it. The result has a zero byte in
 * front, so that it is never taken for a text. Other numbers are not remembered. */
static struct text read_thread(struct parser *p)
{
    const struct text digits = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    uint64_t number;
    char *room;

    if (p->t.class != SQL_TOKEN_NUMBER || !(p->n.class == SQL_TOKEN_END || p->n.sign == ';') ||
        !text_number(digits, &number) || !sql_is_thread(number) ||
        !(room = take_room(p, 1 + digits.length)))
        return (struct text){NULL, 0};
    room[0] = '\0';
    memcpy(room + 1, digits.at, digits.length);
    return (struct text){room, 1 + digits.length};
}

/* Remembered are SET @name = 'literal' if it is the only setting, and SET @name = @@sql_mode if it
 * is the first; not behind SET STATEMENT with another sql_mode or character set. Else the variable
 * is forgotten; if one SET has several user variables, all are.
 */
static void set_user_variable(struct parser *p, const struct name *name, bool first)
{
    first = first && !p->rereads;
    struct text text = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    bool literal = first && p->t.class == SQL_TOKEN_STRING && !p->body &&
                   (text.at[0] == '\'' || text.at[0] == '"') &&
                   (p->n.class == SQL_TOKEN_END || p->n.sign == ';');
    struct text value = {NULL, 0}, choice = {NULL, 0};

    if (first && !p->body && !literal)
        value = take_saved(p);
    if (first && !p->body && !literal && !value.at)
        choice = read_choice(p);
    if (first && !p->body && !literal && !value.at && !choice.at)
        choice = read_thread(p);
    if (choice.at) {
        value = choice;
        parse_value(p);
    } else {
        if (literal)
            value = keeps_its_text(p, unescape(p, text, p->t.flags & SQL_TOKEN_ESCAPED));
        if (value.at && memchr(value.at, 0, value.length)) /* it would look like two texts */
            value = (struct text){NULL, 0};
        if (literal || !value.at)
            parse_value(p);
    }
    if (p->body || p->failed || p->facts->session.action & SQL_ACTION_SET_VARIABLE) {
        p->assigns = true;
        return;
    }
    p->facts->session.action |= SQL_ACTION_SET_VARIABLE;
    p->facts->session.name = name->text;
    p->facts->session.value = value;
    p->facts->effects |= SQL_EFFECT_SESSION;
}

/* --- assignments --- */

/* System variables whose setting matters to silogate. */
static const struct text followed[] = {
    {"sql_mode",                      8 },
    {"character_set_client",          20},
    {"character_set_connection",      24},
    {"collation_connection",          20},
    {"innodb_ft_user_stopword_table", 29},
    {"default_storage_engine",        22},
    {"default_tmp_storage_engine",    26},
    {"storage_engine",                14},
    {"enforce_storage_engine",        22},
    {"pseudo_thread_id",              16},
    {"server_id",                     9 },
};

static bool is_variable_letter(char c)
{
    char lower = text_lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

static bool is(const struct assignment *assignment, struct text name)
{
    return text_equal_fold(assignment->name.text, name);
}

/* Takes the left side and the equals sign. */
static bool take_left(struct parser *p, struct assignment *assignment)
{
    const bool of_row = p->facts->kind == SQL_CREATE_TRIGGER && p->n.sign == '.';

    if (p->t.class == SQL_TOKEN_VARIABLE) {
        const bool assigns = p->assigns; /* `:=` is not an expression's here */
        assignment->user = true;
        assignment->name = variable_name(p);
        step(p);
        p->assigns = assigns;
    } else {
        if (p->t.class == SQL_TOKEN_SYSTEM) {
            assignment->global = false;
            step(p);
            if (p->n.sign == '.') {
                take_scope(p, assignment);
                take_sign(p, '.');
            }
            assignment->scoped = false; /* it is for this setting alone */
        } else if (p->n.sign != '=' && p->n.sign != ':' && p->n.sign != '.') {
            take_scope(p, assignment);
        }
        if (!read_name(p, &assignment->name, false))
            return false;
        step(p);
        assignment->column = of_row && (text_equal_fold(assignment->name.text, TEXT("new")) ||
                                        text_equal_fold(assignment->name.text, TEXT("old")));
        while (take_sign(p, '.')) {
            if (!read_name(p, &assignment->name, false))
                return false;
            step(p);
        }
    }
    if (take_sign(p, ':'))
        return need_sign(p, '=');
    return need_sign(p, '=');
}

/* A string that names the table of stop words for full-text indexes that this session creates.
 * InnoDB reads this table without a check of privileges. */
static void set_stopwords(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);

    if (p->t.class == SQL_TOKEN_STRING && p->t.length == 2)
        step(p); /* none */
    else if (!take_word(p, KW_NULL))
        take_word(p, KW_DEFAULT);
    if (at_value_end(p))
        return;
    p->facts->administration = true;
    if (!p->failed)
        parser_back(p, &mark);
    parse_value(p);
}

/* The engine of a CREATE TABLE without ENGINE. */
static void set_engine(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);

    if (!take_word(p, KW_NULL) && !take_word(p, KW_DEFAULT))
        take_engine_name(p);
    if (at_value_end(p))
        return;
    p->facts->administration = true;
    if (!p->failed)
        parser_back(p, &mark); /* the name may be a call's */
    parse_value(p);
}

/* The servers find a session's temporary tables by these values. After a change the temporary
 * tables are hidden, and their names mean the real tables. Replication and mysqlbinlog set it. */
static bool is_identity(const struct assignment *assignment)
{
    return is(assignment, TEXT("pseudo_thread_id")) || is(assignment, TEXT("server_id"));
}

static void set_identity(struct parser *p)
{
    p->facts->administration = true;
    p->session = NULL;
    p->calls = true;
    if (p->body)
        parser_fail(p, "a body that puts temporary tables out of sight");
    parse_value(p);
}

static bool is_trace(const struct assignment *assignment)
{
    return is(assignment, TEXT("profiling")) || is(assignment, TEXT("optimizer_trace"));
}

/* Can `name` mean `variable`: are its parts before and after the odd characters the start and end
 * of `variable`? */
static bool may_spell(struct text name, struct text variable)
{
    size_t head = 0, tail = 0;

    while (head < name.length && is_variable_letter(name.at[head]))
        head++;
    while (tail < name.length - head && is_variable_letter(name.at[name.length - 1 - tail]))
        tail++;
    if (head + tail > variable.length)
        return false;
    return text_equal_fold((struct text){name.at, head}, (struct text){variable.at, head}) &&
           text_equal_fold((struct text){name.at + name.length - tail, tail},
                           (struct text){variable.at + variable.length - tail, tail});
}

/* MySQL ignores accents and trailing blanks when it compares names of system variables: a name with
 * odd characters may mean any of them. In a body such a name counts as a local variable, unless it
 * looks like one of the variables that matter. */
static bool is_itself(const struct parser *p, struct text name)
{
    size_t plain = 0;

    while (plain < name.length && is_variable_letter(name.at[plain]))
        plain++;
    if (plain == name.length || !p->body)
        return plain == name.length;
    for (size_t i = 0; i < sizeof(followed) / sizeof(followed[0]); i++) {
        if (may_spell(name, followed[i]))
            return false;
    }
    return true;
}

/* `global`: the scope of the settings before, which this one gets if it has none. (MySQL manual,
 * "SET Syntax for Variable Assignment".) */
static void parse_assignment(struct parser *p, bool first, bool *global)
{
    struct assignment assignment = {.global = *global};

    if (!take_left(p, &assignment))
        return;
    if (assignment.scoped)
        *global = assignment.global;
    if (assignment.column) {
        parse_value(p);
    } else if (!assignment.user && !is_itself(p, assignment.name.text)) {
        parser_fail(p, "a variable that may be another, by the server's rules for letters");
    } else if (assignment.user) {
        set_user_variable(p, &assignment.name, first);
    } else if (assignment.global) {
        p->facts->administration = true;
        parse_value(p);
    } else if (is(&assignment, TEXT("sql_mode"))) {
        set_mode(p);
    } else if (is(&assignment, TEXT("character_set_client"))) {
        set_charset(p);
    } else if (is(&assignment, TEXT("character_set_connection")) ||
               is(&assignment, TEXT("collation_connection"))) {
        set_connection(p);
    } else if (is(&assignment, TEXT("innodb_ft_user_stopword_table"))) {
        set_stopwords(p);
    } else if (is(&assignment, TEXT("default_storage_engine")) ||
               is(&assignment, TEXT("default_tmp_storage_engine")) ||
               is(&assignment, TEXT("storage_engine")) ||
               is(&assignment, TEXT("enforce_storage_engine"))) {
        set_engine(p);
    } else if (is_identity(&assignment)) {
        set_identity(p);
    } else {
        p->facts->traces |= is_trace(&assignment);
        parse_value(p);
    }
}

/* TRANSACTION ISOLATION LEVEL ..., READ ONLY */
static void skip_transaction(struct parser *p)
{
    while (p->t.class == SQL_TOKEN_WORD || at_sign(p, ','))
        step(p);
}

/* SET ROLE changes only this session's privileges. MySQL allows a list of roles and nothing after
 * it; MariaDB allows one role, and other settings after it. */
static void set_role(struct parser *p)
{
    step(p);
    if (p->state->dialect == SQL_MYSQL)
        skip_rest(p);
    else
        skip_user(p);
}

/* PASSWORD [FOR user] = value, [TO RANDOM] ... */
static void set_password(struct parser *p)
{
    p->facts->administration = true;
    step(p);
    if (p->state->dialect == SQL_MYSQL) {
        skip_rest(p);
        return;
    }
    if (take_word(p, KW_FOR))
        skip_user(p);
    take_sign(p, ':');
    if (need_sign(p, '='))
        parse_expression(p);
}

/* DEFAULT ROLE role [TO users | FOR user], RESOURCE GROUP name */
static void set_for_account(struct parser *p)
{
    p->facts->administration = true;
    if (p->state->dialect == SQL_MYSQL) {
        skip_rest(p);
        return;
    }
    step(p);
    step(p);
    skip_user(p);
    if (take_word(p, KW_FOR) || take_word(p, KW_TO))
        skip_user(p);
}

/* Settings of accounts: passwords and roles; false if it is another setting. */
static bool set_account(struct parser *p)
{
    if (at_word(p, KW_PASSWORD) &&
        (p->n.sign == '=' || p->n.sign == ':' || p->n.keyword == KW_FOR || p->n.keyword == KW_TO))
        set_password(p);
    else if ((at_word(p, KW_DEFAULT) && p->n.keyword == KW_ROLE) ||
             (at_word(p, KW_RESOURCE) && p->n.keyword == KW_GROUP))
        set_for_account(p);
    else if (at_word(p, KW_ROLE) && p->n.sign != '=' && p->n.sign != ':')
        set_role(p);
    else
        return false;
    return true;
}

/* One setting of a SET. */
static void parse_setting(struct parser *p, bool first, bool *global)
{
    bool scoped = at_word(p, KW_GLOBAL) || at_word(p, KW_SESSION) || at_word(p, KW_LOCAL);

    if (set_account(p))
        return;
    if (p->n.sign == '=' || p->n.sign == ':' || p->n.sign == '.') {
        parse_assignment(p, first, global);
    } else if (scoped && p->n.keyword == KW_TRANSACTION && parser_peek(p).sign != '=') {
        p->facts->administration |= at_word(p, KW_GLOBAL);
        skip_transaction(p);
    } else if (at_word(p, KW_TRANSACTION)) {
        skip_transaction(p);
    } else if (at_word(p, KW_NAMES) || at_word(p, KW_CHARSET)) {
        bool names = at_word(p, KW_NAMES);
        step(p);
        set_names(p, names);
    } else if ((at_word(p, KW_CHARACTER) || at_word(p, KW_CHAR)) && p->n.keyword == KW_SET) {
        step(p);
        step(p);
        set_names(p, false);
    } else {
        parse_assignment(p, first, global);
    }
}

/* MariaDB: SET STATEMENT a = 1, b = 2 FOR statement. The settings hold for this statement only. If
 * the statement itself sets one of these variables, this is undone too. */
static void parse_for_statement(struct parser *p)
{
    const uint8_t effects = p->facts->effects;
    bool global = false;

    step(p);
    do
        parse_assignment(p, false, &global);
    while (take_sign(p, ','));
    const bool rereads = p->facts->effects != effects;
    p->facts->effects = effects;
    if (p->facts->kind == SQL_SET)
        p->facts->kind = SQL_UNKNOWN;
    if (!need_word(p, KW_FOR))
        return;
    const bool set_for = p->set_for;
    p->set_for = p->body;
    parse_statement(p);
    p->set_for = set_for;
    if (rereads && (p->facts->effects & (SQL_EFFECT_MODE | SQL_EFFECT_CHARSET)))
        p->facts->effects |= SQL_EFFECT_UNKNOWN;
}

/* In a stored body the servers undo all these settings at its end. After a compound statement
 * outside of stored code MariaDB undoes sql_mode and keeps the character set; whether the SET was
 * reached is not known. */
static void keep_of_body(struct parser *p, uint8_t effects)
{
    const uint8_t charset = p->facts->effects & (SQL_EFFECT_CHARSET | SQL_EFFECT_LOSSY);

    if (p->stored) {
        p->facts->effects = effects;
    } else if (p->facts->effects != effects) {
        p->facts->effects = effects | charset;
        p->facts->charset = SQL_CHARSET_UNKNOWN;
        p->facts->lossy = SQL_LOSSY;
    }
}

/* MySQL evaluates parts of all settings before it makes the first one. So the value of a variable
 * is not known if any of them may have changed it. */
static void doubt_values(struct sql_facts *facts)
{
    facts->mode = SQL_MODE_UNKNOWN;
    facts->mode_print = 0;
    facts->charset = SQL_CHARSET_UNKNOWN;
    facts->lossy = SQL_LOSSY;
}

void parse_set(struct parser *p)
{
    const uint8_t effects = p->facts->effects;
    bool first = true, global = false;

    set_kind(p, SQL_SET);
    step(p);
    if (at_word(p, KW_STATEMENT) && p->state->dialect == SQL_MARIADB && p->n.sign != '=' &&
        p->n.sign != ':') {
        parse_for_statement(p);
        return;
    }
    do {
        parse_setting(p, first, &global);
        first = false;
    } while (take_sign(p, ','));
    if (p->remembers && (p->assigns || p->calls || p->facts->object_count > 0))
        doubt_values(p->facts);
    if (p->body)
        keep_of_body(p, effects);
}
