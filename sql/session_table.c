/* What is remembered of a session between its commands: a table of entries on the heap, bounded in
 * number and in bytes. When it is full the oldest entries are removed. Only sql_session_settle and
 * sql_session_forget_xa change it.
 */
#include "sql/session_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static bool is_table_sort(enum sort sort)
{
    return sort == TEMPORARY_TABLE || sort == UNITED;
}

/* Names of variables, statements and handlers compare without case. Names of tables were folded by
 * the analysis. */
static uint32_t hash(enum sort sort, struct text name)
{
    return (uint32_t)text_hash(name, sort, !is_table_sort(sort) && !is_transaction(sort));
}

bool session_entry_is(const struct entry *entry, enum sort sort, struct text name,
                      struct text schema)
{
    if (entry->sort != sort)
        return false;
    if (!is_table_sort(sort) && !is_transaction(sort))
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

/* UNITED entries are never removed here. */
static bool forget_oldest(struct session_table *table)
{
    unsigned i = 0;

    while (i < table->count && table->entries[i]->sort == UNITED)
        i++;
    if (i == table->count)
        return false;
    table->lost |= table->entries[i]->sort == TEMPORARY_TABLE;
    forget_at(table, i);
    return true;
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
    while ((table->count == SQL_SESSION_ENTRIES ||
            table->session.bytes + entry->bytes > SQL_SESSION_BYTES) &&
           forget_oldest(table)) {
    }
    table->session.bytes += entry->bytes;
    table->hashes[table->count] = hash(entry->sort, entry->name);
    table->entries[table->count++] = entry;
}

/* --- base tables of temporary MERGE tables --- */

/* `named`: also the session's own tables must be the same. */
static bool same_objects(const struct sql_facts *a, const struct sql_facts *b, bool named)
{
    bool same = a->determined == b->determined && a->object_count == b->object_count;

    for (uint32_t i = 0; same && i < a->object_count; i++) {
        const struct sql_object *one = &a->objects[i], *other = &b->objects[i];
        same = one->access == other->access && one->session_only == other->session_only;
        if (!one->session_only || named)
            same = same && text_equal(one->schema, other->schema) &&
                   text_equal(one->name, other->name);
    }
    return same;
}

/* The limit is reached: an entry with undetermined facts stands for all further MERGE tables. */
static void unite_any(struct session_table *table)
{
    const size_t size = offsetof(struct sql_facts, objects);
    for (unsigned i = 0; i < table->count; i++) {
        if (table->entries[i]->sort == UNITED && !table->entries[i]->facts->determined)
            return;
    }
    struct sql_facts *facts = memory_take_zeroed(size);
    facts->why = "the session has made more temporary MERGE tables than can be followed";
    remember(table, &(struct entry){.sort = UNITED, .bytes = sizeof(struct entry), .facts = facts});
    free(facts);
}

static void unite(struct session_table *table, const struct entry *from)
{
    struct entry united = *from;
    size_t bytes = from->bytes;
    unsigned count = 0;

    united.sort = UNITED;
    for (unsigned i = 0; i < table->count; i++) {
        const struct entry *entry = table->entries[i];
        if (entry->sort != UNITED)
            continue;
        const bool named = entry->name.length > 0;
        if (!entry->facts->determined ||
            ((!named || session_entry_is(entry, UNITED, from->name, from->value)) &&
             same_objects(entry->facts, from->facts, named)))
            return;
        bytes += entry->bytes;
        count++;
    }
    if (count < SESSION_UNIONS && bytes <= SESSION_UNION_BYTES)
        remember(table, &united);
    else
        unite_any(table);
}

static void take_union(struct session_table *table, unsigned i, const struct sql_session *step,
                       bool kept)
{
    struct entry *entry = table->entries[i];
    bool named =
        step->names && session_entry_is(entry, UNITED, step->entry.name, step->entry.value);

    if (step->unnames || (named && step->renames))
        entry->name.length = 0;
    else if (named && step->drops && kept)
        forget_at(table, i);
}

const struct sql_facts *session_table_union(const struct session_table *table, unsigned *next)
{
    while (*next < table->count) {
        const struct entry *entry = table->entries[(*next)++];
        if (entry->sort == UNITED)
            return entry->facts;
    }
    return NULL;
}

/* --- steps --- */

/* A temporary table is forgotten by this step. Is it certainly gone, or made anew by the next step?
 */
static bool is_gone(const struct sql_session *step, bool kept)
{
    return kept && step->names && !step->renames;
}

static void take_step(struct session_table *table, const struct sql_session *step, bool kept)
{
    const struct entry *adds = step->adds ? &step->entry : NULL;

    for (unsigned i = table->count; i-- > 0;) {
        const struct entry *entry = table->entries[i];
        if (entry->sort == UNITED)
            take_union(table, i, step, kept);
        else if (step->clears & 1 << entry->sort ||
                 (step->names &&
                  session_entry_is(&step->entry, entry->sort, entry->name, entry->value))) {
            table->lost |= entry->sort == TEMPORARY_TABLE && !is_gone(step, kept);
            forget_at(table, i);
        }
    }
    if (adds && kept && adds->sort != UNITED && adds->bytes <= SQL_SESSION_BYTES)
        remember(table, adds);
    /* The MERGE table may exist although the command has failed. */
    if (adds && is_union(adds->sort, adds->facts))
        unite(table, adds);
    if (step->unites)
        unite_any(table);
}

static void note_sorts(struct session_table *table)
{
    table->session.has = 0;
    for (unsigned i = 0; i < table->count; i++)
        table->session.has |= (uint8_t)(1u << table->entries[i]->sort);
}

/* Does this step make a temporary table that is not remembered? */
static bool is_missed(const struct sql_session *step, bool kept, bool several)
{
    const bool made = kept || several;

    return step->full || (step->adds && step->entry.sort == TEMPORARY_TABLE && made &&
                          (!kept || step->entry.bytes > SQL_SESSION_BYTES));
}

bool sql_session_settle(struct sql_session **session, const struct sql_session *after, bool kept,
                        bool several)
{
    const struct sql_session *few[SQL_SESSION_STEPS], **steps = few;
    const unsigned most = after && !after->is_table ? after->steps : 0;
    unsigned count = 0;
    bool adds = false, missed = false;

    /* One statement may drop many tables, each with a step. */
    if (most > SQL_SESSION_STEPS)
        steps = memory_take(most * sizeof(steps[0]));
    for (; after && !after->is_table; after = after->before) {
        assert(count < most);
        steps[count++] = after;
        missed |= is_missed(after, kept, several);
        adds |= after->unites ||
                (after->adds && (kept || is_union(after->entry.sort, after->entry.facts)));
    }
    if (!*session && adds) {
        *session = memory_take_zeroed(sizeof(struct session_table));
        (*session)->is_table = true;
    }
    struct session_table *table = (struct session_table *)*session;
    if (table && count > 0) {
        table->lost = false;
        while (count-- > 0)
            take_step(table, steps[count], kept);
        note_sorts(table);
        missed |= table->lost;
    }
    if (steps != few)
        free(steps);
    return missed;
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
