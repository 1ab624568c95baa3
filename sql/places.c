/* The places of names in the text, so that they can be mapped there: each mention of an object, the
 * schemas of qualified columns (schema.table.column), and names that depend on another name (a
 * trigger moves with its table). An object with a mention that cannot be recorded is `unplaced`.
 * Called by sql/names.c for every object and by the few statements that record more places.
 */
#include "sql/names_fold.h"
#include "sql/parser.h"
#include "sql/session_internal.h"

/* The offset in the command for an offset in the value of its literal. It counts the escapes
 * between them, and starts at the result of the last call where it can. */
static uint32_t in_literal(struct parser *p, uint32_t offset)
{
    const bool backslashes = !(p->state->mode & SQL_NO_BACKSLASH_ESCAPES);
    const char *at = p->literal.text.at;

    if (!p->literal.escaped)
        return p->literal.offset + offset;
    if (offset < p->literal.out)
        p->literal.out = p->literal.in = 0;
    while (p->literal.out < offset && p->literal.in < p->literal.text.length) {
        char c = at[p->literal.in];
        p->literal.in += c == p->literal.quote || (c == '\\' && backslashes) ? 2 : 1;
        p->literal.out++;
    }
    return p->literal.offset + p->literal.in;
}

void place_name(struct parser *p, const struct sql_token *token, struct name *name)
{
    if (p->nowhere) {
        name->offset = name->length = 0;
        return;
    }
    if (!p->literal.text.at)
        return;
    name->offset = in_literal(p, token->offset);
    name->length = in_literal(p, token->offset + token->length) - name->offset;
}

static bool hidden_by_temporary(const struct parser *p, const struct sql_object *object)
{
    return p->session && !p->stored && !p->body &&
           sql_session_has_table(p->session, object->schema, object->name);
}

static struct sql_place *new_place(struct parser *p, unsigned number)
{
    if (p->facts->place_count == SQL_PLACES) {
        p->facts->objects[number].unplaced = true;
        return NULL;
    }
    return &p->facts->places[p->facts->place_count++];
}

void place_object(struct parser *p, unsigned number, const struct name *schema,
                  const struct name *name)
{
    struct sql_object *object = &p->facts->objects[number];

    if (object->type == SQL_DATABASE || object->session_only || p->unplaced ||
        (object->type == SQL_ROUTINE && p->beside == SQL_OBJECTS))
        return;
    struct sql_place *place =
        name->length > 0 && !hidden_by_temporary(p, object) ? new_place(p, number) : NULL;
    if (!place) {
        object->unplaced = true;
        return;
    }
    const bool written = schema && schema->length > 0;
    *place = (struct sql_place){
        .offset = written ? schema->offset : name->offset,
        .length = written ? schema->length : 0,
        .object = (uint16_t)number,
        .beside = written ? SQL_OBJECTS : p->beside,
        .kind = SQL_PLACE_NAME,
        .dot = written && !schema->text.at,
    };
}

void place_follows(struct parser *p, unsigned number, unsigned leader)
{
    struct sql_facts *facts = p->facts;

    if (number >= SQL_OBJECTS || leader >= SQL_OBJECTS || facts->place_count == 0)
        return;
    struct sql_place *place = &facts->places[facts->place_count - 1];
    if (place->object != number)
        return;
    place->kind = SQL_PLACE_FOLLOWS;
    place->beside = (uint16_t)leader;
}

void place_trigger(struct parser *p, unsigned number, const struct name *schema,
                   const struct name *name, unsigned table)
{
    if (number >= SQL_OBJECTS)
        return;
    struct sql_place *place = name->length > 0 ? new_place(p, number) : NULL;
    if (!place) {
        p->facts->objects[number].unplaced = true;
        return;
    }
    *place = (struct sql_place){
        .offset = schema->length > 0 ? schema->offset : name->offset,
        .length = schema->length,
        .object = (uint16_t)number,
        .beside = (uint16_t)table,
        .kind = table < SQL_OBJECTS ? SQL_PLACE_FOLLOWS : SQL_PLACE_TRIGGER,
    };
}

/* --- qualifiers: schema.table.column, schema.alias.* --- */

void called_table(struct parser *p, unsigned object, const struct sql_token *called)
{
    if (object >= SQL_OBJECTS)
        return;
    if (p->called_count == PARSER_CALLED) {
        p->qualifiers_lost = true;
        return;
    }
    p->called[p->called_count++] = (struct called){*called, (uint16_t)object};
}

void note_qualifier(struct parser *p, const struct sql_token *schema, const struct sql_token *table)
{
    if (p->qualifier_count == PARSER_QUALIFIERS) {
        p->qualifiers_lost = true;
        return;
    }
    p->qualifiers[p->qualifier_count++] = (struct qualifier){*schema, *table};
}

/* The caller steps past the last token of the qualifier. */
void note_qualifiers_in(struct parser *p)
{
    const struct sql_token first = p->t;

    if (!at_name(p) || p->n.sign != '.')
        return;
    step(p);
    if (p->n.class != SQL_TOKEN_WORD && p->n.class != SQL_TOKEN_NAME)
        return;
    step(p);
    if (p->n.sign == '.')
        note_qualifier(p, &first, &p->t);
}

/* The name of the token, unquoted and folded. False if it is too long or cannot be folded. */
static bool spell(const struct parser *p, const struct sql_token *token, char *to,
                  struct text *spelled)
{
    const char *at = (const char *)p->lexer.start + token->offset;
    struct text text = {at, token->length};
    size_t length = 0;

    if (token->length > PARSER_NAME)
        return false;
    if (token->class == SQL_TOKEN_NAME)
        text = (struct text){at + 1, token->length - 2u};
    for (size_t i = 0; i < text.length; i++) {
        to[length++] = text.at[i];
        if (token->class == SQL_TOKEN_NAME && text.at[i] == at[token->length - 1])
            i++;
    }
    *spelled = (struct text){to, length};
    return !p->fold || !name_has_upper(*spelled) || name_fold(*spelled, to);
}

static void place_qualifier(struct parser *p, const struct qualifier *qualifier, unsigned number)
{
    struct sql_place *place = p->nowhere ? NULL : new_place(p, number);
    struct name name = {.offset = qualifier->schema.offset, .length = qualifier->schema.length};

    if (!place) {
        p->facts->objects[number].unplaced = true;
        return;
    }
    place_name(p, &qualifier->schema, &name);
    *place = (struct sql_place){
        .offset = name.offset,
        .length = name.length,
        .object = (uint16_t)number,
        .beside = SQL_OBJECTS,
        .kind = SQL_PLACE_QUALIFIER,
    };
}

/* Records a place for every table that the qualifier may mean; sql_map fails where their schemas
 * differ. */
static void resolve(struct parser *p, const struct qualifier *qualifier)
{
    char schema_bytes[PARSER_NAME], table_bytes[PARSER_NAME], called_bytes[PARSER_NAME];
    struct text schema, table, called;

    if (!spell(p, &qualifier->schema, schema_bytes, &schema) ||
        !spell(p, &qualifier->table, table_bytes, &table)) {
        p->qualifiers_lost = true;
        return;
    }
    for (unsigned i = 0; i < p->called_count; i++) {
        const struct sql_object *object = &p->facts->objects[p->called[i].object];
        if (!text_equal(object->schema, schema))
            continue;
        if (!spell(p, &p->called[i].token, called_bytes, &called))
            p->qualifiers_lost = true;
        else if (text_equal_fold(called, table))
            place_qualifier(p, qualifier, p->called[i].object);
    }
}

void resolve_qualifiers(struct parser *p)
{
    if (p->qualifier_count == 0)
        p->qualifiers_lost = false; /* not all tables were recorded, but no column is qualified */
    for (unsigned i = 0; i < p->qualifier_count; i++)
        resolve(p, &p->qualifiers[i]);
    for (unsigned i = 0; p->qualifiers_lost && i < p->facts->object_count; i++)
        p->facts->objects[i].unplaced = true;
    p->qualifier_count = p->called_count = 0;
    p->qualifiers_lost = false;
}
