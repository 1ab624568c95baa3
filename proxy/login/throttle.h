/* Limits for one address: TLS handshakes at the same time, and failed logins a minute. Shared by
 * all workers without a lock.
 */
#ifndef PROXY_LOGIN_THROTTLE_H
#define PROXY_LOGIN_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* A hash of an address ("10.0.0.7:41522" without its port), or of a user at an address. */
uint64_t throttle_address(struct text client);
uint64_t throttle_user(struct text user, struct text client);

/* Counts one more handshake from this address. False: `limit` are already running (0: no limit).
 * Each that was allowed must be uncounted. */
bool throttle_handshake(uint64_t address, int64_t limit);
void throttle_handshaken(uint64_t address);

/* Counts a failed login; clears the count; and tells by how many seconds the next answer must be
 * delayed, after `limit` failures within a minute (0: no limit). */
void throttle_failed(uint64_t user);
void throttle_passed(uint64_t user);
unsigned throttle_seconds(uint64_t user, int64_t limit);

#endif
