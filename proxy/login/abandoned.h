/* Completes a login whose client has gone. A server counts aborted handshakes by host, and blocks
 * a host with too many of them (max_connect_errors). So if a client goes away during its login, or
 * silogate itself refuses it, the connection to the server is kept for a moment and a wrong
 * password is sent: servers do not count a refused login.
 */
#ifndef PROXY_LOGIN_ABANDONED_H
#define PROXY_LOGIN_ABANDONED_H

#include "base/text.h"
#include "proxy/session.h"

enum { ABANDONED_PACKET = 256, ABANDONED_MAX = 1024 /* at a time, of one worker */ };

/* Takes over the upstream's connection if its login is not complete; else does nothing. */
void abandoned_begin(struct session *session);

/* Called by the worker once a second: closes connections whose time is over. With `all`, all of
 * them. */
void abandoned_tick(struct worker *worker, bool all);

/* Writes the login packet of a user that no server has; returns its size. `capabilities`: those of
 * the SSLRequest that was sent before, by which the server reads this packet; 0: none was sent. */
size_t nobody_login(capabilities_t offered, capabilities_t capabilities, uint8_t sequence,
                    uint8_t *to, size_t size);
/* Writes a whole packet that `plugin` accepts as a well-formed answer, but without the password,
 * into `to` (ABANDONED_PACKET bytes); returns its size. */
size_t nobody_answer(struct text plugin, uint8_t sequence, uint8_t *to);

#endif
