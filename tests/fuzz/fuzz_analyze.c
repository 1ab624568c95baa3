/* Any bytes, in any state, analysed statement by statement: it ends, reads nothing behind the text,
 * and gives the same facts with more blanks and comments between the tokens and with reserved words
 * in other letter case. A statement put behind takes no object away. What a statement does to its
 * session is applied, so that temporary tables, variables and PREPARE are walked through as well.
 */
#include "sql/analyze.h"
#include "sql/reread.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { STATEMENTS = 64 };

/* Facts of all statements of one text, kept apart from it. */
struct reading {
    struct text text;
    size_t count;
    struct sql_facts *facts[STATEMENTS];
};

static void check_place(struct text text, uint32_t offset, uint32_t length)
{
    if ((uint64_t)offset + length > text.length)
        broken("places lie in the text", text, text);
}

static void check_facts(struct text text, const struct sql_facts *facts)
{
    if (!facts->determined && !facts->why && !facts->needs_mode)
        broken("undetermined has a reason", text, text);
    if (facts->object_count > SQL_OBJECTS || facts->names_length > SQL_NAMES)
        broken("bounds", text, text);
    check_place(text, facts->database_offset, facts->database_length);
    check_place(text, facts->thread_offset, facts->thread_length);
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        check_place(text, object->schema_offset, object->schema_length);
        check_place(text, object->name_offset, object->name_length);
        if (object->access == 0 || object->access & ~SQL_ACCESS_ALL)
            broken("accesses", text, text);
        if (object->type == SQL_DATABASE && object->name.length > 0)
            broken("a database has no name of a table", text, text);
    }
}

static void read_all(struct reading *reading, struct text text, struct sql_state state)
{
    static struct sql_facts facts;
    struct sql_session *session = NULL;
    size_t offset = 0;

    *reading = (struct reading){.text = text};
    do {
        struct sql_state before = state;
        size_t next = sql_analyze(text, offset, &before, session, &facts);
        if (next > text.length || (next <= offset && next < text.length))
            broken("it goes forward", text, text);
        check_facts(text, &facts);
        if (!facts.determined && next != text.length)
            broken("what is not understood has the rest of the text", text, text);
        reading->facts[reading->count++] = sql_facts_keep(&facts);
        sql_state_apply(&state, &facts);
        if (facts.effects & SQL_EFFECT_SESSION)
            sql_session_apply(&session, &facts);
        offset = next;
    } while (offset < text.length && reading->count < STATEMENTS);
    sql_session_free(&session);
}

static void reading_free(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++)
        free(reading->facts[i]);
}

/* Where no name can stand, an undetermined statement may list a reserved word as one. */
static bool same_object(const struct sql_object *a, const struct sql_object *b)
{
    return a->type == b->type && text_equal_fold(a->name, b->name) &&
           text_equal_fold(a->schema, b->schema) && !a->schema.at == !b->schema.at &&
           a->session_only == b->session_only;
}

static bool same_written(struct text a, uint32_t a_offset, uint32_t a_length, struct text b,
                         uint32_t b_offset, uint32_t b_length)
{
    return text_equal_fold((struct text){a.at + a_offset, a_length},
                           (struct text){b.at + b_offset, b_length});
}

static bool lists(const struct sql_facts *facts, const struct sql_object *object)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (same_object(&facts->objects[i], object))
            return true;
    }
    return false;
}

/* The same objects, where two that differ in letter case may have become one. */
static bool same_lists(const struct sql_facts *a, const struct sql_facts *b)
{
    for (uint32_t i = 0; i < a->object_count; i++) {
        if (!lists(b, &a->objects[i]))
            return false;
    }
    for (uint32_t i = 0; i < b->object_count; i++) {
        if (!lists(a, &b->objects[i]))
            return false;
    }
    return true;
}

static bool same_facts(const struct reading *one, const struct reading *other, size_t index)
{
    const struct sql_facts *a = one->facts[index], *b = other->facts[index];

    if (a->determined != b->determined || a->administration != b->administration ||
        a->kind != b->kind || a->effects != b->effects || a->mode != b->mode ||
        a->charset != b->charset || a->needs_mode != b->needs_mode ||
        !text_equal_fold(a->database, b->database))
        return false;
    if (!a->determined)
        return same_lists(a, b);
    if (a->object_count != b->object_count)
        return false;
    for (uint32_t i = 0; i < a->object_count; i++) {
        const struct sql_object *x = &a->objects[i], *y = &b->objects[i];
        if (!same_object(x, y) || x->access != y->access)
            return false;
        if (!same_written(one->text, x->name_offset, x->name_length, other->text, y->name_offset,
                          y->name_length) ||
            !same_written(one->text, x->schema_offset, x->schema_length, other->text,
                          y->schema_offset, y->schema_length))
            return false;
    }
    return true;
}

static void check_changed(const struct reading *before, const struct sql_state *state,
                          struct change change, const char *oracle)
{
    struct copy copy = {0};
    struct reading after;
    struct text text = copy_changed(&copy, before->text, state, change);

    read_all(&after, text, *state);
    if (after.count != before->count)
        broken(oracle, before->text, text);
    for (size_t i = 0; i < after.count; i++) {
        if (!same_facts(before, &after, i))
            broken(oracle, before->text, text);
    }
    reading_free(&after);
    free(copy.at);
}

static bool has_object(const struct reading *reading, const struct sql_object *object)
{
    for (size_t i = 0; i < reading->count; i++) {
        for (uint32_t j = 0; j < reading->facts[i]->object_count; j++) {
            const struct sql_object *other = &reading->facts[i]->objects[j];
            if (same_object(object, other) && (object->access & ~other->access) == 0)
                return true;
        }
    }
    return false;
}

static void check_appended(const struct reading *before, const struct sql_state *state)
{
    static const char more[] = "\n;\nSELECT 1 FROM zq.zq";
    struct copy copy = {0};
    struct reading after;

    /* A NUL is the end of a text where nothing stands behind it. */
    if (before->text.length > 0 && !before->text.at[before->text.length - 1])
        return;
    copy_add(&copy, before->text.at, before->text.length);
    copy_add(&copy, more, sizeof(more) - 1);
    struct text text = copy_seal(&copy);
    read_all(&after, text, *state);
    for (size_t i = 0; i < before->count; i++) {
        /* What could not be read to its end may read otherwise with more behind it. */
        for (uint32_t j = 0; before->facts[i]->determined && j < before->facts[i]->object_count;
             j++) {
            if (!has_object(&after, &before->facts[i]->objects[j]))
                broken("a statement behind takes nothing away", before->text, text);
        }
    }
    reading_free(&after);
    free(copy.at);
}

/* A text that changes how the rest of it is read has no tokens that could be told beforehand. */
static bool one_state(const struct reading *reading, const struct sql_state *state)
{
    const unsigned states = SQL_EFFECT_MODE | SQL_EFFECT_CHARSET | SQL_EFFECT_UNKNOWN;

    /* What MySQL's command line asks first is known by its very bytes. */
    if (text_equal(reading->text, TEXT("select $$")))
        return false;
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->facts[i]->effects & states)
            return false;
        /* Quotes in the text of a definition count there, in its comments too. */
        if (sql_charset_hides_signs((enum sql_charset)state->charset) &&
            (reading->facts[i]->stores || reading->facts[i]->prints))
            return false;
        if (!reading->facts[i]->determined && strstr(reading->facts[i]->why, "without a blank"))
            return false;
    }
    return reading->count < STATEMENTS / 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < CHOICES || size > LONGEST)
        return 0;
    struct sql_state state = input_state(bytes);
    struct copy copy = {0};
    struct reading reading;

    copy_add(&copy, (const char *)bytes + CHOICES, size - CHOICES);
    read_all(&reading, copy_seal(&copy), state);
    if (one_state(&reading, &state)) {
        check_changed(&reading, &state, (struct change){.comments = true}, "blanks and comments");
        check_changed(&reading, &state, (struct change){.letters = true}, "letter case");
    }
    if (reading.count < STATEMENTS / 2)
        check_appended(&reading, &state);
    reading_free(&reading);
    free(copy.at);
    return 0;
}
