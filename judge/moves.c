/* Tables of open moves in a statement: notes which moves it touches, for the hold; and replaces
 * the names of these tables by the present ones. A name that cannot be replaced stays, and the
 * alias with the old name answers. It is counted, even before the move, so that the operator
 * knows.
 */
#include <string.h>

#include "judge/judging.h"

static void unmapped(struct ruling *ruling, uint64_t moves, const char *why)
{
    if (!ruling->unmapped)
        ruling->unmapped = why;
    ruling->unmapped_of |= moves;
}

/* Tables of information_schema that have rows for each table. */
static bool tells_of_tables(struct text name)
{
    static const struct text tables[] = {
        TEXT("tables"),
        TEXT("columns"),
        TEXT("statistics"),
        TEXT("key_column_usage"),
        TEXT("table_constraints"),
        TEXT("referential_constraints"),
        TEXT("check_constraints"),
        TEXT("partitions"),
        TEXT("triggers"),
        TEXT("views"),
        TEXT("table_privileges"),
        TEXT("column_privileges"),
        TEXT("column_statistics"),
        TEXT("view_table_usage"),
        TEXT("tables_extensions"),
        TEXT("columns_extensions"),
        TEXT("table_constraints_extensions"),
        TEXT("st_geometry_columns"),
        TEXT("geometry_columns"),
        TEXT("innodb_tables"),
        TEXT("innodb_tablestats"),
        TEXT("innodb_foreign"),
        TEXT("innodb_sys_tables"),
        TEXT("innodb_sys_tablestats"),
        TEXT("innodb_sys_foreign"),
    };

    for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (text_equal_fold(name, tables[i]))
            return true;
    }
    return false;
}

/* What a statement does with a database as a whole; NULL: nothing that its tables matter for. */
static const char *on_all_of_it(const struct sql_facts *facts)
{
    switch ((unsigned)facts->kind) {
    case SQL_SHOW:
        return facts->lists ? "a list of what stands in a database" : NULL;
    case SQL_DROP_DATABASE:
        return "a database is dropped with its tables";
    case SQL_GRANT:
    case SQL_REVOKE:
        return "rights on all tables of a database";
    default:
        return NULL;
    }
}

/* Lists of tables, and the tables of information_schema, show a database as it is on the server;
 * and what acts on a database acts on the tables that stand in it. */
static void note_lists(struct ruling *ruling, const struct sql_facts *facts)
{
    const char *why = on_all_of_it(facts);

    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (why && object->type == SQL_DATABASE) {
            uint64_t moves = sql_moved_in(ruling->moved, object->schema);
            if (moves)
                unmapped(ruling, moves, why);
        } else if (object->type == SQL_TABLE && object->schema.length == 18 &&
                   text_equal_fold(object->schema, TEXT("information_schema")) &&
                   tells_of_tables(object->name)) {
            unmapped(ruling, sql_moved_all(ruling->moved), "information_schema");
        }
    }
}

static void note_locks(struct ruling *ruling, const struct sql_facts *facts)
{
    if (facts->leaves & SQL_LEAVES_TABLE_LOCKS)
        ruling->locks = LOCKS_TABLES;
    else if (facts->leaves & SQL_ENDS_TABLE_LOCKS)
        ruling->locks = UNLOCKS_TABLES;
    else if (facts->kind == SQL_HANDLER)
        ruling->locks = LOCKS_HANDLER;
}

/* Does the statement name a moved table itself, and not only an object that depends on one? */
static bool names_one(const struct sql_moved *moved, const struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_TABLE && !object->session_only &&
            sql_moved_has(moved, object->schema, object->name))
            return true;
    }
    return false;
}

static bool expects_one(const struct sql_moved *moved, const struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_TABLE && !object->session_only &&
            sql_moved_expects(moved, object->schema, object->name))
            return true;
    }
    return false;
}

uint64_t moves_print(const struct sql_moved *moved, const struct sql_facts *facts)
{
    const bool counts = facts->determined && moved && sql_moved_touches(moved, facts) != 0 &&
                        names_one(moved, facts);

    return counts ? sql_moved_print(moved, facts) : 0;
}

/* Of all statements of the command that name a moved table. */
static void note_print(struct ruling *ruling, const struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->object_count; i++)
        ruling->calls |= (facts->objects[i].access & SQL_EXECUTE) != 0;
    if (ruling->error.code && ruling->parts == 0 && ruling->moved) {
        ruling->misses = early_is_unknown(ruling->moved, facts, &ruling->error);
        ruling->failed_early = ruling->misses || early_is(ruling->moved, facts, &ruling->error);
    }
    if (facts->determined && ruling->touched && names_one(ruling->moved, facts))
        ruling->print = ruling->print * 31 + sql_moved_print(ruling->moved, facts);
    if (facts->determined && ruling->moved)
        ruling->expects |= expects_one(ruling->moved, facts);
}

/* Would its names be mapped if all tables were at their new places? */
static void rehearse(struct ruling *ruling, const struct sql_facts *facts,
                     const struct sql_state *state, const struct sql_session *session,
                     uint64_t moves)
{
    const struct sql_where where = {sql_moved_will_stand, ruling->moved, session};

    if (sql_map(facts, state, &where, &ruling->edits) == SQL_MAP_CANNOT)
        unmapped(ruling, moves, ruling->edits.why);
}

/* --- what is sent --- */

/* Does the policy judge the object in another way where it will be used? Both names of a moved
 * table are one object to it, but the new name of a renamed table is not; and for a moment after a
 * reload, or until UNLOCK TABLES, tables are still mapped by a [move:] that the policy does not
 * know. */
static bool differs(const struct judging *judging, const struct sql_object *object,
                    struct text schema)
{
    const struct binding *binding = judging->binding;
    const bool fold = judging->belief->state.lower_case_table_names > 0;
    struct sql_object there = *object;
    struct verdict one, other;

    there.schema = schema;
    policy_check_object(binding->policy, binding->service, object, fold, judging->ruling->today,
                        &one);
    policy_check_object(binding->policy, binding->service, &there, fold, judging->ruling->today,
                        &other);
    return other.action > one.action || other.owner != one.owner;
}

static void add(struct sql_facts *facts, uint32_t number, struct text schema)
{
    struct sql_object there = facts->objects[number];

    if (facts->object_count == SQL_OBJECTS) {
        facts->determined = false;
        facts->why = "more names than can be mapped";
        return;
    }
    there.schema = schema;
    there.schema_length = there.name_length = 0;
    there.unplaced = true;
    facts->objects[facts->object_count++] = there;
}

const struct sql_facts *moves_mean(struct judging *judging, const struct sql_facts *facts)
{
    struct ruling *ruling = judging->ruling;
    struct sql_facts *scratch = &ruling->scratch;
    const uint32_t count = facts->object_count;

    for (uint32_t i = 0; ruling->moved && i < count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type != SQL_TABLE || object->session_only)
            continue;
        const struct text schema =
            sql_moved_stands(ruling->moved, SQL_TABLE, object->schema, object->name);
        if (!schema.at || !differs(judging, object, schema))
            continue;
        if (facts != scratch)
            memcpy(scratch, facts,
                   offsetof(struct sql_facts, objects) + count * sizeof(facts->objects[0]));
        facts = scratch;
        add(scratch, i, schema);
    }
    return facts;
}

/* The same for new names, and names of triggers, that get the schema of their table: always,
 * because what is kept of a PREPARE must have them when the policy has changed. */
static void mean_followers(struct judging *judging, struct sql_facts *facts,
                           const struct sql_where *where)
{
    const struct sql_edits *edits = &judging->ruling->edits;

    for (uint32_t i = 0; i < edits->count; i++) {
        if (sql_edit_follows(&edits->edits[i], facts, where))
            add(facts, edits->edits[i].object, edits->edits[i].schema);
    }
}

static void write_edits(struct ruling *ruling, uint64_t moves)
{
    char bytes[SQL_EDIT_SIZE];

    for (uint32_t i = 0; i < ruling->edits.count; i++) {
        const struct sql_edit *edit = &ruling->edits.edits[i];
        const size_t length = sql_edit_write(edit, bytes);
        if (!ruling_rewrite(ruling, edit->offset, edit->length, (struct text){bytes, length}))
            unmapped(ruling, moves, "more names than can be mapped");
        else
            ruling->moved_rewrites++;
    }
}

/* EXECUTE of a statement of SQL's PREPARE. True: silogate can prepare it again before it runs, or
 * it is not necessary. */
static bool executes_named(struct judging *judging, const struct sql_facts *facts)
{
    const struct belief *belief = judging->belief;
    struct ruling *ruling = judging->ruling;
    struct text database, text;

    if (facts->kind != SQL_EXECUTE_STATEMENT || !facts->determined || ruling->print == 0)
        return false;
    if (belief_named(belief, belief_name_hash(facts->session.name)).print == ruling->print)
        return true; /* it already has the present names of the tables */
    if (ruling->parts > 0 ||
        !sql_session_prepared(belief->remembered, facts->session.name, &database, &text))
        return false;
    ruling->stale = true;
    ruling->name = facts->session.name;
    return true;
}

/* If one command prepares several statements, only the last one is kept, as one with unknown
 * places. */
static void note_named(struct judging *judging, const struct sql_facts *facts, bool is_mapped)
{
    struct ruling *ruling = judging->ruling;

    if (facts->kind != SQL_PREPARE || !facts->session.name.at)
        return;
    struct named *named = &ruling_change(ruling)->named;
    if (named->hash)
        is_mapped = false;
    named->hash = belief_name_hash(facts->session.name);
    named->print = is_mapped ? ruling->print : 0;
}

void moves_map(struct judging *judging, struct sql_facts *facts, const struct sql_state *state,
               bool rewrites)
{
    struct ruling *ruling = judging->ruling;

    note_locks(ruling, facts);
    if (facts->kind == SQL_PREPARE) /* a [move:] may come with a reload */
        facts->prepared_in = ruling->parts == 0 ? belief_mode(judging->belief) : 0;
    if (!ruling->moved || judging->repeats)
        return;
    const uint64_t moves = sql_moved_touches(ruling->moved, facts);
    const struct sql_session *session = judging->belief->remembered;
    const struct sql_where where = {sql_moved_stands, ruling->moved, session};
    ruling->touched |= moves;
    ruling->redefines |= early_defines(facts);
    note_print(ruling, facts);
    note_lists(ruling, facts);
    moves_mean(judging, facts);
    if (ruling->parts > 0 && ruling->stale) { /* the command does more than this EXECUTE */
        ruling->stale = false;
        unmapped(ruling, ruling->touched, "EXECUTE beside other statements");
    }
    if (executes_named(judging, facts))
        return;
    /* The character set must be known: in swe7 the backtick is a letter, so that names need
     * another form there. */
    ruling->wants_charset |=
        moves && judging->belief->state.charset == SQL_CHARSET_UNKNOWN && !judging->belief->asked;
    enum sql_mapped mapped = sql_map(facts, state, &where, &ruling->edits);
    if (mapped == SQL_MAP_CANNOT)
        unmapped(ruling, moves, ruling->edits.why);
    else if (mapped == SQL_MAP_EDITS && !rewrites)
        unmapped(ruling, moves, "a name that does not stand in the text of the command");
    else if (mapped == SQL_MAP_EDITS) {
        mean_followers(judging, facts, &where);
        write_edits(ruling, moves);
    } else if (!facts->determined)
        unmapped(ruling, moves, "a statement that is not understood");
    else if (moves)
        rehearse(ruling, facts, state, session, moves);
    note_named(judging, facts, !ruling->unmapped);
}

void moves_touch(struct judging *judging, const struct sql_facts *facts)
{
    struct ruling *ruling = judging->ruling;

    const uint64_t moves = ruling->moved ? sql_moved_touches(ruling->moved, facts) : 0;

    note_locks(ruling, facts);
    ruling->touched |= moves;
}

void moves_stale(struct judging *judging, const struct sql_facts *facts,
                 const struct prepared *prepared)
{
    struct ruling *ruling = judging->ruling;

    note_print(ruling, facts);
    const bool outdated = ruling->print != 0 && prepared->print != ruling->print;
    ruling->stale = outdated && prepared->stays != ruling->print;
}
