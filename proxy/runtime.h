/* Everything that a reload replaces: configuration, policy, router, TLS. Built and checked as a
 * whole, then never changed. Counted by references: each worker has one, each session's binding
 * and each login in progress another.
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

/* Counts the sessions of a service or an upstream, for max_connections. Found by name, so that it
 * survives a reload; never freed. */
struct usage {
    char *name;      /* "service:billing" */
    unsigned number; /* 0, 1, ... of all usages */
    atomic_uint open;
    struct health health;  /* of an upstream */
    struct moving *moving; /* of an upstream: its open moves */
    /* Of an upstream: threads of governed accounts, by who opened them. threads_told: 1: they are
     * counted; -1: they cannot be counted; 0: not known yet. */
    atomic_int threads_told;
    atomic_ullong threads_ours, threads_excepted, threads_past;
    atomic_ullong unexplained; /* tables held by sessions that nothing explains (see witness) */
    atomic_ullong unexplained_now;
    struct usage *next;
};

/* A hold: statements that need `access` to data of `owner` wait. */
struct hold {
    int owner; /* the index of a service */
    uint8_t access;
};

struct runtime {
    atomic_uint references;
    uint32_t generation; /* 1, 2, ... */
    /* the runtime of the file, to which `overrides` were applied; NULL: this one is it */
    struct runtime *base;
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

/* Reads the file and builds everything. Every problem is printed on standard error with file and
 * line, or logged if there is an `old` runtime. NULL: there is an error; `first` has the first
 * one, "FILE:LINE: TEXT". */
struct runtime *runtime_build(const char *path, const struct runtime *old, struct error *first);
/* During a start: reads the file once more. If it has a control socket, it always is, so warnings
 * are logged here, and not by runtime_build. */
struct runtime *runtime_again(const char *path, const struct runtime *old, struct error *first);
/* A runtime that differs from `base` by the overrides, which are copied. NULL with `error`: one of
 * them is not valid (an unknown service, an impossible pattern). */
struct runtime *runtime_override(struct runtime *base, const struct override *overrides,
                                 size_t count, uint32_t generation, struct error *error);
struct runtime *runtime_take(struct runtime *runtime);
void runtime_drop(struct runtime *runtime);

/* Counts one more session. False: there are `limit` already. */
bool usage_take(struct usage *usage, int64_t limit);
void usage_drop(struct usage *usage);
/* Would usage_take count one more? */
bool usage_has_room(const struct usage *usage, int64_t limit);
/* The newest usage, the head of the list. From any thread. */
const struct usage *usage_first(void);
/* Finds one by its kind, such as "upstream:", and name. NULL: there is none yet. */
const struct usage *usage_find(const char *kind, struct text name);
/* The name of the service; NULL: it is not a service's usage. */
const char *usage_service(const struct usage *usage);
/* The name of the upstream with this usage. */
const char *usage_upstream(const struct usage *usage);

#endif
