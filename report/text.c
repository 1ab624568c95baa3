/* The report for a terminal and for a ticket: the same sections, as text and as Markdown. */
#include <stdlib.h>

#include "report/tables.h"

typedef void print_table(const struct table *table, FILE *to);

struct section {
    const char *title, *empty;
};

static void put_table(struct table *table, bool markdown, struct section section, FILE *to)
{
    print_table *print = markdown ? table_print_markdown : table_print_text;

    fprintf(to, markdown ? "\n## %s\n\n" : "\n%s\n", section.title);
    if (table->cell_count == 0)
        fprintf(to, markdown ? "%s\n" : "  %s\n", section.empty);
    else
        print(table, to);
    table_fini(table);
}

/* A statement can be long: on a terminal it has lines of its own. */
static void put_query(const struct report *report, const struct report_query *query, FILE *to)
{
    char number[TABLE_NUMBER_SIZE], words[TABLE_WORDS_SIZE], first[32], last[32];
    const char *access = report_show_access(&query->counts);

    fprintf(to, "  %10s  %.*s\n", table_show_number(query->counts.statements, number),
            TEXT_ARGS(report_statement(query)));
    fprintf(to, "              %.*s%s%s", TEXT_ARGS(query->kind), access[0] ? ", " : "", access);
    if (query->counts.blocked)
        fprintf(to, ", %s blocked", table_show_number(query->counts.blocked, number));
    if (report_show_uses(report, query, words)[0])
        fprintf(to, "; touches %s", words);
    if (report_show_places(report, query, words)[0])
        fprintf(to, "; sent by %s", words);
    fprintf(to, "\n              %s to %s, %s; digest %016llx\n",
            report_show_time(query->span.first, first), report_show_time(query->span.last, last),
            report_show_state(report, &query->span), (unsigned long long)query->digest);
}

static void put_edge(const struct report *report, uint32_t edge, bool markdown, FILE *to)
{
    struct text user = report_service_name(report, report->edges[edge].user);
    struct text owner = report_service_name(report, report->edges[edge].owner);
    uint32_t count;

    if (markdown) {
        struct table table;
        fputs("\n### ", to);
        table_put_code(user, to);
        fputs(" reaches into ", to);
        table_put_code(owner, to);
        fputs("\n\n", to);
        report_query_table(report, edge, &table);
        table_print_markdown(&table, to);
        table_fini(&table);
        return;
    }
    fprintf(to, "\n%.*s -> %.*s\n", TEXT_ARGS(user), TEXT_ARGS(owner));
    uint32_t *queries = report_rank_queries(report, edge, &count);
    for (uint32_t i = 0; i < count; i++)
        put_query(report, &report->queries[queries[i]], to);
    free(queries);
}

static void put_report(const struct report *report, int64_t since, bool markdown, FILE *to)
{
    struct table table;
    char title[100], shown[32];
    uint32_t count, *edges = report_rank_edges(report, &count);

    fputs(markdown ? "# What crosses between services\n\n" : "What crosses between services\n", to);
    report_put_summary(report, to, markdown ? "- " : "  ", "\n");
    report_edge_table(report, &table);
    put_table(&table, markdown, (struct section){"Edges", "Nothing crosses."}, to);
    report_hard_table(report, &table);
    put_table(&table, markdown,
              (struct section){"Across owners in one transaction or statement: the hardest first",
                               "None."},
              to);
    report_transaction_table(report, &table);
    if (table.cell_count > 0)
        put_table(&table, markdown,
                  (struct section){"Transactions over owners: what could run after the commit", ""},
                  to);
    else
        table_fini(&table);
    report_rehearsal_table(report, &table);
    if (table.cell_count > 0)
        put_table(&table, markdown, (struct section){"What would keep a move back", ""}, to);
    else
        table_fini(&table);
    if (count > 0)
        fputs(markdown ? "\n## Queries to replace\n" : "\nQueries to replace, by edge\n", to);
    for (uint32_t i = 0; i < count; i++)
        put_edge(report, edges[i], markdown, to);
    free(edges);
    snprintf(title, sizeof(title), "What blocks a move: used by others%s",
             report_show_since(since, shown));
    report_blocker_table(report, since, &table);
    put_table(&table, markdown, (struct section){title, "Nothing."}, to);
    snprintf(title, sizeof(title), "Ready to move: not used by others%s",
             report_show_since(since, shown));
    report_ready_table(report, since, &table);
    put_table(&table, markdown, (struct section){title, "Nothing that these logs tell of."}, to);
    report_day_table(report, &table);
    put_table(&table, markdown, (struct section){"Day by day", "No day has any."}, to);
}

void report_print_text(const struct report *report, int64_t since, FILE *to)
{
    put_report(report, since, false, to);
}

void report_print_markdown(const struct report *report, int64_t since, FILE *to)
{
    put_report(report, since, true, to);
}
