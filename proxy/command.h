/* The path of a client's command; functions of command.c, answer.c, relay.c and ask.c. */
#ifndef PROXY_COMMAND_H
#define PROXY_COMMAND_H

#include "proxy/session.h"

/* answer.c: the answer is complete: commits or drops the command's change of the belief. */
void command_finish(struct session *session);

/* answer.c: the COM_PING's OK after an answer (relay_prove): takes the session's state from it.
 * False: it is none. */
bool command_proved(struct session *session, const uint8_t *packet, size_t size);

/* follow.c: a client's packet does not have the expected sequence id: sends error 1156 with
 * `sequence` and ends the session. */
enum step command_out_of_order(struct session *session, uint8_t sequence);

/* relay.c: is a binary log dump running? And: passes the replica's acknowledgements during it;
 * false: the replica has sent COM_QUIT. */
bool relay_is_dump(const struct session *session);
bool relay_acknowledgements(struct session *session);
/* Reduces `*size`, the received bytes of a dump, to those that may be passed now. After an event
 * that asks for an acknowledgement servers and replicas begin the sequence ids of compressed
 * frames again. False: the passed bytes must be sent first; the session continues by itself. */
bool relay_events(struct session *session, size_t *size);
/* Between two commands a server sends nothing, except an error that ends the session, which is
 * relayed. */
enum step relay_unasked(struct session *session);
/* The answer seems to be complete, but nothing in it proves that, or its error leaves open whether
 * a transaction is open: sends a COM_PING, whose answer tells, before the next command. */
void relay_prove(struct session *session);
/* answer.c: was the last answer an error that does not tell whether a transaction is open? Then
 * relay_prove tells, in state COMMAND. */
bool command_in_doubt(const struct session *session);

/* answer.c: the server has gone. If an answer was in flight and no byte of it was sent, the client
 * gets error 2013. */
enum step command_upstream_died(struct session *session, enum close_reason reason);

struct command;
/* Is the whole command in the gate, as it must be to be refused? If not, `step` is what the state
 * returns. */
bool command_is_whole(struct session *session, struct command *command, enum step *step);

/* ask.c: sends silogate's own query to the server, before the present command is judged. */
void command_ask(struct session *session);
/* After a login: sends the query for which the first command would have to wait, while the client
 * reads its OK. Not if the login or init_connect may have left warnings, which it would clear. */
void command_ask_ahead(struct session *session, bool warned);
/* The same after COM_RESET_CONNECTION, if the names of moved tables could not be mapped otherwise.
 * Then ROW_COUNT() stays 0. */
void command_ask_reset(struct session *session);

#endif
