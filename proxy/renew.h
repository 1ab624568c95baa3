/* Statements that were prepared before their tables moved: prepared anew at the server before they
 * are executed, while the client keeps its id; and what of a command that names one the server must
 * see otherwise: the id, and the types of the parameters, which a client sends once.
 */
#ifndef PROXY_RENEW_H
#define PROXY_RENEW_H

#include "proxy/session.h"

struct ruling;
struct prepared;

/* Is as much of the execution at the front of the client's gate here as is looked at? False: there
 * must be more. */
bool renew_is_here(struct session *session, const struct prepared *prepared);

/* The ruling says that it must be prepared anew: `prepared`, or the statement of SQL's PREPARE that
 * it names. True: that has begun, in STATE_RENEW, and the command is judged again behind it. False:
 * it cannot be; the ruling says why. */
bool renew_begin(struct session *session, struct prepared *prepared, struct ruling *ruling);

/* The command at the front of the client's gate passes: it is put as the server knows the
 * statement.
 */
void renew_pass(struct session *session, struct prepared *prepared, const struct ruling *ruling);

/* The same of COM_STMT_RESET, which touches nothing. */
void renew_reset(struct session *session);

/* The session ends. */
void renew_free(struct session *session);

#endif
