/* The report as one HTML page that needs no other file: the matrix as a heat map, the trend as a
 * drawing, and the tables. No scripts, and nothing is loaded. Numbers stand beside all shades, so
 * it can be read in black and white; only links and summaries can be clicked, so it works by
 * keyboard.
 */
#include <math.h>
#include <stdlib.h>

#include "report/tables.h"
#include "violations/record.h"

enum {
    /* services: a matrix of more would be too large for the page, and for memory */
    MATRIX_MOST = 250,
    OPEN_EDGES = 20,
    NAME_SHOWN = 64,
    SHADES = 6,
    CHART_WIDTH = 960,
    CHART_HEIGHT = 240,
    CHART_LEFT = 80,
    CHART_RIGHT = 920,
    CHART_BOTTOM = 200
};

static const char style[] =
    "body{padding-top:1.5rem;max-width:88rem}h1{font-size:1.7rem;margin:0 0 .25rem}"
    "h2{font-size:1.25rem;margin:2.4rem 0 .7rem;padding-bottom:.2rem;"
    "border-bottom:2px solid var(--ink)}h3{font-size:1rem;margin:0}"
    "nav{display:flex;flex-wrap:wrap;gap:.2rem 0}ul.sum{padding-left:1.1rem;margin:.6rem 0}"
    "details{border:1px solid var(--line);border-radius:4px;margin:.6rem 0;padding:.5rem .8rem}"
    "summary{cursor:pointer}summary h3{display:inline}details .wide{margin-top:.5rem}"
    "svg{max-width:100%;height:auto}.chart svg{min-width:34rem}"
    "svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg line{stroke:var(--line)}"
    "@media screen and (max-width:48rem){svg text{font-size:15px}.chart svg{min-width:42rem}}"
    /* The matrix: 14 services in 1,400 px; more of them with names that stand upright. */
    "@media screen{"
    ".heat td{min-width:3.4rem}.heat td a,.heat td span{padding:.42rem .45rem}"
    ".heat th{padding:.35rem .45rem}.heat tbody th,.heat thead th:first-child{position:sticky;"
    "left:0;z-index:1}"
    ".heat:has(thead th:nth-child(19)) thead th{vertical-align:bottom}"
    ".heat:has(thead th:nth-child(19)) thead th:not(:first-child){writing-mode:vertical-rl;"
    "transform:rotate(180deg)}"
    ".heat:has(thead th:nth-child(19)) td{min-width:2.6rem;font-size:.85rem}"
    ".heat:has(thead th:nth-child(19)) :is(td a,td span){padding:.3rem}"
    "}"
    ".chart{direction:rtl}.chart svg{direction:ltr}"
    ".any{fill:var(--s3);stroke:var(--edge)}.writing{fill:var(--s5)}"
    "@media print{.heat tbody th,.heat thead "
    "th:first-child{position:static}details::details-content{content-visibility:visible}body{max-"
    "width:none}}";

static void put_head(const struct report *report, FILE *to)
{
    fprintf(
        to,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<title>What crosses between services</title>\n<style>%s%s</style></head>\n<body>\n"
        "<header><h1>What crosses between services</h1>\n"
        "<nav aria-label=\"Sections\"><a href=\"#matrix\">Matrix</a><a href=\"#trend\">Trend</a>"
        "<a href=\"#hard\">Hardest</a><a href=\"#transactions\">Transactions</a>"
        "<a href=\"#queries\">Queries</a>"
        "<a href=\"#blockers\">What blocks a move</a><a href=\"#ready\">Ready to move</a></nav>\n"
        "<ul class=\"sum\">\n",
        table_style, style);
    report_put_summary(report, to, "<li>", "</li>\n");
    fputs("</ul></header>\n<main>\n", to);
}

/* The edge of this pair, HASH_TABLE_NONE where there is none. */
static uint32_t edge_of(const struct report *report, uint32_t user, uint32_t owner)
{
    uint32_t key[2] = {user, owner};
    return hash_table_find(&report->edge_keys, (struct text){(const char *)key, sizeof(key)});
}

/* The shade: on a logarithmic scale between one and the most frequent edge. */
static int shade_of(uint64_t statements, uint64_t most)
{
    if (statements == 0)
        return 0;
    if (statements == most)
        return SHADES - 1;
    int shade = (int)(log((double)statements) / log((double)most) * (SHADES - 1));
    return shade < 1 ? 1 : shade;
}

static void put_cell(const struct report *report, uint32_t user, uint32_t owner, uint64_t most,
                     FILE *to)
{
    uint32_t number = edge_of(report, user, owner);
    char shown[TABLE_NUMBER_SIZE];

    if (number == HASH_TABLE_NONE) {
        fputs(user == owner ? "<td class=\"self\"><span>own</span></td>"
                            : "<td class=\"s0\"><span>0</span></td>",
              to);
        return;
    }
    const struct report_edge *edge = &report->edges[number];
    fprintf(to, "<td class=\"s%d\"><a href=\"#edge-%u\" aria-label=\"",
            shade_of(edge->counts.statements, most), number);
    table_put_html(report->services.keys[user], to);
    fputs(" reaches into ", to);
    table_put_html(report->services.keys[owner], to);
    if (edge->counts.statements == 0) {
        fprintf(to, ": %u of the catalogue\">%u<small>catalogue</small></a></td>", edge->catalogue,
                edge->catalogue);
        return;
    }
    fprintf(to, ": %s statements, %u distinct\">",
            table_show_number(edge->counts.statements, shown), edge->query_count);
    fprintf(to, "%s</a></td>", shown);
}

static bool is_used(const struct report *report, uint32_t service, bool as_owner)
{
    for (uint32_t i = 0; i < report->edge_keys.count; i++) {
        if ((as_owner ? report->edges[i].owner : report->edges[i].user) == service)
            return true;
    }
    return false;
}

static uint64_t most_on_an_edge(const struct report *report)
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < report->edge_keys.count; i++) {
        if (report->edges[i].counts.statements > most)
            most = report->edges[i].counts.statements;
    }
    return most;
}

static void put_matrix(const struct report *report, FILE *to)
{
    uint32_t count, *services = report_rank_services(report, &count);
    uint64_t most = most_on_an_edge(report);

    if (count > MATRIX_MOST) {
        fprintf(to,
                "<section id=\"matrix\"><h2>Matrix</h2>\n<p>%u services are too many for a "
                "matrix: the edges, one by one, are below.</p></section>\n",
                count);
        free(services);
        return;
    }
    if (report->edge_keys.count == 0) {
        fputs("<section id=\"matrix\"><h2>Matrix</h2>\n<p>Nothing crosses.</p></section>\n", to);
        free(services);
        return;
    }
    fputs("<section id=\"matrix\"><h2>Matrix</h2>\n<p>Rows use, columns own; statements that were "
          "logged or blocked. The stronger the shade, the more. Each number leads to its "
          "queries.</p>\n"
          "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Matrix\">"
          "<table class=\"heat\"><thead><tr><th scope=\"col\">uses \\ owns</th>",
          to);
    for (uint32_t c = 0; c < count; c++) {
        if (!is_used(report, services[c], true))
            continue;
        fputs("<th scope=\"col\">", to);
        table_put_html(report->services.keys[services[c]], to);
        fputs("</th>", to);
    }
    fputs("</tr></thead><tbody>\n", to);
    for (uint32_t r = 0; r < count; r++) {
        if (!is_used(report, services[r], false))
            continue;
        fputs("<tr><th scope=\"row\">", to);
        table_put_html(report->services.keys[services[r]], to);
        fputs("</th>", to);
        for (uint32_t c = 0; c < count; c++) {
            if (is_used(report, services[c], true))
                put_cell(report, services[r], services[c], most, to);
        }
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n</section>\n", to);
    free(services);
}

/* A quarter of the axis: 1, 2 or 5 times a power of ten, so that four of them reach over `most`.
 */
static uint64_t quarter_over(uint64_t most)
{
    uint64_t quarter = 1;

    for (int i = 0; quarter * 4 < most; i++)
        quarter = i % 3 == 1 ? quarter / 2 * 5 : quarter * 2;
    return quarter;
}

/* Days without statements are drawn too, as empty columns. */
static void put_bars(const struct report *report, const uint32_t *days, uint32_t count, FILE *to)
{
    int64_t first = report->days[days[0]].day, last = report->days[days[count - 1]].day;
    double step = (double)(CHART_RIGHT - CHART_LEFT) / (double)(last - first + 1);
    double width = step > 40 ? 32 : step * 0.8;
    uint64_t most = 1;
    char shown[TABLE_NUMBER_SIZE], day_shown[32];

    for (uint32_t i = 0; i < count; i++)
        most = report->days[days[i]].statements > most ? report->days[days[i]].statements : most;
    uint64_t quarter = quarter_over(most);
    for (int line = 0; line <= 4; line++) {
        double y = CHART_BOTTOM - line * (CHART_BOTTOM - 20) / 4.0;
        fprintf(to,
                "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                CHART_LEFT, CHART_RIGHT, y, y, CHART_LEFT - 6, y + 4,
                table_show_number(quarter * (uint64_t)line, shown));
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct report_day *day = &report->days[days[i]];
        double x = CHART_LEFT + (double)(day->day - first) * step + (step - width) / 2;
        double scale = (CHART_BOTTOM - 20) / (double)(quarter * 4);
        double height = (double)day->statements * scale, writes = (double)day->writes * scale;
        fprintf(to,
                "<g><title>%s: %s statements, %llu of them writing, %u distinct queries</title>"
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"any\"/>"
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                "class=\"writing\"/></g>\n",
                report_show_day(day->day, day_shown), table_show_number(day->statements, shown),
                (unsigned long long)day->writes, day->queries, x, CHART_BOTTOM - height, width,
                height, x, CHART_BOTTOM - writes, width, writes);
    }
    for (int64_t label = 0; label <= (last > first ? 4 : 0); label++) {
        int64_t day = first + (last - first) * label / 4;
        fprintf(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                CHART_LEFT + ((double)(day - first) + 0.5) * step, CHART_BOTTOM + 18,
                report_show_day(day, day_shown));
    }
}

static void put_trend(const struct report *report, FILE *to)
{
    uint32_t count, *days = report_rank_days(report, &count);
    struct table table;

    fputs("<section id=\"trend\"><h2>Trend</h2>\n", to);
    if (count == 0) {
        fputs("<p>No day.</p></section>\n", to);
        free(days);
        return;
    }
    fprintf(to,
            "<div class=\"wide chart\" tabindex=\"0\" role=\"region\" "
            "aria-label=\"Trend\"><svg viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-labelledby=\"trend-title\">"
            "<title id=\"trend-title\">Statements that cross, by day; the table below has the "
            "numbers</title>\n",
            CHART_WIDTH, CHART_HEIGHT);
    put_bars(report, days, count, to);
    fprintf(to,
            "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" class=\"any\"/>"
            "<text x=\"%d\" y=\"%d\">all statements</text>"
            "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" class=\"writing\"/>"
            "<text x=\"%d\" y=\"%d\">writing ones</text></svg></div>\n",
            CHART_LEFT, CHART_HEIGHT - 14, CHART_LEFT + 18, CHART_HEIGHT - 4, CHART_LEFT + 140,
            CHART_HEIGHT - 14, CHART_LEFT + 158, CHART_HEIGHT - 4);
    fputs("<details><summary>Day by day, in numbers</summary>", to);
    report_day_table(report, &table);
    table_print_html(&table, "Day by day", to);
    table_fini(&table);
    fputs("</details></section>\n", to);
    free(days);
}

static void put_section(const char *id, const char *title, const char *empty, struct table *table,
                        FILE *to)
{
    fprintf(to, "<section id=\"%s\"><h2>%s</h2>\n", id, title);
    if (table->cell_count > 0)
        table_print_html(table, title, to);
    else
        fprintf(to, "<p>%s</p>\n", empty);
    fputs("</section>\n", to);
    table_fini(table);
}

static void put_edge(const struct report *report, uint32_t number, bool open, FILE *to)
{
    const struct report_edge *edge = &report->edges[number];
    struct table table;
    char title[2 * NAME_SHOWN + 16];
    char statements[TABLE_NUMBER_SIZE], reads[TABLE_NUMBER_SIZE], writes[TABLE_NUMBER_SIZE],
        blocked[TABLE_NUMBER_SIZE];

    fprintf(to, "<details%s><summary><h3>", open ? " open" : "");
    table_put_html(report->services.keys[edge->user], to);
    fputs(" &rarr; ", to);
    table_put_html(report->services.keys[edge->owner], to);
    fprintf(to,
            "</h3> <small>%s statements: %s reading, %s writing, %s blocked; %u distinct; "
            "%s</small></summary>\n",
            table_show_number(edge->counts.statements, statements),
            table_show_number(edge->counts.reads, reads),
            table_show_number(edge->counts.writes, writes),
            table_show_number(edge->counts.blocked, blocked), edge->query_count,
            report_show_state(report, &edge->span));
    /* The anchor is inside, so that a link to it opens a closed section. */
    fprintf(to, "<div id=\"edge-%u\">", number);
    report_query_table(report, number, &table);
    snprintf(title, sizeof(title), "From %.*s into %.*s",
             TEXT_ARGS(record_cut(report->services.keys[edge->user], NAME_SHOWN)),
             TEXT_ARGS(record_cut(report->services.keys[edge->owner], NAME_SHOWN)));
    table_print_html(&table, title, to);
    table_fini(&table);
    fputs("</div></details>\n", to);
}

void report_print_html(const struct report *report, int64_t since, FILE *to)
{
    struct table table;
    char title[100], shown[32];
    uint32_t count, *edges = report_rank_edges(report, &count);

    put_head(report, to);
    put_matrix(report, to);
    put_trend(report, to);
    report_hard_table(report, &table);
    put_section("hard", "Across owners in one transaction or statement: the hardest first", "None.",
                &table, to);
    report_transaction_table(report, &table);
    put_section("transactions", "Transactions over owners: what could run after the commit",
                "None that was recorded.", &table, to);
    report_rehearsal_table(report, &table);
    if (table.cell_count > 0)
        put_section("rehearsal", "What would keep a move back", "None.", &table, to);
    else
        table_fini(&table);
    fputs("<section id=\"queries\"><h2>Queries to replace</h2>\n", to);
    for (uint32_t i = 0; i < count; i++)
        put_edge(report, edges[i], i < OPEN_EDGES, to);
    if (count == 0)
        fputs("<p>None.</p>\n", to);
    fputs("</section>\n", to);
    snprintf(title, sizeof(title), "What blocks a move: used by others%s",
             report_show_since(since, shown));
    report_blocker_table(report, since, &table);
    put_section("blockers", title, "Nothing.", &table, to);
    snprintf(title, sizeof(title), "Ready to move: not used by others%s",
             report_show_since(since, shown));
    report_ready_table(report, since, &table);
    put_section("ready", title, "Nothing that these logs tell of.", &table, to);
    fputs("</main></body></html>\n", to);
    free(edges);
}
