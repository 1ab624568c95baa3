/* Open files: as many as the machine gives, and what is done where there are no more. */
#ifndef PROXY_FD_LIMIT_H
#define PROXY_FD_LIMIT_H

#include "config/config.h"
#include "proxy/worker.h"

/* Raises the process's limit to what it may be, and warns where that is too little for
 * max_connections: each session holds two. */
void fd_limit_raise(const struct config *config);

/* The last ones (64, or one in 64 of a lower limit) are kept back from sessions: for the control
 * socket, admin, reloads, logs and a successor. Is this one of them? */
bool fd_limit_spares(int fd);
/* Answers a client that was accepted with error 1040 and closes. */
void fd_limit_turn_away(struct worker *worker, int accepted);

/* One is kept back by each worker for the next: a client that there is no room for is told so. */
void fd_limit_init(struct worker *worker);
void fd_limit_fini(struct worker *worker);
/* Answers the client that waits at `listening` with error 1040 and closes. False where that could
 * not be done: the listener should rest for a while. */
bool fd_limit_refuse(struct worker *worker, int listening);

#endif
