/* `/api/...`: what the dashboard shows, as JSON. Fields have the names and values of the metrics
 * and of the violation records. Adding a field is allowed, changing one is not.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "admin/control_json.h"
#include "admin/page.h"

enum { QUERIES = 100 }; /* if the request has no limit */

static void put_services(const struct admin_view *view, FILE *to)
{
    fputs("[", to);
    for (size_t i = 0; i < view->service_count; i++) {
        const struct admin_service *service = &view->services[i];
        int index = service->configured ? policy_service(view->policy, service->name) : -1;
        const struct config_service *config = index < 0 ? NULL : &view->config->services[index];

        fputs(i > 0 ? ",\n{\"service\":" : "\n{\"service\":", to);
        page_json(to, service->name.length > 0 ? service->name : (struct text){0});
        fprintf(to, ",\"configured\":%s,\"mode\":", config ? "true" : "false");
        page_json(to, text_of(config ? page_mode(page_mode_of(view->config, config)) : NULL));
        fputs(",\"database\":", to);
        page_json(to, config ? config->database.value : (struct text){0});
        fputs(",\"upstream\":", to);
        page_json(to,
                  config ? view->config->upstreams[config->upstream_index].name : (struct text){0});
        fprintf(to, ",\"sessions\":%" PRIu64 ",\"judged\":%" PRIu64 ",\"statements\":{",
                service->sessions, page_judged(service));
        for (unsigned r = 0; r < REASON_COUNT; r++) {
            const uint64_t *by = service->statements[r];
            fprintf(to,
                    "%s\"%s\":{\"allow\":%" PRIu64 ",\"log\":%" PRIu64 ",\"block\":%" PRIu64 "}",
                    r > 0 ? "," : "", verdict_reason_name((enum verdict_reason)r),
                    by[VERDICT_ALLOW], by[VERDICT_LOG], by[VERDICT_BLOCK]);
        }
        fputs("}}", to);
    }
    fputs("]", to);
}

static void put_seconds(FILE *to, const char *name, int64_t microseconds)
{
    fprintf(to, ",\"%s\":%.6f", name, (double)microseconds / 1e6);
}

struct edges {
    const struct page_request *request;
    FILE *to;
    bool first;
};

/* An edge that has crossings in a catalogue, but no statement. */
static void put_catalogue_edge(void *user, const struct crossing *one, uint64_t count)
{
    struct edges *edges = user;
    const struct summary *summary = edges->request->view->summary;

    for (size_t i = 0; i < summary->edge_count; i++) {
        if (page_crossings(edges->request, &summary->edges[i]) > 0 &&
            text_equal(text_of(summary->edges[i].service), one->service) &&
            text_equal(text_of(summary->edges[i].owner), one->owner))
            return;
    }
    fputs(edges->first ? "\n{\"service\":" : ",\n{\"service\":", edges->to);
    page_json(edges->to, one->service.length > 0 ? one->service : (struct text){0});
    fputs(",\"owner\":", edges->to);
    page_json(edges->to, one->owner);
    fprintf(edges->to,
            ",\"allow\":0,\"log\":0,\"block\":0,\"first\":null,\"last\":null,\"catalogue\":%" PRIu64
            "}",
            count);
    edges->first = false;
}

/* The edges in the requested range. "allow" (mode off) is counted only since the start. */
static void put_matrix(const struct page_request *request, FILE *to)
{
    const struct summary *summary = request->view->summary;
    bool first = true;

    fputs("[", to);
    for (size_t i = 0; i < summary->edge_count; i++) {
        const struct summary_edge *edge = &summary->edges[i];
        if (page_crossings(request, edge) == 0)
            continue;
        fputs(first ? "\n{\"service\":" : ",\n{\"service\":", to);
        page_json(to, edge->service[0] ? text_of(edge->service) : (struct text){0});
        fputs(",\"owner\":", to);
        page_json(to, text_of(edge->owner));
        fprintf(to, ",\"allow\":%" PRIu64 ",\"log\":%" PRIu64 ",\"block\":%" PRIu64,
                request->range == SUMMARY_START ? edge->allowed : 0,
                summary_edge_logged(edge, request->range, page_now(request)),
                summary_edge_blocked(edge, request->range, page_now(request)));
        put_seconds(to, "first", edge->first);
        put_seconds(to, "last", edge->last);
        fprintf(to, ",\"catalogue\":%" PRIu64 "}",
                page_catalogue_count(request->view, text_of(edge->service), text_of(edge->owner)));
        first = false;
    }
    struct edges edges = {.request = request, .to = to, .first = first};
    page_catalogue_edges(request->view, put_catalogue_edge, &edges);
    fputs("]", to);
}

static void put_upstreams(const struct admin_view *view, FILE *to)
{
    fputs("[", to);
    for (size_t i = 0; i < view->upstream_count; i++) {
        const struct admin_upstream *upstream = &view->upstreams[i];
        fputs(i > 0 ? ",\n{\"upstream\":" : "\n{\"upstream\":", to);
        page_json(to, upstream->name);
        fprintf(to, ",\"up\":%s,\"sessions\":%" PRIu64 ",\"version\":",
                !upstream->known ? "null"
                : upstream->up   ? "true"
                                 : "false",
                upstream->sessions);
        page_json(to, upstream->version[0] ? text_of(upstream->version) : (struct text){0});
        fputs("}", to);
    }
    fputs("]", to);
}

static void put_field(FILE *to, const char *name, const char *value)
{
    fprintf(to, ",\"%s\":", name);
    page_json(to, value[0] ? text_of(value) : (struct text){0});
}

static void put_objects(const struct summary_query *query, FILE *to)
{
    const char *lines = query->objects, *before = "";
    struct page_object object;

    fputs(",\"objects\":[", to);
    while (page_next_object(&lines, &object)) {
        fprintf(to, "%s{\"schema\":", before);
        page_json(to, object.schema.length > 0 ? object.schema : (struct text){0});
        fputs(",\"name\":", to);
        page_json(to, object.name);
        fputs(",\"type\":", to);
        page_json(to, object.type);
        fputs(",\"access\":", to);
        page_json(to, object.access);
        fputs(",\"owner\":", to);
        page_json(to, object.owner);
        fputs("}", to);
        before = ",";
    }
    fputs("]", to);
}

static void put_query(const struct page_request *request, const struct summary_query *query,
                      FILE *to)
{
    const struct summary *summary = request->view->summary;

    fprintf(to,
            "\n{\"count\":%" PRIu64 ",\"action\":\"%s\",\"reason\":\"%s\",\"id\":\"%016" PRIx64
            "\",\"digest\":\"%016" PRIx64 "\"",
            page_count(request, query), query->blocked ? "blocked" : "logged",
            verdict_reason_name((enum verdict_reason)query->reason), query->id, query->digest);
    put_seconds(to, "first", query->first);
    put_seconds(to, "last", query->last);
    put_field(to, "service", query->service);
    put_field(to, "owner", query->owner);
    fputs(",\"edges\":[", to);
    for (unsigned i = 0; i < query->edge_count; i++) {
        fputs(i > 0 ? "," : "", to);
        page_json(to, text_of(summary->edges[query->edges[i]].owner));
    }
    fputs("]", to);
    put_field(to, "user", query->user);
    put_field(to, "database", query->database);
    put_field(to, "kind", query->kind);
    put_field(to, "object", query->object);
    put_objects(query, to);
    page_put_causes(request->view, query, to);
    put_field(to, "rule", query->rule);
    bool known = query->line > 0 && page_in_force(request, query);
    struct config_place place =
        config_place(&request->view->config->files, known ? query->line : 0);
    fputs(",\"file\":", to);
    page_json(to, known ? text_of(place.file) : (struct text){0});
    fprintf(to, ",\"line\":%u", known ? place.line : 0);
    put_field(to, "policy", query->policy);
    put_field(to, "app", query->callers[0]);
    fputs(",\"callers\":[", to);
    for (unsigned i = 0; i < query->caller_count; i++) {
        fputs(i > 0 ? "," : "", to);
        page_json(to, text_of(query->callers[i]));
    }
    fprintf(to, "],\"more_callers\":%s", query->more_callers ? "true" : "false");
    put_field(to, "statement", query->statement);
    fputs("}", to);
}

static void put_queries(const struct page_request *request, bool latest, FILE *to)
{
    struct page_request sorted = *request;

    if (latest)
        sorted.sort = TEXT("last");
    struct page_selection selection = page_select(&sorted);
    size_t limit = request->limit > 0 ? request->limit : QUERIES;
    fputs("[", to);
    for (size_t i = request->offset; i < selection.count && i < request->offset + limit; i++) {
        fputs(i > request->offset ? "," : "", to);
        put_query(request, selection.items[i], to);
    }
    fputs("]", to);
    free(selection.items);
}

void page_api_services(const struct page_request *request, FILE *to)
{
    put_services(request->view, to);
    fputs("\n", to);
}

void page_api_matrix(const struct page_request *request, FILE *to)
{
    put_matrix(request, to);
    fputs("\n", to);
}

void page_api_upstreams(const struct page_request *request, FILE *to)
{
    put_upstreams(request->view, to);
    fputs("\n", to);
}

void page_api_queries(const struct page_request *request, FILE *to)
{
    put_queries(request, false, to);
    fputs("\n", to);
}

void page_api_violations(const struct page_request *request, FILE *to)
{
    put_queries(request, true, to);
    fputs("\n", to);
}

struct rules {
    const struct config *config;
    FILE *to;
    size_t count;
};

static void put_rule(void *context, unsigned line, struct text section, const char *key,
                     struct text value)
{
    struct rules *rules = context;

    struct config_place place = config_place(&rules->config->files, line);

    fprintf(rules->to, "%s\n{\"file\":", rules->count++ > 0 ? "," : "");
    page_json(rules->to, line ? text_of(place.file) : (struct text){0});
    fprintf(rules->to, ",\"line\":%u,\"section\":", place.line);
    page_json(rules->to, section);
    fprintf(rules->to, ",\"key\":\"%s\",\"value\":", key);
    page_json(rules->to, value);
    fputs("}", rules->to);
}

void page_api_policy(const struct page_request *request, FILE *to)
{
    struct rules rules = {.config = request->view->config, .to = to};

    fprintf(to, "{\"hash\":\"%s\",\"file\":", policy_hash(request->view->policy));
    page_json(to, request->view->config->path);
    fputs(",\"overrides\":[", to);
    for (size_t i = 0; i < request->view->override_count; i++) {
        fputs(i > 0 ? ",\n" : "\n", to);
        control_put_override(to, &request->view->overrides[i], NULL);
    }
    fputs("],\"rules\":[", to);
    page_rules(request->view->config, put_rule, &rules);
    fputs("]}\n", to);
}

void page_api(const struct page_request *request, FILE *to)
{
    const struct admin_view *view = request->view;
    const struct counters *counters = &view->counters;

    fprintf(to,
            "{\"version\":\"%s\",\"policy\":\"%s\",\"draining\":%s,\"reload_failed\":%s,\n"
            "\"sessions_open\":%" PRIu64 ",\"sessions_accepted\":%" PRIu64 ",\"forwarded\":%" PRIu64
            ",\"refused\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\n\"violations\":%" PRIu64 ",\"log_failing\":%s,\"log_backlog_bytes\":%" PRIu64
            ",\"log_lost\":%" PRIu64 ",\n\"services\":",
            SILOGATE_VERSION, policy_hash(view->policy), view->draining ? "true" : "false",
            view->last_reload_refused ? "true" : "false", counters->sessions_open,
            counters->sessions_accepted, counters->forwarded, counters->refused, counters->answered,
            counters->failed, view->log.added, view->log.failing ? "true" : "false",
            view->log.backlog_bytes, view->log.lost);
    put_services(view, to);
    fputs(",\n\"matrix\":", to);
    put_matrix(request, to);
    fputs(",\n\"upstreams\":", to);
    put_upstreams(view, to);
    fputs(",\n\"queries\":", to);
    put_queries(request, false, to);
    fputs(",\n\"violations_latest\":", to);
    put_queries(request, true, to);
    fputs("}\n", to);
}
