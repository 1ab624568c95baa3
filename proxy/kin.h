/* Threads that a KILL names and that are no session here, looked for among the sessions of older
 * generations (takeover.h): the statement that somebody wants to cancel after an upgrade is a long
 * one, so it is theirs. Asked over their control sockets, by a thread of its own; nobody else
 * waits.
 */
#ifndef PROXY_KIN_H
#define PROXY_KIN_H

#include <stdbool.h>

struct server;
struct sought;

/* Where this silogate has taken over from another; does nothing else. On the main thread. */
void kin_start(struct server *server);
/* As meeting's `seek`, which is asked next where nothing is found. From any thread. */
bool kin_seek(const char *upstream, struct sought *sought);
/* Before the workers end. */
void kin_stop(void);

#endif
