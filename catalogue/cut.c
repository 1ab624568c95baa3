/* Ends the waits of all connections, for the end of the process: a server that hangs would hold it
 * up for the connection's time limits. A socket's number is only known here while its connection
 * has it, so that it is never another file's.
 */
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>

#include "catalogue/connection.h"

static struct {
    pthread_mutex_t lock;
    struct connection *first;
    bool ended;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool cut_add(struct connection *connection)
{
    pthread_mutex_lock(&all.lock);
    const bool ended = all.ended;
    connection->socket = -1;
    connection->next = all.first;
    all.first = connection;
    pthread_mutex_unlock(&all.lock);
    return !ended;
}

void cut_socket(struct connection *connection, int socket)
{
    if (!connection)
        return;
    pthread_mutex_lock(&all.lock);
    connection->socket = socket;
    if (all.ended && socket >= 0)
        shutdown(socket, SHUT_RDWR);
    pthread_mutex_unlock(&all.lock);
}

void cut_remove(struct connection *connection)
{
    pthread_mutex_lock(&all.lock);
    struct connection **link = &all.first;
    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    pthread_mutex_unlock(&all.lock);
}

void connection_cut_all(void)
{
    pthread_mutex_lock(&all.lock);
    all.ended = true;
    for (struct connection *one = all.first; one; one = one->next) {
        if (one->socket >= 0)
            shutdown(one->socket, SHUT_RDWR);
    }
    pthread_mutex_unlock(&all.lock);
}
