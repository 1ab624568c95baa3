/* The limit of open files: raises it, and handles clients when no descriptor is left. */
#ifndef PROXY_FD_LIMIT_H
#define PROXY_FD_LIMIT_H

#include "config/config.h"
#include "proxy/worker.h"

/* Raises the process's limit to the hard limit, and warns if that is too low for max_connections:
 * each session needs two. */
void fd_limit_raise(const struct config *config);

/* Is this descriptor one of the reserved ones? The last 64 (or one in 64 of a lower limit) are not
 * for sessions, but for the control socket, admin, reloads, logs and a successor. */
bool fd_limit_spares(int fd);
/* Answers an accepted client with error 1040 and closes. */
void fd_limit_turn_away(struct worker *worker, int accepted);

/* Each worker reserves one descriptor for fd_limit_refuse. */
void fd_limit_init(struct worker *worker);
void fd_limit_fini(struct worker *worker);
/* Accepts the client that waits at `listening`, answers with error 1040 and closes. False: this
 * was not possible, and the listener should be paused. */
bool fd_limit_refuse(struct worker *worker, int listening);

#endif
