/* The end of a login that nobody waits for any more. A server counts handshakes that break off by
 * host, and shuts a host out that has too many of them (max_connect_errors): so where a client goes
 * away in the middle of a login, or silogate itself refuses it, the connection to the server is
 * kept for a moment and its login brought to the end that servers do not count: it is refused.
 */
#ifndef PROXY_LOGIN_ABANDONED_H
#define PROXY_LOGIN_ABANDONED_H

#include "base/text.h"
#include "proxy/session.h"

enum { ABANDONED_PACKET = 256, ABANDONED_MAX = 1024 /* at a time, of one worker */ };

/* Takes the upstream's connection over where its login is not at its end; else does nothing. */
void abandoned_begin(struct session *session);

/* The worker's, once a second: closes what has had its time. With `all`, everything. */
void abandoned_tick(struct worker *worker, bool all);

/* The login of a user that no server has; its size. `capabilities`: those of the SSLRequest before
 * it, which are how a server reads what follows, or 0 where none was sent. */
size_t nobody_login(capabilities_t offered, capabilities_t capabilities, uint8_t sequence,
                    uint8_t *to, size_t size);
/* What `plugin` takes for a well-formed answer without the password, as a whole packet in `to`
 * (ABANDONED_PACKET bytes); its size. */
size_t nobody_answer(struct text plugin, uint8_t sequence, uint8_t *to);

#endif
