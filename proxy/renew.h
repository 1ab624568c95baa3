/* Prepares statements again that were prepared before their tables moved; the client keeps its
 * statement id (proxy/execution.h). Nothing is sent before a command that asks what the one before
 * it has done.
 */
#ifndef PROXY_RENEW_H
#define PROXY_RENEW_H

#include "proxy/session.h"

struct ruling;
struct prepared;

/* The ruling says that a statement must be prepared again: `prepared`, or the one of SQL's PREPARE
 * that the ruling names. True: STATE_RENEW has begun, and the command is judged again after it.
 * False: it is not possible; the reason is in the ruling. */
bool renew_begin(struct session *session, struct prepared *prepared, struct ruling *ruling);

/* Have tables that the command uses come into the session's current database since the server has
 * looked up what the session may do there? True: STATE_RENEW has begun, in which it does so again,
 * and the command is judged again after it. Before a command that asks, nothing is done. */
bool renew_database(struct session *session, const struct ruling *ruling);

/* Must a prepared statement be prepared again that could not be at its execution, because it asks
 * what the statement before it has done? It is done before this command, if this one does not ask.
 * True: the command is judged again, after STATE_RENEW where that has begun. */
bool renew_due(struct session *session, struct ruling *ruling);

/* The session ends. */
void renew_forget(struct session *session);

#endif
