/* Commands with a prepared statement are changed for the server: the statement's id, where silogate
 * has prepared it again (proxy/renew.h), and the types of the parameters, which a client sends only
 * once. Called by command.c and follow.c before they pass, and by answer.c.
 */
#ifndef PROXY_EXECUTION_H
#define PROXY_EXECUTION_H

#include "proxy/session.h"

struct ruling;
struct prepared;

/* Is the command at the front of the client's gate an execution? */
bool execution_is_one(const struct session *session);

/* Are all bytes in the gate that must be read of the execution at its front? False: more are
 * needed. */
bool execution_is_here(struct session *session, const struct prepared *prepared);

/* If `prepared`, whose execution is at the front of the gate, is prepared again before it: will the
 * server get the types of its parameters? */
bool execution_can_bind(const struct session *session, const struct prepared *prepared);

/* The command at the front of the client's gate passes: puts the server's statement id, and types
 * if needed, into it. */
void execution_pass(struct session *session, struct prepared *prepared,
                    const struct ruling *ruling);

/* The execution at the front of the client's gate is refused. What the server has got of its long
 * data would be in the next one: that one is refused, too, until the client resets the statement.
 * Its parameters' types are kept for the next one, which may have none.
 */
void execution_refused(const struct session *session, struct prepared *prepared);

/* Would the server read the execution at the front of the gate by the types of an earlier one? */
bool execution_owes(const struct session *session, const struct prepared *prepared);

/* The answer to the command is complete. After an execution the server has no more long data of it.
 */
void execution_answered(struct session *session);

/* The same as execution_pass of COM_STMT_RESET, which touches nothing. */
void execution_reset(struct session *session);

#endif
