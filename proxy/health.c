/* See proxy/health.h. */
#include "proxy/health.h"

#include "base/clock.h"
#include "base/log.h"
#include "proxy/moving.h"
#include "proxy/runtime.h"
#include "violations/violations.h"

bool health_is(const struct usage *upstream, enum health_state state)
{
    return atomic_load(&upstream->health.state) == (int)state;
}

static void tell(struct usage *upstream, struct violations *violations, const char *asked, bool up,
                 const char *why)
{
    const int now = up ? HEALTH_UP : HEALTH_DOWN;
    const char *name = usage_upstream(upstream);

    if (health_is(upstream, (enum health_state)now))
        return;
    const int before = atomic_exchange(&upstream->health.state, now);
    if (before == now)
        return;
    if (up) {
        moving_reached(upstream->moving);
        log_notice("upstream '%s' is up", name);
    } else
        log_warning("upstream '%s' is down: %s", name, why);
    if (!up || before != HEALTH_UNKNOWN) /* the first "up" is not worth a line in the log */
        violations_event_upstream(violations, text_of(name), text_of(asked), up, text_of(why));
}

static void is_up(struct usage *upstream, struct violations *violations, const char *asked,
                  bool full)
{
    struct health *health = &upstream->health;

    atomic_store(&health->seen, clock_ms());
    if (atomic_load(&health->doubted))
        atomic_store(&health->doubted, false);
    tell(upstream, violations, asked, true, "");
    if (atomic_load(&health->full) == full || atomic_exchange(&health->full, full) == full)
        return;
    if (full)
        log_warning("upstream '%s' has too many connections: it refuses new ones (error 1040)",
                    usage_upstream(upstream));
    else
        log_notice("upstream '%s' takes connections again", usage_upstream(upstream));
}

void health_seen(struct usage *upstream, struct violations *violations, const char *asked, bool up,
                 const char *why)
{
    if (up)
        is_up(upstream, violations, asked, false);
    else
        tell(upstream, violations, asked, false, why);
}

void health_full(struct usage *upstream, struct violations *violations, const char *asked)
{
    atomic_fetch_add(&upstream->health.refusals, 1);
    is_up(upstream, violations, asked, true);
}

void health_account(struct usage *upstream, const char *why)
{
    const int now = why ? HEALTH_ACCOUNT_REFUSED : HEALTH_ACCOUNT_GOOD;
    const int before = atomic_exchange(&upstream->health.account, now);

    if (before == now)
        return;
    if (why)
        log_warning("upstream '%s' is up, and does not let its account in: %s",
                    usage_upstream(upstream), why);
    else if (before == HEALTH_ACCOUNT_REFUSED)
        log_notice("upstream '%s' lets its account in again", usage_upstream(upstream));
}

void health_doubt(struct usage *upstream)
{
    if (!atomic_load(&upstream->health.doubted))
        atomic_store(&upstream->health.doubted, true);
}
