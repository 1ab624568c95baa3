/* The HTTP side of silogate, for people and for Prometheus: what is open, what crosses, what is in
 * force. A thread of its own that only reads: it sees struct admin_view, never a session, and
 * changes nothing.
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
    bool configured;  /* false: a reload has taken it away, its counts stay */
    uint64_t sessions;
    uint64_t statements[REASON_COUNT][COUNTERS_ACTIONS];
    uint64_t latencies[COUNTERS_LATENCIES + 1]; /* of answers, as service_counters' */
    double latency_sum;
    uint64_t unmapped, overlong; /* as service_counters' */
};

struct admin_upstream {
    struct text name;
    bool known, up; /* known: it was looked at */
    bool has_account, account_refused;
    uint64_t refusals; /* greetings that were error 1040 */
    uint64_t sessions;
    char version[64];
    bool threads_told; /* threads of governed accounts, by who opened them */
    uint64_t threads_ours, threads_excepted, threads_past;
    bool witness; /* its sessions' tables are sampled */
    uint64_t unexplained, unexplained_now;
};

struct admin_certificate {
    struct text upstream; /* empty: what clients see */
    struct text file;
    int days_left;
    char until[24];
};

enum { ADMIN_INSTANCES = 256, ADMIN_MEETINGS = 64 };

/* All there is to show, taken at one moment. */
struct admin_view {
    int64_t now;                 /* microseconds since 1970 */
    const struct config *config; /* in force, and what was built of it */
    const struct policy *policy;
    const struct router *router;
    const struct override *overrides; /* in force: over what the file says */
    size_t override_count;
    bool draining;
    unsigned workers, late; /* late: workers that gave no new numbers within half a second */
    uint64_t reloads_accepted, reloads_refused;
    bool last_reload_refused;
    int64_t last_reload, last_good_reload; /* microseconds since 1970; the start's is good */
    struct counters counters;              /* of all workers */
    struct admin_service *services;
    struct admin_upstream *upstreams;
    struct admin_certificate *certificates;
    size_t service_count, upstream_count, certificate_count;
    const struct instance *instances;   /* of all upstreams where they can be met */
    const struct meeting *meetings;     /* upstreams that have an account */
    struct crossings *const *crossings; /* of upstreams whose catalogue was read */
    size_t instance_count, meeting_count, crossing_sets;
    const struct summary *summary; /* edges; queries only where they were asked for */
    struct violations_counters log;
};

/* Where the views come from: proxy/. Both are called by admin's thread alone. */
struct admin_source {
    void *context;
    /* Holds until the next look. `queries`: with them, which costs the workers a little. */
    const struct admin_view *(*look)(void *context, bool queries);
    const char *(*unready)(void *context);        /* why no client should come; NULL: all is well */
    const char *(*close_reason)(unsigned reason); /* of counters.closed; NULL: none */
    const char *(*tls_failure)(unsigned failure); /* of counters.tls_failures; NULL: none */
    /* What older generations have counted, as admin_counts gave it: malloc's texts. */
    size_t (*older)(void *context, char **texts, size_t room);
};

enum { ADMIN_OLDER = 16 };

struct admin;

/* Listens at [proxy] admin, on the `inherited` socket where it is that (-1: none; taken over in any
 * case), and starts the thread; `*admin` is NULL where it is off. */
bool admin_start(const struct config *config, const struct admin_source *source, int inherited,
                 struct admin **admin, struct error *error);
/* Its listening socket, for a successor; -1: none. */
int admin_socket(const struct admin *admin);
/* A successor listens there now: no more connections are taken, and the path stays. */
void admin_let_go(struct admin *admin);
/* This process's own /metrics, which a younger one adds to its own (totals.h): malloc's; NULL where
 * admin is off. From any thread. */
char *admin_counts(struct admin *admin, size_t *length);
void admin_stop(struct admin *admin); /* NULL is harmless */

#endif
