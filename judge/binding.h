/* The service and the upstream of a session, and the policy by which it is judged: one
 * configuration and indexes into it. It is made at login and replaced after a reload, between two
 * commands, always as a whole: so an index of one configuration is never used with another. Made
 * in proxy/binding.c.
 */
#ifndef JUDGE_BINDING_H
#define JUDGE_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "router/router.h"

struct runtime;
struct sought;
struct usage;

/* The session's upstream is not in the configuration any more. */
enum { UPSTREAM_GONE = UINT16_MAX };

struct binding {
    const struct policy *policy;
    const struct router *router;
    const char *upstream_name;
    uint32_t session;  /* silogate's id of the session */
    int16_t service;   /* SERVICE_NONE: a user without a service */
    uint16_t upstream; /* the one that the session is connected to, or UPSTREAM_GONE */

    /* Sets `thread` to the server's thread id of the session that clients know as `id`. False:
     * that is not a session of this service at this upstream. */
    bool (*find_thread)(const struct binding *binding, uint64_t id, uint32_t *thread);
    /* Is `id` in this instance's range, but no session has it? Then it is no thread of the server
     * either, and the server answers so. NULL: not known. */
    bool (*is_over)(uint64_t id);

    /* Has a session of this service prepared this XA transaction (facts->xid) at this upstream,
     * and has nobody ended it since? Then this session may end it. NULL: not known. */
    bool (*find_branch)(const struct binding *binding, struct text xid);

    /* What was found at other instances for the present command; NULL: it was not looked for. The
     * session holds the reference. */
    const struct sought *sought;

    struct runtime *runtime; /* a reference, which keeps the pointers above valid */
    struct usage *service_usage, *upstream_usage; /* service_usage NULL: a user without a service */
    bool service_counted, upstream_counted;
};

#endif
