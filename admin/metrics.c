/* /metrics in Prometheus' text format. Label values come from the configuration and from silogate's
 * own tables, never from what a client sends, so that the number of series is bounded.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "admin/samples.h"
#include "admin/totals.h"

static uint64_t tls_failed(const struct counters *counters, enum counters_leg leg)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < COUNTERS_TLS_FAILURES; i++)
        sum += counters->tls_failures[leg][i];
    return sum;
}

static void put_sessions(const struct admin_view *view, FILE *to)
{
    static const char *const doings[] = {
#define X(name, word) word,
        COUNTERS_DOINGS(X)
#undef X
    };
    const struct counters *counters = &view->counters;
    const struct sample logins[] = {
        {"accepted", counters->logins       },
        {"denied",   counters->logins_denied},
    };
    const struct sample handshakes[] = {
        {"full",                 counters->tls_handshakes - counters->tls_resumed},
        {        "resumed", counters->tls_resumed                                                },
        { "failed",      tls_failed(counters,                                                      COUNTERS_CLIENT)},
    };

    sample_one(to, "sessions_open", "gauge", "Client connections that are open.",
               counters->sessions_open);
    sample_head(to, "sessions", "gauge", "Client connections that are open, by what they do.");
    for (unsigned i = 0; i < COUNTERS_DOING_COUNT; i++)
        fprintf(to, "silogate_sessions{state=\"%s\"} %" PRIu64 "\n", doings[i], counters->doing[i]);
    sample_one(to, "sessions_accepted_total", "counter", "Client connections that were accepted.",
               counters->sessions_accepted);
    sample_family(to, "logins_total", "counter", "result",
                  "Logins and COM_CHANGE_USER that the server accepted or denied.", logins,
                  COUNT_OF(logins));
    sample_family(to, "tls_handshakes_total", "counter", "result", "TLS handshakes with clients.",
                  handshakes, COUNT_OF(handshakes));
    sample_one(to, "upstream_tls_failed_total", "counter",
               "TLS handshakes with upstreams that failed.",
               tls_failed(counters, COUNTERS_UPSTREAM));
}

static void put_closed(const struct page_request *request, FILE *to)
{
    sample_head(to, "sessions_closed_total", "counter", "Sessions that ended, by why.");
    for (unsigned i = 0; i < COUNTERS_CLOSE_REASONS; i++) {
        const char *name = request->source->close_reason(i);
        if (name)
            fprintf(to, "silogate_sessions_closed_total{reason=\"%s\"} %" PRIu64 "\n", name,
                    request->view->counters.closed[i]);
    }
}

static void put_commands(const struct admin_view *view, FILE *to)
{
    const struct counters *counters = &view->counters;
    const struct sample commands[] = {
        {"forwarded", counters->forwarded},
        {"refused",   counters->refused  },
    };
    const struct sample answers[] = {
        {"complete", counters->answered},
        {"failed",   counters->failed  },
    };

    sample_family(to, "commands_total", "counter", "outcome",
                  "Commands of clients: forwarded to the upstream, or refused by silogate.",
                  commands, COUNT_OF(commands));
    sample_family(to, "answers_total", "counter", "outcome",
                  "Forwarded commands that are over: with a complete answer, or with the session.",
                  answers, COUNT_OF(answers));
    sample_one(to, "commands_unjudged_total", "counter",
               "Forwarded commands of users without a service (unknown_user = pass).",
               counters->unjudged);
    sample_one(to, "questions_total", "counter",
               "Questions of silogate's own to a server, to know how a session's statements read.",
               counters->asked);
    sample_one(
        to, "logins_abandoned_total", "counter",
        "Logins that their clients gave up and that were brought to their end for the server.",
        counters->abandoned);
    sample_one(to, "commands_held_total", "counter",
               "Times that a command waited for the end of `silogate ctl hold`.", counters->held);
    sample_one(to, "statements_renewed_total", "counter",
               "Prepared statements that were prepared anew where their tables stand now.",
               counters->renewed);
    sample_one(to, "kills_sought_total", "counter",
               "Commands whose KILL named no session here: it was looked for among those of other "
               "instances.",
               counters->sought);
    sample_one(to, "commands_resent_total", "counter",
               "Commands that were sent once more because their table had moved unseen.",
               counters->resent);
    sample_one(to, "violation_log_waits_total", "counter",
               "Times that a session waited for room in the violation log.", counters->log_waits);
}

static void put_delays(const struct admin_view *view, FILE *to)
{
    uint64_t so_far = 0, bound = COUNTERS_DELAY_LEAST;

    sample_head(
        to, "command_added_seconds", "histogram",
        "Time that silogate adds to a command on its way to the upstream: from when its loop sees "
        "it to when it is written. One command in 64 is measured.");
    for (unsigned i = 0; i < COUNTERS_DELAYS; i++, bound *= 2) {
        so_far += view->counters.delays[i];
        fprintf(to, "silogate_command_added_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
                (double)bound / 1e6, so_far);
    }
    so_far += view->counters.delays[COUNTERS_DELAYS];
    fprintf(to,
            "silogate_command_added_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
            "silogate_command_added_seconds_sum %.9f\n"
            "silogate_command_added_seconds_count %" PRIu64 "\n",
            so_far, view->counters.delay_sum, so_far);
}

/* Can statements have this reason with this action? A reason that is always allowed has one series;
 * every other reason has one for each action, also while it is 0, because an alert needs a series
 * that exists before its first count. */
static bool is_possible(unsigned reason, unsigned action)
{
    return action == VERDICT_ALLOW ||
           (reason != REASON_OWN && reason != REASON_GRANTED && reason != REASON_SESSION);
}

static void put_statements(const struct admin_view *view, FILE *to)
{
    sample_head(to, "statements_total", "counter",
                "Statements that were judged, by service, reason and action.");
    for (size_t s = 0; s < view->service_count; s++) {
        const struct admin_service *service = &view->services[s];
        for (unsigned r = 0; r < REASON_COUNT; r++) {
            for (unsigned a = 0; a < COUNTERS_ACTIONS; a++) {
                if (service->statements[r][a] == 0 && !is_possible(r, a))
                    continue;
                sample_label(to, "silogate_statements_total{", "service", service->name);
                fprintf(to, ",reason=\"%s\",action=\"%s\"} %" PRIu64 "\n",
                        verdict_reason_name((enum verdict_reason)r),
                        verdict_action_name((enum verdict_action)a), service->statements[r][a]);
            }
        }
    }
    sample_head(
        to, "edge_statements_total", "counter",
        "Statements of a service that reached into what another owns: one for each owner that it "
        "may not use.");
    for (size_t e = 0; e < view->summary->edge_count; e++) {
        const struct summary_edge *edge = &view->summary->edges[e];
        const uint64_t by[COUNTERS_ACTIONS] = {edge->allowed, edge->logged, edge->blocked};
        for (unsigned a = 0; a < COUNTERS_ACTIONS; a++) {
            sample_label(to, "silogate_edge_statements_total{", "service", text_of(edge->service));
            sample_label(to, ",", "owner", text_of(edge->owner));
            fprintf(to, ",action=\"%s\"} %" PRIu64 "\n",
                    verdict_action_name((enum verdict_action)a), by[a]);
        }
    }
}

static void put_open_sessions(const struct admin_view *view, FILE *to)
{
    sample_head(to, "service_sessions_open", "gauge", "Sessions that are open, by service.");
    for (size_t s = 0; s < view->service_count; s++) {
        if (!view->services[s].configured)
            continue;
        sample_label(to, "silogate_service_sessions_open{", "service", view->services[s].name);
        fprintf(to, "} %" PRIu64 "\n", view->services[s].sessions);
    }
    sample_head(to, "upstream_sessions_open", "gauge", "Sessions that are open, by upstream.");
    for (size_t u = 0; u < view->upstream_count; u++) {
        sample_label(to, "silogate_upstream_sessions_open{", "upstream", view->upstreams[u].name);
        fprintf(to, "} %" PRIu64 "\n", view->upstreams[u].sessions);
    }
}

/* Threads of governed accounts, and what the witnesses found, as the upstreams' servers tell. */
static void put_witnesses(const struct admin_view *view, FILE *to)
{
    sample_head(
        to, "upstream_threads", "gauge",
        "Connections that the server has for governed accounts, by who opened them, where the "
        "upstream has an account and the server can tell.");
    for (size_t u = 0; u < view->upstream_count; u++) {
        const struct admin_upstream *upstream = &view->upstreams[u];
        const struct {
            const char *by;
            uint64_t count;
        } threads[] = {
            {"silogate",  upstream->threads_ours    },
            {"exception", upstream->threads_excepted},
            {"past",      upstream->threads_past    },
        };
        for (size_t t = 0; upstream->threads_told && t < sizeof(threads) / sizeof(threads[0]);
             t++) {
            sample_label(to, "silogate_upstream_threads{", "upstream", upstream->name);
            fprintf(to, ",by=\"%s\"} %" PRIu64 "\n", threads[t].by, threads[t].count);
        }
    }
    sample_head(
        to, "unexplained_total", "counter",
        "Tables that sessions held on the server and that nothing explains, by upstream; where it "
        "has a witness.");
    for (size_t u = 0; u < view->upstream_count; u++) {
        if (!view->upstreams[u].witness)
            continue;
        sample_label(to, "silogate_unexplained_total{", "upstream", view->upstreams[u].name);
        fprintf(to, "} %" PRIu64 "\n", view->upstreams[u].unexplained);
    }
    sample_head(to, "unexplained", "gauge", "The same, as of the last sample.");
    for (size_t u = 0; u < view->upstream_count; u++) {
        if (!view->upstreams[u].witness)
            continue;
        sample_label(to, "silogate_unexplained{", "upstream", view->upstreams[u].name);
        fprintf(to, "} %" PRIu64 "\n", view->upstreams[u].unexplained_now);
    }
}

static void put_upstreams(const struct admin_view *view, FILE *to)
{
    sample_head(to, "upstream_up", "gauge",
                "1 where the upstream answered when it was last looked at.");
    for (size_t u = 0; u < view->upstream_count; u++) {
        sample_label(to, "silogate_upstream_up{", "upstream", view->upstreams[u].name);
        fprintf(to, "} %d\n", view->upstreams[u].up);
    }
    sample_head(to, "upstream_full_total", "counter",
                "Connections that the upstream refused because it had too many (error 1040).");
    for (size_t u = 0; u < view->upstream_count; u++) {
        sample_label(to, "silogate_upstream_full_total{", "upstream", view->upstreams[u].name);
        fprintf(to, "} %" PRIu64 "\n", view->upstreams[u].refusals);
    }
    sample_head(to, "upstream_account_refused", "gauge",
                "1 where the upstream's account was not let in when it was last tried.");
    for (size_t u = 0; u < view->upstream_count; u++) {
        if (!view->upstreams[u].has_account)
            continue;
        sample_label(to, "silogate_upstream_account_refused{", "upstream", view->upstreams[u].name);
        fprintf(to, "} %d\n", view->upstreams[u].account_refused);
    }
}

static void put_certificates(const struct admin_view *view, FILE *to)
{
    sample_head(to, "certificate_days_left", "gauge", "Whole days until a certificate ends.");
    for (size_t c = 0; c < view->certificate_count; c++) {
        sample_label(to, "silogate_certificate_days_left{", "file", view->certificates[c].file);
        sample_label(to, ",", "upstream", view->certificates[c].upstream);
        fprintf(to, "} %d\n", view->certificates[c].days_left);
    }
}

static void put_grants(const struct admin_view *view, FILE *to)
{
    sample_head(to, "grant_end_timestamp_seconds", "gauge",
                "When a grant with an end is over: the end of its last day, UTC.");
    for (size_t i = 0; i < view->config->grant_count; i++) {
        const struct config_grant *grant = &view->config->grants[i];
        if (!grant->until.line)
            continue;
        sample_label(to, "silogate_grant_end_timestamp_seconds{", "grant", grant->name);
        sample_label(to, ",", "service", grant->service.value);
        fprintf(to, "} %" PRId64 "\n", (grant->until.day + INT64_C(1)) * 86400);
    }
}

static void put_log(const struct admin_view *view, FILE *to)
{
    const struct violations_counters *log = &view->log;

    sample_one(to, "violations_total", "counter", "Statements that were logged or blocked.",
               log->added);
    sample_one(to, "violation_log_written_lines_total", "counter",
               "Lines written to the violation logs.", log->written);
    sample_one(to, "violation_log_queued_bytes", "gauge", "Bytes on their way to the writer.",
               log->queued_bytes);
    sample_one(to, "violation_log_backlog_bytes", "gauge",
               "Bytes that could not be written yet and are kept in memory.", log->backlog_bytes);
    sample_one(to, "violation_log_shortened_total", "counter",
               "Records that were shortened, because syslog does not take longer ones.",
               log->shortened);
    sample_one(to, "violation_log_failures_total", "counter", "Writes that failed.", log->failures);
    sample_one(to, "violation_log_failing", "gauge",
               "1 where a violation log cannot be written now.", log->failing);
    sample_one(to, "violation_log_lost_total", "counter",
               "Violations without a record: only past 256 MiB in memory.", log->lost);
}

static void put_state(const struct admin_view *view, FILE *to)
{
    const struct sample reloads[] = {
        {"accepted", view->reloads_accepted},
        {"refused",  view->reloads_refused },
    };

    sample_head(to, "build_info", "gauge", "1, with the version.");
    fprintf(to, "silogate_build_info{version=\"%s\"} 1\n", SILOGATE_VERSION);
    sample_head(to, "policy_info", "gauge", "1, with the hash of the policy in force.");
    fprintf(to, "silogate_policy_info{hash=\"%s\"} 1\n", policy_hash(view->policy));
    sample_family(to, "reloads_total", "counter", "result", "Reloads.", reloads, COUNT_OF(reloads));
    sample_one(to, "reload_failed", "gauge",
               "1 where the last reload was refused: proxy.ini is not what is in force.",
               view->last_reload_refused);
    sample_head(to, "last_reload_timestamp_seconds", "gauge",
                "When proxy.ini was read last, whatever came of it.");
    fprintf(to, "silogate_last_reload_timestamp_seconds %.3f\n", (double)view->last_reload / 1e6);
    sample_head(to, "last_reload_success_timestamp_seconds", "gauge",
                "When the configuration that is in force was read.");
    fprintf(to, "silogate_last_reload_success_timestamp_seconds %.3f\n",
            (double)view->last_good_reload / 1e6);
    sample_one(to, "draining", "gauge", "1 where silogate is shutting down.", view->draining);
    sample_one(to, "workers", "gauge", "Threads that serve clients.", view->workers);
    sample_one(to, "workers_late", "gauge",
               "Threads that were too busy to give their numbers: older ones are shown.",
               view->late);
}

void page_own_metrics(const struct page_request *request, FILE *to)
{
    put_state(request->view, to);
    put_sessions(request->view, to);
    put_closed(request, to);
    put_commands(request->view, to);
    put_delays(request->view, to);
    samples_put_traffic(request, to);
    put_statements(request->view, to);
    put_open_sessions(request->view, to);
    put_witnesses(request->view, to);
    put_upstreams(request->view, to);
    put_certificates(request->view, to);
    samples_put_instances(request->view, to);
    samples_put_catalogue(request->view, to);
    put_grants(request->view, to);
    put_log(request->view, to);
    samples_put_process(to);
}

void page_metrics(const struct page_request *request, FILE *to)
{
    char *others[ADMIN_OLDER], *own = NULL;
    const size_t count = request->source->older(request->source->context, others, ADMIN_OLDER);
    size_t length;
    FILE *alone = count > 0 ? open_memstream(&own, &length) : NULL;

    page_own_metrics(request, alone ? alone : to);
    if (alone) {
        fclose(alone);
        totals_write(to, own, others, count, false);
    }
    free(own);
    for (size_t i = 0; i < count; i++)
        free(others[i]);
}
