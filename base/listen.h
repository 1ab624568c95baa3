/* Listening sockets. A Unix socket's path is replaced if no process answers on it any more. */
#ifndef BASE_LISTEN_H
#define BASE_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The new socket, close-on-exec, which the caller closes; -1 with `why`. `mode` is the path's file
 * mode. */
int listen_unix(const char *path, unsigned mode, int backlog, struct error *why);
/* Uses the first address of `host`. `shared`: with SO_REUSEPORT, for several sockets of this
 * process. With `backlog` 0 it is bound, and the caller calls listen(). */
int listen_tcp(const char *host, uint16_t port, int backlog, bool shared, struct error *why);
/* Is this socket bound to that address, or path? */
bool listen_is_tcp(int opened, const char *host, uint16_t port);
bool listen_is_unix(int opened, const char *path);
/* Has a process a stream socket at this path? It gets no connection by this question. */
bool listen_is_there(const char *path);
/* Is the address free? A bind with SO_REUSEPORT cannot tell: another process may have bound it so
 * too. */
bool listen_tcp_free(const char *host, uint16_t port, struct error *why);

#endif
