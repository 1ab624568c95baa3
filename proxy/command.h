/* The client's command: cut, named, judged, passed or blocked. */
#ifndef PROXY_COMMAND_H
#define PROXY_COMMAND_H

#include "proxy/session.h"

/* The answer is over (answer.c calls it): the moods become what the command has made them. */
void command_finish(struct session *session);

/* Silogate's own question to the server, before the command at hand is judged (answer.c). */
void command_ask(struct session *session);

#endif
