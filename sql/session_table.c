/* What a session remembers between its commands: a table of entries on the heap, bounded in number
 * and in bytes; when it is full the oldest go. Only sql_session_settle and sql_session_forget_xa
 * change it.
 */
#include "sql/session_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* Variables and statements compare without case; that of tables is folded already. */
static uint32_t hash(enum sort sort, struct text name)
{
    return (uint32_t)text_hash(name, sort, sort != TEMPORARY_TABLE && !is_transaction(sort));
}

bool session_entry_is(const struct entry *entry, enum sort sort, struct text name,
                      struct text schema)
{
    if (entry->sort != sort)
        return false;
    if (sort != TEMPORARY_TABLE && !is_transaction(sort))
        return text_equal_fold(entry->name, name);
    return text_equal(entry->name, name) &&
           (is_transaction(sort) || text_equal(entry->value, schema));
}

const struct entry *session_table_find(const struct session_table *table, enum sort sort,
                                       struct text name, struct text schema)
{
    uint32_t wanted = hash(sort, name);

    for (unsigned i = table->count; i-- > 0;) {
        if (table->hashes[i] == wanted && session_entry_is(table->entries[i], sort, name, schema))
            return table->entries[i];
    }
    return NULL;
}

static void forget_at(struct session_table *table, unsigned index)
{
    struct entry *entry = table->entries[index];
    size_t behind = table->count - index - 1;

    table->session.bytes -= entry->bytes;
    table->count--;
    memmove(&table->entries[index], &table->entries[index + 1], behind * sizeof(table->entries[0]));
    memmove(&table->hashes[index], &table->hashes[index + 1], behind * sizeof(table->hashes[0]));
    free(entry);
}

static void remember(struct session_table *table, const struct entry *from)
{
    size_t head = sizeof(*from) + (from->facts ? sql_facts_bytes(from->facts) : 0);
    struct entry *entry = memory_take(head + from->name.length + from->value.length);
    char *texts = (char *)entry + head;

    *entry = *from;
    if (from->facts)
        entry->facts = sql_facts_put(from->facts, entry + 1);
    if (from->name.length)
        memcpy(texts, from->name.at, from->name.length);
    if (from->value.length)
        memcpy(texts + from->name.length, from->value.at, from->value.length);
    entry->name.at = texts;
    entry->value.at = texts + from->name.length;
    while (table->count == SQL_SESSION_ENTRIES ||
           table->session.bytes + entry->bytes > SQL_SESSION_BYTES)
        forget_at(table, 0);
    table->session.bytes += entry->bytes;
    table->hashes[table->count] = hash(entry->sort, entry->name);
    table->entries[table->count++] = entry;
}

static void take_step(struct session_table *table, const struct sql_session *step, bool kept)
{
    for (unsigned i = table->count; i-- > 0;) {
        const struct entry *entry = table->entries[i];
        if (step->clears & 1 << entry->sort ||
            (step->names && session_entry_is(&step->entry, entry->sort, entry->name, entry->value)))
            forget_at(table, i);
    }
    if (step->adds && kept)
        remember(table, &step->entry);
}

static void note_sorts(struct session_table *table)
{
    table->session.has = 0;
    for (unsigned i = 0; i < table->count; i++)
        table->session.has |= (uint8_t)(1u << table->entries[i]->sort);
}

void sql_session_settle(struct sql_session **session, const struct sql_session *after, bool kept)
{
    const struct sql_session *steps[2 * SQL_SESSION_STEPS];
    unsigned count = 0;
    bool adds = false;

    for (; after && !after->is_table; after = after->before) {
        assert(count < sizeof(steps) / sizeof(steps[0]));
        steps[count++] = after;
        adds |= after->adds;
        if (after->clears == ALL_SORTS)
            break;
    }
    if (count == 0 || (!*session && !(adds && kept)))
        return;
    if (!*session) {
        *session = memory_take_zeroed(sizeof(struct session_table));
        (*session)->is_table = true;
    }
    struct session_table *table = (struct session_table *)*session;
    while (count-- > 0)
        take_step(table, steps[count], kept);
    note_sorts(table);
}

void sql_session_forget_xa(struct sql_session *session)
{
    const struct sql_session step = {.clears = TRANSACTIONS};

    if (!session)
        return;
    take_step((struct session_table *)session, &step, true);
    note_sorts((struct session_table *)session);
}

size_t sql_session_bytes(const struct sql_session *session)
{
    return session ? session->bytes + sizeof(struct session_table) : 0;
}

void sql_session_free(struct sql_session **session)
{
    struct session_table *table = (struct session_table *)*session;

    while (table && table->count > 0)
        forget_at(table, table->count - 1);
    free(table);
    *session = NULL;
}
