/* Makes and replaces struct binding: the configuration, service and upstream of a session. A
 * session always has one. Called by login/ and, after a reload, between two commands.
 */
#ifndef PROXY_BINDING_H
#define PROXY_BINDING_H

#include "judge/binding.h"
#include "proxy/session.h"

/* Makes one in `runtime`, of which it takes a reference; it is not counted in max_connections yet.
 */
struct binding *binding_new(struct runtime *runtime, uint32_t session, int service,
                            size_t upstream);
/* Removes it from all counts and frees it. NULL is allowed. */
void binding_free(struct binding *binding);

/* Counts it in the sessions of its upstream. Returns the name of the one that is full, its upstream
 * or its service, or NULL. */
const char *binding_count(struct binding *binding);
/* The server has let the user in: counts it in the sessions of its service too. False: the service
 * is full. It is not counted earlier, or somebody without a password could keep the service's own
 * logins out. binding_uncount and binding_free take both counts back. */
bool binding_enter(struct binding *binding);
/* Takes the counts back, if the session goes on. */
void binding_uncount(struct binding *binding);

/* The command with this change is over, with `error` if it has failed: updates branches.h. True:
 * the session has prepared an XA transaction. */
struct change;
bool binding_note_xa(const struct binding *binding, const struct change *change, bool good,
                     uint16_t error);

/* The session stands in the worker's runtime from now on. Its connection stays where it is, also
 * where its service has moved to another upstream, or the upstream is in the configuration no more.
 * Not while a command is with the server. False: its user would have to log in to that
 * configuration in another way, and the session must end (boundary_shut_out): it has passed without
 * being judged, and its user belongs to a service now or would not pass any more; or its user
 * belongs to another service now, which asks for a certificate that it has not shown. */
bool binding_renew(struct session *session);

/* Does this service of the runtime's ask for a certificate that the client has not shown? */
struct runtime;
bool binding_lacks_certificate(const struct session *session, const struct runtime *runtime,
                               int service);

#endif
