/* `/`: what is alarming, what crosses, who is connected, which queries violate. Reads the view
 * alone; statements come without values.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "base/arena.h"
#include "base/table.h"

enum { SHADES = 6, CERTIFICATE_DAYS = 14 };

static void alarm_begin(FILE *to)
{
    fputs("<p class=\"alarm\" role=\"alert\">", to);
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
                view->log.owed_bytes);
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

static void put_tiles(const struct admin_view *view, FILE *to)
{
    uint64_t done[COUNTERS_ACTIONS] = {0};

    for (size_t i = 0; i < view->service_count; i++) {
        for (unsigned a = 0; a < COUNTERS_ACTIONS; a++)
            done[a] += page_done(&view->services[i], (enum verdict_action)a);
    }
    fputs("<ul class=\"tiles\" aria-label=\"Since the start\">", to);
    put_tile(to, "sessions", view->counters.sessions_open);
    put_tile(to, "statements judged",
             done[VERDICT_ALLOW] + done[VERDICT_LOG] + done[VERDICT_BLOCK]);
    put_tile(to, "logged", done[VERDICT_LOG]);
    put_tile(to, "blocked", done[VERDICT_BLOCK]);
    put_tile(to, "commands forwarded", view->counters.forwarded);
    fprintf(to, "<li><b>%s</b>policy in force</li><li><b>%s</b>version</li></ul>\n",
            policy_hash(view->policy), SILOGATE_VERSION);
    fputs("<p class=\"quiet\">Numbers count from the start of this process. "
          "<a href=\"/?refresh=5\">Refresh every 5 seconds</a> &middot; <a href=\"/\">stop</a> "
          "&middot; as JSON: <a href=\"/api/\">/api/</a></p>\n",
          to);
}

static uint64_t crossings(const struct admin_edge *edge)
{
    return edge->statements[VERDICT_ALLOW] + edge->statements[VERDICT_LOG] +
           edge->statements[VERDICT_BLOCK];
}

static const struct admin_edge *edge_of(const struct admin_view *view, uint32_t service,
                                        uint32_t owner)
{
    for (size_t i = 0; i < view->edge_count; i++) {
        if (view->edges[i].service == service && view->edges[i].owner == owner)
            return &view->edges[i];
    }
    return NULL;
}

/* Each doubling of digits a shade: by the order of magnitude. */
static int shade_of(uint64_t number)
{
    int shade = 0;

    for (; number > 0 && shade < SHADES - 1; number /= 10)
        shade++;
    return shade;
}

static void put_name(const struct admin_view *view, uint32_t service, FILE *to)
{
    if (service == ADMIN_OTHERS)
        fputs("(others)", to);
    else if (view->services[service].name.length == 0)
        fputs("(no service)", to);
    else
        table_put_html(view->services[service].name, to);
}

static void put_cell(const struct admin_view *view, uint32_t service, uint32_t owner, FILE *to)
{
    const struct admin_edge *edge = edge_of(view, service, owner);
    char shown[TABLE_NUMBER_SIZE];

    if (!edge) {
        fputs(service == owner ? "<td class=\"self\"><span>own</span></td>"
                               : "<td class=\"s0\"><span>0</span></td>",
              to);
        return;
    }
    fprintf(to, "<td class=\"s%d\"><a href=\"/?q=", shade_of(crossings(edge)));
    put_name(view, service, to);
    fputs("+%3E+", to);
    put_name(view, owner, to);
    fprintf(to, "#busiest\">%s", table_show_number(crossings(edge), shown));
    if (edge->statements[VERDICT_BLOCK] > 0)
        fprintf(to, "<br><small>%s blocked</small>",
                table_show_number(edge->statements[VERDICT_BLOCK], shown));
    if (edge->statements[VERDICT_ALLOW] > 0)
        fprintf(to, "<br><small>%s in mode off</small>",
                table_show_number(edge->statements[VERDICT_ALLOW], shown));
    fputs("</a></td>", to);
}

/* Which services have edges as users, and which as owners; the last place is for the others. */
static void mark_used(const struct admin_view *view, bool *users, bool *owners)
{
    for (size_t i = 0; i < view->edge_count; i++) {
        const struct admin_edge *edge = &view->edges[i];
        users[edge->service] = true;
        owners[edge->owner == ADMIN_OTHERS ? view->service_count : edge->owner] = true;
    }
}

static void put_matrix(const struct admin_view *view, FILE *to)
{
    bool *users = memory_take_zeroed(view->service_count + 1);
    bool *owners = memory_take_zeroed(view->service_count + 1);

    fputs("<section id=\"matrix\" aria-labelledby=\"matrix-title\"><h2 id=\"matrix-title\">Who "
          "reaches into whose silo</h2>\n",
          to);
    if (view->edge_count == 0)
        fputs("<p>Nobody has, since the start.</p>\n", to);
    mark_used(view, users, owners);
    if (view->edge_count > 0) {
        fputs("<p class=\"quiet\">Rows use, columns own. The stronger the shade, the more: each is "
              "ten times the one before. A number leads to its queries.</p><div class=\"wide\" "
              "tabindex=\"0\" role=\"region\" aria-labelledby=\"matrix-title\"><table "
              "class=\"heat\"><thead><tr><th scope=\"col\">uses \\ owns</th>",
              to);
        for (uint32_t o = 0; o <= view->service_count; o++) {
            if (!owners[o])
                continue;
            fputs("<th scope=\"col\">", to);
            put_name(view, o == view->service_count ? ADMIN_OTHERS : o, to);
            fputs("</th>", to);
        }
        fputs("</tr></thead><tbody>\n", to);
    }
    for (uint32_t u = 0; u < view->service_count; u++) {
        if (!users[u])
            continue;
        fputs("<tr><th scope=\"row\">", to);
        put_name(view, u, to);
        fputs("</th>", to);
        for (uint32_t o = 0; o <= view->service_count; o++) {
            if (owners[o])
                put_cell(view, u, o == view->service_count ? ADMIN_OTHERS : o, to);
        }
        fputs("</tr>\n", to);
    }
    fputs(view->edge_count > 0 ? "</tbody></table></div></section>\n" : "</section>\n", to);
    free(users);
    free(owners);
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

static void put_service(const struct admin_view *view, const struct admin_service *service,
                        FILE *to)
{
    int index = service->configured ? policy_service(view->policy, service->name) : SERVICE_NONE;
    const struct config_service *config =
        index == SERVICE_NONE ? NULL : &view->config->services[index];

    fputs("<tr><th scope=\"row\">", to);
    put_name(view, (uint32_t)(service - view->services), to);
    fputs("</th>", to);
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

static void put_reasons(const struct admin_view *view, const struct admin_service *service,
                        FILE *to)
{
    fputs("<tr><th scope=\"row\">", to);
    put_name(view, (uint32_t)(service - view->services), to);
    fputs("</th>", to);
    page_number(to, page_judged(service));
    for (unsigned r = 0; r < REASON_COUNT; r++)
        page_number(to, service->statements[r][VERDICT_ALLOW] +
                            service->statements[r][VERDICT_LOG] +
                            service->statements[r][VERDICT_BLOCK]);
    fputs("</tr>\n", to);
}

/* Those that are in the configuration or have done something, as far as they are searched for. */
static void put_each_service(const struct page_request *request, FILE *to,
                             void (*put)(const struct admin_view *view,
                                         const struct admin_service *service, FILE *to))
{
    const struct admin_view *view = request->view;

    for (size_t i = 0; i < view->service_count; i++) {
        const struct admin_service *service = &view->services[i];
        const struct text texts[] = {
            service->name, {NULL, 0}
        };
        if ((service->configured || page_judged(service) > 0) &&
            page_matches(request->search, texts))
            put(view, service, to);
    }
}

static void put_services(const struct page_request *request, FILE *to)
{
    static const char *const services[] = {"service",  "mode",     "#sessions",
                                           "database", "upstream", "#judged",
                                           "#logged",  "#blocked", NULL};
    static const char *const reasons[] = {"service", "#judged",
#define R(symbol, name) "#" name,
                                          VERDICT_REASONS(R)
#undef R
                                              NULL};

    page_table(to, "services", "Services", services, false);
    put_each_service(request, to, put_service);
    page_table_end(to);
    page_table(to, "reasons", "Statements by reason: each is exactly one of these", reasons, false);
    put_each_service(request, to, put_reasons);
    page_table_end(to);
}

static void put_upstreams(const struct admin_view *view, FILE *to)
{
    static const char *const upstreams[] = {"upstream", "health",    "#sessions",
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
        page_words(to, text_of(upstream->version));
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

static void put_labelled(FILE *to, const char *label, const char *words)
{
    fprintf(to, "<td data-label=\"%s\">", label);
    table_put_html(text_of(words), to);
    fputs("</td>", to);
}

static void put_query(const struct admin_view *view, const struct violations_seen *query, FILE *to)
{
    fputs("<tr>", to);
    page_number(to, query->count);
    fprintf(to, "<td><span class=\"%s\">%s</span></td>", query->blocked ? "block" : "log",
            query->blocked ? "blocked" : "logged");
    page_words(to, text_of(verdict_reason_name((enum verdict_reason)query->reason)));
    put_labelled(to, "service", query->service[0] ? query->service : "(no service)");
    put_labelled(to, "owner", query->owner[0] ? query->owner : "nobody");
    put_labelled(to, "object", query->object);
    fputs("<td class=\"statement\"><code>", to);
    table_put_html(query->statement[0] ? text_of(query->statement) : text_of(query->kind), to);
    fputs("</code>", to);
    if (query->app[0]) {
        fputs("<small>from ", to);
        table_put_html(text_of(query->app), to);
        fputs("</small>", to);
    }
    fputs("</td>", to);
    page_ago(to, query->last, view->now);
    fprintf(to, "<td data-label=\"digest\"><code class=\"id\">%016" PRIx64 "</code></td></tr>\n",
            query->digest);
}

static bool query_matches(const struct page_request *request, const struct violations_seen *query)
{
    char edge[sizeof(query->service) + sizeof(query->owner) + 4], digest[17], id[17];

    snprintf(edge, sizeof(edge), "%s > %s", query->service, query->owner);
    snprintf(digest, sizeof(digest), "%016" PRIx64, query->digest);
    snprintf(id, sizeof(id), "%016" PRIx64, query->id);
    const struct text texts[] = {
        text_of(edge),
        text_of(query->object),
        text_of(query->statement),
        text_of(query->app),
        text_of(query->user),
        text_of(digest),
        text_of(id),
        text_of(verdict_reason_name((enum verdict_reason)query->reason)),
        text_of(query->blocked ? "blocked" : "logged"),
        {NULL, 0}
    };
    return page_matches(request->search, texts);
}

static void put_queries(const struct page_request *request, bool latest, FILE *to)
{
    static const char *const headings[] = {
        "#count", "action", "reason", "service", "owner", "object", "statement, without values",
        "last",   "digest", NULL};
    size_t count, shown = 0;
    struct violations_seen *queries = page_queries(request->view, latest, &count);

    page_table(to, latest ? "latest" : "busiest",
               latest ? "The last hundred violating queries" : "The busiest violating queries",
               headings, true);
    for (size_t i = 0; i < count && (latest || shown < 20); i++) {
        if (!query_matches(request, &queries[i]))
            continue;
        put_query(request->view, &queries[i], to);
        shown++;
    }
    if (shown == 0)
        fprintf(to, "<tr><td colspan=\"9\">%s</td></tr>\n",
                request->search.length > 0 ? "None that matches the search."
                                           : "None since the start.");
    page_table_end(to);
    free(queries);
}

void page_dashboard(const struct page_request *request, FILE *to)
{
    page_begin(request, "/", "overview", to);
    put_alarms(request->view, to);
    put_tiles(request->view, to);
    if (request->search.length > 0) {
        fputs("<p>Services and queries that hold <b>", to);
        table_put_html(request->search, to);
        fputs("</b>; <a href=\"/\">show all</a>.</p>\n", to);
    }
    put_matrix(request->view, to);
    put_services(request, to);
    put_upstreams(request->view, to);
    put_queries(request, false, to);
    put_queries(request, true, to);
    page_end(to);
}
