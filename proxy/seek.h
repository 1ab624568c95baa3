/* KILL of a session that is not this instance's: see config/sought.h. The command waits in the
 * client's gate, and is judged again with what was found.
 */
#ifndef PROXY_SEEK_H
#define PROXY_SEEK_H

#include "judge/binding.h"
#include "proxy/session.h"

struct ruling;

/* What ruling->sought names is looked for at the session's upstream. True: that has begun, in
 * STATE_SEEK. False: nobody can, or it was done for this command already. */
bool seek_begin(struct session *session, const struct ruling *ruling);

/* binding->find_thread's other half: the thread of another instance's session whose user belongs to
 * the same service. False also where several could be meant. */
bool seek_find(const struct binding *binding, uint64_t id, uint32_t *thread);

/* The command is over, or will never be. */
void seek_forget(struct session *session);

#endif
