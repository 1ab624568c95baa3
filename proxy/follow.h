/* Carries out the ruling on the command at the front of the client's gate. */
#ifndef PROXY_FOLLOW_H
#define PROXY_FOLLOW_H

#include "protocol/command.h"
#include "proxy/cut.h"

struct ruling;

/* Does what the worker's ruling says; the text starts at `text_at` in the command's payload. */
enum step follow_ruling(struct session *session, struct command *command, size_t text_at);

/* The command passes, and the packets that continue it, as they arrive. */
enum step follow_pass(struct session *session, const struct command *command);

/* The command is not sent: it is dropped, and answered with this error. */
enum step follow_refuse(struct session *session, struct command *command, uint16_t code,
                        const char *message);

/* The command is too large to be judged, or has no answer: the rest of its bytes are read and
 * discarded. */
enum step follow_forget(struct session *session, enum command_answer answer);

/* Its tables are being moved or held: the command waits and is judged again afterwards. If the
 * client goes away meanwhile, it is not run. */
enum step follow_hold(struct session *session);

#endif
