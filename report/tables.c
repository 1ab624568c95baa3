/* Fills the report's tables from its sums. */
#include "report/tables.h"

#include <stdlib.h>

enum { COUNT_SIZE = TABLE_NUMBER_SIZE + 20 };

static const struct text none = {"-", 1};

struct text report_service_name(const struct report *report, uint32_t service)
{
    return service == HASH_TABLE_NONE ? none : report->services.keys[service];
}

static void put_time(struct table *table, int64_t time)
{
    char shown[32];
    table_text(table, text_of(report_show_time(time, shown)));
}

static void put_service(const struct report *report, struct table *table, uint32_t service)
{
    table_text(table, report_service_name(report, service));
}

static void put_counts(struct table *table, const struct report_counts *counts)
{
    table_number(table, counts->statements);
    table_number(table, counts->reads);
    table_number(table, counts->writes);
    table_number(table, counts->blocked);
}

/* Adds `name` to the list in `to`; false if there is no room. */
static bool join(char *to, size_t size, struct text name)
{
    size_t length = strlen(to);

    if (length + name.length + 8 > size) {
        if (length + 6 <= size)
            memcpy(to + length, ", ...", sizeof(", ..."));
        return false;
    }
    snprintf(to + length, size - length, "%s%.*s", length ? ", " : "", TEXT_ARGS(name));
    return true;
}

const char *report_show_uses(const struct report *report, const struct report_query *query,
                             char to[TABLE_WORDS_SIZE])
{
    to[0] = '\0';
    for (const struct report_use *use = query->uses; use; use = use->next) {
        if (!join(to, TABLE_WORDS_SIZE, report->object_names.keys[use->object]))
            break;
    }
    return to;
}

const char *report_show_places(const struct report *report, const struct report_query *query,
                               char to[TABLE_WORDS_SIZE])
{
    to[0] = '\0';
    for (const struct report_place *place = query->places; place; place = place->next) {
        if (!join(to, TABLE_WORDS_SIZE, report->places.keys[place->name]))
            return to;
    }
    if (query->more_places)
        join(to, TABLE_WORDS_SIZE, TEXT("and others"));
    return to;
}

const char *report_show_access(const struct report_counts *counts)
{
    return counts->reads && counts->writes ? "read and write"
           : counts->reads                 ? "read"
           : counts->writes                ? "write"
                                           : "";
}

const char *report_show_state(const struct report *report, const struct report_span *span)
{
    return span->last == 0 ? "catalogue" : report_is_active(report, span) ? "active" : "quiet";
}

void report_edge_table(const struct report *report, struct table *table)
{
    static const struct table_column columns[] = {
        {"service",      TABLE_CODE  },
        {"reaches into", TABLE_CODE  },
        {"statements",   TABLE_NUMBER},
        {"read",         TABLE_NUMBER},
        {"write",        TABLE_NUMBER},
        {"blocked",      TABLE_NUMBER},
        {"distinct",     TABLE_NUMBER},
        {"first seen",   TABLE_WORDS },
        {"last seen",    TABLE_WORDS },
        {"",             TABLE_WORDS },
    };
    uint32_t count, *edges = report_rank_edges(report, &count);

    table_init(table, REPORT_COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_edge *edge = &report->edges[edges[i]];
        put_service(report, table, edge->user);
        put_service(report, table, edge->owner);
        put_counts(table, &edge->counts);
        table_number(table, edge->query_count);
        put_time(table, edge->span.first);
        put_time(table, edge->span.last);
        table_text(table, text_of(report_show_state(report, &edge->span)));
    }
    free(edges);
}

struct text report_statement(const struct report_query *query)
{
    if (query->statement.length > 0)
        return query->statement;
    return text_equal(query->kind, TEXT("use")) ? TEXT("(the database that it logs in to)")
                                                : TEXT("(not in the log)");
}

void report_query_table(const struct report *report, uint32_t edge, struct table *table)
{
    static const struct table_column columns[] = {
        {"statements", TABLE_NUMBER   },
        {"blocked",    TABLE_NUMBER   },
        {"access",     TABLE_WORDS    },
        {"statement",  TABLE_STATEMENT},
        {"touches",    TABLE_CODE     },
        {"sent by",    TABLE_CODE     },
        {"first seen", TABLE_WORDS    },
        {"last seen",  TABLE_WORDS    },
        {"",           TABLE_WORDS    },
    };
    uint32_t count, *queries = report_rank_queries(report, edge, &count);
    char words[TABLE_WORDS_SIZE];

    table_init(table, REPORT_COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        table_number(table, query->counts.statements);
        table_number(table, query->counts.blocked);
        table_text(table, text_of(report_show_access(&query->counts)));
        table_text(table, report_statement(query));
        table_text(table, text_of(report_show_uses(report, query, words)));
        table_text(table, text_of(report_show_places(report, query, words)));
        put_time(table, query->span.first);
        put_time(table, query->span.last);
        table_text(table, text_of(report_show_state(report, &query->span)));
    }
    free(queries);
}

void report_hard_table(const struct report *report, struct table *table)
{
    static const struct table_column columns[] = {
        {"statements", TABLE_NUMBER   },
        {"why",        TABLE_WORDS    },
        {"owners",     TABLE_CODE     },
        {"service",    TABLE_CODE     },
        {"access",     TABLE_WORDS    },
        {"statement",  TABLE_STATEMENT},
        {"sent by",    TABLE_CODE     },
    };
    uint32_t count, *queries = report_rank_hard(report, &count);
    struct hash_table told = {0};
    char words[TABLE_WORDS_SIZE];

    table_init(table, REPORT_COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        const struct report_edge *edge = &report->edges[query->edge];
        bool in_transaction = query->in_transaction > 0;
        /* The same statement on two edges is counted once. */
        struct {
            uint64_t user, digest;
        } key = {edge->user, query->digest};
        uint32_t before = told.count;
        if (hash_table_add(&told, (struct text){(const char *)&key, sizeof(key)}) != before)
            continue;
        table_number(table, in_transaction ? query->in_transaction : query->joined);
        table_text(table, in_transaction ? TEXT("one transaction") : TEXT("one statement"));
        table_text(table, in_transaction ? query->transaction : query->owners);
        put_service(report, table, edge->user);
        table_text(table, text_of(report_show_access(&query->counts)));
        table_text(table, report_statement(query));
        table_text(table, text_of(report_show_places(report, query, words)));
    }
    hash_table_fini(&told);
    free(queries);
}

void report_blocker_table(const struct report *report, int64_t since, struct table *table)
{
    static const struct table_column columns[] = {
        {"owner",      TABLE_CODE  },
        {"object",     TABLE_CODE  },
        {"used by",    TABLE_CODE  },
        {"statements", TABLE_NUMBER},
        {"read",       TABLE_NUMBER},
        {"write",      TABLE_NUMBER},
        {"blocked",    TABLE_NUMBER},
        {"last seen",  TABLE_WORDS },
    };
    uint32_t count, *touches = report_rank_touches(report, &count);

    table_init(table, REPORT_COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_touch *touch = &report->touches[touches[i]];
        if (!touch->is_foreign || (touch->span.last < since && !touch->catalogue))
            continue;
        put_service(report, table, report->objects[touch->object].owner);
        table_text(table, report->object_names.keys[touch->object]);
        put_service(report, table, touch->service);
        put_counts(table, &touch->counts);
        if (touch->span.last == 0)
            table_text(table, TEXT("catalogue"));
        else
            put_time(table, touch->span.last);
    }
    free(touches);
}

void report_ready_table(const struct report *report, int64_t since, struct table *table)
{
    static const struct table_column columns[] = {
        {"owner",                   TABLE_CODE },
        {"object",                  TABLE_CODE },
        {"last touched by another", TABLE_WORDS}
    };
    uint32_t count, *objects = report_rank_objects(report, &count);

    table_init(table, REPORT_COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_object *object = &report->objects[objects[i]];
        if (!report_is_ready(object, since))
            continue;
        put_service(report, table, object->owner);
        table_text(table, report->object_names.keys[objects[i]]);
        if (object->foreign.last)
            put_time(table, object->foreign.last);
        else
            table_text(table, TEXT("never in these logs"));
    }
    free(objects);
}

void report_day_table(const struct report *report, struct table *table)
{
    static const struct table_column columns[] = {
        {"day",        TABLE_WORDS },
        {"statements", TABLE_NUMBER},
        {"read",       TABLE_NUMBER},
        {"write",      TABLE_NUMBER},
        {"blocked",    TABLE_NUMBER},
        {"distinct",   TABLE_NUMBER},
        {"edges",      TABLE_NUMBER},
    };
    uint32_t count, *days = report_rank_days(report, &count);
    char shown[32];

    table_init(table, REPORT_COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_day *day = &report->days[days[i]];
        table_text(table, text_of(report_show_day(day->day, shown)));
        table_number(table, day->statements);
        table_number(table, day->reads);
        table_number(table, day->writes);
        table_number(table, day->blocked);
        table_number(table, day->queries);
        table_number(table, day->edges);
    }
    free(days);
}

/* "1 edge", "5 edges". */
static const char *show_count(uint64_t count, const char *what, char to[COUNT_SIZE])
{
    char number[TABLE_NUMBER_SIZE];

    snprintf(to, COUNT_SIZE, "%s %s%s", table_show_number(count, number), what,
             count == 1 ? "" : "s");
    return to;
}

void report_put_summary(const struct report *report, FILE *to, const char *before,
                        const char *after)
{
    char first[32], last[32], a[COUNT_SIZE], b[COUNT_SIZE], c[COUNT_SIZE];
    static const char *const notes[] = {
        ("there were more distinct queries than are told apart: the sums of the edges hold, the "
         "lists of queries are not complete"),
        "there was more text than is kept: some statements are not shown",
        "there were more queries a day than are told apart: the days' distinct numbers are too low",
        "there were more distinct transactions over owners than are told apart",
        "there were more services and reasons that would keep a move back than are told apart",
    };
    const bool noted[] = {report->queries_left_out, report->texts_left_out, report->days_left_out,
                          report->transactions_left_out, report->rehearsals_left_out};

    fprintf(to, "%s%s over %s, %s of them blocked%s", before,
            show_count(report->counts.statements, "statement", a),
            show_count(report->edge_keys.count, "edge", b),
            table_show_number(report->counts.blocked, c), after);
    uint32_t distinct = report_distinct(report);
    fprintf(to, "%s%s distinct quer%s, %s reading and %s writing statements%s", before,
            table_show_number(distinct, a), distinct == 1 ? "y" : "ies",
            table_show_number(report->counts.reads, b), table_show_number(report->counts.writes, c),
            after);
    fputs(before, to);
    if (report->span.last > 0)
        fprintf(to, "from %s to %s UTC, ", report_show_time(report->span.first, first),
                report_show_time(report->span.last, last));
    fprintf(to, "%s of %s%s", show_count(report->records, "record", a),
            show_count(report->logs, "log", b), after);
    if (report->logins_refused || report->reloads || report->upstream_events)
        fprintf(to, "%s%s, %s, %s%s", before,
                show_count(report->logins_refused, "refused login", a),
                show_count(report->reloads, "reload", b),
                show_count(report->upstream_events, "upstream change", c), after);
    if (report->catalogue)
        fprintf(to, "%sbesides: %s of the server's catalogue that cross%s%s", before,
                show_count(report->catalogue, "finding", a), report->catalogue == 1 ? "es" : "",
                after);
    if (report->bad_lines)
        fprintf(to, "%snote: lines that were no records and are left out: %s%s", before,
                table_show_number(report->bad_lines, a), after);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (noted[i])
            fprintf(to, "%snote: %s%s", before, notes[i], after);
    }
}
