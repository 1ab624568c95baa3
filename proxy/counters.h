/* Numbers for the metrics. Each worker writes its own with plain additions; others read them racily
 * but whole (aligned 64-bit words).
 */
#ifndef PROXY_COUNTERS_H
#define PROXY_COUNTERS_H

#include <stdint.h>

#include "policy/verdict.h"

enum { COUNTERS_CLOSE_REASONS = 40 };

struct counters {
    uint64_t sessions_accepted, sessions_open, logins, logins_denied;
    uint64_t tls_handshakes, tls_resumed, tls_failed, upstream_tls_failed;
    uint64_t commands, commands_refused, forwarded, answered;
    uint64_t statements[REASON_COUNT][3]; /* by reason and enum verdict_action */
    uint64_t unjudged;                    /* commands of unknown users that are passed */
    uint64_t asked;                       /* questions of silogate's own to a server */
    uint64_t farewells; /* logins that were brought to their end without their clients */
    uint64_t parked;    /* sessions that had to wait for the violation log */
    uint64_t closed[COUNTERS_CLOSE_REASONS];
};

#endif
