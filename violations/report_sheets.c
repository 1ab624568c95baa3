/* Fills the report's tables out of its sums. */
#include "violations/report_sheets.h"

#include <stdlib.h>

#define COLUMNS(array) (array), sizeof(array) / sizeof((array)[0])

enum { COUNT_SIZE = SHEET_NUMBER_SIZE + 20 };

static const struct text none = {"-", 1};

struct text report_service_name(const struct report *report, uint32_t service)
{
    return service == TABLE_NONE ? none : report->services.keys[service];
}

static void put_time(struct sheet *sheet, int64_t time)
{
    char shown[32];
    sheet_text(sheet, text_of(report_show_time(time, shown)));
}

static void put_service(const struct report *report, struct sheet *sheet, uint32_t service)
{
    sheet_text(sheet, report_service_name(report, service));
}

static void put_counts(struct sheet *sheet, const struct report_counts *counts)
{
    sheet_number(sheet, counts->statements);
    sheet_number(sheet, counts->reads);
    sheet_number(sheet, counts->writes);
    sheet_number(sheet, counts->blocked);
}

/* Adds `name` to the list in `to`; false when there is no room. */
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
                             char to[SHEET_WORDS_SIZE])
{
    to[0] = '\0';
    for (const struct report_use *use = query->uses; use; use = use->next) {
        if (!join(to, SHEET_WORDS_SIZE, report->object_names.keys[use->object]))
            break;
    }
    return to;
}

const char *report_show_places(const struct report *report, const struct report_query *query,
                               char to[SHEET_WORDS_SIZE])
{
    to[0] = '\0';
    for (const struct report_place *place = query->places; place; place = place->next) {
        if (!join(to, SHEET_WORDS_SIZE, report->places.keys[place->name]))
            return to;
    }
    if (query->more_places)
        join(to, SHEET_WORDS_SIZE, TEXT("and others"));
    return to;
}

const char *report_show_access(const struct report_counts *counts)
{
    return counts->reads && counts->writes ? "read and write"
           : counts->reads                 ? "read"
           : counts->writes                ? "write"
                                           : "";
}

void report_edge_sheet(const struct report *report, struct sheet *sheet)
{
    static const struct sheet_column columns[] = {
        {"service",      SHEET_CODE  },
        {"reaches into", SHEET_CODE  },
        {"statements",   SHEET_NUMBER},
        {"read",         SHEET_NUMBER},
        {"write",        SHEET_NUMBER},
        {"blocked",      SHEET_NUMBER},
        {"distinct",     SHEET_NUMBER},
        {"first seen",   SHEET_WORDS },
        {"last seen",    SHEET_WORDS },
        {"",             SHEET_WORDS },
    };
    uint32_t count, *edges = report_rank_edges(report, &count);

    sheet_init(sheet, COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_edge *edge = &report->edges[edges[i]];
        put_service(report, sheet, edge->user);
        put_service(report, sheet, edge->owner);
        put_counts(sheet, &edge->counts);
        sheet_number(sheet, edge->query_count);
        put_time(sheet, edge->span.first);
        put_time(sheet, edge->span.last);
        sheet_text(sheet, report_is_active(report, &edge->span) ? TEXT("active") : TEXT("quiet"));
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

void report_query_sheet(const struct report *report, uint32_t edge, struct sheet *sheet)
{
    static const struct sheet_column columns[] = {
        {"statements", SHEET_NUMBER   },
        {"blocked",    SHEET_NUMBER   },
        {"access",     SHEET_WORDS    },
        {"statement",  SHEET_STATEMENT},
        {"touches",    SHEET_CODE     },
        {"sent by",    SHEET_CODE     },
        {"first seen", SHEET_WORDS    },
        {"last seen",  SHEET_WORDS    },
        {"",           SHEET_WORDS    },
    };
    uint32_t count, *queries = report_rank_queries(report, edge, &count);
    char words[SHEET_WORDS_SIZE];

    sheet_init(sheet, COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        sheet_number(sheet, query->counts.statements);
        sheet_number(sheet, query->counts.blocked);
        sheet_text(sheet, text_of(report_show_access(&query->counts)));
        sheet_text(sheet, report_statement(query));
        sheet_text(sheet, text_of(report_show_uses(report, query, words)));
        sheet_text(sheet, text_of(report_show_places(report, query, words)));
        put_time(sheet, query->span.first);
        put_time(sheet, query->span.last);
        sheet_text(sheet, report_is_active(report, &query->span) ? TEXT("active") : TEXT("quiet"));
    }
    free(queries);
}

void report_hard_sheet(const struct report *report, struct sheet *sheet)
{
    static const struct sheet_column columns[] = {
        {"statements", SHEET_NUMBER   },
        {"why",        SHEET_WORDS    },
        {"owners",     SHEET_CODE     },
        {"service",    SHEET_CODE     },
        {"access",     SHEET_WORDS    },
        {"statement",  SHEET_STATEMENT},
        {"sent by",    SHEET_CODE     },
    };
    uint32_t count, *queries = report_rank_hard(report, &count);
    struct table told = {0};
    char words[SHEET_WORDS_SIZE];

    sheet_init(sheet, COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        const struct report_edge *edge = &report->edges[query->edge];
        bool in_transaction = query->in_transaction > 0;
        /* The same statement on two edges is one case. */
        struct {
            uint64_t user, digest;
        } key = {edge->user, query->digest};
        uint32_t before = told.count;
        if (table_add(&told, (struct text){(const char *)&key, sizeof(key)}) != before)
            continue;
        sheet_number(sheet, in_transaction ? query->in_transaction : query->joined);
        sheet_text(sheet, in_transaction ? TEXT("one transaction") : TEXT("one statement"));
        sheet_text(sheet, in_transaction ? query->transaction : query->owners);
        put_service(report, sheet, edge->user);
        sheet_text(sheet, text_of(report_show_access(&query->counts)));
        sheet_text(sheet, report_statement(query));
        sheet_text(sheet, text_of(report_show_places(report, query, words)));
    }
    table_fini(&told);
    free(queries);
}

void report_blocker_sheet(const struct report *report, int64_t since, struct sheet *sheet)
{
    static const struct sheet_column columns[] = {
        {"owner",      SHEET_CODE  },
        {"object",     SHEET_CODE  },
        {"used by",    SHEET_CODE  },
        {"statements", SHEET_NUMBER},
        {"read",       SHEET_NUMBER},
        {"write",      SHEET_NUMBER},
        {"blocked",    SHEET_NUMBER},
        {"last seen",  SHEET_WORDS },
    };
    uint32_t count, *touches = report_rank_touches(report, &count);

    sheet_init(sheet, COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_touch *touch = &report->touches[touches[i]];
        if (!touch->is_foreign || touch->span.last < since)
            continue;
        put_service(report, sheet, report->objects[touch->object].owner);
        sheet_text(sheet, report->object_names.keys[touch->object]);
        put_service(report, sheet, touch->service);
        put_counts(sheet, &touch->counts);
        put_time(sheet, touch->span.last);
    }
    free(touches);
}

void report_ready_sheet(const struct report *report, int64_t since, struct sheet *sheet)
{
    static const struct sheet_column columns[] = {
        {"owner",                   SHEET_CODE },
        {"object",                  SHEET_CODE },
        {"last touched by another", SHEET_WORDS}
    };
    uint32_t count, *objects = report_rank_objects(report, &count);

    sheet_init(sheet, COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_object *object = &report->objects[objects[i]];
        if (!report_is_ready(object, since))
            continue;
        put_service(report, sheet, object->owner);
        sheet_text(sheet, report->object_names.keys[objects[i]]);
        if (object->foreign.last)
            put_time(sheet, object->foreign.last);
        else
            sheet_text(sheet, TEXT("never in these logs"));
    }
    free(objects);
}

void report_day_sheet(const struct report *report, struct sheet *sheet)
{
    static const struct sheet_column columns[] = {
        {"day",        SHEET_WORDS },
        {"statements", SHEET_NUMBER},
        {"read",       SHEET_NUMBER},
        {"write",      SHEET_NUMBER},
        {"blocked",    SHEET_NUMBER},
        {"distinct",   SHEET_NUMBER},
        {"edges",      SHEET_NUMBER},
    };
    uint32_t count, *days = report_rank_days(report, &count);
    char shown[32];

    sheet_init(sheet, COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_day *day = &report->days[days[i]];
        sheet_text(sheet, text_of(report_show_day(day->day, shown)));
        sheet_number(sheet, day->statements);
        sheet_number(sheet, day->reads);
        sheet_number(sheet, day->writes);
        sheet_number(sheet, day->blocked);
        sheet_number(sheet, day->queries);
        sheet_number(sheet, day->edges);
    }
    free(days);
}

/* "1 edge", "5 edges". */
static const char *show_count(uint64_t count, const char *what, char to[COUNT_SIZE])
{
    char number[SHEET_NUMBER_SIZE];

    snprintf(to, COUNT_SIZE, "%s %s%s", sheet_show_number(count, number), what,
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
    };
    const bool noted[] = {report->queries_left_out, report->texts_left_out, report->days_left_out};

    fprintf(to, "%s%s over %s, %s of them blocked%s", before,
            show_count(report->counts.statements, "statement", a),
            show_count(report->edge_keys.count, "edge", b),
            sheet_show_number(report->counts.blocked, c), after);
    bool is_one = report->query_keys.count == 1;
    fprintf(to, "%s%s distinct quer%s, %s reading and %s writing statements%s", before,
            sheet_show_number(report->query_keys.count, a), is_one ? "y" : "ies",
            sheet_show_number(report->counts.reads, b), sheet_show_number(report->counts.writes, c),
            after);
    fprintf(to, "%sfrom %s to %s UTC, %s of %s%s", before,
            report_show_time(report->span.first, first), report_show_time(report->span.last, last),
            show_count(report->records, "record", a), show_count(report->logs, "log", b), after);
    if (report->logins_refused || report->reloads || report->upstream_events)
        fprintf(to, "%s%s, %s, %s%s", before,
                show_count(report->logins_refused, "refused login", a),
                show_count(report->reloads, "reload", b),
                show_count(report->upstream_events, "upstream change", c), after);
    if (report->bad_lines)
        fprintf(to, "%snote: lines that were no records and are left out: %s%s", before,
                sheet_show_number(report->bad_lines, a), after);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        if (noted[i])
            fprintf(to, "%snote: %s%s", before, notes[i], after);
    }
}
