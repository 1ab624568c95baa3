/* The client's command: cut, named, judged, passed or blocked. */
#ifndef PROXY_COMMAND_H
#define PROXY_COMMAND_H

#include "proxy/session.h"

/* The answer is over (answer.c calls it): the states become what the command has made them. */
void command_finish(struct session *session);

/* A packet of the client's with another sequence id than the one that is due: 1156 with `sequence`,
 * and the end. */
enum step command_out_of_order(struct session *session, uint8_t sequence);

/* Silogate's own question to the server, before the command at hand is judged (answer.c). */
void command_ask(struct session *session);

#endif
