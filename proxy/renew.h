/* Prepares statements again that were prepared before their tables moved; the client keeps its
 * statement id (proxy/execution.h). Nothing is sent that changes what the client can ask about the
 * statement before; but for a preparing before long data that the server refuses.
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
 * and the command is judged again after it. Nothing is done before a command that asks,
 * or that leaves what others ask for. */
bool renew_database(struct session *session, const struct ruling *ruling);

/* Must a prepared statement be prepared again that could not be at its execution, because it asks
 * what the statement before it has done, or has long data? It is done before this command, if the
 * client cannot see it. True: the command is judged again, after STATE_RENEW where that has begun.
 */
bool renew_due(struct session *session, struct ruling *ruling);

/* The command is over: notes whether the server has warnings for the client. */
void renew_answered(struct session *session);

/* The session ends. */
void renew_forget(struct session *session);

#endif
