/* Asks the workers about their sessions, or to end some, for `silogate ctl`. Each worker answers
 * in its own event loop when it is woken; there is no lock, and no other thread reads its
 * sessions.
 */
#ifndef PROXY_ROLL_H
#define PROXY_ROLL_H

#include <stddef.h>

#include "admin/control.h"

struct worker;
struct roll_question;

/* For the control socket's thread only. As in struct control_source. */
struct control_session *roll_sessions(struct worker *workers, unsigned count,
                                      const struct control_filter *filter, size_t *found,
                                      unsigned *late);
/* Closes the session. False: there is none with this id. */
bool roll_end(struct worker *workers, unsigned count, uint32_t id);
/* Tells all sessions, or those of `service`, to end at their next boundary. Returns their number.
 */
size_t roll_leave(struct worker *workers, unsigned count, struct text service);

/* By the worker: answers the question. */
void roll_answer(struct worker *worker);
/* By a worker that ends: it will not answer the last question. */
void roll_forget(struct worker *worker);

#endif
