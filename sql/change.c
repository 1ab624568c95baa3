/* INSERT, REPLACE, UPDATE, DELETE: which tables they write, also when named by an alias. Called by
 * sql/statement.c.
 */
#include "sql/parser.h"

static void skip_modifiers(struct parser *p)
{
    while (at_word(p, KW_LOW_PRIORITY) || at_word(p, KW_HIGH_PRIORITY) || at_word(p, KW_DELAYED) ||
           at_word(p, KW_IGNORE) || at_word(p, KW_QUICK))
        step(p);
}

/* a = e, b.c = e: read as expressions. */
static void parse_assignments(struct parser *p)
{
    parse_expressions(p);
}

void read_written(struct parser *p)
{
    for (uint32_t i = 0; i < p->facts->object_count; i++) {
        struct sql_object *object = &p->facts->objects[i];
        if (object->type == SQL_TABLE && (object->access & SQL_WRITE))
            object->access |= SQL_READ;
    }
}

static void parse_returning(struct parser *p)
{
    if (take_word(p, KW_RETURNING)) {
        read_written(p);
        parse_expressions(p);
        while (at_word(p, KW_INTO) && parse_clause(p)) {
        }
    }
}

/* Skips the list of columns before VALUES or a query; a query in brackets is not skipped. */
static void skip_columns(struct parser *p)
{
    if (!at_sign(p, '(') || p->n.sign == '(' || p->n.keyword == KW_SELECT ||
        p->n.keyword == KW_WITH || p->n.keyword == KW_TABLE || p->n.keyword == KW_VALUES)
        return;
    skip_brackets(p);
}

static void parse_insert_rows(struct parser *p)
{
    step(p);
    parse_rows(p);
    /* MySQL: AS new(columns) */
    if (take_word(p, KW_AS)) {
        step(p);
        if (at_sign(p, '('))
            skip_brackets(p);
    }
}

void parse_insert(struct parser *p)
{
    set_kind(p, at_word(p, KW_INSERT) ? SQL_INSERT : SQL_REPLACE);
    may_run_code(p);
    step(p);
    skip_modifiers(p);
    take_word(p, KW_INTO);
    take_table(p, SQL_WRITE);
    skip_partitions(p);
    skip_columns(p);
    uint16_t mark = p->cte_count;
    switch (p->t.keyword) {
    case KW_VALUES:
    case KW_VALUE:
        parse_insert_rows(p);
        break;
    case KW_SET:
        step(p);
        parse_assignments(p);
        break;
    default: /* the CTEs of a WITH are visible behind the query too */
        mark = enter_with(p);
        parse_query_body(p, mark);
        break;
    }
    if (take_set_operation(p)) /* MariaDB: VALUES is a query like others */
        parse_query(p);
    /* INSERT ... SET a = 1 AS new: AS new was read as part of the last assignment. */
    if (at_word(p, KW_ON)) {
        step(p);
        if (!need_word(p, KW_DUPLICATE) || !need_word(p, KW_KEY) || !need_word(p, KW_UPDATE))
            return;
        parse_assignments(p);
    }
    leave_with(p, mark);
    parse_returning(p);
}

/* --- targets among joined tables --- */

static void write_joined(struct parser *p, const struct joined *joined)
{
    if (joined->object < SQL_OBJECTS)
        p->facts->objects[joined->object].access |= SQL_WRITE;
}

/* Can `schema`.`name` mean this table of the join? */
static bool means(struct parser *p, const struct joined *joined, struct text schema,
                  struct text name)
{
    if (!text_equal_fold(joined->alias, name) && !same_name(p, joined->alias, name))
        return false;
    return !schema.at || joined->aliased || text_equal_fold(joined->schema, schema);
}

enum target_kind { NO_TARGET, BASE_TARGET, DERIVED_TARGET };

/* Marks every joined table that the name can mean as written. */
static enum target_kind write_target(struct parser *p, struct text schema, struct text name)
{
    enum target_kind found = NO_TARGET;

    for (unsigned i = 0; i < p->joined_count; i++) {
        if (!means(p, &p->joined[i], schema, name))
            continue;
        write_joined(p, &p->joined[i]);
        if (p->joined[i].object == SQL_OBJECTS)
            found = DERIVED_TARGET;
        else if (found == NO_TARGET)
            found = BASE_TARGET;
    }
    return found;
}

static void write_all(struct parser *p)
{
    for (unsigned i = 0; i < p->joined_count; i++)
        write_joined(p, &p->joined[i]);
}

static void parse_join(struct parser *p, unsigned access)
{
    p->joined_count = 0;
    p->collects = true;
    parse_table_references(p, access);
    p->collects = false;
}

/* MariaDB: FOR PORTION OF period FROM e TO e; in UPDATE the alias and index hints follow it. */
static void parse_portion(struct parser *p, unsigned object)
{
    note_need(p, object, SQL_NEEDS_TABLE);
    step(p);
    step(p);
    if (!need_word(p, KW_OF))
        return;
    step(p);
    if (need_word(p, KW_FROM))
        parse_expression(p); /* reads TO e and the alias too */
    skip_hints(p, object);
}

/* One assignment: marks the table of the column before the equals sign as written. */
static void parse_assigned(struct parser *p)
{
    struct sql_token tokens[3];
    struct name parts[3];
    unsigned count = 0;

    do {
        tokens[count % 3] = p->t;
        if (count == 3 || !read_name(p, &parts[count], p->fold)) {
            parser_fail(p, "an assignment that is not understood");
            return;
        }
        count++;
        step(p);
    } while (take_sign(p, '.'));
    enum target_kind found = NO_TARGET;
    if (count == 2)
        found = write_target(p, (struct text){NULL, 0}, parts[0].text);
    else if (count == 3)
        found = write_target(p, parts[0].text, parts[1].text);
    if (count == 3)
        note_qualifier(p, &tokens[0], &tokens[1]);
    /* A column of a LATERAL derived table may be a column of another table of the join. */
    if (found != BASE_TARGET)
        write_all(p);
    parse_expression(p);
}

void parse_update(struct parser *p)
{
    set_kind(p, SQL_UPDATE);
    may_run_code(p);
    step(p);
    skip_modifiers(p);
    const uint32_t count = p->facts->object_count;
    parse_join(p, SQL_READ);
    /* A single table has only SQL_WRITE here; SQL_READ is added if another part of the statement
     * reads it. */
    if (p->joined_count == 1 && p->joined[0].object == count)
        p->facts->objects[count].access = SQL_WRITE;
    if (at_word(p, KW_FOR) && p->n.keyword == KW_PORTION)
        parse_portion(p, p->joined_count > 0 ? p->joined[0].object : SQL_OBJECTS);
    if (!need_word(p, KW_SET))
        return;
    do
        parse_assigned(p);
    while (take_sign(p, ','));
    while (parse_clause(p)) {
    }
    parse_returning(p);
}

/* --- DELETE --- */

enum { TARGETS = 64 };

struct target {
    struct name schema, name;
};

/* t, s.t, t.*, s.t.* */
static bool take_target(struct parser *p, struct target *target)
{
    target->schema = (struct name){
        {NULL, 0},
        0, 0, false
    };
    if (at_sign(p, '.')) { /* as in take_table_name */
        target->schema.offset = p->t.offset;
        target->schema.length = p->t.length;
        if (p->dynamic)
            place_name(p, &p->t, &target->schema);
        step(p);
    }
    if (!read_name(p, &target->name, p->fold))
        return false;
    step(p);
    if (at_sign(p, '.') && p->n.sign != '*') {
        step(p);
        target->schema = target->name;
        if (!read_name(p, &target->name, p->fold))
            return false;
        step(p);
    }
    return !take_sign(p, '.') || need_sign(p, '*');
}

/* Adds a place for the target, so that it is mapped with its table. An alias has no schema and
 * needs no place. */
static void place_target(struct parser *p, const struct target *target)
{
    for (unsigned i = 0; i < p->joined_count && !p->failed; i++) {
        const struct joined *joined = &p->joined[i];
        const struct text schema = target->schema.text.at ? target->schema.text : p->schema;
        if (!joined->aliased && joined->object < SQL_OBJECTS && schema.at &&
            text_equal(joined->schema, schema) && same_name(p, joined->name, target->name.text))
            place_object(p, joined->object, &target->schema, &target->name);
    }
}

static void write_targets(struct parser *p, const struct target *targets, unsigned count)
{
    for (unsigned i = 0; i < count && !p->failed; i++) {
        if (write_target(p, targets[i].schema.text, targets[i].name.text) == NO_TARGET)
            parser_fail(p, "a table to delete from that is not among the joined");
        place_target(p, &targets[i]);
    }
}

/* Reads the targets behind DELETE FROM or DELETE. Returns their number, 0 after a failure. */
static unsigned take_targets(struct parser *p, struct target *targets)
{
    unsigned count = 0;

    do {
        if (count == TARGETS) {
            parser_fail(p, "more tables to delete from than can be followed");
            return 0;
        }
        if (!take_target(p, &targets[count++]))
            return 0;
    } while (take_sign(p, ','));
    return count;
}

/* Is there one table after FROM? A comma or USING behind the first name means targets. */
static bool at_single_table(struct parser *p)
{
    const struct parser_mark mark = parser_mark(p);
    bool single = true;
    struct target target;

    if (take_target(p, &target))
        single = !at_sign(p, ',') && !at_word(p, KW_USING);
    if (!p->failed)
        parser_back(p, &mark);
    return single;
}

static void parse_delete_one(struct parser *p, bool history)
{
    const unsigned object = parse_table_factor(p, SQL_WRITE);

    note_need(p, object, history ? SQL_NEEDS_TABLE : 0);
    if (at_word(p, KW_FOR) && p->n.keyword == KW_PORTION)
        parse_portion(p, object);
    if (take_word(p, KW_BEFORE)) {
        need_word(p, KW_SYSTEM_TIME);
        parse_expression(p);
    }
    struct name alias;
    if (at_word(p, KW_PARTITION)) { /* MySQL: behind the alias */
        skip_partitions(p);
        take_alias(p, &alias);
    }
    while (parse_clause(p)) {
    }
    parse_returning(p);
}

void parse_delete(struct parser *p)
{
    struct target targets[TARGETS];

    set_kind(p, SQL_DELETE);
    may_run_code(p);
    step(p);
    skip_modifiers(p);
    const bool history = at_word(p, KW_HISTORY) && p->n.keyword == KW_FROM;
    if (history)
        step(p);
    bool from = take_word(p, KW_FROM);
    if (from && at_single_table(p)) {
        parse_delete_one(p, history);
        return;
    }
    unsigned count = take_targets(p, targets);
    if (!need_word(p, from ? KW_USING : KW_FROM))
        return;
    parse_join(p, SQL_READ);
    write_targets(p, targets, count);
    while (parse_clause(p)) {
    }
}
