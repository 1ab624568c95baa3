/* What violates, in numbers: edges and queries with when they were seen. Each worker keeps its own
 * (violations/seen.h); here they are one. The edges of a statement are those that its record tells
 * of: an owner of an object whose verdict is no allow, each once. Log, report, API, metrics and
 * pages count by this one rule.
 */
#ifndef VIOLATIONS_SUMMARY_H
#define VIOLATIONS_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum {
    SUMMARY_QUERIES = 8192,      /* kept by one worker; the rare make room for new ones */
    SUMMARY_EDGES = 8192,        /* kept by one worker; the rest count as one, "(others)" */
    SUMMARY_EDGES_OF = 64,       /* of one statement */
    SUMMARY_NAME = 64,           /* bytes of a service's name, with its NUL */
    SUMMARY_STATEMENT = 1000,    /* bytes of a statement that are kept; the log has 8 KiB */
    SUMMARY_CALLERS = 4,         /* told apart for a query */
    SUMMARY_SLICE_QUERIES = 256, /* copied at once: about half a megabyte */
    SUMMARY_SLICE_EDGES = 512,
};

/* What stands for the owner where there is none. */
#define SUMMARY_UNOWNED      "(unowned)"
#define SUMMARY_SYSTEM       "(system)"
#define SUMMARY_SERVER       "(server)"
#define SUMMARY_UNDETERMINED "(undetermined)"
#define SUMMARY_OTHERS       "(others)"

/* Which part of the past. */
enum summary_range { SUMMARY_START, SUMMARY_HOUR, SUMMARY_DAY, SUMMARY_MONTH, SUMMARY_RANGES };

/* Counts by pieces of five minutes, by hours and by days, UTC; in rings. One piece more than the
 * range is long: the first and the last are not whole. */
enum { SUMMARY_FIVES = 13, SUMMARY_HOURS = 25, SUMMARY_DAYS = 31 };
struct summary_times {
    uint32_t at; /* the latest piece of five minutes since 1970 */
    uint32_t fives[SUMMARY_FIVES], hours[SUMMARY_HOURS], days[SUMMARY_DAYS];
};

/* `piece`: see summary_piece. A time that lies before the latest one is counted where there is a
 * place for it. */
uint32_t summary_piece(int64_t microseconds);
void summary_times_add(struct summary_times *times, uint32_t piece, uint64_t count);
/* What lies in the range that ends with `now`; SUMMARY_START is not known here: 0. */
uint64_t summary_times_sum(const struct summary_times *times, enum summary_range range,
                           uint32_t now);
/* One piece of the range: the one that lies `ago` pieces before that of `now`. */
uint64_t summary_times_ago(const struct summary_times *times, enum summary_range range,
                           unsigned ago, uint32_t now);
void summary_times_merge(struct summary_times *to, const struct summary_times *from);

struct summary_edge {
    char service[SUMMARY_NAME], owner[SUMMARY_NAME]; /* service empty: a user without one */
    uint64_t logged, blocked;
    uint64_t allowed; /* in mode off: no violations, and in no log. Filled by who asks. */
    int64_t first, last;
    struct summary_times logged_times, blocked_times;
};

/* One violating query: the same service, normalized statement, objects, reason, action and policy.
 * Texts are cut to their room and end with a NUL; never a value, also with statement = full, and no
 * statement at all with statement = none. */
struct summary_query {
    uint64_t digest, count, id; /* id: of the record that told of it first */
    int64_t first, last;        /* microseconds */
    uint8_t reason;             /* enum verdict_reason */
    bool blocked, more_callers, in_transaction;
    uint8_t edge_count, caller_count;
    uint32_t line;                    /* of the rule; 0: a default of silogate's */
    uint16_t edges[SUMMARY_EDGES_OF]; /* into the edges of its worker, or of its summary */
    char service[SUMMARY_NAME], user[SUMMARY_NAME], database[SUMMARY_NAME], kind[32];
    char owner[SUMMARY_NAME]; /* of the object that decided; empty: nobody's */
    char object[132];         /* that decided: "schema.name" */
    /* Those that are not allowed, a line each: owner, access ("read,write"), type, schema, name,
     * with tabs between; a tab or a line's end in a name is a blank. */
    char objects[600];
    char rule[128]; /* "[edge:billing->clinical] mode" */
    char policy[9]; /* its hash */
    char callers[SUMMARY_CALLERS][96];
    char statement[SUMMARY_STATEMENT];
    struct summary_times times;
};

/* All of it, added up; the arrays are the summary's. */
struct summary {
    struct summary_edge *edges;
    struct summary_query *queries;
    size_t edge_count, edge_room, query_count, query_room;
    struct summary_edge all; /* every violation, once; no names */
    uint64_t forgotten; /* statements of queries that are no longer kept; the edges have them */
    uint32_t *edge_table, *query_table; /* hash tables: number + 1 */
    size_t edge_slots, query_slots;
};

/* A zeroed struct summary is an empty one. */
void summary_fini(struct summary *summary);
void summary_clear(struct summary *summary);
/* Adds one worker's. `edges` are all that it has: its queries name them by number. */
void summary_add(struct summary *to, const struct summary_edge *edges, size_t edge_count,
                 const struct summary_query *queries, size_t query_count);
/* Queries alone, on edges that are named but not counted. */
void summary_add_queries(struct summary *to, const struct summary_edge *edges, size_t edge_count,
                         const struct summary_query *queries, size_t query_count);
void summary_add_all(struct summary *to, const struct summary_edge *all);
/* The edge of these two names, added where it is not there. */
struct summary_edge *summary_edge(struct summary *summary, struct text service, struct text owner);

/* What of an edge or a query lies in the range. */
uint64_t summary_edge_logged(const struct summary_edge *edge, enum summary_range range,
                             uint32_t now);
uint64_t summary_edge_blocked(const struct summary_edge *edge, enum summary_range range,
                              uint32_t now);
uint64_t summary_query_count(const struct summary_query *query, enum summary_range range,
                             uint32_t now);
/* Does the query stand on an edge to this owner? */
bool summary_reaches(const struct summary *summary, const struct summary_query *query,
                     struct text owner);

/* Part of what a worker keeps, copied. */
struct summary_slice {
    uint32_t edge, query; /* in: where to begin; out: where to go on */
    bool more;            /* there is something to go on with */
    bool wants_queries;
    size_t edge_count, query_count;
    uint64_t forgotten;
    struct summary_edge all;
    struct summary_edge edges[SUMMARY_SLICE_EDGES];
    struct summary_query queries[SUMMARY_SLICE_QUERIES];
};

#endif
