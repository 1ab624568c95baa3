/* What the two HTTP servers share: admin's, which reads, and the control socket's, which changes.
 * Private to admin/.
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include <microhttpd.h>
#include <stddef.h>

/* Starts a thread that answers on `listening`; NULL where it cannot. `completed` may be NULL. */
struct MHD_Daemon *http_start(int listening, MHD_AccessHandlerCallback on_request,
                              MHD_RequestCompletedCallback completed, void *context);
/* Takes over `body`, which is malloc's. */
enum MHD_Result http_answer(struct MHD_Connection *connection, unsigned status, const char *type,
                            char *body, size_t length);

#endif
