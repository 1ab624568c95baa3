/* An upstream's health, reported by logins and by the probe (probe.c). A change is written to the
 * log once. Thread safe.
 */
#ifndef PROXY_HEALTH_H
#define PROXY_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct usage;
struct violations;

enum health_state { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };
enum health_account { HEALTH_ACCOUNT_UNTRIED, HEALTH_ACCOUNT_GOOD, HEALTH_ACCOUNT_REFUSED };

/* Of one upstream; zeroed, nothing is known. */
struct health {
    atomic_int state;    /* enum health_state */
    atomic_int account;  /* enum health_account */
    atomic_llong seen;   /* when it was last up: clock_ms */
    atomic_bool doubted; /* a session has lost its connection since the upstream was last seen up */
    atomic_bool full;    /* the last greeting was error 1040 */
    atomic_ullong refusals; /* such greetings */

    /* Used by the probe only: */
    int64_t doubt_ended, account_next;
    uint32_t generation; /* of the configuration at the last probe */
    uint32_t probing;    /* the number of the probe that is under way; 0: none */
};

/* It has sent its greeting, or could not be reached: `asked` is the address, `why` the reason of a
 * failure. A change is also an event in the violation log. */
void health_seen(struct usage *upstream, struct violations *violations, const char *asked, bool up,
                 const char *why);
/* Its greeting was error 1040 (too many connections): it counts as up. */
void health_full(struct usage *upstream, struct violations *violations, const char *asked);
/* Its account could log in (`why` NULL) or not; this does not change whether the upstream is up. */
void health_account(struct usage *upstream, const char *why);
/* A session has lost its connection: the next probe finds out whether the upstream is up. */
void health_doubt(struct usage *upstream);

bool health_is(const struct usage *upstream, enum health_state state);

#endif
