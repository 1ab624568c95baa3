/* Adds up what the workers count: edges by their two names, queries by everything that
 * distinguishes them. Runs on the thread that asks; its memory grows with the number of entries,
 * which has a limit in each worker.
 */
#include "violations/summary.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void summary_fini(struct summary *summary)
{
    free(summary->edges);
    free(summary->queries);
    free(summary->edge_table);
    free(summary->query_table);
    *summary = (struct summary){0};
}

void summary_clear(struct summary *summary)
{
    summary->edge_count = summary->query_count = 0;
    summary->forgotten = 0;
    summary->all = (struct summary_edge){0};
    if (summary->edge_table)
        memset(summary->edge_table, 0, summary->edge_slots * sizeof(uint32_t));
    if (summary->query_table)
        memset(summary->query_table, 0, summary->query_slots * sizeof(uint32_t));
}

static uint64_t hash_edge(const struct summary_edge *edge)
{
    return text_hash(text_of(edge->owner), text_hash(text_of(edge->service), 0, false), false);
}

static uint64_t hash_query(const struct summary_query *query)
{
    uint64_t seed = query->digest ^ (uint64_t)query->reason << 1 ^ query->blocked;

    seed = text_hash(text_of(query->service), seed, false);
    return text_hash(text_of(query->objects), seed, false);
}

static bool same_edge(const struct summary_edge *one, const struct summary_edge *other)
{
    return strcmp(one->service, other->service) == 0 && strcmp(one->owner, other->owner) == 0;
}

static bool same_query(const struct summary_query *one, const struct summary_query *other)
{
    return one->digest == other->digest && one->reason == other->reason &&
           one->blocked == other->blocked && strcmp(one->service, other->service) == 0 &&
           strcmp(one->objects, other->objects) == 0 &&
           (!one->rule[0] || !other->rule[0] ||
            strcmp(one->rule, other->rule) == 0); /* a query out of a log has no rule */
}

/* A hash table that is at most half full. */
static uint32_t *place(uint32_t *table, size_t slots, uint64_t hash, const void *items, size_t size,
                       const void *wanted, bool (*same)(const void *one, const void *other))
{
    size_t at = hash & (slots - 1);

    assert(items && wanted);
    while (table[at] && !same((const char *)items + (table[at] - 1) * size, wanted))
        at = (at + 1) & (slots - 1);
    return &table[at];
}

static bool same_edges(const void *one, const void *other)
{
    return same_edge(one, other);
}

static bool same_queries(const void *one, const void *other)
{
    return same_query(one, other);
}

static void grow_edges(struct summary *summary)
{
    if (summary->edge_count < summary->edge_room)
        return;
    summary->edge_room = summary->edge_room ? summary->edge_room * 2 : 64;
    summary->edges = memory_resize(summary->edges, summary->edge_room * sizeof(summary->edges[0]));
    free(summary->edge_table);
    summary->edge_slots = summary->edge_room * 2;
    summary->edge_table = memory_take_zeroed(summary->edge_slots * sizeof(uint32_t));
    for (uint32_t i = 0; i < summary->edge_count; i++)
        *place(summary->edge_table, summary->edge_slots, hash_edge(&summary->edges[i]),
               summary->edges, sizeof(summary->edges[0]), &summary->edges[i], same_edges) = i + 1;
}

static void grow_queries(struct summary *summary)
{
    if (summary->query_count < summary->query_room)
        return;
    summary->query_room = summary->query_room ? summary->query_room * 2 : 256;
    summary->queries =
        memory_resize(summary->queries, summary->query_room * sizeof(summary->queries[0]));
    free(summary->query_table);
    summary->query_slots = summary->query_room * 2;
    summary->query_table = memory_take_zeroed(summary->query_slots * sizeof(uint32_t));
    for (uint32_t i = 0; i < summary->query_count; i++)
        *place(summary->query_table, summary->query_slots, hash_query(&summary->queries[i]),
               summary->queries, sizeof(summary->queries[0]), &summary->queries[i], same_queries) =
            i + 1;
}

static void copy_name(char to[SUMMARY_NAME], struct text name)
{
    size_t length = name.length < SUMMARY_NAME - 1 ? name.length : SUMMARY_NAME - 1;

    memset(to, 0, SUMMARY_NAME);
    if (length > 0)
        memcpy(to, name.at, length);
}

static uint32_t find_edge(struct summary *summary, const struct summary_edge *wanted)
{
    assert(wanted);
    grow_edges(summary);
    uint32_t *at = place(summary->edge_table, summary->edge_slots, hash_edge(wanted),
                         summary->edges, sizeof(summary->edges[0]), wanted, same_edges);
    if (*at)
        return *at - 1;
    struct summary_edge *edge = &summary->edges[summary->edge_count];
    memset(edge, 0, sizeof(*edge));
    memcpy(edge->service, wanted->service, sizeof(edge->service));
    memcpy(edge->owner, wanted->owner, sizeof(edge->owner));
    *at = (uint32_t)++summary->edge_count;
    return *at - 1;
}

struct summary_edge *summary_edge(struct summary *summary, struct text service, struct text owner)
{
    struct summary_edge wanted;

    copy_name(wanted.service, service);
    copy_name(wanted.owner, owner);
    const uint32_t at = find_edge(summary, &wanted); /* may move the edges in memory */
    return &summary->edges[at];
}

static void widen(int64_t *first, int64_t *last, int64_t from, int64_t to)
{
    if (from && (*first == 0 || from < *first))
        *first = from;
    if (to > *last)
        *last = to;
}

static void add_to_edge(struct summary_edge *edge, const struct summary_edge *from)
{
    edge->logged += from->logged;
    edge->blocked += from->blocked;
    edge->allowed += from->allowed;
    widen(&edge->first, &edge->last, from->first, from->last);
    summary_times_merge(&edge->logged_times, &from->logged_times);
    summary_times_merge(&edge->blocked_times, &from->blocked_times);
}

static uint32_t add_edge(struct summary *to, const struct summary_edge *from)
{
    uint32_t number = find_edge(to, from);

    add_to_edge(&to->edges[number], from);
    return number;
}

void summary_add_all(struct summary *to, const struct summary_edge *all)
{
    add_to_edge(&to->all, all);
}

static void add_callers(struct summary_query *to, const struct summary_query *from)
{
    to->more_callers |= from->more_callers;
    for (unsigned i = 0; i < from->caller_count; i++) {
        unsigned at = 0;
        while (at < to->caller_count && strcmp(to->callers[at], from->callers[i]) != 0)
            at++;
        if (at < to->caller_count)
            continue;
        if (at == SUMMARY_CALLERS) {
            to->more_callers = true;
            return;
        }
        memcpy(to->callers[to->caller_count++], from->callers[i], sizeof(to->callers[0]));
    }
}

static void add_query(struct summary *to, const struct summary_query *from, const uint32_t *moved)
{
    grow_queries(to);
    uint32_t *at = place(to->query_table, to->query_slots, hash_query(from), to->queries,
                         sizeof(to->queries[0]), from, same_queries);
    if (!*at) {
        struct summary_query *query = &to->queries[to->query_count];
        *query = *from;
        for (unsigned i = 0; i < query->edge_count; i++)
            query->edges[i] = (uint16_t)moved[query->edges[i]];
        *at = (uint32_t)++to->query_count;
        return;
    }
    struct summary_query *query = &to->queries[*at - 1];
    if (from->first < query->first)
        query->id = from->id;
    if (from->last > query->last) { /* policy and sender of the last occurrence */
        query->line = from->line;
        memcpy(query->policy, from->policy, sizeof(query->policy));
        memcpy(query->user, from->user, sizeof(query->user));
        memcpy(query->database, from->database, sizeof(query->database));
    }
    query->count += from->count;
    query->in_transaction |= from->in_transaction;
    widen(&query->first, &query->last, from->first, from->last);
    add_callers(query, from);
    summary_times_merge(&query->times, &from->times);
}

void summary_add(struct summary *to, const struct summary_edge *edges, size_t edge_count,
                 const struct summary_query *queries, size_t query_count)
{
    uint32_t *moved = memory_take((edge_count + 1) * sizeof(*moved));

    for (size_t i = 0; i < edge_count; i++)
        moved[i] = add_edge(to, &edges[i]);
    for (size_t i = 0; i < query_count; i++)
        add_query(to, &queries[i], moved);
    free(moved);
}

void summary_add_queries(struct summary *to, const struct summary_edge *edges, size_t edge_count,
                         const struct summary_query *queries, size_t query_count)
{
    uint32_t *moved = memory_take((edge_count + 1) * sizeof(*moved));

    for (size_t i = 0; i < edge_count; i++)
        moved[i] = find_edge(to, &edges[i]);
    for (size_t i = 0; i < query_count; i++)
        add_query(to, &queries[i], moved);
    free(moved);
}

uint64_t summary_edge_logged(const struct summary_edge *edge, enum summary_range range,
                             uint32_t now)
{
    return range == SUMMARY_START ? edge->logged
                                  : summary_times_sum(&edge->logged_times, range, now);
}

uint64_t summary_edge_blocked(const struct summary_edge *edge, enum summary_range range,
                              uint32_t now)
{
    return range == SUMMARY_START ? edge->blocked
                                  : summary_times_sum(&edge->blocked_times, range, now);
}

uint64_t summary_query_count(const struct summary_query *query, enum summary_range range,
                             uint32_t now)
{
    return range == SUMMARY_START ? query->count : summary_times_sum(&query->times, range, now);
}

bool summary_reaches(const struct summary *summary, const struct summary_query *query,
                     struct text owner)
{
    for (unsigned i = 0; i < query->edge_count; i++) {
        if (text_equal(text_of(summary->edges[query->edges[i]].owner), owner))
            return true;
    }
    return false;
}
