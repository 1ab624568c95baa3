/* The connections of one HTTP server. The library accepts no more than CROWD_MAX, so callers that
 * send nothing, or a byte now and then, or do not read their answer, could keep everybody out.
 * When CROWD_MANY are open, each new connection ends the oldest one: first of those that were not
 * answered yet, then of those that still read their answer. Private to admin/; only the server's
 * thread uses it.
 */
#ifndef ADMIN_CROWD_H
#define ADMIN_CROWD_H

#include <microhttpd.h>
#include <stddef.h>

enum {
    CROWD_MAX = 64,
    CROWD_MANY = 48,
};

struct guest;
struct crowd {
    struct guest *oldest, *newest;
    size_t count;
};

/* For MHD_OPTION_NOTIFY_CONNECTION; `context` is the crowd. */
void crowd_notify(void *context, struct MHD_Connection *connection, void **guest,
                  enum MHD_ConnectionNotificationCode code);
/* The connection's answer is in the queue. */
void crowd_answered(struct MHD_Connection *connection);
/* The connection no longer speaks HTTP: it is not ended and not counted. */
void crowd_excuse(struct MHD_Connection *connection);

#endif
