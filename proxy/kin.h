/* Looks for threads that a KILL names, and that are not sessions of this process, among the
 * sessions of older generations (takeover.h): after an upgrade, a statement that somebody wants to
 * cancel is a long one, so it runs there. They are asked over their control sockets by a thread of
 * its own; nobody else waits.
 */
#ifndef PROXY_KIN_H
#define PROXY_KIN_H

#include <stdbool.h>

struct server;
struct sought;

/* Where this silogate has taken over from another; does nothing else. On the main thread. */
void kin_start(struct server *server);
/* As `seek` of struct server_meeting, which is asked next if nothing is found. From any thread. */
bool kin_seek(const char *upstream, struct sought *sought);
/* Before the workers end. */
void kin_stop(void);

#endif
