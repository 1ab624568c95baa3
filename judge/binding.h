/* Whose a session is, and by which policy it is judged: one configuration, and in it a service and
 * an upstream. Made at login and anew after a reload, between two commands, always as a whole: an
 * index of one configuration never meets the policy of another. Made in proxy/binding.c.
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
    uint32_t session;  /* whose it is: silogate's id */
    int16_t service;   /* SERVICE_NONE: of nobody's */
    uint16_t upstream; /* where the session's connection stands; UPSTREAM_GONE */

    /* The server's number of the thread that a client knows as `id`; false where that is no session
     * of this service at this upstream. */
    bool (*find_thread)(const struct binding *binding, uint64_t id, uint32_t *thread);
    /* Is `id` one that this instance gives, but no session of anybody's has it: nor is it a thread
     * of the server's, which says so itself. NULL: nobody knows. */
    bool (*is_over)(uint64_t id);

    /* Has a session of this service prepared this XA transaction (facts->xid) at this upstream, and
     * none ended it since, so that this session may? NULL: nobody knows. */
    bool (*find_branch)(const struct binding *binding, struct text xid);

    /* What was found elsewhere for the command at hand; NULL: nobody has looked. The session's. */
    const struct sought *sought;

    struct runtime *runtime;                      /* counted: what keeps the above alive */
    struct usage *service_usage, *upstream_usage; /* service_usage NULL: of nobody's */
    bool service_counted, upstream_counted;
};

#endif
