/* How much one address may ask for: TLS handshakes at a time, and failed logins a minute. Shared by
 * all workers without a lock.
 */
#ifndef PROXY_PATIENCE_H
#define PROXY_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Stands for an address ("10.0.0.7:41522" without its port), or for a user at one. */
uint64_t patience_address(struct text client);
uint64_t patience_user(struct text user, struct text client);

/* One more handshake from there, unless `limit` are under way (0: no limit). Each that was allowed
 * is given back. */
bool patience_shake(uint64_t address, int64_t limit);
void patience_shaken(uint64_t address);

/* A login has failed, or not; and how many seconds the next answer has to wait, once `limit` have
 * failed within a minute (0: no limit). */
void patience_failed(uint64_t user);
void patience_passed(uint64_t user);
unsigned patience_seconds(uint64_t user, int64_t limit);

#endif
