/* The HTTP pages, API and metrics of silogate, for people and for Prometheus: what is open, what
 * crosses, what is in force. They run in a thread of their own that only reads: it sees struct
 * admin_view, never a session, and changes nothing.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/crossings.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/text.h"
#include "config/config.h"
#include "config/instance.h"
#include "config/override.h"
#include "policy/policy.h"
#include "router/router.h"
#include "violations/violations.h"

struct admin_service {
    struct text name; /* empty: users without a service */
    bool configured;  /* false: a reload has removed it; its counts stay */
    uint64_t sessions;
    uint64_t statements[REASON_COUNT][COUNTERS_ACTIONS];
    uint64_t latencies[COUNTERS_LATENCIES + 1]; /* of answers, as in service_counters */
    double latency_sum;
    uint64_t unmapped, overlong; /* as in service_counters */
};

struct admin_upstream {
    struct text name;
    bool known, up; /* known: silogate has checked it */
    bool has_account, account_refused;
    uint64_t refusals; /* how often it answered with error 1040 instead of a greeting */
    uint64_t sessions;
    char version[64];
    bool threads_told; /* the numbers below are known: threads of governed accounts */
    uint64_t threads_ours, threads_excepted, threads_past;
    bool witness; /* the tables that its sessions use are sampled */
    uint64_t unexplained, unexplained_now;
};

struct admin_certificate {
    struct text upstream; /* empty: silogate's own, for clients */
    struct text file;
    int days_left;
    char until[24];
};

enum { ADMIN_INSTANCES = 256, ADMIN_MEETINGS = 64 };

/* All data that can be shown, taken at one moment. */
struct admin_view {
    int64_t now;                 /* microseconds since 1970 */
    const struct config *config; /* in force; policy and router are built from it */
    const struct policy *policy;
    const struct router *router;
    const struct override *overrides; /* in force: they replace settings of the file */
    size_t override_count;
    bool draining;
    unsigned workers, late; /* late: workers that gave no new numbers within half a second */
    uint64_t reloads_accepted, reloads_refused;
    bool last_reload_refused;
    /* Microseconds since 1970; the start counts as a good one. */
    int64_t last_reload, last_good_reload;
    struct counters counters; /* of all workers */
    struct admin_service *services;
    struct admin_upstream *upstreams;
    struct admin_certificate *certificates;
    size_t service_count, upstream_count, certificate_count;
    const struct instance *instances;   /* of all upstreams with a meeting */
    const struct meeting *meetings;     /* one for each upstream that has an account */
    struct crossings *const *crossings; /* of upstreams whose catalogue was read */
    size_t instance_count, meeting_count, crossing_sets;
    const struct summary *summary; /* edges; queries only if look's `queries` was set */
    struct violations_counters log;
};

/* Where the views come from: proxy/. `look` is called under a lock, by admin's thread or by a
 * caller of admin_counts. */
struct admin_source {
    void *context;
    /* The view is valid until the next look. `queries`: include the queries, which costs the
     * workers a little time. */
    const struct admin_view *(*look)(void *context, bool queries);
    const char *(*unready)(void *context);        /* why silogate is not ready; NULL: it is ready */
    const char *(*close_reason)(unsigned reason); /* of counters.closed; NULL: none */
    const char *(*tls_failure)(unsigned failure); /* of counters.tls_failures; NULL: none */
    /* The /metrics texts of older generations, as from admin_counts; allocated with malloc. */
    size_t (*older)(void *context, char **texts, size_t room);
};

enum { ADMIN_OLDER = 16 };

struct admin;

/* Listens at [proxy] admin and starts the thread. `inherited` (-1: none) is used if it is bound to
 * that address, and closed if not. `*admin` is NULL if admin is off. */
bool admin_start(const struct config *config, const struct admin_source *source, int inherited,
                 struct admin **admin, struct error *error);
/* Its listening socket, for a successor; -1: none. */
int admin_socket(const struct admin *admin);
/* A successor listens there now: accept no more connections, and do not remove the path at the end.
 */
void admin_let_go(struct admin *admin);
/* This process's own /metrics, which a younger generation adds to its own (totals.h): allocated
 * with malloc; NULL: no memory. `source` is the one of admin_start. May be called from any thread;
 * where admin is off (NULL), from one only. */
char *admin_counts(struct admin *admin, const struct admin_source *source, size_t *length);
void admin_stop(struct admin *admin); /* NULL is harmless */

#endif
