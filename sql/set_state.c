/* SET of sql_mode and of the character sets, which change how later statements are read. If the new
 * value cannot be computed it is unknown from then on. Called by sql/set.c.
 */
#include "sql/names_fold.h"
#include "sql/session_internal.h"
#include "sql/set_internal.h"

enum { MODE_TEXT = 1024 };

/* --- values --- */

/* Appends the bytes of a string literal, escapes undone, at to[*used]; false if they do not fit, or
 * if it is no plain string. */
static bool append_string(const struct parser *p, char *to, size_t size, size_t *used)
{
    struct text text = {(const char *)p->lexer.start + p->t.offset, p->t.length};

    if (p->t.class != SQL_TOKEN_STRING || (text.at[0] != '\'' && text.at[0] != '"') ||
        (p->t.flags & SQL_TOKEN_ESCAPED) || text.length - 2 > size - *used)
        return false;
    memcpy(to + *used, text.at + 1, text.length - 2);
    *used += text.length - 2;
    return true;
}

/* GLOBAL, SESSION and so on. The lexer gives no keyword for a word before a dot, so the text is
 * compared. */
void take_scope(struct parser *p, struct assignment *assignment)
{
    static const struct {
        struct text word;
        bool global;
    } scopes[] = {
        {{"global", 6},        true },
        {{"session", 7},       false},
        {{"local", 5},         false},
        {{"persist", 7},       true },
        {{"persist_only", 12}, true },
    };
    struct name name;

    if (p->t.class != SQL_TOKEN_WORD || !read_name(p, &name, false))
        return;
    for (unsigned i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (text_equal_fold(name.text, scopes[i].word)) {
            assignment->global = scopes[i].global;
            assignment->scoped = true;
            step(p);
            return;
        }
    }
}

bool take_own(struct parser *p, struct text name)
{
    struct parser_mark mark = parser_mark(p);
    struct assignment own = {.global = false};

    if (p->t.class != SQL_TOKEN_SYSTEM)
        return false;
    step(p);
    if (p->n.sign == '.') {
        take_scope(p, &own);
        take_sign(p, '.');
    }
    if (at_name(p) && read_name(p, &own.name, false) && !own.global &&
        text_equal_fold(own.name.text, name)) {
        step(p);
        return true;
    }
    if (!p->failed)
        parser_back(p, &mark);
    return false;
}

/* CONCAT of literals and @@sql_mode. The present modes are added by the caller, so only a comma is
 * written for @@sql_mode; the literals next to it must have commas of their own. */
static bool take_mode_text(struct parser *p, char *to, size_t *used, bool *own)
{
    uint32_t depth = 0;

    for (;;) {
        while (p->t.keyword == KW_CONCAT && p->n.sign == '(') {
            step(p);
            step(p);
            depth++;
        }
        if (take_own(p, TEXT("sql_mode"))) {
            if (*used > 0 && to[*used - 1] != ',')
                return false;
            *own = true;
            if (take_sign(p, ',') && depth > 0) {
                if (p->t.class != SQL_TOKEN_STRING || p->lexer.start[p->t.offset + 1] != ',')
                    return false;
                continue;
            }
        } else if (append_string(p, to, MODE_TEXT, used)) {
            step(p);
            if (p->t.class == SQL_TOKEN_STRING || (depth > 0 && take_sign(p, ',')))
                continue;
        } else {
            return false;
        }
        while (depth > 0 && take_sign(p, ')'))
            depth--;
        if (depth == 0)
            return true;
        if (!take_sign(p, ','))
            return false;
    }
}

/* Takes the 'words', '') of a REPLACE that removes words from a mode. False if the words may change
 * how text is read: REPLACE compares letter by letter, so it may miss a mode in other letters, or
 * one that another word includes. */
static bool take_removed(struct parser *p, uint8_t mode)
{
    char words[MODE_TEXT];
    size_t used = 0;

    if (!take_sign(p, ',') || !append_string(p, words, MODE_TEXT, &used))
        return false;
    step(p);
    if (sql_mode_unknown((struct text){words, used}).at ||
        (sql_mode_of((struct text){words, used}) & mode))
        return false;
    if (!take_sign(p, ',') || p->t.class != SQL_TOKEN_STRING || p->t.length != 2)
        return false;
    step(p);
    return take_sign(p, ')');
}

/* REPLACE(@@sql_mode, 'words', ''), which may be nested, may be inside (SELECT ..), and may assign
 * @@sql_mode to a variable. False: it is something else, and p may have moved. */
static bool take_reduced(struct parser *p)
{
    uint32_t queries = 0, calls = 0;

    for (; at_sign(p, '(') && p->n.keyword == KW_SELECT; queries++) {
        step(p);
        step(p);
    }
    for (; at_word(p, KW_REPLACE) && p->n.sign == '('; calls++) {
        step(p);
        step(p);
    }
    if (p->t.class == SQL_TOKEN_VARIABLE && p->n.sign == ':') {
        step(p);
        step(p);
        take_sign(p, '=');
        p->assigns = true;
    }
    if (!take_own(p, TEXT("sql_mode")))
        return false;
    for (; calls > 0; calls--) {
        if (!take_removed(p, p->state->mode))
            return false;
    }
    for (; queries > 0 && take_sign(p, ')'); queries--) {
    }
    return queries == 0;
}

/* Any value. ON is a value here; elsewhere it ends an expression. */
void parse_value(struct parser *p)
{
    if (!take_word(p, KW_ON))
        parse_expression(p);
}

bool at_value_end(const struct parser *p)
{
    return at_end(p) || at_sign(p, ',') || at_sign(p, ';') || at_word(p, KW_FOR);
}

static bool take_mode_number(struct parser *p, uint8_t *mode)
{
    struct text text = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    uint64_t bits;

    if (p->t.class != SQL_TOKEN_NUMBER || !text_number(text, &bits) ||
        !sql_mode_of_number(bits, mode))
        return false;
    step(p);
    return true;
}

/* The literal that the user variable at p->t is known to hold; takes the variable if it is known.
 */
static struct text take_variable(struct parser *p)
{
    struct text value = variable_value(p);

    if (value.at && memchr(value.at, 0, value.length))
        value.at = NULL; /* one of several */
    if (value.at)
        step(p);
    return value;
}

void set_mode(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    char text[MODE_TEXT];
    size_t used = 0;
    const struct text token = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    const struct text variable = take_variable(p);
    bool own = false, known = variable.at;
    struct text words = variable;
    uint8_t mode = 0;

    if (!known && take_mode_number(p, &mode)) {
        known = true;
    } else if (!known && at_name(p) && p->n.sign != '(' && p->n.sign != '.') {
        struct name name;
        if (!read_name(p, &name, false))
            return;
        words = name.text;
        known = !at_word(p, KW_DEFAULT);
        step(p);
    } else if (!known && take_reduced(p)) {
        known = own = true;
    } else if (!known && !p->failed) {
        parser_back(p, &mark);
        known = take_mode_text(p, text, &used, &own);
        words = (struct text){text, used};
        /* In armscii8 a byte beyond ASCII is a comma. */
        known = known && !name_has_high(words);
    }
    /* Another word may mean anything: MariaDB's ALL is every mode. */
    if (words.at && known) {
        known = !sql_mode_unknown(words).at;
        mode = sql_mode_of(words);
    }
    if (p->failed)
        return;
    if (own) {
        known &= p->state->mode_known && !(p->facts->effects & SQL_EFFECT_MODE);
        mode |= p->state->mode;
    }
    if (!known || !at_value_end(p)) {
        known = false;
        parser_back(p, &mark);
        parse_expression(p);
    }
    p->rereads = true;
    p->facts->relative |= own || variable.at;
    p->facts->mode_print =
        known && !own && !variable.at ? text_hash(words.at ? words : token, 1, true) | 1 : 0;
    p->facts->effects |= SQL_EFFECT_MODE;
    p->facts->mode = known ? mode : SQL_MODE_UNKNOWN;
}

/* --- character sets --- */

static enum sql_charset charset_at(struct parser *p)
{
    struct text text = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    uint64_t number;
    struct name name;

    if (p->t.class == SQL_TOKEN_NUMBER && text_number(text, &number) && number <= UINT32_MAX)
        return sql_charset_of_collation((uint32_t)number);
    if (p->t.class == SQL_TOKEN_STRING && (text.at[0] == '\'' || text.at[0] == '"'))
        return sql_charset_of((struct text){text.at + 1, text.length - 2});
    if (at_name(p) && !at_word(p, KW_DEFAULT) && read_name(p, &name, false))
        return sql_charset_of(name.text);
    return SQL_CHARSET_UNKNOWN;
}

void set_charset(struct parser *p)
{
    const struct text variable = take_variable(p);
    enum sql_charset charset = variable.at ? sql_charset_of(variable) : charset_at(p);
    struct sql_token behind = variable.at ? p->t : p->n;

    if (!variable.at || !at_value_end(p))
        parse_value(p);
    /* More than one token: an expression. */
    if (p->t.offset != behind.offset && !p->failed && !at_word(p, KW_COLLATE))
        charset = SQL_CHARSET_UNKNOWN;
    p->rereads = true;
    p->facts->relative |= variable.at != NULL;
    p->facts->effects |= SQL_EFFECT_CHARSET;
    p->facts->charset = (uint8_t)charset;
}

static void set_lossy(struct parser *p, uint8_t lossy)
{
    p->rereads |= lossy != 0;
    p->facts->effects |= SQL_EFFECT_LOSSY;
    p->facts->lossy = lossy;
}

/* An expression may give any character set. A collation's name starts with its character set's. */
void set_connection(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    struct text text = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    struct name name = {
        {NULL, 0},
        0, 0, false
    };

    if (p->t.class == SQL_TOKEN_STRING && text.length >= 2)
        name.text = (struct text){text.at + 1, text.length - 2};
    else if (at_name(p) && !at_word(p, KW_DEFAULT) && !read_name(p, &name, false))
        return;
    if (name.text.at)
        step(p);
    const char *end = name.text.at ? memchr(name.text.at, '_', name.text.length) : NULL;
    if (end)
        name.text.length = (size_t)(end - name.text.at);
    const bool plain = name.text.at && at_value_end(p);
    if (!plain) {
        if (!p->failed)
            parser_back(p, &mark); /* the name may be a call's */
        parse_value(p);
    }
    set_lossy(p, plain ? sql_charset_lossy(sql_charset_of(name.text)) : SQL_LOSSY);
}

/* SET NAMES x [COLLATE y], SET CHARACTER SET x. The latter sets character_set_connection to the
 * database's character set. */
void set_names(struct parser *p, bool names)
{
    enum sql_charset charset = charset_at(p);

    set_lossy(p, names ? sql_charset_lossy(charset) : SQL_LOSSY);
    step(p);
    if (at_word(p, KW_COLLATE)) {
        step(p);
        step(p);
    }
    if (!at_value_end(p))
        parser_fail(p, "SET NAMES of what is not understood");
    p->rereads = true;
    p->facts->effects |= SQL_EFFECT_CHARSET;
    p->facts->charset = (uint8_t)charset;
}
