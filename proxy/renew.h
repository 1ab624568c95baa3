/* Prepares statements again that were prepared before their tables moved; the client keeps its
 * statement id. Commands with such a statement are changed for the server: the id, and the types
 * of the parameters, which a client sends only once.
 */
#ifndef PROXY_RENEW_H
#define PROXY_RENEW_H

#include "proxy/session.h"

struct ruling;
struct prepared;

/* Are all bytes in the gate that must be read of the execution at its front? False: more are
 * needed. */
bool renew_is_here(struct session *session, const struct prepared *prepared);

/* The ruling says that a statement must be prepared again: `prepared`, or the one of SQL's PREPARE
 * that the ruling names. True: STATE_RENEW has begun, and the command is judged again after it.
 * False: it is not possible; the reason is in the ruling. */
bool renew_begin(struct session *session, struct prepared *prepared, struct ruling *ruling);

/* Have tables that the command uses come into the session's current database since the server has
 * looked up what the session may do there? True: STATE_RENEW has begun, in which it does so again,
 * and the command is judged again after it. */
bool renew_database(struct session *session, const struct ruling *ruling);

/* The command at the front of the client's gate passes: puts the server's statement id, and types
 * if needed, into it.
 */
void renew_pass(struct session *session, struct prepared *prepared, const struct ruling *ruling);

/* The execution at the front of the client's gate is refused. What the server has got of its long
 * data would be in the next one: that one is refused, too, until the client resets the statement.
 */
void renew_refused(const struct session *session, struct prepared *prepared);

/* The answer to the command is complete. After an execution the server has no more long data of it.
 */
void renew_answered(struct session *session);

/* The same as renew_pass of COM_STMT_RESET, which touches nothing. */
void renew_reset(struct session *session);

/* The session ends. */
void renew_free(struct session *session);

#endif
