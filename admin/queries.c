/* `/queries`: the queries of an edge, of a service, or all queries; in pages, sorted and searched.
 * Each query links to its own page.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "base/table.h"

static void put_heading(const struct page_link *link, const char *words, const char *sort,
                        bool number, FILE *to)
{
    bool is_sorted = text_equal(link->sort.length > 0 ? link->sort : TEXT("count"), text_of(sort));
    struct page_link other = *link;

    other.sort = text_of(sort);
    other.offset = 0;
    fprintf(to, "<th scope=\"col\"%s%s>", number ? " class=\"n\"" : "",
            link->path && is_sorted ? " aria-sort=\"descending\"" : "");
    if (link->path) {
        fputs("<a href=\"", to);
        page_put_link(to, &other);
        fprintf(to, "\">%s</a>", words);
    } else {
        fputs(words, to);
    }
    fputs("</th>", to);
}

static void put_statement(const struct page_request *request, const struct summary_query *query,
                          FILE *to)
{
    char digest[17];
    const char *lines = query->objects;
    struct page_object object;
    const char *before = "touches ";

    snprintf(digest, sizeof(digest), "%016" PRIx64, query->digest);
    fputs("<td class=\"statement\"><a class=\"plain\" href=\"", to);
    page_put_link(to, &(struct page_link){.path = "/query",
                                          .service = text_of(query->service),
                                          .digest = text_of(digest),
                                          .range = request->range});
    fputs("\"><code>", to);
    if (query->statement[0])
        table_put_html(text_of(query->statement), to);
    else
        table_put_html(text_of(query->kind), to);
    fputs("</code></a><small>", to);
    while (page_next_object(&lines, &object)) {
        fputs(before, to);
        table_put_html(object.schema, to);
        fputs(object.schema.length > 0 && object.name.length > 0 ? "." : "", to);
        table_put_html(object.name, to);
        before = ", ";
    }
    if (query->caller_count > 0) {
        fputs(query->objects[0] ? " &middot; from " : "from ", to);
        table_put_html(text_of(query->callers[0]), to);
        if (query->caller_count > 1 || query->more_callers)
            fputs(" and others", to);
    }
    fputs("</small></td>", to);
}

static void put_query(const struct page_request *request, const struct summary_query *query,
                      FILE *to)
{
    const struct summary *summary = request->view->summary;

    fputs("<tr>", to);
    page_number(to, page_count(request, query));
    fprintf(to, "<td><span class=\"%s\">%s</span> <small>%s</small></td><td data-label=\"edge\">",
            query->blocked ? "block" : "log", query->blocked ? "blocked" : "logged",
            verdict_reason_name((enum verdict_reason)query->reason));
    page_put_service(request, text_of(query->service), to);
    fputs(" &rarr; ", to);
    for (unsigned i = 0; i < query->edge_count; i++) {
        fputs(i > 0 ? ", " : "", to);
        page_put_service(request, text_of(summary->edges[query->edges[i]].owner), to);
    }
    fputs("</td>", to);
    put_statement(request, query, to);
    fputs("<td data-label=\"first\">", to);
    page_put_ago(to, query->first, request->view->now);
    fputs("</td><td data-label=\"last\">", to);
    page_put_ago(to, query->last, request->view->now);
    fputs("</td></tr>\n", to);
}

void page_put_queries(const struct page_request *request, const struct page_selection *selection,
                      size_t first, size_t count, const char *id, const char *title,
                      const struct page_link *link, FILE *to)
{
    if (selection->count == 0) {
        fprintf(to, "<section id=\"%s\"><h2>%s</h2>\n<p class=\"none\">None%s%s.</p></section>\n",
                id, title, request->search.length > 0 ? " that match the search, " : ", ",
                page_range_words(request->range));
        return;
    }
    fprintf(to,
            "<section id=\"%s\"><h2 id=\"%s-title\">%s</h2>\n"
            "<div class=\"wide cards\" tabindex=\"0\" role=\"region\" aria-labelledby=\"%s-title\">"
            "<table><thead><tr>",
            id, id, title, id);
    put_heading(link, "count", "count", true, to);
    put_heading(link, "action", "action", false, to);
    put_heading(link, "service &rarr; owner", "service", false, to);
    put_heading(link, "statement, without values", "statement", false, to);
    put_heading(link, "first", "first", false, to);
    put_heading(link, "last", "last", false, to);
    fputs("</tr></thead><tbody>\n", to);
    for (size_t i = first; i < selection->count && i < first + count; i++)
        put_query(request, selection->items[i], to);
    page_table_end(to);
}

static void put_pages(const struct page_link *link, size_t offset, size_t limit, size_t count,
                      FILE *to)
{
    struct page_link other = *link;
    char first[TABLE_NUMBER_SIZE], last[TABLE_NUMBER_SIZE], all[TABLE_NUMBER_SIZE];
    size_t end = offset + limit < count ? offset + limit : count;

    fputs("<nav class=\"pager\" aria-label=\"Pages of queries\">", to);
    if (offset > 0) {
        other.offset = offset > limit ? offset - limit : 0;
        fputs("<a rel=\"prev\" href=\"", to);
        page_put_link(to, &other);
        fputs("\">&larr; before</a> ", to);
    }
    fprintf(to, "<span>%s to %s of %s</span>",
            table_show_number(count > offset ? offset + 1 : 0, first), table_show_number(end, last),
            table_show_number(count, all));
    if (end < count) {
        other.offset = end;
        fputs(" <a rel=\"next\" href=\"", to);
        page_put_link(to, &other);
        fputs("\">after &rarr;</a>", to);
    }
    fputs("</nav>\n", to);
}

static void put_title(const struct page_request *request, FILE *to)
{
    fputs("<h1>", to);
    if (request->service.at)
        page_put_service(request, request->service, to);
    if (request->owner.at) {
        fputs(request->service.at ? " reaches into " : "Who reaches into ", to);
        page_put_service(request, request->owner, to);
    } else if (request->service.at) {
        fputs(": what it uses of others", to);
    } else {
        fputs("Violating queries", to);
    }
    fputs("</h1>\n", to);
}

/* The edge's sum: of all statements counted, also of queries that are no longer kept. */
static void put_sum(const struct page_request *request, const struct page_selection *selection,
                    FILE *to)
{
    const struct summary *summary = request->view->summary;
    char a[TABLE_NUMBER_SIZE], b[TABLE_NUMBER_SIZE];
    uint64_t crossings = 0;

    fprintf(to, "<p class=\"lead\"><b>%s</b> statement%s of <b>%s</b> quer%s, %s.",
            table_show_number(selection->statements, a), selection->statements == 1 ? "" : "s",
            table_show_number(selection->count, b), selection->count == 1 ? "y" : "ies",
            page_range_words(request->range));
    for (size_t i = 0; i < summary->edge_count; i++) {
        const struct summary_edge *edge = &summary->edges[i];
        if (request->service.at && request->owner.at &&
            text_equal(request->service, text_of(edge->service)) &&
            text_equal(request->owner, text_of(edge->owner)))
            crossings = page_crossings(request, edge);
    }
    if (crossings > selection->statements && request->search.length == 0)
        fprintf(to,
                " The edge counts %s: the rest was in mode off, or of queries that are too rare "
                "to be kept here; <code>silogate report</code> has them.",
                table_show_number(crossings, a));
    if (request->search.length > 0) {
        fputs(" Those that hold <b>", to);
        table_put_html(request->search, to);
        fputs("</b>.", to);
    }
    fputs("</p>\n", to);
}

void page_queries(const struct page_request *request, FILE *to)
{
    struct page_selection selection = page_select(request);
    size_t limit = request->limit > 0 ? request->limit : PAGE_QUERIES;
    struct page_link link = {.path = "/queries",
                             .service = request->service,
                             .owner = request->owner,
                             .search = request->search,
                             .sort = request->sort,
                             .range = request->range};

    page_begin(request, "/queries", "queries", to);
    put_title(request, to);
    page_put_ranges(request, &link, to);
    put_sum(request, &selection, to);
    page_put_queries(request, &selection, request->offset, limit, "queries", "Queries", &link, to);
    if (selection.count > limit || request->offset > 0)
        put_pages(&link, request->offset, limit, selection.count, to);
    free(selection.items);
    page_end(to);
}
