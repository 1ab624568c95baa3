/* What is known of an upstream's health: whoever has seen something of it tells, a login as well as
 * the probe (probe.c), and what has changed is said on the log, once. Thread safe.
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

/* Of one upstream; its zero is that nothing is known. */
struct health {
    atomic_int state;       /* enum health_state */
    atomic_int account;     /* enum health_account */
    atomic_llong seen;      /* when it was last up: health_now */
    atomic_bool doubted;    /* a session has lost it since it was last seen up */
    atomic_bool full;       /* the last greeting was error 1040 */
    atomic_ullong refusals; /* such greetings */

    /* The probe's alone: */
    int64_t doubt_ended, account_next;
    uint32_t generation; /* of the configuration that it was looked at with */
};

/* It has greeted, or could not be reached: `asked` is the address, `why` of a failure. A change is
 * an event as well. */
void health_seen(struct usage *upstream, struct violations *violations, const char *asked, bool up,
                 const char *why);
/* It lives, and takes nobody more (error 1040): it is up, and says so to who asks. */
void health_full(struct usage *upstream, struct violations *violations, const char *asked);
/* Its account was let in (`why` NULL), or not; the upstream is none the worse. */
void health_account(struct usage *upstream, const char *why);
/* A session there has lost its server: is it gone? The probe will tell. */
void health_doubt(struct usage *upstream);

bool health_is(const struct usage *upstream, enum health_state state);

/* A clock in milliseconds that only goes forward. */
int64_t health_now(void);

#endif
