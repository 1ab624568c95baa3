/* Violations in numbers: edges and queries, with the times at which they were seen. Each worker
 * counts its own (violations/seen.h); here they are added up. A statement stands on one edge for
 * each owner of an object that is not allowed, which are the edges that its record names. Log,
 * report, API, metrics and pages all count by this rule.
 */
#ifndef VIOLATIONS_SUMMARY_H
#define VIOLATIONS_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum {
    SUMMARY_QUERIES = 8192,   /* in each worker; new ones replace rare ones */
    SUMMARY_EDGES = 8192,     /* in each worker; all further ones are counted as one, "(others)" */
    SUMMARY_EDGES_OF = 64,    /* of one statement */
    SUMMARY_NAME = 64,        /* bytes of a service's name, with its NUL */
    SUMMARY_STATEMENT = 1000, /* bytes of a statement that are kept; the log has 8 KiB */
    SUMMARY_CALLERS = 4,      /* distinct ones that a query keeps */
    SUMMARY_SLICE_QUERIES = 256, /* copied at once: about half a megabyte */
    SUMMARY_SLICE_EDGES = 512,
};

/* The name that is shown if there is no owner. */
#define SUMMARY_UNOWNED      "(unowned)"
#define SUMMARY_SYSTEM       "(system)"
#define SUMMARY_SERVER       "(server)"
#define SUMMARY_UNDETERMINED "(undetermined)"
#define SUMMARY_OTHERS       "(others)"

/* The part of the past that is counted. */
enum summary_range { SUMMARY_START, SUMMARY_HOUR, SUMMARY_DAY, SUMMARY_MONTH, SUMMARY_RANGES };

/* Counts for pieces of time (five minutes, hours and days, UTC) in rings. A ring has one piece more
 * than its range, because the first and the last piece are not complete. */
enum { SUMMARY_FIVES = 13, SUMMARY_HOURS = 25, SUMMARY_DAYS = 31 };
struct summary_times {
    uint32_t at; /* the latest five minutes, counted from 1970 */
    uint32_t fives[SUMMARY_FIVES], hours[SUMMARY_HOURS], days[SUMMARY_DAYS];
};

/* `piece`: see summary_piece. A time before the latest one is counted if its piece is still in the
 * ring. */
uint32_t summary_piece(int64_t microseconds);
void summary_times_add(struct summary_times *times, uint32_t piece, uint64_t count);
/* The sum over the range that ends with `now`; 0 for SUMMARY_START, because these counts do not
 * reach that far. */
uint64_t summary_times_sum(const struct summary_times *times, enum summary_range range,
                           uint32_t now);
/* The count of one piece of the range: `ago` pieces before the one of `now`. */
uint64_t summary_times_ago(const struct summary_times *times, enum summary_range range,
                           unsigned ago, uint32_t now);
void summary_times_merge(struct summary_times *to, const struct summary_times *from);

struct summary_edge {
    char service[SUMMARY_NAME], owner[SUMMARY_NAME]; /* `service` empty: a user without a service */
    uint64_t logged, blocked;
    /* in mode off: these are no violations and are in no log. Filled by the caller. */
    uint64_t allowed;
    int64_t first, last;
    struct summary_times logged_times, blocked_times;
};

/* One violating query: the same service, normalized statement, objects, reason, action and policy.
 * Texts are cut to the size of their field and end with a NUL. They never contain values, even with
 * statement = full, and no statement at all with statement = none. */
struct summary_query {
    uint64_t digest, count, id; /* id: of its first record */
    int64_t first, last;        /* microseconds */
    uint8_t reason;             /* enum verdict_reason */
    bool blocked, more_callers, in_transaction;
    uint8_t edge_count, caller_count;
    uint32_t line;                    /* of the rule; 0: one of silogate's defaults */
    uint16_t edges[SUMMARY_EDGES_OF]; /* numbers of edges, of its worker or of its summary */
    char service[SUMMARY_NAME], user[SUMMARY_NAME], database[SUMMARY_NAME], kind[32];
    char owner[SUMMARY_NAME]; /* the owner of the object that decided; empty: nobody */
    char object[132];         /* the object that decided: "schema.name" */
    /* The objects that are not allowed, one on a line: owner, access ("read,write"), type, schema,
     * name, separated by tabs. A tab or newline in a name becomes a blank. */
    char objects[600];
    char rule[128]; /* "[edge:billing->clinical] mode" */
    char policy[9]; /* its hash */
    char callers[SUMMARY_CALLERS][96];
    char statement[SUMMARY_STATEMENT];
    struct summary_times times;
};

/* The sum over all workers; the arrays belong to the summary. */
struct summary {
    struct summary_edge *edges;
    struct summary_query *queries;
    size_t edge_count, edge_room, query_count, query_room;
    struct summary_edge all; /* every violation, counted once; without names */
    uint64_t forgotten; /* statements of queries that were replaced; their edges still count them */
    uint32_t *edge_table, *query_table; /* hash tables: the number of the entry, plus 1 */
    size_t edge_slots, query_slots;
};

/* A zeroed struct summary is an empty one. */
void summary_fini(struct summary *summary);
void summary_clear(struct summary *summary);
/* Adds the counts of one worker. `edges` are all its edges: its queries refer to them by number. */
void summary_add(struct summary *to, const struct summary_edge *edges, size_t edge_count,
                 const struct summary_query *queries, size_t query_count);
/* Adds only the queries; their edges are named but not counted. */
void summary_add_queries(struct summary *to, const struct summary_edge *edges, size_t edge_count,
                         const struct summary_query *queries, size_t query_count);
void summary_add_all(struct summary *to, const struct summary_edge *all);
/* The edge between these two names; it is added if it does not exist. */
struct summary_edge *summary_edge(struct summary *summary, struct text service, struct text owner);

/* How many violations of an edge or a query lie in the range. */
uint64_t summary_edge_logged(const struct summary_edge *edge, enum summary_range range,
                             uint32_t now);
uint64_t summary_edge_blocked(const struct summary_edge *edge, enum summary_range range,
                              uint32_t now);
uint64_t summary_query_count(const struct summary_query *query, enum summary_range range,
                             uint32_t now);
/* Does the query stand on an edge to this owner? */
bool summary_reaches(const struct summary *summary, const struct summary_query *query,
                     struct text owner);

/* A copy of a part of what a worker counts. */
struct summary_slice {
    uint32_t edge, query; /* in: where to begin; out: where to go on */
    bool more;            /* there is another part */
    bool wants_queries;
    size_t edge_count, query_count;
    uint64_t forgotten;
    struct summary_edge all;
    struct summary_edge edges[SUMMARY_SLICE_EDGES];
    struct summary_query queries[SUMMARY_SLICE_QUERIES];
};

#endif
