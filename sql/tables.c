/* What follows FROM: joins in any brackets, tables with aliases, partitions, hints and versions,
 * derived tables, JSON_TABLE. Brackets are read without recursion. Called by sql/query.c and by the
 * statements that join: UPDATE and DELETE.
 */
#include "sql/parser.h"

static uint64_t *word_of(struct parser *p, const struct name *name, uint64_t *bit)
{
    const uint64_t hash = text_hash(name->text, 0, true) % PARSER_CTE_NAMES;

    *bit = (uint64_t)1 << hash % 64;
    return &p->cte_names[hash / 64];
}

/* The bit of a name in cte->names. */
static uint64_t bit_of(const struct name *name)
{
    return (uint64_t)1 << text_hash(name->text, 0, true) % 64;
}

bool cte_names(const struct cte *cte, const struct name *name)
{
    return cte->names & bit_of(name);
}

/* Notes a table name in the definitions that are being read. */
static void note_named(struct parser *p, const struct name *name)
{
    uint64_t bit, *word = word_of(p, name, &bit);

    *word |= bit;
    for (unsigned i = 0; i < p->cte_count; i++) {
        if (p->ctes[i].open)
            p->ctes[i].names |= bit_of(name);
    }
}

/* May `between` hide a name that the definition of `used` contains? The servers read a definition
 * again at each use (MariaDB from the second use on) and look its names up from the place of the
 * use: a WITH in between may hide one of them. */
static bool is_captured(struct parser *p, const struct cte *used, const struct cte *between)
{
    uint64_t bit;

    if (p->state->dialect == SQL_MARIADB) /* also one whose own definition is being read */
        return cte_names(used, &between->name);
    return between->visible && (*word_of(p, &between->name, &bit) & bit);
}

static void use_cte(struct parser *p, unsigned number)
{
    struct cte *used = &p->ctes[number];

    used->used |= !used->open;
    for (unsigned i = 0; i < p->cte_count; i++) {
        struct cte *cte = &p->ctes[i];
        if (cte->open)
            cte->names |= used->names;
        if (i > number && cte->with > number && is_captured(p, used, cte))
            parser_fail(p, "a WITH that may take a name out of a definition before it");
    }
}

static bool is_cte(struct parser *p, const struct name *name)
{
    if (p->in_cte)
        note_named(p, name);
    for (unsigned i = p->cte_count; i > p->cte_floor; i--) {
        const struct cte *cte = &p->ctes[i - 1];
        if (cte->visible && same_name(p, cte->name.text, name->text)) {
            use_cte(p, i - 1);
            return true;
        }
    }
    return false;
}

bool take_alias(struct parser *p, struct name *alias)
{
    *alias = (struct name){
        {NULL, 0},
        0, 0, false
    };
    if (take_word(p, KW_AS) || (p->state->dialect == SQL_MARIADB && take_sign(p, '='))) {
        if (p->t.class != SQL_TOKEN_STRING && !read_name(p, alias, p->fold))
            return false;
        p->named = p->t;
        step(p);
        return true;
    }
    if (p->t.class == SQL_TOKEN_NAME || (p->t.class == SQL_TOKEN_WORD && !at_reserved(p))) {
        if (at_word(p, KW_MINUS) && (p->n.keyword == KW_SELECT || p->n.sign == '('))
            return false;
        if (!read_name(p, alias, p->fold))
            return false;
        p->named = p->t;
        step(p);
        return true;
    }
    return false;
}

/* USE, FORCE or IGNORE INDEX [FOR what] (names) */
void skip_hints(struct parser *p, unsigned object)
{
    while (at_word(p, KW_USE) || at_word(p, KW_FORCE) || at_word(p, KW_IGNORE)) {
        if (p->n.keyword != KW_INDEX && p->n.keyword != KW_KEY)
            return;
        note_need(p, object, SQL_NEEDS_INDEX);
        step(p);
        step(p);
        while (at_word(p, KW_FOR) || at_word(p, KW_JOIN) || at_word(p, KW_ORDER) ||
               at_word(p, KW_GROUP) || at_word(p, KW_BY))
            step(p);
        if (!at_sign(p, '(')) {
            parser_fail(p, "an index hint without a list");
            return;
        }
        skip_brackets(p);
        if (at_sign(p, ',') &&
            (p->n.keyword == KW_USE || p->n.keyword == KW_FORCE || p->n.keyword == KW_IGNORE))
            step(p);
    }
}

/* The last token between the mark and p->t; p->t itself if there are too many. */
static struct sql_token last_since(struct parser *p, const struct parser_mark *mark)
{
    struct sql_lexer lexer = mark->lexer;
    struct sql_token last = mark->t, next = mark->n;

    for (unsigned i = 0; i < PARSER_NEAR && last.class != SQL_TOKEN_END; i++) {
        if (next.offset >= p->t.offset)
            return last;
        last = next;
        sql_lexer_next(&lexer, &next);
    }
    p->qualifiers_lost = true; /* an alias may qualify columns */
    return p->t;
}

/* MariaDB: FOR SYSTEM_TIME AS OF e | BETWEEN e AND e | FROM e TO e | ALL. parse_expression takes an
 * alias for a part of the expression, so its last word counts as an alias of `object`. */
static void parse_system_time(struct parser *p, unsigned object)
{
    step(p);
    step(p);
    if (take_word(p, KW_ALL))
        return;
    if (take_word(p, KW_AS))
        need_word(p, KW_OF);
    else if (!take_word(p, KW_FROM))
        need_word(p, KW_BETWEEN);
    const struct parser_mark mark = parser_mark(p);
    parse_expression(p); /* it also takes the second limit and an alias */
    const struct sql_token alias = last_since(p, &mark);
    if (alias.class == SQL_TOKEN_WORD || alias.class == SQL_TOKEN_NAME)
        called_table(p, object, &alias);
}

static void collect(struct parser *p, const struct name *schema, const struct name *name,
                    const struct name *alias, unsigned object)
{
    if (p->failed)
        return;
    if (p->joined_count == PARSER_TABLES) {
        parser_fail(p, "more joined tables than can be followed");
        return;
    }
    p->joined[p->joined_count++] = (struct joined){
        .schema = schema->text.at ? schema->text : p->schema,
        .name = name->text,
        .alias = alias->text.at ? alias->text : name->text,
        .object = (uint16_t)object,
        .aliased = alias->text.at != NULL,
    };
}

unsigned parse_table_factor(struct parser *p, unsigned access)
{
    const uint32_t room = p->facts->names_length, objects = p->facts->object_count;
    struct name schema, name, alias;
    unsigned object = SQL_OBJECTS;

    if (!take_table_name(p, &schema, &name))
        return object;
    if (schema.text.at || (p->cte_count == 0 && !p->in_cte) || !is_cte(p, &name)) {
        object = add_table(p, &schema, &name, access);
    }
    struct sql_token called = p->named;
    skip_partitions(p);
    if (at_word(p, KW_FOR) && p->n.keyword == KW_SYSTEM_TIME)
        parse_system_time(p, object);
    if (take_alias(p, &alias))
        called = p->named;
    called_table(p, object, &called);
    skip_hints(p, object);
    if (at_word(p, KW_TABLESAMPLE)) {
        step(p);
        step(p);
        parse_bracket(p);
    }
    if (p->collects)
        collect(p, &schema, &name, &alias, object);
    else if (p->facts->object_count == objects)
        p->facts->names_length = room;
    return object;
}

/* JSON_TABLE(document, path COLUMNS (...)): the document may be any expression; the rest has no
 * names of tables. */
static void parse_json_table(struct parser *p)
{
    uint32_t depth = 1;

    step(p);
    step(p);
    parse_expression(p);
    need_sign(p, ',');
    while (depth > 0) {
        if (at_end(p) || at_word(p, KW_SELECT)) {
            parser_fail(p, "a JSON_TABLE that is not understood");
            return;
        }
        if (at_sign(p, '('))
            depth++;
        else if (at_sign(p, ')'))
            depth--;
        step(p);
    }
}

/* Takes the words of a join; false if there are none. */
static bool take_join(struct parser *p)
{
    bool joins = false;

    for (;;) {
        switch (p->t.keyword) {
        case KW_JOIN:
        case KW_STRAIGHT_JOIN:
            step(p);
            return true;
        case KW_NATURAL:
        case KW_LEFT:
        case KW_RIGHT:
        case KW_FULL:
        case KW_OUTER:
        case KW_INNER:
        case KW_CROSS:
            joins = true;
            step(p);
            break;
        default:
            return joins && parser_fail(p, "a join without its word");
        }
    }
}

static bool at_duplicate_key(const struct parser *p)
{
    return p->n.keyword == KW_DUPLICATE && parser_peek(p).keyword == KW_KEY;
}

void skip_quantifier(struct parser *p)
{
    if (at_word(p, KW_ALL) || at_word(p, KW_DISTINCT) || at_word(p, KW_DISTINCTROW))
        step(p);
}

bool take_set_operation(struct parser *p)
{
    if (!at_word(p, KW_UNION) && !at_word(p, KW_EXCEPT) && !at_word(p, KW_INTERSECT))
        return false;
    step(p);
    need_plain_operands(p);
    skip_quantifier(p);
    return true;
}

static void skip_derived_alias(struct parser *p)
{
    struct name alias, none = {
                           {NULL, 0},
                           0, 0, false
    };

    if (!take_alias(p, &alias))
        return;
    if (at_sign(p, '('))
        skip_brackets(p);
    if (alias.text.at && p->collects)
        collect(p, &none, &alias, &alias, SQL_OBJECTS);
}

/* One operand of a join, in any number of brackets (which stay open). */
static void parse_operand(struct parser *p, unsigned access, uint32_t *depth)
{
    const bool collects = p->collects;

    if (p->n.sign == '(')
        take_word(p, KW_LATERAL);
    while (at_sign(p, '(') || at_sign(p, '{')) {
        bool brace = at_sign(p, '{');
        step(p);
        (*depth)++;
        if (brace && at_name(p))
            step(p);
        if (p->n.sign == '(')
            take_word(p, KW_LATERAL);
    }
    if (at_query(p) || (*depth > 0 && at_word(p, KW_VALUES))) {
        p->collects = false;
        parse_query(p);
        p->collects = collects;
    } else if (at_word(p, KW_JSON_TABLE) && p->n.sign == '(') {
        parse_json_table(p);
        skip_derived_alias(p);
    } else {
        parse_table_factor(p, access);
    }
}

/* Reads what may follow an operand, up to the next one; false at the end of the references. */
static bool parse_between(struct parser *p, uint32_t *depth)
{
    for (;;) {
        if (take_sign(p, ',') || take_join(p))
            return true;
        if (*depth > 0 && (at_sign(p, ')') || at_sign(p, '}'))) {
            step(p);
            (*depth)--;
            if (at_word(p, KW_FOR) && p->n.keyword == KW_SYSTEM_TIME)
                parse_system_time(p, SQL_OBJECTS);
            skip_derived_alias(p);
        } else if (at_word(p, KW_ON) && !at_duplicate_key(p)) {
            step(p);
            parse_expression(p);
        } else if (at_word(p, KW_USING) && p->n.sign == '(') {
            step(p);
            skip_brackets(p);
        } else if (*depth > 0 && take_set_operation(p)) {
            return true;
        } else if (*depth == 0 || !parse_clause(p)) {
            return false;
        }
    }
}

void parse_table_references(struct parser *p, unsigned access)
{
    uint32_t depth = 0;

    if (at_word(p, KW_DUAL)) {
        step(p);
        return;
    }
    do
        parse_operand(p, access, &depth);
    while (parse_between(p, &depth));
    if (depth > 0)
        parser_fail(p, "a bracket that is not closed");
}
