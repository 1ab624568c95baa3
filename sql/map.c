/* Decides which names of a statement get another schema. Each place is decided separately; two
 * decisions about the same bytes of the text must be equal. Called by judge/, move/triggers.c
 * and proxy/renew.c.
 */
#include "sql/map.h"

#include <string.h>

#include "sql/reread.h"
#include "sql/session_internal.h"

enum { AS_IT_SAYS = UINT16_MAX };

/* The state of one sql_map. `renamed` has an entry for each object. For a new name of a RENAME it
 * is the number of the table that gets the name, plus 1: the same RENAME may rename it again. It is
 * AS_IT_SAYS for a table that was met under its own name and is not moved; 0: not met yet. */
struct mapping {
    const struct sql_facts *facts;
    const struct sql_where *where;
    uint16_t renamed[SQL_OBJECTS];
};

static struct text stands(const struct mapping *m, uint32_t number)
{
    const struct sql_object *object = &m->facts->objects[number];

    if (object->type != SQL_TABLE || object->session_only || !object->schema.at)
        return (struct text){NULL, 0};
    return m->where->stands(m->where->moved, SQL_TABLE, object->schema, object->name);
}

static struct text trigger_stands(const struct mapping *m, uint32_t number)
{
    const struct sql_object *object = &m->facts->objects[number];

    if (!object->schema.at)
        return (struct text){NULL, 0};
    return m->where->stands(m->where->moved, SQL_ROUTINE, object->schema, object->name);
}

/* A new name or a trigger gets the schema of its table, unless the name itself is a moved table. */
static struct text follows(struct mapping *m, const struct sql_place *place)
{
    const uint16_t root = m->renamed[place->beside];
    const struct sql_object *leader = &m->facts->objects[place->beside];
    const struct sql_object *object = &m->facts->objects[place->object];
    struct text own = stands(m, place->object);

    if (own.at || !object->schema.at || !leader->schema.at ||
        m->renamed[place->object] == AS_IT_SAYS || root == AS_IT_SAYS ||
        !text_equal(object->schema, leader->schema))
        return own;
    m->renamed[place->object] = root ? root : (uint16_t)(place->beside + 1);
    return stands(m, m->renamed[place->object] - 1u);
}

/* The schema to write at this place; `at` NULL: no change. */
static struct text decide(struct mapping *m, const struct sql_place *place)
{
    struct text own;

    switch ((enum sql_place_kind)place->kind) {
    case SQL_PLACE_FOLLOWS:
        return follows(m, place);
    case SQL_PLACE_TRIGGER:
        return trigger_stands(m, place->object);
    case SQL_PLACE_QUALIFIER:
        return stands(m, place->object);
    case SQL_PLACE_NAME:
        break;
    }
    own = stands(m, place->object);
    if (!own.at && m->renamed[place->object] == 0)
        m->renamed[place->object] = AS_IT_SAYS;
    else if (!own.at && m->renamed[place->object] != AS_IT_SAYS)
        own = stands(m, m->renamed[place->object] - 1u);
    if (own.at || place->beside >= SQL_OBJECTS)
        return own;
    /* The object beside it gets another schema, and a name without a schema would then be looked
     * up there: so its own schema is written. */
    return stands(m, place->beside).at ? m->facts->objects[place->object].schema : own;
}

static enum sql_mapped cannot(struct sql_edits *edits, const char *why)
{
    edits->count = 0;
    edits->why = why;
    return SQL_MAP_CANNOT;
}

static bool names_trigger(const struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->place_count; i++) {
        if (facts->places[i].kind == SQL_PLACE_TRIGGER)
            return true;
    }
    return false;
}

/* Does the statement need a mapping, and is it possible? Most statements need none. */
static enum sql_mapped look(const struct mapping *m, struct sql_edits *edits)
{
    bool moved = false;

    for (uint32_t i = 0; i < m->facts->object_count; i++) {
        const struct sql_object *object = &m->facts->objects[i];
        const struct text schema = stands(m, i);
        if (object->session_only && object->unplaced && object->schema.at &&
            m->where->stands(m->where->moved, SQL_TABLE, object->schema, object->name).at)
            return cannot(edits, "a body with a temporary table of this name");
        if (!schema.at)
            continue;
        moved = true;
        if (object->unplaced)
            return cannot(edits, "a name that does not stand in the text of the command");
        if (m->where->session && sql_session_has_table(m->where->session, schema, object->name))
            return cannot(edits, "a temporary table has this name where the table stands");
    }
    if (!moved && !(m->facts->object_count > 0 && m->facts->objects[0].type == SQL_ROUTINE &&
                    names_trigger(m->facts)))
        return SQL_MAP_NOTHING;
    return m->facts->determined ? SQL_MAP_EDITS
                                : cannot(edits, "a statement that is not understood");
}

/* Fails if another decision about the same bytes differs. A decision for no change is an edit with
 * an empty schema here, to be compared too; drop_those_that_stay removes it. */
static bool insert(struct sql_edits *edits, const struct sql_edit *edit)
{
    uint32_t at = edits->count;

    while (at > 0 && edits->edits[at - 1].offset > edit->offset)
        at--;
    if (at > 0 && edits->edits[at - 1].offset == edit->offset) {
        const struct sql_edit *other = &edits->edits[at - 1];
        edits->why = "a name that can mean two tables";
        return other->length == edit->length && other->schema.length == edit->schema.length &&
               text_equal(other->schema, edit->schema);
    }
    edits->why = "more names than can be mapped";
    if (edits->count == SQL_EDITS)
        return false;
    memmove(&edits->edits[at + 1], &edits->edits[at],
            (edits->count - at) * sizeof(edits->edits[0]));
    edits->edits[at] = *edit;
    edits->count++;
    return true;
}

/* After a quoted schema and a dot, 123 and 1e5 are numbers, and any bare name that begins with a
 * digit may be one. Tests the first mention of the object: was it written without quotes? */
static bool reads_as_number(const struct sql_object *object)
{
    return object->name.length > 0 && object->name.at[0] >= '0' && object->name.at[0] <= '9' &&
           object->name_length <= object->name.length;
}

static bool can_be_written(struct text schema, const struct sql_state *state)
{
    if (schema.length > SQL_DATABASE_SIZE || state->charset == SQL_CHARSET_UNKNOWN)
        return false;
    for (size_t i = 0; i < schema.length; i++) {
        if ((unsigned char)schema.at[i] >= 0x80 && state->charset != SQL_UTF8)
            return false;
    }
    return true;
}

static void drop_those_that_stay(struct sql_edits *edits)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < edits->count; i++) {
        if (edits->edits[i].schema.length > 0)
            edits->edits[count++] = edits->edits[i];
    }
    edits->count = count;
}

enum sql_mapped sql_map(const struct sql_facts *facts, const struct sql_state *state,
                        const struct sql_where *where, struct sql_edits *edits)
{
    struct mapping m;

    m.facts = facts;
    m.where = where;
    edits->count = 0;
    edits->why = NULL;
    enum sql_mapped found = look(&m, edits);
    if (found != SQL_MAP_EDITS)
        return found;
    /* An edit writes backticks; see check_renamed in sql/define_stored.c. */
    if (facts->kind == SQL_CREATE_TRIGGER &&
        sql_charset_hides_signs((enum sql_charset)state->charset))
        return cannot(edits, "a trigger in a character set in which quoted names are not safe");
    memset(m.renamed, 0, facts->object_count * sizeof(m.renamed[0]));
    for (uint32_t i = 0; i < facts->place_count; i++) {
        const struct sql_place *place = &facts->places[i];
        struct sql_edit edit = {.offset = place->offset,
                                .length = place->length,
                                .schema = decide(&m, place),
                                .object = place->object,
                                .dot = place->length == 0 || place->dot};
        if (!insert(edits, &edit))
            return cannot(edits, edits->why);
        if (!can_be_written(edit.schema, state))
            return cannot(edits, "a schema that the session's character set cannot write");
        if (edit.schema.at && reads_as_number(&facts->objects[place->object]))
            return cannot(edits, "a name that may be taken for a number");
    }
    drop_those_that_stay(edits);
    edits->why = NULL;
    return edits->count > 0 ? SQL_MAP_EDITS : SQL_MAP_NOTHING;
}

bool sql_edit_follows(const struct sql_edit *edit, const struct sql_facts *facts,
                      const struct sql_where *where)
{
    const struct sql_object *object = &facts->objects[edit->object];

    return !text_equal(edit->schema, object->schema) &&
           !where->stands(where->moved, (enum sql_type)object->type, object->schema, object->name)
                .at;
}

size_t sql_edit_write(const struct sql_edit *edit, char *to)
{
    size_t length = 0;

    to[length++] = '`';
    for (size_t i = 0; i < edit->schema.length; i++) {
        if (edit->schema.at[i] == '`')
            to[length++] = '`';
        to[length++] = edit->schema.at[i];
    }
    to[length++] = '`';
    if (edit->dot)
        to[length++] = '.';
    return length;
}

size_t sql_map_write(struct text text, const struct sql_edits *edits, char *to)
{
    size_t length = 0, from = 0;

    for (uint32_t i = 0; i < edits->count; i++) {
        const struct sql_edit *edit = &edits->edits[i];
        memcpy(to + length, text.at + from, edit->offset - from);
        length += edit->offset - from;
        length += sql_edit_write(edit, to + length);
        from = edit->offset + edit->length;
    }
    memcpy(to + length, text.at + from, text.length - from);
    return length + text.length - from;
}
