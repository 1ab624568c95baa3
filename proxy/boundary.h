/* Boundaries: moments at which a session can be ended without losing anything. Called by the path
 * of a command (command.c), by the drain and by `silogate ctl` (roll.c).
 */
#ifndef PROXY_BOUNDARY_H
#define PROXY_BOUNDARY_H

#include "proxy/session.h"

/* Why the session is not at a boundary, in words; NULL: it is at one, or has ended. */
const char *boundary_kept(const struct session *session);

/* The session has to end at its next boundary, which may be now. One that has not logged in yet
 * has two seconds for that. */
void boundary_leave(struct session *session);

/* Ends it at once, whatever it is doing: `silogate ctl kill`. */
void boundary_end(struct session *session);

/* Must the command of the worker's ruling wait for the end of a `silogate ctl hold`? A session that
 * is in a transaction that has done something, or certainly holds a lock, is never held, because
 * others may wait for it. One that only may hold something is held: the hold's end bounds how long
 * others wait, and a write that passes would break the hold's promise. */
bool boundary_holds(const struct session *session);

/* Does it wait for a hold or a move? Searches the list of all that wait. */
bool boundary_waits(const struct session *session);

/* The session has just logged in. */
void boundary_welcome(struct session *session);

/* Must it end now, once its client has been sent all that it is owed? A session that has just
 * logged in stays until one to two seconds after its login, and is then checked again; if `silogate
 * ctl drain` has told it to leave, only if it had not sent a command yet. */
bool boundary_goes(struct session *session);

/* Sends error 1053 and ends the session, as soon as the client's socket has taken the answer before
 * it; commands that the client has sent meanwhile are not read. */
enum step boundary_goodbye(struct session *session);

/* The last words of a session that the configuration in force would not have let in as it is
 * (binding_renew), at once: no command of its may pass any more. */
enum step boundary_shut_out(struct session *session);

#endif
