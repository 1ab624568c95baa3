/* How the control socket of the youngest silogate asks older generations, for control_calls.c:
 * these still have their own sessions. Each process answers for itself only, within OLDER_SECONDS;
 * there are few (GENERATIONS in proxy/generations.h).
 */
#ifndef ADMIN_CONTROL_OLDER_H
#define ADMIN_CONTROL_OLDER_H

#include "admin/control_calls.h"

/* Is the caller a younger generation, which asks all older ones itself? */
bool older_only(const struct call *call);
/* Writes the sessions of older generations; `count` sessions are already in the list. Returns how
 * many processes gave no answer. */
unsigned older_sessions(struct call *call, size_t count);
/* Writes what the older generation that has the session says about it; false if none has it. */
bool older_show(struct call *call, uint32_t id);
/* 0: an older generation has ended it. 404: none has this session. 409 with `why`: it could not be
 * ended. */
unsigned older_end(struct call *call, uint32_t id, bool query, struct error *why);

#endif
