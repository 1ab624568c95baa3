/* What the two HTTP servers share: admin's, which reads, and the control socket's, which changes.
 * Private to admin/.
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include <microhttpd.h>
#include <stddef.h>

#include "config/config.h"

/* Starts a thread that answers on `listening`; NULL where it cannot. `completed` may be NULL.
 * `flags` are libmicrohttpd's, besides those of all. */
struct MHD_Daemon *http_start(int listening, unsigned flags, MHD_AccessHandlerCallback on_request,
                              MHD_RequestCompletedCallback completed, void *context);
/* Takes over `body`, which is malloc's. */
enum MHD_Result http_answer(struct MHD_Connection *connection, unsigned status, const char *type,
                            char *body, size_t length);

/* The inherited socket where it is bound to that address; else it is closed, and -1. */
int http_inherited(int inherited, const struct config_address *address);
/* The socket that it listens on. */
int http_socket(struct MHD_Daemon *daemon);
/* Takes no more connections, forgets the path and closes the socket; the descriptor's number stays
 * taken, and is the caller's to be closed after the daemon has been stopped. */
int http_let_go(struct MHD_Daemon *daemon, char *path);

#endif
