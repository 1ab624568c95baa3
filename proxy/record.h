/* A violation becomes a record in the log and, where it is blocked, words for the client. */
#ifndef PROXY_RECORD_H
#define PROXY_RECORD_H

#include "policy/verdict.h"
#include "proxy/session.h"

/* `text` is the statement alone, `offset` where it starts in its command. Of several blocked
 * statements of a command, the first with a verdict of block fills worker->judged.refusal. */
void record_violation(struct session *session, const struct sql_facts *facts,
                      const struct verdict *verdict, const struct sql_state *state,
                      struct text text, uint32_t offset, const char *kind, bool blocked);

/* Before the statements of a command are recorded. */
void record_begin(struct session *session);

/* The statement will be sent: remembers whose objects it writes while a transaction is open. */
void record_written(struct session *session, const struct sql_facts *facts);

#endif
