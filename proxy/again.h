/* A statement on a table of an open move got an error which says that there is no such table, or
 * that there is a view in its place: the table may have moved without this instance knowing. The
 * catalogue is read, and the statement is sent once more with the name of the table's present
 * place, also if that is the one it had (the error may be of the moment of a RENAME). A second
 * error is the client's.
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

/* The present command passes: keeps a copy of it as received, if it may have to be sent again. */
void again_keep(struct session *session, const struct command *command,
                const struct ruling *ruling);

/* `events` of the present answer (enum answer_event), whose first `size` bytes are not passed yet.
 * True: they are held back, and STATE_LOOK decides. */
bool again_looks(struct session *session, unsigned events, size_t size);

/* Was the present command sent before? Then it is already recorded. */
bool again_is_resent(const struct session *session);

/* The command is answered, or the session ends: frees the copy. */
void again_forget(struct session *session);

#endif
