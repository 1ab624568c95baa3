/* `/service`: one service on one page: can its data move, what do others use of it, what does it
 * use of others, and which grants exist in both directions.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "base/arena.h"
#include "base/table.h"

static bool is_named(const char *cut, struct text name)
{
    name.length = name.length < SUMMARY_NAME ? name.length : SUMMARY_NAME - 1;
    return text_equal(text_of(cut), name);
}

static size_t place_of(const struct admin_view *view, const char *name)
{
    size_t at = 0;

    while (at < view->service_count && !is_named(name, view->services[at].name))
        at++;
    return at;
}

struct page_readiness *page_readiness(const struct page_request *request)
{
    const struct admin_view *view = request->view;
    const struct summary *summary = view->summary;
    struct page_readiness *all = memory_take_zeroed((view->service_count + 1) * sizeof(*all));
    size_t *places = memory_take((summary->edge_count + 1) * sizeof(*places));

    for (size_t e = 0; e < summary->edge_count; e++) {
        const struct summary_edge *edge = &summary->edges[e];
        places[e] = place_of(view, edge->owner);
        if (page_crossings(request, edge) == 0 || page_is_stand_in(text_of(edge->owner)))
            continue;
        all[places[e]].edges_in++;
        all[place_of(view, edge->service)].edges_out++;
        if (edge->last > all[places[e]].last_in)
            all[places[e]].last_in = edge->last;
    }
    for (size_t q = 0; q < summary->query_count; q++) {
        const struct summary_query *query = &summary->queries[q];
        if (page_count(request, query) == 0)
            continue;
        bool out = false;
        for (unsigned i = 0; i < query->edge_count; i++) {
            all[places[query->edges[i]]].queries_in++;
            out |= !page_is_stand_in(text_of(summary->edges[query->edges[i]].owner));
        }
        if (out)
            all[place_of(view, query->service)].queries_out++;
    }
    for (size_t i = 0; view->crossing_sets > 0 && i < view->service_count; i++)
        page_count_stored(view, view->services[i].name, &all[i].stored_in, &all[i].stored_out);
    free(places);
    return all;
}

bool page_is_held(const struct page_readiness *one)
{
    return one->edges_in > 0 || one->stored_in.all > 0;
}

void page_put_readiness(const struct page_request *request, const struct page_readiness *one,
                        FILE *to)
{
    if (!page_is_held(one)) {
        fputs("<span class=\"ready\">can move</span> <small>0 left</small>", to);
        return;
    }
    fprintf(to, "<span class=\"stays\">%zu left</span> <small>",
            one->queries_in + one->stored_in.all);
    if (one->edges_in > 0) {
        fprintf(to, "of %zu service%s, seen ", one->edges_in, one->edges_in == 1 ? "" : "s");
        page_put_ago(to, one->last_in, request->view->now);
    }
    if (one->stored_in.all > 0) {
        fputs(one->edges_in > 0 ? "; " : "", to);
        page_put_stored_words(&one->stored_in, to);
    }
    fputs("</small>", to);
}

/* An edge to the service, or from it. */
struct carried {
    const struct summary_edge *edge;
    uint64_t statements;
    size_t queries;
};

static int most_carried(const void *a, const void *b)
{
    const struct carried *one = a, *other = b;

    return (one->statements < other->statements) - (one->statements > other->statements);
}

static struct carried *find_edges(const struct page_request *request, struct text name, bool in,
                                  size_t *count)
{
    const struct summary *summary = request->view->summary;
    struct carried *all = memory_take((summary->edge_count + 1) * sizeof(*all));

    *count = 0;
    for (size_t e = 0; e < summary->edge_count; e++) {
        const struct summary_edge *edge = &summary->edges[e];
        uint64_t statements = page_crossings(request, edge);
        if (!is_named(in ? edge->owner : edge->service, name) || statements == 0)
            continue;
        struct carried *one = &all[(*count)++];
        *one = (struct carried){edge, statements, 0};
        for (size_t q = 0; q < summary->query_count; q++) {
            const struct summary_query *query = &summary->queries[q];
            for (unsigned i = 0; i < query->edge_count; i++)
                one->queries += query->edges[i] == e && page_count(request, query) > 0;
        }
    }
    qsort(all, *count, sizeof(*all), most_carried);
    return all;
}

static void put_edge(const struct page_request *request, const struct carried *one, bool in,
                     FILE *to)
{
    const struct summary_edge *edge = one->edge;
    char number[TABLE_NUMBER_SIZE];

    fputs("<tr><th scope=\"row\">", to);
    page_put_service(request, text_of(in ? edge->service : edge->owner), to);
    fputs("</th><td class=\"n\"><a href=\"", to);
    page_put_link(to, &(struct page_link){.path = "/queries",
                                          .service = text_of(edge->service),
                                          .owner = text_of(edge->owner),
                                          .range = request->range});
    fprintf(to, "\">%s</a></td>", table_show_number(one->statements, number));
    page_number(to, summary_edge_blocked(edge, request->range, page_now(request)));
    page_number(to, one->queries);
    page_ago(to, edge->last, request->view->now);
    fputs("</tr>\n", to);
}

/* The edges to the service (`in`) or from it, the busiest first. */
static void put_edges(const struct page_request *request, struct text name, bool in, FILE *to)
{
    static const char *const ins[] = {"service",  "#statements", "#blocked",
                                      "#queries", "last",        NULL};
    static const char *const outs[] = {"owner",    "#statements", "#blocked",
                                       "#queries", "last",        NULL};
    size_t count;
    struct carried *all = find_edges(request, name, in, &count);

    page_table(to, in ? "used-by" : "uses", in ? "Who uses it" : "What it uses of others",
               in ? ins : outs, false);
    for (size_t i = 0; i < count; i++)
        put_edge(request, &all[i], in, to);
    if (count == 0)
        fprintf(to, "<tr><td colspan=\"5\">%s, %s.</td></tr>\n", in ? "Nobody" : "Nothing",
                page_range_words(request->range));
    page_table_end(to);
    free(all);
}

/* An object of the service that others use. */
struct used {
    struct text schema, name, type;
    uint64_t statements;
    size_t queries;
    bool reads, writes;
    int64_t last;
};

static bool holds(struct text list, const char *word)
{
    size_t length = strlen(word);

    for (size_t i = 0; i + length <= list.length; i++) {
        if (memcmp(list.at + i, word, length) == 0)
            return true;
    }
    return false;
}

static void add_used(struct used **all, size_t *count, const struct page_object *object,
                     uint64_t statements, int64_t last)
{
    size_t at = 0;

    while (at < *count && !(text_equal((*all)[at].schema, object->schema) &&
                            text_equal((*all)[at].name, object->name)))
        at++;
    if (at == *count) {
        *all = memory_resize(*all, (*count + 1) * sizeof(**all));
        (*all)[(*count)++] =
            (struct used){.schema = object->schema, .name = object->name, .type = object->type};
    }
    struct used *used = &(*all)[at];
    used->statements += statements;
    used->queries++;
    used->reads |= holds(object->access, "read");
    used->writes |= !text_equal(object->access, TEXT("read"));
    used->last = last > used->last ? last : used->last;
}

static int most_used(const void *a, const void *b)
{
    const struct used *one = a, *other = b;

    return (one->statements < other->statements) - (one->statements > other->statements);
}

static void put_objects(const struct page_request *request, struct text name, FILE *to)
{
    static const char *const headings[] = {"object",   "type", "access", "#statements",
                                           "#queries", "last", NULL};
    const struct summary *summary = request->view->summary;
    struct used *all = NULL;
    size_t count = 0;

    for (size_t q = 0; q < summary->query_count; q++) {
        const struct summary_query *query = &summary->queries[q];
        const char *lines = query->objects;
        struct page_object object;
        while (page_count(request, query) > 0 && page_next_object(&lines, &object)) {
            if (text_equal(object.owner, name))
                add_used(&all, &count, &object, page_count(request, query), query->last);
        }
    }
    if (count > 0)
        qsort(all, count, sizeof(*all), most_used);
    page_table(to, "objects", "What blocks its move: objects that others use", headings, false);
    for (size_t i = 0; i < count; i++) {
        fputs("<tr><th scope=\"row\"><code>", to);
        table_put_html(all[i].schema, to);
        fputs(all[i].name.length > 0 && all[i].schema.length > 0 ? "." : "", to);
        table_put_html(all[i].name, to);
        fputs("</code></th>", to);
        page_words(to, all[i].type);
        fprintf(to, "<td>%s</td>",
                all[i].reads && all[i].writes ? "read and write"
                : all[i].writes               ? "write"
                                              : "read");
        page_number(to, all[i].statements);
        page_number(to, all[i].queries);
        page_ago(to, all[i].last, request->view->now);
        fputs("</tr>\n", to);
    }
    if (count == 0)
        fprintf(to, "<tr><td colspan=\"6\">None, %s.</td></tr>\n",
                page_range_words(request->range));
    page_table_end(to);
    free(all);
}

/* The owner of a grant's object: the policy is asked as for a user without a service. */
static struct text owner_of(const struct admin_view *view, struct text on)
{
    const char *dot = memchr(on.at, '.', on.length);
    struct sql_object object = {.type = SQL_TABLE, .access = SQL_READ};
    struct verdict verdict;

    if (!dot)
        return (struct text){0};
    object.schema = (struct text){on.at, (size_t)(dot - on.at)};
    object.name = (struct text){dot + 1, on.length - object.schema.length - 1};
    policy_check_object(view->policy, SERVICE_NONE, &object, false,
                        policy_today(view->now / 1000000), &verdict);
    return verdict.owner == SERVICE_NONE ? (struct text){0}
                                         : policy_service_name(view->policy, verdict.owner);
}

static size_t put_grant(const struct page_request *request, struct text name, struct text service,
                        struct text on, const char *what, struct text until, struct text ticket,
                        unsigned line, FILE *to)
{
    struct text owner = owner_of(request->view, on);

    if (!text_equal(owner, name) && !text_equal(service, name))
        return 0;
    fputs("<tr><th scope=\"row\">", to);
    page_put_service(request, service, to);
    fputs("</th><td>", to);
    if (owner.length > 0)
        page_put_service(request, owner, to);
    fputs("</td><td><code>", to);
    table_put_html(on, to);
    fprintf(to, "</code></td><td>%s</td>", what);
    page_words(to, until.at ? until : TEXT("always"));
    page_words(to, ticket.at ? ticket : TEXT(""));
    fprintf(to, "<td class=\"n\">%u</td></tr>\n", line);
    return 1;
}

/* A granted access is no violation; when the data moves, the grant must move too. */
static void put_grants(const struct page_request *request, struct text name, FILE *to)
{
    static const char *const headings[] = {"service", "owner",  "on",    "what",
                                           "until",   "ticket", "#line", NULL};
    const struct config *config = request->view->config;
    size_t shown = 0;

    page_table(to, "grants", "Granted, either way", headings, false);
    for (size_t i = 0; i < config->grant_count; i++) {
        const struct config_grant *grant = &config->grants[i];
        for (size_t n = 0; n < grant->on.count; n++)
            shown += put_grant(request, name, grant->service.value, grant->on.items[n].value,
                               "grant", grant->until.line ? grant->until.written : (struct text){0},
                               grant->ticket.value, grant->on.items[n].line, to);
    }
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_list *reads = &config->services[i].reads;
        for (size_t n = 0; n < reads->count; n++)
            shown +=
                put_grant(request, name, config->services[i].name, reads->items[n].value, "reads",
                          (struct text){0}, (struct text){0}, reads->items[n].line, to);
    }
    if (shown == 0)
        fputs("<tr><td colspan=\"7\">Nothing.</td></tr>\n", to);
    page_table_end(to);
}

static void put_held(const struct page_request *request, const struct page_readiness *one, FILE *to)
{
    fputs("<b class=\"stays\">Cannot move yet:</b> ", to);
    if (one->edges_in > 0) {
        fprintf(to, "%zu quer%s of %zu other service%s, last seen ", one->queries_in,
                one->queries_in == 1 ? "y" : "ies", one->edges_in, one->edges_in == 1 ? "" : "s");
        page_put_ago(to, one->last_in, request->view->now);
    }
    if (one->stored_in.all > 0) {
        fputs(one->edges_in > 0 ? "; " : "", to);
        page_put_stored_words(&one->stored_in, to);
        fputs(one->stored_in.all == 1 ? " of others reaches into it" : " of others reach into it",
              to);
    }
    fputs(".", to);
}

static void put_uses(const struct page_readiness *one, FILE *to)
{
    if (one->edges_out > 0)
        fprintf(to, " It uses %zu other%s itself, by %zu quer%s", one->edges_out,
                one->edges_out == 1 ? "" : "s", one->queries_out,
                one->queries_out == 1 ? "y" : "ies");
    if (one->stored_out.all > 0) {
        fputs(one->edges_out > 0 ? " and by " : " It uses others itself, by ", to);
        page_put_stored_words(&one->stored_out, to);
    }
    if (one->edges_out > 0 || one->stored_out.all > 0)
        fputs(": to another server it goes without them.", to);
}

static void put_verdict(const struct page_request *request, size_t place, FILE *to)
{
    struct page_readiness *all = page_readiness(request);
    const struct page_readiness *one = &all[place];

    fputs("<p class=\"lead\">", to);
    if (page_is_held(one))
        put_held(request, one, to);
    else
        fprintf(to,
                "<b class=\"ready\">Can move:</b> nothing of it was used against the policy, %s.",
                page_range_words(request->range));
    put_uses(one, to);
    if (request->view->crossing_sets == 0)
        fputs(" <small>Views, triggers and foreign keys: <code>silogate audit</code>, or here "
              "where the upstream has an <code>account</code>.</small>",
              to);
    fputs("</p>\n", to);
    free(all);
}

void page_service(const struct page_request *request, FILE *to)
{
    const struct admin_view *view = request->view;
    struct text name = request->service.at ? request->service : TEXT("");
    struct page_request of_it = *request;
    char cut[SUMMARY_NAME];

    snprintf(cut, sizeof(cut), "%.*s", TEXT_ARGS(name));
    size_t place = place_of(view, cut);
    page_begin(request, "/service", "service", to);
    fputs("<h1>", to);
    table_put_html(name.length > 0 ? name : TEXT("(no service)"), to);
    fputs("</h1>\n", to);
    if (place == view->service_count) {
        fputs("<p>No service of this name is in proxy.ini.</p>\n", to);
        page_end(to);
        return;
    }
    struct page_link link = {.path = "/service", .service = name, .range = request->range};
    page_put_ranges(request, &link, to);
    put_verdict(request, place, to);
    put_objects(request, name, to);
    fputs("<div class=\"pair\">", to);
    put_edges(request, name, true, to);
    put_edges(request, name, false, to);
    fputs("</div>\n", to);
    page_put_stored(request, name, to);
    put_grants(request, name, to);
    of_it.owner = name; /* the queries that prevent its move */
    of_it.service = (struct text){0};
    struct page_selection selection = page_select(&of_it);
    page_put_queries(request, &selection, 0, 20, "queries", "The busiest queries that hold it back",
                     &(struct page_link){0}, to);
    if (selection.count > 20) {
        fputs("<p><a href=\"", to);
        page_put_link(
            to, &(struct page_link){.path = "/queries", .owner = name, .range = request->range});
        fprintf(to, "\">All %zu</a></p>\n", selection.count);
    }
    free(selection.items);
    page_end(to);
}
