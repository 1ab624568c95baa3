/* TLS handshakes on both legs, and when each may do its next step. During a handshake only mbedTLS
 * reads and writes the socket (side->handshaking): the gates are neither filled nor flushed.
 */
#include "proxy/login/handshake.h"

#include "base/clock.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

#define X(name, word, sentence) +1
_Static_assert(0 TLS_FAILURES(X) <= COUNTERS_TLS_FAILURES, "counters.tls_failures is too small");
#undef X

static const double handshake_pause_most = 0.02; /* seconds */

bool side_is_secure(const struct side *side)
{
    return side->stream.socket >= 0 && (side->is_unix || tls_is(&side->stream));
}

static uint64_t traffic(const struct worker *worker)
{
    return worker->counters.forwarded + worker->counters.answered;
}

static void start_handshake_timer(struct worker *worker)
{
    /* A timer starts at the event loop's time, which is that of the start of this turn. */
    double left = worker->handshake_after - clock_seconds() + ev_time() - ev_now(worker->loop);
    double most = 3 * handshake_pause_most;

    ev_timer_stop(worker->loop, &worker->handshake_timer);
    ev_timer_set(&worker->handshake_timer, left < 0 ? 0 : left > most ? most : left, 0);
    ev_timer_start(worker->loop, &worker->handshake_timer);
}

void handshake_next(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct worker *worker = timer->data;

    (void)loop;
    (void)events;
    if (list_empty(&worker->handshaking))
        return;
    struct session *session = LIST_ENTRY(worker->handshaking.after, struct session, waiting);
    list_remove(&session->waiting);
    worker->handshake_after = 0; /* this handshake may go on */
    session_run(session);
    if (!list_empty(&worker->handshaking))
        start_handshake_timer(worker);
}

/* One handshake step may take milliseconds. So a turn of the event loop does one step, and if
 * other sessions had events since the last step, the next one waits as long as that step took:
 * handshakes take at most half of the worker's time. Bytes that were read ahead cause no second
 * event, so their sessions are run first. */
bool handshake_waits(struct session *session, const struct stream *stream)
{
    struct worker *worker = session->worker;

    if (session->waiting.after)
        return true;
    if (stream_pending(stream))
        return false;
    if (worker->had_handshake) /* the unread socket will cause another event */
        return true;
    if (traffic(worker) == worker->traffic_seen || clock_seconds() >= worker->handshake_after)
        return false;
    if (list_empty(&worker->handshaking))
        start_handshake_timer(worker);
    list_add(&worker->handshaking, &session->waiting);
    return true;
}

enum tls_step handshake_step(struct worker *worker, struct stream *stream, struct error *why)
{
    double start = clock_seconds();
    enum tls_step step = tls_handshake(stream, why);
    double took = clock_seconds() - start;

    worker->had_handshake = true;
    worker->traffic_seen = traffic(worker);
    worker->handshake_after =
        start + took + (took < handshake_pause_most ? took : handshake_pause_most);
    return step;
}
