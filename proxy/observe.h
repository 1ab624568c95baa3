/* How the numbers leave the workers: each copies its own when it is asked to, in its own loop, so
 * that nothing is locked and nothing is read behind a worker's back. Asked by admin's thread.
 */
#ifndef PROXY_OBSERVE_H
#define PROXY_OBSERVE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/counters.h"
#include "violations/violations.h"

struct worker;
struct session;
struct usage;
struct admin_view;

/* What one worker has copied. */
struct observation {
    struct counters counters;
    struct service_counters *services; /* those that are used */
    unsigned count, room;
    bool wants_counters;
    struct summary_slice slice; /* of what it has seen of violations */
};

/* In each worker: a place to be filled, and the same place once it is. */
struct observed {
    _Atomic(struct observation *) asked, answered;
};

/* The worker's: fills what is asked for. */
void observe_answer(struct worker *worker);

/* The worker's own counting. */
void observe_delay(struct counters *counters, double seconds);
/* The answer to the session's command is complete. */
void observe_latency(const struct session *session);
/* `owner` NULL: some that are not told apart. */
void observe_allowed(struct service_counters *counters, const struct usage *owner);

/* Asks all workers and waits for them, at most half a second each time; who is late is shown as it
 * was before. Adds all up in the view's counters, services and summary. What a worker has seen of
 * violations comes in slices, so that none of its clients waits for it. Admin's thread alone. */
struct observer;
struct observer *observer_new(struct worker *workers, unsigned count);
void observer_free(struct observer *observer); /* the workers must be done */
/* `past`: what is known of the time before this process. */
void observer_look(struct observer *observer, struct admin_view *view, bool queries,
                   const struct summary *past);

#endif
