/* A connection of the control socket that becomes something else than HTTP, on a thread of its own:
 * a takeover. One at a time. Private to admin/.
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
    pthread_mutex_t lock; /* over the next */
    pthread_t thread;
    bool made, busy;
    int channel;
    struct MHD_UpgradeResponseHandle *connection;
};

void upgrade_init(struct upgrade *upgrade, const char *protocol,
                  void (*run)(void *context, int channel), void *context);
/* Answers with 101; `run` is then called with the bare socket, and the connection ends with it. */
enum MHD_Result upgrade_begin(struct upgrade *upgrade, struct MHD_Connection *connection);
/* Ends what is under way: before the daemon is stopped. */
void upgrade_stop(struct upgrade *upgrade);
void upgrade_fini(struct upgrade *upgrade);

#endif
