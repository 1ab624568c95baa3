/* A step of a TLS handshake, and whose turn it is. */
#ifndef PROXY_LOGIN_HANDSHAKE_H
#define PROXY_LOGIN_HANDSHAKE_H

#include "proxy/session.h"
#include "tls/tls.h"

/* Must this handshake wait for other sessions? It goes on by itself. */
bool handshake_waits(struct session *session, const struct stream *stream);

/* One step, whose time is taken. */
enum tls_step handshake_step(struct worker *worker, struct stream *stream, struct error *why);

/* worker->handshake_timer: the first of worker->handshaking goes on. */
void handshake_next(struct ev_loop *loop, struct ev_timer *timer, int events);

#endif
