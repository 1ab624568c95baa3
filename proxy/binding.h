/* Which configuration, service and upstream a session stands in: struct binding, made and replaced.
 * A session always has one. Called by login/ and, after a reload, between two commands.
 */
#ifndef PROXY_BINDING_H
#define PROXY_BINDING_H

#include "judge/binding.h"
#include "proxy/session.h"

/* In `runtime`, of which it takes a reference; counted nowhere yet. */
struct binding *binding_new(struct runtime *runtime, uint32_t session, int service,
                            size_t upstream);
/* Out of all counts, and freed. NULL is fine. */
void binding_free(struct binding *binding);

/* Counts it among the sessions of its upstream: what is full, that or its service, or NULL. */
const char *binding_count(struct binding *binding);
/* The server has let the user in: counts it among its service's sessions too. False: that is full.
 * Not before, or somebody without a password could keep the service's own logins out. What is
 * counted is taken back by binding_uncount and binding_free. */
bool binding_enter(struct binding *binding);
/* Takes it back before. */
void binding_uncount(struct binding *binding);

/* A command that makes this change is over, with this error if it was not good: what it says of XA
 * transactions goes to branches.h. True: the session has prepared one. */
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
