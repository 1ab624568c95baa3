/* Two pools, each with a hash table: queries, where a full pool replaces the least frequent of a
 * few candidates, and edges, which are never removed. A repeat reads one cache line to find its
 * query and a few to count it.
 */
#include "violations/seen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { BUCKETS = 16384, NOBODY = UINT16_MAX, LOOKED_AT = 16, STRIDE = 509 };

static_assert((int)SUMMARY_QUERIES < (int)NOBODY && (int)SUMMARY_EDGES < (int)NOBODY, "16 bits");

struct seen {
    uint16_t query_buckets[BUCKETS], edge_buckets[BUCKETS]; /* first of the hash chain */
    uint16_t next_query[SUMMARY_QUERIES], next_edge[SUMMARY_EDGES];
    uint64_t keys[SUMMARY_QUERIES], edge_hashes[SUMMARY_EDGES];
    uint32_t query_count, edge_count;
    uint32_t hand; /* where the next search for a candidate starts, if the pool is full */
    uint64_t forgotten;
    struct summary_edge all;
    struct summary_query queries[SUMMARY_QUERIES];
    struct summary_edge edges[SUMMARY_EDGES];
};

struct seen *seen_new(void)
{
    /* the system allocates the pages when they are first used */
    struct seen *seen = memory_take_zeroed(sizeof(*seen));

    memset(seen->query_buckets, 0xff, sizeof(seen->query_buckets));
    memset(seen->edge_buckets, 0xff, sizeof(seen->edge_buckets));
    return seen;
}

void seen_free(struct seen *seen)
{
    free(seen);
}

static uint16_t *bucket(uint16_t *buckets, uint64_t key)
{
    return &buckets[(key >> 32) % BUCKETS];
}

static void note_time(int64_t *first, int64_t *last, int64_t now)
{
    if (*first == 0)
        *first = now;
    if (now > *last)
        *last = now;
}

static void count_edge(struct summary_edge *edge, bool blocked, int64_t now, uint32_t piece,
                       uint64_t count)
{
    *(blocked ? &edge->blocked : &edge->logged) += count;
    note_time(&edge->first, &edge->last, now);
    summary_times_add(blocked ? &edge->blocked_times : &edge->logged_times, piece, count);
}

struct summary_query *seen_again(struct seen *seen, uint64_t key, int64_t now, uint64_t count)
{
    uint16_t at = *bucket(seen->query_buckets, key);
    uint32_t piece = summary_piece(now);

    while (at != NOBODY && seen->keys[at] != key)
        at = seen->next_query[at];
    if (at == NOBODY)
        return NULL;
    struct summary_query *query = &seen->queries[at];
    query->count += count;
    note_time(&query->first, &query->last, now);
    summary_times_add(&query->times, piece, count);
    count_edge(&seen->all, query->blocked, now, piece, count);
    for (unsigned i = 0; i < query->edge_count; i++)
        count_edge(&seen->edges[query->edges[i]], query->blocked, now, piece, count);
    return query;
}

static void take_out(struct seen *seen, uint16_t query)
{
    uint16_t *at = bucket(seen->query_buckets, seen->keys[query]);

    while (*at != query)
        at = &seen->next_query[*at];
    *at = seen->next_query[query];
}

/* The least frequent of a few entries that lie far apart; among equals, the one that was seen
 * longest ago.
 */
static uint16_t make_room(struct seen *seen)
{
    uint16_t least = (uint16_t)seen->hand;

    for (unsigned i = 1; i < LOOKED_AT; i++) {
        uint16_t other = (uint16_t)((seen->hand + i * STRIDE) % SUMMARY_QUERIES);
        const struct summary_query *one = &seen->queries[least], *two = &seen->queries[other];
        if (two->count < one->count || (two->count == one->count && two->last < one->last))
            least = other;
    }
    seen->hand = (seen->hand + 1) % SUMMARY_QUERIES;
    seen->forgotten += seen->queries[least].count;
    take_out(seen, least);
    return least;
}

struct summary_query *seen_put(struct seen *seen, uint64_t key, int64_t now)
{
    uint16_t at =
        seen->query_count < SUMMARY_QUERIES ? (uint16_t)seen->query_count++ : make_room(seen);
    uint16_t *first = bucket(seen->query_buckets, key);
    struct summary_query *query = &seen->queries[at];

    memset(query, 0, sizeof(*query));
    query->first = query->last = now;
    seen->keys[at] = key;
    seen->next_query[at] = *first;
    *first = at;
    return query;
}

static void copy_name(char to[SUMMARY_NAME], struct text name)
{
    if (name.length > 0)
        memcpy(to, name.at, name.length < SUMMARY_NAME ? name.length : SUMMARY_NAME - 1);
}

static bool is_cut_to(struct text name, const char *to)
{
    name.length = name.length < SUMMARY_NAME ? name.length : SUMMARY_NAME - 1;
    return text_equal(name, text_of(to));
}

static uint16_t edge_of(struct seen *seen, struct text service, struct text owner)
{
    uint64_t hash = text_hash(owner, text_hash(service, 0, false), false);
    uint16_t *first = bucket(seen->edge_buckets, hash);

    for (uint16_t at = *first; at != NOBODY; at = seen->next_edge[at]) {
        if (seen->edge_hashes[at] == hash && is_cut_to(service, seen->edges[at].service) &&
            is_cut_to(owner, seen->edges[at].owner))
            return at;
    }
    if (seen->edge_count == SUMMARY_EDGES)
        return SUMMARY_EDGES - 1;
    uint16_t at = (uint16_t)seen->edge_count++;
    bool is_last = seen->edge_count == SUMMARY_EDGES; /* counts all further edges */
    copy_name(seen->edges[at].service, is_last ? TEXT(SUMMARY_OTHERS) : service);
    copy_name(seen->edges[at].owner, is_last ? TEXT(SUMMARY_OTHERS) : owner);
    seen->edge_hashes[at] = hash;
    seen->next_edge[at] = *first;
    *first = at;
    return at;
}

void seen_edge(struct seen *seen, struct summary_query *query, struct text service,
               struct text owner)
{
    uint16_t at = edge_of(seen, service, owner);

    for (unsigned i = 0; i < query->edge_count; i++) {
        if (query->edges[i] == at)
            return;
    }
    if (query->edge_count < SUMMARY_EDGES_OF)
        query->edges[query->edge_count++] = at;
}

void seen_copy(const struct seen *seen, struct summary_slice *slice)
{
    uint32_t edges = seen->edge_count - slice->edge;
    uint32_t queries = slice->wants_queries ? seen->query_count - slice->query : 0;

    slice->edge_count = edges < SUMMARY_SLICE_EDGES ? edges : SUMMARY_SLICE_EDGES;
    slice->query_count = queries < SUMMARY_SLICE_QUERIES ? queries : SUMMARY_SLICE_QUERIES;
    memcpy(slice->edges, seen->edges + slice->edge, slice->edge_count * sizeof(slice->edges[0]));
    memcpy(slice->queries, seen->queries + slice->query,
           slice->query_count * sizeof(slice->queries[0]));
    slice->edge += (uint32_t)slice->edge_count;
    slice->query += (uint32_t)slice->query_count;
    slice->more = slice->edge_count < edges || slice->query_count < queries;
    slice->forgotten = seen->forgotten;
    slice->all = seen->all;
}
