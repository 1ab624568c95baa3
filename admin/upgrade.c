/* libmicrohttpd passes the socket to a callback that must return at once, so a thread uses it. */
#include "admin/upgrade.h"

#include <string.h>
#include <sys/socket.h>

#include "admin/crowd.h"
#include "base/log.h"

static void *run(void *argument)
{
    struct upgrade *upgrade = argument;

    upgrade->run(upgrade->context, upgrade->channel);
    pthread_mutex_lock(&upgrade->lock);
    struct MHD_UpgradeResponseHandle *connection = upgrade->connection;
    upgrade->busy = false;
    pthread_mutex_unlock(&upgrade->lock);
    MHD_upgrade_action(connection, MHD_UPGRADE_ACTION_CLOSE);
    return NULL;
}

static void on_upgraded(void *context, struct MHD_Connection *connection, void *state,
                        const char *extra, size_t extra_size, MHD_socket channel,
                        struct MHD_UpgradeResponseHandle *upgraded)
{
    struct upgrade *upgrade = context;

    (void)connection;
    (void)state;
    (void)extra;
    (void)extra_size;
    pthread_mutex_lock(&upgrade->lock);
    bool first = !upgrade->busy;
    if (first && upgrade->made)
        pthread_join(upgrade->thread, NULL);
    if (first) {
        upgrade->channel = channel;
        upgrade->connection = upgraded;
        const int error = pthread_create(&upgrade->thread, NULL, run, upgrade);
        upgrade->busy = upgrade->made = error == 0;
        if (error)
            log_error("%s was asked for, and no thread can be made for it: %s; raise the limits of "
                      "memory and of processes",
                      upgrade->protocol, strerror(error));
    }
    bool taken = first && upgrade->busy;
    pthread_mutex_unlock(&upgrade->lock);
    if (!taken)
        MHD_upgrade_action(upgraded, MHD_UPGRADE_ACTION_CLOSE);
}

void upgrade_init(struct upgrade *upgrade, const char *protocol,
                  void (*run_)(void *context, int channel), void *context)
{
    *upgrade =
        (struct upgrade){.protocol = protocol, .run = run_, .context = context, .channel = -1};
    pthread_mutex_init(&upgrade->lock, NULL);
}

enum MHD_Result upgrade_begin(struct upgrade *upgrade, struct MHD_Connection *connection)
{
    struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgraded, upgrade);

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, upgrade->protocol);
    enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
    crowd_excuse(connection);
    MHD_destroy_response(response);
    return queued;
}

void upgrade_stop(struct upgrade *upgrade)
{
    pthread_mutex_lock(&upgrade->lock);
    if (upgrade->busy)
        shutdown(upgrade->channel, SHUT_RDWR); /* makes `run` end, so that the join returns */
    bool made = upgrade->made;
    upgrade->made = false;
    pthread_mutex_unlock(&upgrade->lock);
    if (made)
        pthread_join(upgrade->thread, NULL);
}

void upgrade_fini(struct upgrade *upgrade)
{
    pthread_mutex_destroy(&upgrade->lock);
}
