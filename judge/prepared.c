/* A small hash table by statement id. Allocates only where a statement is prepared. */
#include "judge/prepared.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct prepared *prepared_new(struct text text, size_t most, const struct sql_facts *facts,
                              const struct sql_state *state)
{
    size_t length = text.length < most ? text.length : most;
    struct prepared *prepared = memory_take(sizeof(*prepared) + length);

    *prepared = (struct prepared){.owed = false};
    prepared->facts = sql_facts_keep(facts);
    prepared->state = *state;
    prepared->reading = sql_reading_of(text, state);
    sql_reading_note(&prepared->reading, facts);
    prepared->cut = length < text.length;
    prepared->bytes = sizeof(*prepared) + length + sql_facts_bytes(facts);
    prepared->text_length = (uint32_t)length;
    memcpy(prepared->text, text.at, length);
    return prepared;
}

void prepared_free(struct prepared *prepared)
{
    if (!prepared)
        return;
    free(prepared->facts);
    free(prepared->types);
    free(prepared);
}

/* The slot of `id`, or the empty one for it. The size is a power of two. */
static uint32_t slot_of(const struct prepared_table *table, uint32_t id)
{
    uint32_t at = id * 0x9e3779b1u & (table->size - 1);

    while (table->slots[at] && table->slots[at]->id != id)
        at = (at + 1) & (table->size - 1);
    return at;
}

static void grow(struct prepared_table *table)
{
    struct prepared_table larger = *table;

    larger.size = table->size ? table->size * 2 : 8;
    larger.slots = memory_take_zeroed(larger.size * sizeof(struct prepared *));
    for (uint32_t i = 0; i < table->size; i++) {
        if (table->slots[i])
            larger.slots[slot_of(&larger, table->slots[i]->id)] = table->slots[i];
    }
    free(table->slots);
    *table = larger;
}

bool prepared_is_full(const struct prepared_table *table)
{
    return table->count >= PREPARED_MAX || table->bytes >= PREPARED_BYTES;
}

void prepared_add(struct prepared_table *table, struct prepared *prepared, uint32_t id)
{
    if ((table->count + 1) * 2 > table->size)
        grow(table);
    uint32_t at = slot_of(table, id);
    if (table->slots[at]) {
        table->bytes -= table->slots[at]->bytes;
        prepared_free(table->slots[at]);
    } else {
        table->count++;
    }
    table->bytes += prepared->bytes;
    prepared->id = prepared->upstream_id = id;
    table->slots[at] = prepared;
    table->last = id;
    table->has_last = true;
}

struct prepared *prepared_find(const struct prepared_table *table, uint32_t id)
{
    if (id == PREPARED_LAST) {
        if (!table->has_last)
            return NULL;
        id = table->last;
    }
    return table->size ? table->slots[slot_of(table, id)] : NULL;
}

bool prepared_has_cursor(const struct prepared_table *table)
{
    for (uint32_t i = 0; i < table->size; i++) {
        if (table->slots[i] && table->slots[i]->cursor)
            return true;
    }
    return false;
}

bool prepared_has_long_data(const struct prepared_table *table)
{
    for (uint32_t i = 0; i < table->size; i++) {
        const struct prepared *one = table->slots[i];
        if (one && one->has_chunks && !one->lost_chunk)
            return true;
    }
    return false;
}

void prepared_remove(struct prepared_table *table, uint32_t id)
{
    if (id == PREPARED_LAST && table->has_last)
        id = table->last;
    if (!table->size)
        return;
    uint32_t at = slot_of(table, id);
    if (!table->slots[at])
        return;
    table->bytes -= table->slots[at]->bytes;
    prepared_free(table->slots[at]);
    table->slots[at] = NULL;
    table->count--;
    if (table->has_last && table->last == id)
        table->has_last = false;
    /* Moves back entries after the gap, so that look-ups still find them. */
    for (uint32_t i = (at + 1) & (table->size - 1); table->slots[i];
         i = (i + 1) & (table->size - 1)) {
        struct prepared *moved = table->slots[i];
        table->slots[i] = NULL;
        table->slots[slot_of(table, moved->id)] = moved;
    }
}

void prepared_clear(struct prepared_table *table)
{
    for (uint32_t i = 0; i < table->size; i++)
        prepared_free(table->slots[i]);
    free(table->slots);
    *table = (struct prepared_table){0};
}
