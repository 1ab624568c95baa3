/* How much one address may ask for: TLS handshakes at a time, and failed logins a minute. Shared by
 * all workers without a lock.
 */
#ifndef PROXY_LOGIN_THROTTLE_H
#define PROXY_LOGIN_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Stands for an address ("10.0.0.7:41522" without its port), or for a user at one. */
uint64_t throttle_address(struct text client);
uint64_t throttle_user(struct text user, struct text client);

/* One more handshake from there, unless `limit` are under way (0: no limit). Each that was allowed
 * is given back. */
bool throttle_handshake(uint64_t address, int64_t limit);
void throttle_handshaken(uint64_t address);

/* A login has failed, or not; and how many seconds the next answer has to wait, once `limit` have
 * failed within a minute (0: no limit). */
void throttle_failed(uint64_t user);
void throttle_passed(uint64_t user);
unsigned throttle_seconds(uint64_t user, int64_t limit);

#endif
