/* `/`: alarms, what crosses, which queries violate the policy, which services' data can move, who
 * is connected. Reads the view only; statements are shown without values.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "base/arena.h"
#include "base/table.h"

enum { CERTIFICATE_DAYS = 14, SHOWN = 10 };

static void alarm_begin(FILE *to)
{
    fputs("<p class=\"alarm\" role=\"alert\">", to);
}

/* What the witness takes for a way past the gate: now (in its last sample) and since the start. */
static void put_unexplained(const struct admin_view *view, FILE *to)
{
    for (size_t i = 0; i < view->upstream_count; i++) {
        const struct admin_upstream *upstream = &view->upstreams[i];
        if (upstream->unexplained == 0)
            continue;
        alarm_begin(to);
        fputs("The witness at the upstream ", to);
        table_put_html(upstream->name, to);
        fprintf(to,
                " has seen sessions hold tables that nothing explains: %" PRIu64
                " since the start, %" PRIu64
                " now. Look for <code>unexplained</code> in the violation log.</p>\n",
                upstream->unexplained, upstream->unexplained_now);
    }
}

static void put_alarms(const struct admin_view *view, FILE *to)
{
    if (view->draining)
        fputs("<p class=\"alarm\" role=\"alert\">Shutting down: no new clients are taken.</p>\n",
              to);
    if (view->last_reload_refused)
        fputs("<p class=\"alarm\" role=\"alert\">The last reload was refused: proxy.ini has errors "
              "and is not what is in force.</p>\n",
              to);
    if (view->log.failing)
        fprintf(to,
                "<p class=\"alarm\" role=\"alert\">A violation log cannot be written: %" PRIu64
                " bytes are kept in memory, blocking goes on.</p>\n",
                view->log.backlog_bytes);
    if (view->log.lost > 0)
        fprintf(to,
                "<p class=\"alarm\" role=\"alert\">%" PRIu64 " violations have no record.</p>\n",
                view->log.lost);
    for (size_t i = 0; i < view->upstream_count; i++) {
        if (!view->upstreams[i].known || view->upstreams[i].up)
            continue;
        alarm_begin(to);
        fputs("Upstream ", to);
        table_put_html(view->upstreams[i].name, to);
        fputs(" is down.</p>\n", to);
    }
    put_unexplained(view, to);
    for (size_t i = 0; i < view->certificate_count; i++) {
        const struct admin_certificate *certificate = &view->certificates[i];
        if (certificate->days_left >= CERTIFICATE_DAYS)
            continue;
        alarm_begin(to);
        fputs("The certificate ", to);
        table_put_html(certificate->file, to);
        fprintf(to,
                certificate->days_left < 0 ? " has ended on %.10s.</p>\n" : " ends on %.10s.</p>\n",
                certificate->until);
    }
    if (page_instances_differ(view))
        fputs("<p class=\"alarm\" role=\"alert\">Instances before one upstream do not agree: their "
              "policies differ, or two have the same number.</p>\n",
              to);
    if (view->late > 0)
        fprintf(to,
                "<p class=\"alarm\" role=\"alert\">%u of %u workers are too busy to give their "
                "numbers: older ones are shown.</p>\n",
                view->late, view->workers);
}

static void put_tile(FILE *to, const char *what, uint64_t number)
{
    char shown[TABLE_NUMBER_SIZE];

    fprintf(to, "<li><b>%s</b>%s</li>", table_show_number(number, shown), what);
}

static void put_tiles(const struct page_request *request, FILE *to)
{
    const struct admin_view *view = request->view;
    const struct summary_edge *all = &view->summary->all;
    uint64_t judged = 0;
    size_t edges = 0, ready = 0, configured = 0;
    char shown[TABLE_NUMBER_SIZE];
    struct page_readiness *readiness = page_readiness(request);

    for (size_t i = 0; i < view->service_count; i++) {
        judged += page_judged(&view->services[i]);
        if (!view->services[i].configured)
            continue;
        configured++;
        ready += !page_is_held(&readiness[i]);
    }
    for (size_t i = 0; i < view->summary->edge_count; i++)
        edges += page_crossings(request, &view->summary->edges[i]) > 0;
    fputs("<ul class=\"tiles\" aria-label=\"In numbers\">", to);
    put_tile(to, "logged", summary_edge_logged(all, request->range, page_now(request)));
    put_tile(to, "blocked", summary_edge_blocked(all, request->range, page_now(request)));
    put_tile(to, "edges", edges);
    fprintf(to, "<li><b>%zu <small>of %zu</small></b>services can move</li>", ready, configured);
    put_tile(to, "sessions now", view->counters.sessions_open);
    fprintf(to, "<li><b>%s</b>judged since the start</li>", table_show_number(judged, shown));
    fprintf(to, "<li><b class=\"id\">%s</b>policy in force</li></ul>\n", policy_hash(view->policy));
    free(readiness);
}

static void put_upstream(const struct admin_view *view, size_t index, FILE *to)
{
    const struct admin_upstream *upstream = &view->upstreams[index];

    fputs("<td>", to);
    table_put_html(upstream->name, to);
    fputs(!upstream->known ? " (not looked at yet)"
          : upstream->up   ? ", up"
                           : " <span class=\"down\">down</span>",
          to);
    fputs("</td>", to);
}

static void put_name(const struct page_request *request, const struct admin_service *service,
                     FILE *to)
{
    page_put_service(request, service->name, to);
}

static void put_service(const struct page_request *request, const struct admin_service *service,
                        const struct page_readiness *readiness, FILE *to)
{
    const struct admin_view *view = request->view;
    int index = service->configured ? policy_service(view->policy, service->name) : SERVICE_NONE;
    const struct config_service *config =
        index == SERVICE_NONE ? NULL : &view->config->services[index];

    fputs("<tr><th scope=\"row\">", to);
    put_name(request, service, to);
    fputs("</th><td>", to);
    if (config)
        page_put_readiness(request, readiness, to);
    fputs("</td>", to);
    if (config) {
        const char *mode = page_mode(page_mode_of(view->config, config));
        fprintf(to, "<td><span class=\"%s\">%s</span></td>", mode, mode);
        page_number(to, service->sessions);
        page_words(to, config->database.value.at ? config->database.value
                                                 : TEXT("the one it asks for"));
        put_upstream(view, config->upstream_index, to);
    } else {
        fprintf(to, "<td colspan=\"4\">%s</td>",
                service->name.length > 0 ? "no longer in proxy.ini" : "judged by the defaults");
    }
    page_number(to, page_judged(service));
    page_number(to, page_done(service, VERDICT_LOG));
    page_number(to, page_done(service, VERDICT_BLOCK));
    fputs("</tr>\n", to);
}

static void put_reasons(const struct page_request *request, const struct admin_service *service,
                        const struct page_readiness *readiness, FILE *to)
{
    (void)readiness;
    fputs("<tr><th scope=\"row\">", to);
    put_name(request, service, to);
    fputs("</th>", to);
    page_number(to, page_judged(service));
    for (unsigned r = 0; r < REASON_COUNT; r++)
        page_number(to, service->statements[r][VERDICT_ALLOW] +
                            service->statements[r][VERDICT_LOG] +
                            service->statements[r][VERDICT_BLOCK]);
    fputs("</tr>\n", to);
}

static void put_move(const struct page_request *request, const struct admin_service *service,
                     const struct page_readiness *readiness, FILE *to)
{
    (void)readiness;
    if (service->unmapped + service->overlong == 0)
        return;
    fputs("<tr><th scope=\"row\">", to);
    put_name(request, service, to);
    fputs("</th>", to);
    page_number(to, service->unmapped);
    page_number(to, service->overlong);
    fputs("</tr>\n", to);
}

static bool keep_moves_back(const struct admin_view *view)
{
    for (size_t i = 0; view->config->move_count > 0 && i < view->service_count; i++) {
        if (view->services[i].unmapped + view->services[i].overlong > 0)
            return true;
    }
    return false;
}

/* The services that are in the configuration or have done something, and that match the search. */
static void put_each_service(const struct page_request *request, FILE *to,
                             void (*put)(const struct page_request *request,
                                         const struct admin_service *service,
                                         const struct page_readiness *readiness, FILE *to))
{
    const struct admin_view *view = request->view;
    struct page_readiness *readiness = page_readiness(request);

    for (size_t i = 0; i < view->service_count; i++) {
        const struct admin_service *service = &view->services[i];
        const struct text texts[] = {
            service->name, {NULL, 0}
        };
        if ((service->configured || page_judged(service) > 0) &&
            page_matches(request->search, texts))
            put(request, service, &readiness[i], to);
    }
    free(readiness);
}

static void put_services(const struct page_request *request, FILE *to)
{
    static const char *const services[] = {"service",  "its data", "mode",    "#sessions",
                                           "database", "upstream", "#judged", "#logged",
                                           "#blocked", NULL};
    static const char *const reasons[] = {"service", "#judged",
#define R(symbol, name) "#" name,
                                          VERDICT_REASONS(R)
#undef R
                                              NULL};
    static const char *const moves[] = {"service", "#statements that cannot be mapped",
                                        "#transactions longer than the hold", NULL};

    page_table(to, "services", "Services", services, false);
    put_each_service(request, to, put_service);
    page_table_end(to);
    if (keep_moves_back(request->view)) {
        page_table(to, "moves", "What keeps the moves of proxy.ini back", moves, false);
        put_each_service(request, to, put_move);
        page_table_end(to);
    } else if (request->view->config->move_count > 0)
        fputs("<section id=\"moves\"><h2>What keeps the moves of proxy.ini back</h2>\n"
              "<p class=\"none\">Nothing, since the start: each statement on their tables can be "
              "mapped, no transaction was longer than the shortest hold.</p></section>\n",
              to);
    fputs("<details><summary>All statements by reason, since the start</summary>", to);
    page_table(to, "reasons", "Statements by reason: each is exactly one of these", reasons, false);
    put_each_service(request, to, put_reasons);
    page_table_end(to);
    fputs("</details>\n", to);
}

/* Threads of services' accounts that were not opened by any silogate. */
static void put_past(const struct admin_upstream *upstream, FILE *to)
{
    if (!upstream->threads_told)
        fputs("<td><small>not known</small></td>", to);
    else if (upstream->threads_past == 0)
        fputs("<td>nobody</td>", to);
    else
        fprintf(to, "<td><b class=\"stays\">%" PRIu64 " thread%s</b></td>", upstream->threads_past,
                upstream->threads_past == 1 ? "" : "s");
}

static void put_upstreams(const struct admin_view *view, FILE *to)
{
    static const char *const upstreams[] = {"upstream", "health",    "#sessions", "past silogate",
                                            "version",  "addresses", NULL};
    static const char *const certificates[] = {"certificate", "shown to", "until", "#days left",
                                               NULL};

    page_table(to, "upstreams", "Upstreams", upstreams, false);
    for (size_t i = 0; i < view->upstream_count; i++) {
        const struct admin_upstream *upstream = &view->upstreams[i];
        const struct config_addresses *addresses = &view->config->upstreams[i].addresses;
        fputs("<tr><th scope=\"row\">", to);
        table_put_html(upstream->name, to);
        fprintf(to, "</th><td>%s</td>",
                !upstream->known ? "not looked at yet"
                : upstream->up   ? "up"
                                 : "<span class=\"down\">down</span>");
        page_number(to, upstream->sessions);
        put_past(upstream, to);
        page_words(to, text_of(page_version(upstream->version)));
        fputs("<td>", to);
        for (size_t a = 0; a < addresses->count; a++) {
            fputs(a > 0 ? ", " : "", to);
            table_put_html(addresses->items[a].written, to);
        }
        fputs("</td></tr>\n", to);
    }
    page_table_end(to);
    if (view->certificate_count == 0)
        return;
    page_table(to, "certificates", "Certificates", certificates, false);
    for (size_t i = 0; i < view->certificate_count; i++) {
        const struct admin_certificate *certificate = &view->certificates[i];
        fputs("<tr>", to);
        page_words(to, certificate->file);
        page_words(to, certificate->upstream.length > 0 ? certificate->upstream : TEXT("clients"));
        fprintf(to, "<td>%s</td><td class=\"n\">%d</td></tr>\n", certificate->until,
                certificate->days_left);
    }
    page_table_end(to);
}

static void put_queries(const struct page_request *request, const char *sort, FILE *to)
{
    struct page_request sorted = *request;

    sorted.sort = text_of(sort);
    struct page_selection selection = page_select(&sorted);
    bool latest = strcmp(sort, "last") == 0;
    page_put_queries(&sorted, &selection, 0, SHOWN, latest ? "latest" : "busiest",
                     latest ? "The latest violating queries" : "The busiest violating queries",
                     &(struct page_link){0}, to);
    if (selection.count > SHOWN) {
        fputs("<p><a href=\"", to);
        page_put_link(to, &(struct page_link){.path = "/queries",
                                              .search = request->search,
                                              .sort = text_of(sort),
                                              .range = request->range});
        fprintf(to, "\">All %zu, %s first</a></p>\n", selection.count,
                latest ? "the latest" : "the busiest");
    }
    free(selection.items);
}

void page_dashboard(const struct page_request *request, FILE *to)
{
    page_begin(request, "/", "overview", to);
    fputs("<h1>What crosses between services</h1>\n", to);
    put_alarms(request->view, to);
    page_put_ranges(
        request,
        &(struct page_link){.path = "/", .search = request->search, .range = request->range}, to);
    put_tiles(request, to);
    if (request->search.length > 0) {
        fputs("<p>Services and queries that hold <b>", to);
        table_put_html(request->search, to);
        fputs("</b>; <a href=\"/\">show all</a>.</p>\n", to);
    } else {
        page_put_matrix(request, to);
        page_put_trend(request, to);
    }
    put_queries(request, "count", to);
    put_queries(request, "last", to);
    put_services(request, to);
    put_upstreams(request->view, to);
    page_put_instances(request->view, to);
    page_end(to);
}
