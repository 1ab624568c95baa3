/* What the two HTTP servers share: admin, which only reads, and the control socket, which makes
 * changes. Private to admin/.
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include <microhttpd.h>
#include <stddef.h>

#include "admin/crowd.h"
#include "config/config.h"

/* Starts a thread that answers on `listening`; NULL if it fails. `completed` may be NULL. `flags`
 * are flags of libmicrohttpd, added to those that both servers use. `crowd` is empty and lives as
 * long as the server. */
struct MHD_Daemon *http_start(int listening, unsigned flags, MHD_AccessHandlerCallback on_request,
                              MHD_RequestCompletedCallback completed, void *context,
                              struct crowd *crowd);
/* Takes ownership of `body`, which was allocated with malloc. */
enum MHD_Result http_answer(struct MHD_Connection *connection, unsigned status, const char *type,
                            char *body, size_t length);

/* Returns `inherited` if it is bound to that address; else closes it and returns -1. */
int http_inherited(int inherited, const struct config_address *address);
/* The listening socket. */
int http_socket(struct MHD_Daemon *daemon);
/* Stops accepting connections, empties `path` and closes the socket. Returns the descriptor number,
 * which stays in use; the caller closes it after it has stopped the daemon. */
int http_let_go(struct MHD_Daemon *daemon, char *path);

#endif
