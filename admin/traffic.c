/* Traffic, for /metrics: bytes on both legs, failed TLS handshakes, and how long the upstreams take
 * for each service's commands.
 */
#include <inttypes.h>

#include "admin/page.h"
#include "admin/samples.h"

static const char *const legs[COUNTERS_LEGS] = {"client", "upstream"};

static void put_bytes(const struct counters *counters, FILE *to)
{
    sample_head(to, "transferred_bytes_total", "counter",
                "Bytes of both legs, as they are without TLS and compression: received from it, or "
                "sent to it. Without the handshakes of TLS.");
    for (unsigned leg = 0; leg < COUNTERS_LEGS; leg++)
        fprintf(to,
                "silogate_transferred_bytes_total{leg=\"%s\",direction=\"received\"} %" PRIu64 "\n"
                "silogate_transferred_bytes_total{leg=\"%s\",direction=\"sent\"} %" PRIu64 "\n",
                legs[leg], counters->received[leg], legs[leg], counters->sent[leg]);
}

static void put_tls_failures(const struct page_request *request, FILE *to)
{
    sample_head(to, "tls_failures_total", "counter", "TLS handshakes that failed, by why.");
    for (unsigned leg = 0; leg < COUNTERS_LEGS; leg++) {
        for (unsigned i = 0; i < COUNTERS_TLS_FAILURES; i++) {
            const char *reason = request->source->tls_failure(i);
            if (reason)
                fprintf(to, "silogate_tls_failures_total{leg=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
                        legs[leg], reason, request->view->counters.tls_failures[leg][i]);
        }
    }
}

static void put_latency(const struct admin_service *service, FILE *to)
{
    static const char name[] = "silogate_upstream_latency_seconds";
    uint64_t so_far = 0, bound = COUNTERS_LATENCY_LEAST;

    for (unsigned i = 0; i < COUNTERS_LATENCIES; i++, bound *= 2) {
        so_far += service->latencies[i];
        fprintf(to, "%s_bucket", name);
        sample_label(to, "{", "service", service->name);
        fprintf(to, ",le=\"%g\"} %" PRIu64 "\n", (double)bound / 1e6, so_far);
    }
    so_far += service->latencies[COUNTERS_LATENCIES];
    fprintf(to, "%s_bucket", name);
    sample_label(to, "{", "service", service->name);
    fprintf(to, ",le=\"+Inf\"} %" PRIu64 "\n%s_sum", so_far, name);
    sample_label(to, "{", "service", service->name);
    fprintf(to, "} %.6f\n%s_count", service->latency_sum, name);
    sample_label(to, "{", "service", service->name);
    fprintf(to, "} %" PRIu64 "\n", so_far);
}

/* What would prevent moves; counted also before a move begins. */
static void put_moves(const struct admin_view *view, FILE *to)
{
    sample_head(to, "moves_unmapped_total", "counter",
                "Statements on tables of moves in which the name cannot be mapped, by service.");
    for (size_t s = 0; s < view->service_count; s++) {
        sample_label(to, "silogate_moves_unmapped_total{", "service", view->services[s].name);
        fprintf(to, "} %" PRIu64 "\n", view->services[s].unmapped);
    }
    sample_head(to, "moves_overlong_total", "counter",
                "Transactions on tables of moves that were longer than the shortest hold, by "
                "service; they count when they are over.");
    for (size_t s = 0; s < view->service_count; s++) {
        sample_label(to, "silogate_moves_overlong_total{", "service", view->services[s].name);
        fprintf(to, "} %" PRIu64 "\n", view->services[s].overlong);
    }
}

void samples_put_traffic(const struct page_request *request, FILE *to)
{
    const struct admin_view *view = request->view;

    put_bytes(&view->counters, to);
    put_tls_failures(request, to);
    sample_head(to, "upstream_latency_seconds", "histogram",
                "From when a command is forwarded to when its answer is complete, by service; as "
                "precise as a turn of the worker's loop.");
    for (size_t s = 0; s < view->service_count; s++)
        put_latency(&view->services[s], to);
    put_moves(view, to);
}
