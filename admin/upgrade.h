/* A connection of the control socket that is upgraded from HTTP to another protocol, on a thread of
 * its own: a takeover or an adoption. One at a time. Private to admin/.
 */
#ifndef ADMIN_UPGRADE_H
#define ADMIN_UPGRADE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>

struct upgrade {
    const char *protocol;
    void (*run)(void *context, int channel);
    void *context;
    pthread_mutex_t lock; /* protects the fields below */
    pthread_t thread;
    bool made, busy;
    int channel;
    struct MHD_UpgradeResponseHandle *connection;
};

void upgrade_init(struct upgrade *upgrade, const char *protocol,
                  void (*run)(void *context, int channel), void *context);
/* Answers with status 101, then calls `run` with the socket; the connection is closed after `run`
 * returns. */
enum MHD_Result upgrade_begin(struct upgrade *upgrade, struct MHD_Connection *connection);
/* Ends a running upgrade; call it before the daemon is stopped. */
void upgrade_stop(struct upgrade *upgrade);
void upgrade_fini(struct upgrade *upgrade);

#endif
