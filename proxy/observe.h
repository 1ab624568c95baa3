/* Collects the workers' numbers: each worker copies its own on request, in its own event loop, so
 * no lock is needed and no other thread reads its memory. Called by admin's thread.
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
    struct service_counters *services; /* only those in use */
    unsigned count, room;
    bool wants_counters;
    struct summary_slice slice; /* a part of its counts of violations */
};

/* In each worker: a place to be filled, and the same place when it is filled. */
struct observed {
    _Atomic(struct observation *) asked, answered;
};

/* By the worker: fills what was asked for. */
void observe_answer(struct worker *worker);

/* By the worker: counts. */
void observe_delay(struct counters *counters, double seconds);
/* The answer to the session's command is complete. */
void observe_latency(const struct session *session);
/* `owner` NULL: all further owners. */
void observe_allowed(struct service_counters *counters, const struct usage *owner);

/* Asks all workers and waits for them, at most half a second each time; for a late one its older
 * numbers are used. Adds everything up in the view's counters, services and summary. A worker's
 * counts of violations come in slices, so that its clients do not wait long. For admin's thread
 * only. */
struct observer;
struct observer *observer_new(struct worker *workers, unsigned count);
void observer_free(struct observer *observer); /* after the workers have ended */
/* `past`: what is known from the time before this process. */
void observer_look(struct observer *observer, struct admin_view *view, bool queries,
                   const struct summary *past);

#endif
