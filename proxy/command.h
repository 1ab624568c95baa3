/* The client's command: cut, named, judged, passed or blocked. */
#ifndef PROXY_COMMAND_H
#define PROXY_COMMAND_H

#include "proxy/session.h"

/* The answer is over (answer.c calls it): the states become what the command has made them. */
void command_finish(struct session *session);

/* follow.c: a packet of the client's with another sequence id than the one that is due: 1156 with
 * `sequence`, and the end. */
enum step command_out_of_order(struct session *session, uint8_t sequence);

/* relay.c: a dump goes on, and what its replica acknowledges meanwhile may pass; false: the replica
 * has said COM_QUIT. */
bool relay_is_dump(const struct session *session);
bool relay_acknowledgements(struct session *session);
/* Of a dump's `*size` bytes at hand, lessens it to those that may go on now. Behind an event that
 * asks to be acknowledged both servers count a compressed leg's frames anew, and their replicas do.
 * False: first what was passed has to go; it goes on by itself. */
bool relay_events(struct session *session, size_t *size);
/* Between two commands a server says nothing, unless it ends the session: its last words go on. */
enum step relay_unasked(struct session *session);
/* The answer is taken to be over, but nothing in it proves that: one COM_PING does, before the next
 * command. */
void relay_prove(struct session *session);

/* The server has gone, and the client is told where an answer was in flight and nothing of it was
 * sent: error 2013 (answer.c). */
enum step command_upstream_died(struct session *session, enum close_reason reason);

/* Silogate's own question to the server, before the command at hand is judged (ask.c). */
void command_ask(struct session *session);
/* Behind a login: the question that the first command would have to wait for is asked while the
 * client reads that it is logged in. Not where the login or init_connect may have left warnings,
 * which it would clear. */
void command_ask_ahead(struct session *session, bool warned);

#endif
