/* What the control socket of the youngest silogate asks those that it has taken over from, for
 * control_calls.c: their sessions are still with them. Each is asked for itself alone, and given
 * OLDER_SECONDS; they are few (GENERATIONS in proxy/takeover.h).
 */
#ifndef ADMIN_CONTROL_OLDER_H
#define ADMIN_CONTROL_OLDER_H

#include "admin/control_calls.h"

/* Is the caller a younger one, which asks all others itself? */
bool older_only(const struct call *call);
/* Writes their sessions behind `count` that are written already; how many gave no answer. */
unsigned older_sessions(struct call *call, size_t count);
/* Writes what the one that has the session says of it; false where none has. */
bool older_show(struct call *call, uint32_t id);
/* 0: one of them has ended it; 404: none has this session, 409 with `why`: it could not. */
unsigned older_end(struct call *call, uint32_t id, bool query, struct error *why);

#endif
