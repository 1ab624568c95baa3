/* KILL of a session that this instance does not have: see config/sought.h. The command waits in
 * the client's gate, and is judged again with the result.
 */
#ifndef PROXY_SEEK_H
#define PROXY_SEEK_H

#include "judge/binding.h"
#include "proxy/session.h"

struct ruling;

/* Starts to look for ruling->sought at the session's upstream. True: STATE_SEEK has begun. False:
 * nobody can be asked, or it was already done for this command. */
bool seek_begin(struct session *session, const struct ruling *ruling);

/* The second part of binding->find_thread: the thread of another instance's session, if its user
 * belongs to the same service. False also if several sessions match. */
bool seek_find(const struct binding *binding, uint64_t id, uint32_t *thread);

/* The command is over, or the session ends. */
void seek_forget(struct session *session);

#endif
