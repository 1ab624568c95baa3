/* What becomes of the command at the front of the client's gate once it is judged. */
#ifndef PROXY_FOLLOW_H
#define PROXY_FOLLOW_H

#include "protocol/command.h"
#include "proxy/cut.h"

/* Carries out what the worker's ruling says of it; its text starts at `text_at` of its payload. */
enum step follow_ruling(struct session *session, struct command *command, size_t text_at);

/* It passes, and the packets that continue it, as they come. */
enum step follow_pass(struct session *session, const struct command *command);

/* It is not sent: forgotten, and answered with this error. */
enum step follow_refuse(struct session *session, struct command *command, uint16_t code,
                        const char *message);

/* It is too large to be judged, or has no answer: the rest of its bytes are read and discarded. */
enum step follow_forget(struct session *session, enum command_answer answer);

/* Its tables are being moved or held: it is judged again once they are not. If the client goes away
 * meanwhile it is not run, as a server ends the wait of such a client. */
enum step follow_hold(struct session *session);

#endif
