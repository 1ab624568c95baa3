/* A statement that was answered with an error that says that a table is not there, or that a view
 * stands in its place, though it names a table of an open move: this instance may have missed that
 * the table has moved. The catalogue is looked at, and where the table stands elsewhere the
 * statement is sent once more, mapped; else the client gets the error.
 */
#ifndef PROXY_AGAIN_H
#define PROXY_AGAIN_H

#include <stdbool.h>
#include <stddef.h>

struct session;
struct ruling;
struct command;

/* Is it such an error? */
bool again_is_miss(unsigned error_code);

/* The command at hand passes, as it came: should it be sent once more, it is kept. */
void again_keep(struct session *session, const struct command *command,
                const struct ruling *ruling);

/* The events of the answer at hand (enum answer_event), whose first `size` bytes have not been
 * passed on. True: they are kept back, and STATE_LOOK decides. */
bool again_looks(struct session *session, unsigned events, size_t size);

/* The command at hand was sent before: it is recorded already. */
bool again_is_resent(const struct session *session);

/* The command is answered, or will never be. */
void again_forget(struct session *session);

#endif
