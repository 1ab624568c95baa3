/* Where a session can be ended without anything being lost: at a boundary. Called by the path of a
 * command (command.c), by the drain and by `silogate ctl` (roll.c).
 */
#ifndef PROXY_BOUNDARY_H
#define PROXY_BOUNDARY_H

#include "proxy/session.h"

/* Why the session is not at a boundary, in words; NULL where it is at one. */
const char *boundary_kept(const struct session *session);

/* It is to end at its next boundary, which may be now. One that has not said who it is
 * has two seconds for it. */
void boundary_leave(struct session *session);

/* Ends it at once, whatever it does: `silogate ctl kill`. */
void boundary_end(struct session *session);

/* Must the command that the worker has just ruled on wait for the end of a `silogate ctl hold`? Who
 * is not at a boundary always passes: to hold them would hold others. */
bool boundary_holds(const struct session *session);

/* Does it wait so, or for a move? Looks through all that wait. */
bool boundary_waits(const struct session *session);

/* That command passes: what it may leave behind in the server. */
void boundary_passed(struct session *session);

/* It is logged in now. */
void boundary_welcome(struct session *session);

/* Does it go now? Who has logged in within the last two seconds stays for that long, where it was
 * told to leave before that or has not sent a command yet; it is looked at again then. */
bool boundary_goes(struct session *session);

/* The last words of a session that leaves, at a boundary; what the client has sent meanwhile is not
 * looked at. */
enum step boundary_goodbye(struct session *session);

/* The last words of a session that the configuration in force would not have let in as it is
 * (binding_renew), at once: no command of its may pass any more. */
enum step boundary_shut_out(struct session *session);

#endif
