/* Sums up violation logs: which service uses whose tables with which statements. Logs are streamed;
 * memory grows only with distinct queries, tables and days, and these are bounded. Used by cmd/.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash_table.h"
#include "base/text.h"
#include "policy/verdict.h"
#include "sql/facts.h"

enum {
    REPORT_QUERIES = 200000,       /* distinct ones; further ones are counted without their text */
    REPORT_PLACES = 8,             /* applications and endpoints kept for a query */
    REPORT_TEXT_BYTES = 256 << 20, /* of statements */
    REPORT_DAY_QUERIES = 4000000,  /* distinct queries that are counted for each day */
    REPORT_NAME_BYTES = 300,       /* of a name; longer ones are cut */
    REPORT_TRANSACTIONS = 5000,    /* distinct ones */
    REPORT_REHEARSALS = 200,       /* services and reasons */
    REPORT_STEPS = 16,             /* steps of one transaction */
};

/* Microseconds since 1970, UTC; times that are not known are 0. */
struct report_span {
    int64_t first, last;
};

/* Numbers of statements: those that only read, those that may change something, and those that were
 * blocked.
 */
struct report_counts {
    uint64_t statements, reads, writes, blocked;
};

/* A service that uses data of an owner. Numbers in `services`. */
struct report_edge {
    uint32_t user, owner;
    struct report_counts counts;
    struct report_span span;
    uint32_t query_count;
    uint32_t catalogue; /* of these: views, triggers, foreign keys... found by audit */
};

struct report_place { /* where a query comes from */
    struct report_place *next;
    uint32_t name; /* a number in `places` */
    uint64_t statements;
};

struct report_use { /* an object that a query touches */
    struct report_use *next;
    uint32_t object;
};

struct report_query { /* one normalized statement on one edge */
    uint32_t edge;
    uint64_t digest, id;         /* id: of its first record; 0: it comes from the catalogue */
    struct text kind, statement; /* `at` NULL: not in the logs */
    struct report_counts counts;
    struct report_span span;
    /* statements that used several owners, or ran in a transaction that did */
    uint64_t joined, in_transaction;
    struct text owners, transaction; /* "billing, clinical" */
    struct report_place *places;
    uint32_t place_count;
    bool more_places;
    struct report_use *uses;
};

struct report_object { /* a table, routine or database */
    struct text type;
    uint32_t owner;             /* a number in `services`; HASH_TABLE_NONE: nobody owns it */
    struct report_span foreign; /* times at which other services touched it */
    bool catalogue;             /* a view, trigger or key of another service depends on it */
};

/* A service and an object that it touched in a statement that was a violation. */
struct report_touch {
    uint32_t service, object;
    bool is_foreign, catalogue;
    struct report_counts counts;
    struct report_span span;
};

/* A violation that wrote in a transaction over owners. */
struct report_step {
    uint64_t digest;
    uint32_t owner;
    bool is_read_again; /* the transaction read data of this owner after it had written there */
};

/* A transaction that wrote to data of several services: transactions with the same steps are
 * counted as one. */
struct report_transaction {
    uint32_t service;
    bool more; /* there were other steps */
    uint8_t step_count;
    struct text owners; /* all owners that were written to: "billing, clinical" */
    uint64_t times;
    struct report_span span;
    struct report_step steps[REPORT_STEPS];
};

/* What would keep a move from succeeding: of one service, for one reason. */
struct report_rehearsal {
    uint32_t service;
    struct text reason;
    uint64_t times, digest; /* digest: of the last statement that is known; 0: none */
    struct report_span span;
};

struct report_day {
    int64_t day; /* since 1970 */
    uint64_t statements, reads, writes, blocked;
    uint32_t queries, edges;
};

struct report {
    /* only records of this time are counted; INT64_MIN and INT64_MAX: no limit */
    int64_t since, until;
    bool progress;                                 /* shows a progress bar on standard error */
    struct text only_service, only_owner, only_id; /* `at` NULL: all; only_id: record or digest */
    uint32_t top;       /* 0: all; else this many edges, and this many queries of each */
    uint64_t catalogue; /* number of findings of audit that cross */

    uint64_t lines; /* number of lines that are records, including those of another time */
    uint64_t records, bad_lines, logins_refused, reloads, upstream_events, bytes;
    uint32_t logs;
    /* first lines of logs: two logs with the same first line are copies */
    struct hash_table first_lines;
    uint64_t *log_lines; /* by the log's number: how many of its lines were read */
    struct report_counts counts;
    struct report_span span;
    struct hash_table services, places, object_names, edge_keys, query_keys, touch_keys, day_keys;
    struct hash_table seen_by_day; /* (day, query) and (day, edge) */
    struct report_edge *edges;
    struct report_query *queries;
    struct report_object *objects;
    struct report_touch *touches;
    struct report_day *days;
    uint32_t edge_room, query_room, object_room, touch_room, day_room;
    uint64_t text_bytes;
    struct report_transaction *transactions;
    struct hash_table transaction_keys;
    uint32_t transaction_room;
    struct report_rehearsal rehearsals[REPORT_REHEARSALS];
    unsigned rehearsal_count;
    bool rehearsals_left_out;
    bool queries_left_out, texts_left_out, days_left_out, transactions_left_out;
    struct arena arena;
};

void report_init(struct report *report);
void report_fini(struct report *report);

/* Reads a log: plain, .gz, or "-" for standard input. Bad lines are counted and reported on
 * standard error. False with `error` if the file cannot be read to its end. */
bool report_read(struct report *report, const char *path, struct error *error);
/* Takes one line of a log; false if it is not a record. */
bool report_add_line(struct report *report, struct text line);

/* Reads a date or an RFC 3339 time. A date means its first moment, with `end` the first moment of
 * the next day. */
bool report_time(struct text text, bool end, int64_t *time);
/* The same, and "7d" for seven days before `now`: m, h, d or w. */
bool report_time_or_ago(struct text text, bool end, int64_t now, int64_t *time);
/* "2026-11-20 13:38" into `to` (at least 17 bytes), "-" for 0; a day: "2026-11-20". */
const char *report_show_time(int64_t time, char *to);
/* " since 2026-11-20 13:38" into `to` (at least 32 bytes); "" if no record has a time.
 */
const char *report_show_since(int64_t time, char *to);
/* The number of normalized statements, each counted once for a service on however many edges it
 * stands, as on the pages.
 */
uint32_t report_distinct(const struct report *report);
const char *report_show_day(int64_t day, char *to);

/* Numbers of all edges, or of the queries of one edge (HASH_TABLE_NONE: of all), the most frequent
 * first; *count of them, to be freed. */
uint32_t *report_rank_edges(const struct report *report, uint32_t *count);
uint32_t *report_rank_queries(const struct report *report, uint32_t edge, uint32_t *count);
/* Queries that use two owners in one statement or transaction: these are the hardest to separate.
 */
uint32_t *report_rank_hard(const struct report *report, uint32_t *count);
/* Orders: objects that have an owner, by owner and name; touches, by object and frequency; days, by
 * time; services, by name, with the names that stand for a missing owner at the end. */
uint32_t *report_rank_objects(const struct report *report, uint32_t *count);
uint32_t *report_rank_touches(const struct report *report, uint32_t *count);
uint32_t *report_rank_transactions(const struct report *report, uint32_t *count);
uint32_t *report_rank_days(const struct report *report, uint32_t *count);
uint32_t *report_rank_services(const struct report *report, uint32_t *count);

/* Was it seen on the last day of the logs? */
bool report_is_active(const struct report *report, const struct report_span *span);
/* No other service has touched it since `since`: it can move. */
bool report_is_ready(const struct report_object *object, int64_t since);
/* The default if no date was given: a week before the end of the logs. */
int64_t report_ready_since(const struct report *report);

/* The plan for a week on one page of Markdown: what can move, what prevents the other moves, what
 * to replace next and who does it. */
void report_print_plan(const struct report *report, int64_t since, FILE *to);
/* For each edge, the calls that an API must offer to replace its queries, as Markdown and as a
 * sketch in OpenAPI 3.1. */
void report_print_stubs(const struct report *report, int64_t since, FILE *to);
void report_print_openapi(const struct report *report, int64_t since, FILE *to);

/* The output formats. `since`: for the list of what is ready to move. */
void report_print_text(const struct report *report, int64_t since, FILE *to);
void report_print_markdown(const struct report *report, int64_t since, FILE *to);
void report_print_csv(const struct report *report, FILE *to);
void report_print_json(const struct report *report, int64_t since, FILE *to);
void report_print_html(const struct report *report, int64_t since, FILE *to);

/* Proposes `owns` lines for objects without an owner: as sections of proxy.ini, or, if `ini` is not
 * NULL, as that file with the lines in their sections. Objects for which `has_owner` (NULL: none)
 * returns true are left out. */
struct report_owners {
    bool (*has_owner)(const void *policy, const struct sql_object *object);
    const void *policy;
};
void report_print_suggestions(const struct report *report, struct report_owners owners, FILE *ini,
                              FILE *to);

#endif
