/* WITH and its scopes. Called by query.c, and by the statements that may begin with a WITH.
 *
 * A name without a schema means a common table expression if one of this name is visible. A
 * definition sees those before it in its WITH. With RECURSIVE it also sees itself, and on MariaDB
 * all of the same WITH. On MySQL it also sees those of the WITH clauses around it; on MariaDB only
 * if its WITH is itself inside a definition. MySQL does not check a definition that nothing uses:
 * its place is noted, and sql_analyze reads the statement once more without it.
 */
#include "sql/parser.h"
#include "sql/reread.h"

enum { FORWARD_DEPTH = 10 }; /* deepest WITH RECURSIVE: each is read twice, to gather its names */

struct with {
    bool recursive;
    bool at_start; /* this WITH is the first word of another WITH's definition */
};

/* MariaDB: CYCLE column, ... RESTRICT */
static void skip_cycle(struct parser *p)
{
    while (!at_word(p, KW_RESTRICT) && !at_end(p) && !at_sign(p, '('))
        step(p);
}

/* The place of a definition's name: the same each time the statement is read. */
static uint64_t place_of(const struct parser *p)
{
    return (uint64_t)(p->dynamic ? p->texts : 0) << 32 | p->t.offset;
}

static bool is_skipped(const struct parser *p, uint64_t place)
{
    for (unsigned i = 0; i < p->skipped; i++) {
        if (p->unused[i] == place)
            return true;
    }
    return false;
}

/* Skips to the bracket that closes the definition. */
static void skip_definition(struct parser *p)
{
    for (uint32_t depth = 0; !at_end(p) && (depth > 0 || !at_sign(p, ')')); step(p)) {
        if (at_sign(p, '('))
            depth++;
        else if (at_sign(p, ')'))
            depth--;
    }
}

static void note_unused(struct parser *p, const struct cte *cte)
{
    if (cte->used || p->state->dialect != SQL_MYSQL)
        return;
    if (p->unused_count < PARSER_UNUSED && !is_skipped(p, cte->place))
        p->unused[p->unused_count++] = cte->place;
}

/* The index of the first common table expression that the definitions of a WITH can see, on
 * MariaDB. */
static uint16_t floor_of(const struct parser *p, uint16_t mark, bool at_start)
{
    if (p->state->dialect != SQL_MARIADB || (p->in_cte && at_start))
        return p->cte_floor;
    uint16_t floor = p->in_cte ? p->cte_inner_floor : mark;
    return floor > p->cte_floor ? floor : p->cte_floor;
}

static void parse_definition(struct parser *p, uint16_t number, uint16_t mark,
                             const struct with *with)
{
    const uint16_t floor = p->cte_floor;
    const bool in_cte = p->in_cte;

    if (at_sign(p, '('))
        skip_brackets(p);
    if (!need_word(p, KW_AS) || !need_sign(p, '('))
        return;
    p->ctes[number].visible = with->recursive;
    p->cte_floor = floor_of(p, mark, with->at_start);
    if (!in_cte)
        p->cte_inner_floor = with->recursive ? mark : (uint16_t)(number + 1);
    p->in_cte = true;
    p->ctes[number].open = true;
    const struct sql_lexer_span outer = sql_lexer_keeps(&p->lexer, p->t.offset);
    if (is_skipped(p, p->ctes[number].place)) {
        skip_definition(p);
    } else {
        p->at_start = true;
        parse_query(p);
    }
    /* MySQL leaves the comments' beginnings and ends out of what it keeps. */
    if (!sql_lexer_kept(&p->lexer, &outer, p->t.offset) && p->state->dialect == SQL_MARIADB)
        parser_fail(p, "a WITH that starts in an executable comment and goes on behind it");
    p->ctes[number].open = false;
    p->in_cte = in_cte;
    p->cte_floor = floor;
    p->ctes[number].visible = true;
    need_sign(p, ')');
    if (at_word(p, KW_CYCLE)) {
        skip_cycle(p);
        need_word(p, KW_RESTRICT);
    }
}

/* MariaDB's WITH RECURSIVE: a definition also sees the later ones, so all names are gathered first.
 */
static void gather_names(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    uint32_t depth = 0;
    bool name_next = true;

    while (!at_end(p)) {
        if (name_next && at_name(p) && p->cte_count < PARSER_CTES) {
            struct cte *cte = &p->ctes[p->cte_count++];
            *cte = (struct cte){.visible = true};
            if (!read_name(p, &cte->name, false))
                return;
        }
        name_next = false;
        if (at_sign(p, '('))
            depth++;
        else if (at_sign(p, ')') && depth > 0)
            depth--;
        else if (depth == 0 && at_word(p, KW_CYCLE))
            skip_cycle(p);
        else if (depth == 0 && at_sign(p, ','))
            name_next = true;
        else if (depth == 0 && (at_word(p, KW_SELECT) || at_sign(p, ')') || at_sign(p, ';')))
            break;
        step(p);
    }
    if (!p->failed)
        parser_back(p, &mark);
}

/* MariaDB reads a definition again at each use after the first, and looks its names up from the
 * place of the use. There it also finds later definitions of the same WITH; two definitions that
 * name each other this way crash the server. If the definition's own name hides one of an outer
 * WITH, not all outer definitions are found, and their names mean tables. */
static void check_definition(struct parser *p, uint16_t number, uint16_t mark, bool recursive)
{
    const struct cte *cte = &p->ctes[number];

    if (p->state->dialect != SQL_MARIADB)
        return;
    for (uint16_t i = mark; i < number && !recursive; i++) {
        if (cte_names(&p->ctes[i], &cte->name) && cte_names(cte, &p->ctes[i].name))
            parser_fail(p, "definitions of a WITH that name each other");
    }
    bool hides = false, uses = false;
    for (uint16_t i = 0; i < mark; i++) {
        hides |= same_name(p, p->ctes[i].name.text, cte->name.text);
        uses |= cte_names(cte, &p->ctes[i].name);
    }
    if (hides && uses)
        parser_fail(p, "a WITH inside of another that hides one of its names and uses another");
}

/* MariaDB prints a view's text with the names of its definitions without quotes. */
static void check_written(struct parser *p, struct text name)
{
    const bool safe = !sql_charset_hides_signs((enum sql_charset)p->state->charset);
    bool plain = true;

    for (size_t i = 0; i < name.length; i++)
        plain &= sql_is_word(name.at[i]) || (safe && (unsigned char)name.at[i] >= 0x80);
    if (!plain && p->facts->prints && p->state->dialect == SQL_MARIADB)
        parser_fail(p, "a WITH in a view, with a name that the server writes without quotes");
}

void parse_with_none(struct parser *p, void (*parse)(struct parser *p))
{
    const bool before = p->no_with;

    p->no_with = p->state->dialect == SQL_MARIADB;
    parse(p);
    p->no_with = before;
}

uint16_t enter_with(struct parser *p)
{
    const uint16_t mark = p->cte_count;
    struct with with = {.at_start = p->at_start};

    p->at_start = false;
    if (!take_word(p, KW_WITH))
        return mark;
    if (p->no_with)
        parser_fail(p, "a WITH where MariaDB may end by a signal");
    if (mark == 0)
        memset(p->cte_names, 0, sizeof(p->cte_names));
    const bool recursive = at_word(p, KW_RECURSIVE) && p->n.sign != '(' && p->n.keyword != KW_AS;
    const bool forward = recursive && p->state->dialect == SQL_MARIADB;
    with.recursive = recursive;
    if (recursive)
        step(p);
    if (forward && p->depth > FORWARD_DEPTH)
        parser_fail(p, "WITH RECURSIVE too deep within others");
    if (forward)
        gather_names(p);
    uint16_t number = mark;
    do {
        if (number >= PARSER_CTES) {
            parser_fail(p, "more common table expressions than can be followed");
            break;
        }
        if (!read_name(p, &p->ctes[number].name, p->fold))
            break;
        check_written(p, p->ctes[number].name.text);
        p->ctes[number].place = place_of(p);
        p->ctes[number].with = mark;
        step(p);
        p->ctes[number].visible = p->ctes[number].used = false;
        p->ctes[number].names = 0;
        if (!forward)
            p->cte_count = (uint16_t)(number + 1);
        parse_definition(p, number, mark, &with);
        check_definition(p, number, mark, recursive);
        number++;
    } while (take_sign(p, ','));
    if (number != p->cte_count)
        parser_fail(p, "a WITH clause that is not understood");
    return mark;
}

void leave_with(struct parser *p, uint16_t mark)
{
    for (unsigned i = mark; i < p->cte_count; i++)
        note_unused(p, &p->ctes[i]);
    if (p->cte_count > mark && p->lexer.glues)
        parser_fail(p, "an executable comment beside a WITH, without a blank beside it");
    p->with_inside |= p->cte_count > mark && at_sign(p, ')');
    p->cte_count = mark;
}
