/* Steps of TLS handshakes, and when each may do its next one. */
#ifndef PROXY_LOGIN_HANDSHAKE_H
#define PROXY_LOGIN_HANDSHAKE_H

#include "proxy/session.h"
#include "tls/tls.h"

/* Must this handshake wait for other sessions? If so, it is continued by a timer. */
bool handshake_waits(struct session *session, const struct stream *stream);

/* Does one step, and measures its time. */
enum tls_step handshake_step(struct worker *worker, struct stream *stream, struct error *why);

/* Called by worker->handshake_timer: continues the first handshake of worker->handshaking. */
void handshake_next(struct ev_loop *loop, struct ev_timer *timer, int events);

#endif
