/* All that a reload replaces, built and checked as a whole, then never changed: configuration,
 * policy, router. Counted: each worker holds one reference, each login in progress another.
 */
#ifndef PROXY_RUNTIME_H
#define PROXY_RUNTIME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "config/override.h"
#include "policy/policy.h"
#include "proxy/health.h"
#include "router/router.h"
#include "tls/rsa.h"
#include "tls/tls.h"

/* Sessions by service and by upstream, for max_connections. Found by name, so that it outlives a
 * reload; never freed. */
struct usage {
    char *name;      /* "service:billing" */
    unsigned number; /* 0, 1, ... of all usages */
    atomic_uint open;
    struct health health;  /* an upstream's */
    struct moving *moving; /* an upstream's: its open moves */
    /* An upstream's threads of governed accounts, by who opened them; told: 1, or -1 where they
     * cannot be counted, 0 where nobody has looked. */
    atomic_int threads_told;
    atomic_ullong threads_ours, threads_excepted, threads_past;
    atomic_ullong unexplained; /* tables that sessions held and nothing explains: witness */
    atomic_ullong unexplained_now;
    struct usage *next;
};

/* Statements that would do `access` to what `owner` owns wait. */
struct hold {
    int owner; /* the index of a service */
    uint8_t access;
};

struct runtime {
    atomic_uint references;
    uint32_t generation;  /* 1, 2, ... */
    struct runtime *base; /* NULL; or what the file says, which this one lays `overrides` over */
    struct override *overrides;
    struct hold *holds;
    size_t override_count, hold_count;
    struct config *config;
    struct policy *policy;
    struct router *router;
    struct tls_server *tls;                           /* NULL: not offered */
    struct tls_client **tls_clients;                  /* by the index of the upstream; NULL: off */
    struct rsa_key *password_key;                     /* NULL: the one that password.c makes */
    struct usage **service_usages, **upstream_usages; /* by the indexes of config */
};

/* Reads and builds all. Every problem is printed on standard error with file and line, as lines of
 * the log where there is an `old` one; NULL where one is an error: the first of
 * them is in `first`, as "FILE:LINE: TEXT". */
struct runtime *runtime_build(const char *path, const struct runtime *old, struct error *first);
/* A runtime that is `base` but for the overrides, which are copied. NULL with `error` where one of
 * them makes no sense: an unknown service, a pattern that cannot be. */
struct runtime *runtime_override(struct runtime *base, const struct override *overrides,
                                 size_t count, uint32_t generation, struct error *error);
struct runtime *runtime_take(struct runtime *runtime);
void runtime_drop(struct runtime *runtime);

/* Adds one session unless `limit` sessions are there already. */
bool usage_take(struct usage *usage, int64_t limit);
void usage_drop(struct usage *usage);
/* Would usage_take add one? */
bool usage_has_room(const struct usage *usage, int64_t limit);
/* The youngest of all: the others are behind it. From any thread. */
const struct usage *usage_first(void);
/* "upstream:" and its name; NULL where there was none yet. */
const struct usage *usage_find(const char *kind, struct text name);
/* "billing" where it is a service's, else NULL. */
const char *usage_service(const struct usage *usage);
/* The name of an upstream whose usage it is. */
const char *usage_upstream(const struct usage *usage);

#endif
