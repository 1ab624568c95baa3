/* Questions to the workers about their sessions, and orders to end some: what `silogate ctl` asks.
 * Each worker answers in its own loop when it is woken; nothing is locked, and nothing is looked at
 * behind its back.
 */
#ifndef PROXY_ROLL_H
#define PROXY_ROLL_H

#include <stddef.h>

#include "admin/control.h"

struct worker;
struct roll_question;

/* From the control socket's thread alone. As control_source's. */
struct control_session *roll_sessions(struct worker *workers, unsigned count,
                                      const struct control_filter *filter, size_t *found,
                                      unsigned *late);
/* Closes the session; false where there is none of this id. */
bool roll_end(struct worker *workers, unsigned count, uint32_t id);
/* All sessions of `service`, or all, are to end at their next boundary: how many. */
size_t roll_leave(struct worker *workers, unsigned count, struct text service);

/* The worker's: answers what is asked. */
void roll_answer(struct worker *worker);
/* A worker that has ended: what was asked last will not be answered. */
void roll_forget(struct worker *worker);

#endif
