/* One page for a week: which services' data can move, what prevents the other moves, and for each
 * team the queries whose replacement helps most.
 */
#include <stdlib.h>
#include <time.h>

#include "report/tables.h"

enum { EDGES_SHOWN = 6, QUERIES_SHOWN = 5, TRANSACTIONS_SHOWN = 5 };

static bool is_stand_in(const struct report *report, uint32_t service)
{
    struct text name = report->services.keys[service];
    return name.length == 0 || name.at[0] == '(';
}

/* "Tuesday, 2026-11-24" */
static const char *show_day(int64_t time, char to[40])
{
    time_t seconds = (time_t)(time / 1000000);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(to, 40, "%A, %Y-%m-%d", &parts);
    return to;
}

/* What still uses the owner's data: statements since `since`, and everything in the catalogue. */
struct held {
    uint32_t edges, queries, catalogue;
    int64_t last;
};

static struct held held_by(const struct report *report, uint32_t owner, int64_t since)
{
    struct held held = {0};

    for (uint32_t i = 0; i < report->edge_keys.count; i++) {
        const struct report_edge *edge = &report->edges[i];
        if (edge->owner != owner || edge->user == owner)
            continue;
        held.catalogue += edge->catalogue;
        if (edge->span.last < since || edge->span.last == 0)
            continue;
        held.edges++;
        held.last = edge->span.last > held.last ? edge->span.last : held.last;
    }
    for (uint32_t i = 0; i < report->query_keys.count; i++) {
        const struct report_query *query = &report->queries[i];
        held.queries += report->edges[query->edge].owner == owner && query->span.last >= since &&
                        query->span.last > 0;
    }
    return held;
}

/* "3 views, 1 trigger": what audit found, by kind, which is the first word of the text that stands
 * for the statement. */
static void put_catalogue(const struct report *report, uint32_t owner, FILE *to)
{
    static const char *const kinds[][3] = {
        {"view",        "view",        "views"       },
        {"trigger",     "trigger",     "triggers"    },
        {"routine",     "routine",     "routines"    },
        {"event",       "event",       "events"      },
        {"foreign_key", "foreign key", "foreign keys"},
        {"",            "other",       "others"      },
    };
    enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
    uint32_t counts[KINDS] = {0};
    const char *before = "";

    for (uint32_t i = 0; i < report->query_keys.count; i++) {
        const struct report_query *query = &report->queries[i];
        size_t kind = 0, length = 0;
        if (query->span.last != 0 || report->edges[query->edge].owner != owner)
            continue;
        while (length < query->statement.length && query->statement.at[length] != ' ')
            length++;
        struct text word = {query->statement.at, length};
        while (kind < KINDS - 1 && !text_equal(word, text_of(kinds[kind][0])))
            kind++;
        counts[kind]++;
    }
    for (size_t k = 0; k < KINDS; k++) {
        if (counts[k] == 0)
            continue;
        fprintf(to, "%s%u %s", before, counts[k], kinds[k][counts[k] == 1 ? 1 : 2]);
        before = ", ";
    }
    fputs(" in the catalogue", to);
}

static void put_service(const struct report *report, uint32_t service, int64_t since, FILE *to)
{
    struct held held = held_by(report, service, since);
    char day[40];

    fputs("- ", to);
    table_put_code(report->services.keys[service], to);
    if (held.edges == 0 && held.catalogue == 0) {
        fputs(" can move: 0 left\n", to);
        return;
    }
    fputs(": ", to);
    if (held.catalogue > 0) {
        put_catalogue(report, service, to);
        fputs(held.edges > 0 ? "; " : "\n", to);
    }
    if (held.edges > 0)
        fprintf(to, "%u quer%s of %u service%s, last seen %s\n", held.queries,
                held.queries == 1 ? "y" : "ies", held.edges, held.edges == 1 ? "" : "s",
                show_day(held.last, day));
}

static bool is_of_user(const struct report *report, uint32_t query, uint32_t user)
{
    return report->edges[report->queries[query].edge].user == user;
}

static void put_team(const struct report *report, uint32_t user, const uint32_t *queries,
                     uint32_t count, FILE *to)
{
    char number[TABLE_NUMBER_SIZE], words[TABLE_WORDS_SIZE];
    uint32_t all = 0, shown = 0;

    for (uint32_t i = 0; i < count; i++)
        all += is_of_user(report, queries[i], user);
    if (all == 0)
        return;
    fputs("\n### ", to);
    table_put_code(report->services.keys[user], to);
    fprintf(to, ": %u to replace\n\n", all);
    for (uint32_t i = 0; i < count && shown < QUERIES_SHOWN; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        if (!is_of_user(report, queries[i], user))
            continue;
        shown++;
        fprintf(to, "- [ ] %s of ",
                query->span.last == 0 ? "catalogue"
                                      : table_show_number(query->counts.statements, number));
        table_put_code(report->services.keys[report->edges[query->edge].owner], to);
        fputs(": ", to);
        table_put_code(report_statement(query), to);
        if (report_show_places(report, query, words)[0]) {
            fputs(", from ", to);
            table_put_code(text_of(words), to);
        }
        fprintf(to, "%s%s\n", query->in_transaction > 0 ? " **in a transaction over owners**" : "",
                query->joined > 0 ? " **joins owners**" : "");
    }
    if (all > shown)
        fprintf(to, "- and %u more\n", all - shown);
}

static void put_transactions(const struct report *report, FILE *to)
{
    uint32_t count, *numbers = report_rank_transactions(report, &count);
    char number[TABLE_NUMBER_SIZE];

    if (count > 0)
        fputs("\n## Transactions over owners\n", to);
    for (uint32_t i = 0; i < count && i < TRANSACTIONS_SHOWN; i++) {
        const struct report_transaction *transaction = &report->transactions[numbers[i]];
        fprintf(to, "\n%s of ", table_show_number(transaction->times, number));
        table_put_code(report->services.keys[transaction->service], to);
        fputs(" write to ", to);
        table_put_code(transaction->owners, to);
        fputs(". Can it run after the commit?\n\n", to);
        for (unsigned s = 0; s < transaction->step_count; s++) {
            const struct report_step *step = &transaction->steps[s];
            fputs("- ", to);
            table_put_code(report_step_statement(report, transaction, step), to);
            fprintf(to, ": %s\n", report_show_after(transaction, step));
        }
    }
    if (count > TRANSACTIONS_SHOWN)
        fprintf(to, "\nAnd %u more.\n", count - TRANSACTIONS_SHOWN);
    free(numbers);
}

void report_print_plan(const struct report *report, int64_t since, FILE *to)
{
    char shown[32], number[TABLE_NUMBER_SIZE];
    uint32_t count, query_count, *services = report_rank_services(report, &count);
    uint32_t *queries = report_rank_queries(report, HASH_TABLE_NONE, &query_count);
    uint32_t edge_count, *edges = report_rank_edges(report, &edge_count);

    fputs("# The week's plan\n\n", to);
    report_put_summary(report, to, "- ", "\n");
    fprintf(to,
            "\n## Whose data can move\n\nNot used by others%s, as far as these logs "
            "tell.\n\n",
            report_show_since(since, shown));
    for (uint32_t i = 0; i < count; i++) {
        if (!is_stand_in(report, services[i]))
            put_service(report, services[i], since, to);
    }
    fputs("\n## The edges that carry the most\n\n", to);
    for (uint32_t i = 0; i < edge_count && i < EDGES_SHOWN; i++) {
        const struct report_edge *edge = &report->edges[edges[i]];
        fprintf(to, "%u. ", i + 1);
        table_put_code(report->services.keys[edge->user], to);
        fputs(" reaches into ", to);
        table_put_code(report->services.keys[edge->owner], to);
        fprintf(to, ": %s statement%s of %u quer%s, %s\n",
                table_show_number(edge->counts.statements, number),
                edge->counts.statements == 1 ? "" : "s", edge->query_count,
                edge->query_count == 1 ? "y" : "ies", report_show_state(report, &edge->span));
    }
    put_transactions(report, to);
    fputs("\n## What each team replaces next\n", to);
    for (uint32_t i = 0; i < count; i++)
        put_team(report, services[i], queries, query_count, to);
    free(services);
    free(queries);
    free(edges);
}
