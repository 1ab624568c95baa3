/* A hash table with the key schema, name and type. It is never changed after it is shared. */
#include "sql/moved.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct entry {
    struct text schema, name;
    struct text stands; /* the schema where it is now; `at` NULL: in `schema` */
    struct text goes;   /* the schema where it will be; `at` NULL: in `schema` */
    uint64_t moves;
    uint8_t type;
    bool goes_along; /* it is moved itself; false: it only depends on moved tables */
};

struct expected {
    const struct expected *next;
    struct text from, to, name;
    bool (*matches)(struct text pattern, struct text name);
};

struct schema {
    const struct schema *next;
    struct text name;
};

struct sql_moved {
    atomic_uint references;
    bool fold;
    uint64_t all, most, places;
    struct entry *slots;
    uint32_t size, count;
    const struct expected *expected;
    const struct schema *schemas; /* with tables of moves in them */
    struct arena arena;
};

struct sql_moved *sql_moved_new(bool fold)
{
    struct sql_moved *moved = memory_take_zeroed(sizeof(*moved));

    atomic_init(&moved->references, 1);
    moved->fold = fold;
    moved->most = UINT64_MAX;
    return moved;
}

void sql_moved_limit(struct sql_moved *moved, uint64_t bytes)
{
    moved->most = bytes;
}

uint64_t sql_moved_most(const struct sql_moved *moved)
{
    return moved->most;
}

struct sql_moved *sql_moved_take(struct sql_moved *moved)
{
    if (moved)
        atomic_fetch_add(&moved->references, 1);
    return moved;
}

void sql_moved_drop(struct sql_moved *moved)
{
    if (!moved || atomic_fetch_sub(&moved->references, 1) != 1)
        return;
    free(moved->slots);
    arena_fini(&moved->arena);
    free(moved);
}

static uint32_t hash_of(enum sql_type type, struct text schema, struct text name)
{
    return (uint32_t)text_hash(name, text_hash(schema, 0, true) + type, true);
}

static bool same(const struct sql_moved *moved, struct text a, struct text b)
{
    return moved->fold ? text_equal_fold(a, b) : text_equal(a, b);
}

/* The slot of the name, or the free slot for it. */
static struct entry *slot_of(const struct sql_moved *moved, enum sql_type type, struct text schema,
                             struct text name)
{
    for (uint32_t at = hash_of(type, schema, name);; at++) {
        struct entry *entry = &moved->slots[at % moved->size];
        if (!entry->name.at || (entry->type == type && same(moved, entry->schema, schema) &&
                                same(moved, entry->name, name)))
            return entry;
    }
}

static void grow(struct sql_moved *moved)
{
    struct entry *old = moved->slots;
    uint32_t size = moved->size;

    moved->size = size ? size * 2 : 64;
    moved->slots = memory_take_zeroed(moved->size * sizeof(*moved->slots));
    for (uint32_t i = 0; i < size; i++) {
        if (old[i].name.at)
            *slot_of(moved, (enum sql_type)old[i].type, old[i].schema, old[i].name) = old[i];
    }
    free(old);
}

static struct entry *entry_of(struct sql_moved *moved, enum sql_type type, struct text schema,
                              struct text name)
{
    if (2 * (moved->count + 1) > moved->size)
        grow(moved);
    struct entry *entry = slot_of(moved, type, schema, name);
    if (!entry->name.at) {
        *entry = (struct entry){.schema = arena_text(&moved->arena, schema),
                                .name = arena_text(&moved->arena, name),
                                .type = (uint8_t)type};
        moved->count++;
    }
    return entry;
}

static struct entry *put(struct sql_moved *moved, enum sql_type type, struct text schema,
                         struct text name, unsigned number)
{
    struct entry *entry = entry_of(moved, type, schema, name);

    assert(number < 64);
    entry->moves |= (uint64_t)1 << number;
    moved->all |= (uint64_t)1 << number;
    return entry;
}

void sql_moved_add(struct sql_moved *moved, enum sql_type type, struct text from, struct text to,
                   struct text name, bool in_to, unsigned number)
{
    const struct text none = {NULL, 0};
    const struct text old = arena_text(&moved->arena, from), new = arena_text(&moved->arena, to);
    struct entry *entry = put(moved, type, from, name, number);

    entry->goes_along = true;
    entry->stands = in_to ? new : none;
    entry->goes = new;
    entry = put(moved, type, to, name, number);
    /* A second one that would get this name: it means what stands there, or nothing. */
    entry->stands = in_to || entry->goes_along ? none : old;
    entry->goes_along = true;
    entry->goes = none;
    if (type != SQL_TABLE)
        return;
    if (in_to)
        moved->places += text_hash(name, text_hash(to, 1, true), true);
    if (!sql_moved_stand_in(moved, in_to ? new : old)) {
        struct schema *schema = arena_take(&moved->arena, sizeof(*schema));
        *schema = (struct schema){moved->schemas, in_to ? new : old};
        moved->schemas = schema;
    }
}

uint64_t sql_moved_places(const struct sql_moved *moved)
{
    return moved->places;
}

bool sql_moved_stand_in(const struct sql_moved *moved, struct text schema)
{
    const struct schema *one = moved->schemas;

    while (one && !same(moved, one->name, schema))
        one = one->next;
    return schema.at && one;
}

void sql_moved_hang(struct sql_moved *moved, struct text schema, struct text name, unsigned number)
{
    put(moved, SQL_TABLE, schema, name, number);
}

void sql_moved_expect(struct sql_moved *moved, struct text from, struct text to, struct text name,
                      bool (*matches)(struct text pattern, struct text name))
{
    struct expected *one = arena_take(&moved->arena, sizeof(*one));

    *one =
        (struct expected){moved->expected, arena_text(&moved->arena, from),
                          arena_text(&moved->arena, to), arena_text(&moved->arena, name), matches};
    moved->expected = one;
}

void sql_moved_except(struct sql_moved *moved, struct text schema, struct text name)
{
    entry_of(moved, SQL_TABLE, schema, name);
}

static const struct entry *find(const struct sql_moved *moved, enum sql_type type,
                                struct text schema, struct text name)
{
    static const struct entry none;

    if (moved->count == 0 || !schema.at || !name.at)
        return &none;
    return slot_of(moved, type, schema, name);
}

struct text sql_moved_stands(const void *moved, enum sql_type type, struct text schema,
                             struct text name)
{
    return find(moved, type, schema, name)->stands;
}

struct text sql_moved_will_stand(const void *moved, enum sql_type type, struct text schema,
                                 struct text name)
{
    return find(moved, type, schema, name)->goes;
}

bool sql_moved_folds(const struct sql_moved *moved)
{
    return moved->fold;
}

bool sql_moved_has(const struct sql_moved *moved, struct text schema, struct text name)
{
    return find(moved, SQL_TABLE, schema, name)->goes_along;
}

bool sql_moved_expects(const struct sql_moved *moved, struct text schema, struct text name)
{
    if (!schema.at || !name.at)
        return false;
    for (const struct expected *one = moved->expected; one; one = one->next) {
        if ((same(moved, one->from, schema) || same(moved, one->to, schema)) &&
            one->matches(one->name, name))
            return !find(moved, SQL_TABLE, schema, name)->name.at;
    }
    return false;
}

uint64_t sql_moved_print(const struct sql_moved *moved, const struct sql_facts *facts)
{
    uint64_t print = 1;

    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type != SQL_TABLE || object->session_only)
            continue;
        struct text stands = {NULL, 0};
        if (moved)
            stands = sql_moved_stands(moved, SQL_TABLE, object->schema, object->name);
        print = text_hash(stands.at ? stands : object->schema, print, true);
    }
    return print;
}

uint64_t sql_moved_in(const struct sql_moved *moved, struct text schema)
{
    uint64_t moves = 0;

    for (uint32_t i = 0; schema.at && i < moved->size; i++) {
        const struct entry *entry = &moved->slots[i];
        if (entry->name.at && (entry->goes.at || entry->stands.at) &&
            same(moved, entry->schema, schema))
            moves |= entry->moves;
    }
    return moves;
}

uint64_t sql_moved_touches(const struct sql_moved *moved, const struct sql_facts *facts)
{
    uint64_t touched = 0;

    if (!facts->determined)
        return moved->all;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_ROUTINE && (object->access & SQL_EXECUTE))
            return moved->all;
        if (object->type == SQL_TABLE && !object->session_only)
            touched |= find(moved, SQL_TABLE, object->schema, object->name)->moves;
    }
    return touched;
}

uint64_t sql_moved_all(const struct sql_moved *moved)
{
    return moved->all;
}
