/* A list in the order of arrival, which is the order of how long each has waited. */
#include "admin/crowd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"

struct guest {
    struct crowd *crowd; /* NULL: excused */
    struct guest *older, *newer;
    int socket;
    bool answered, ended;
};

static void leave(struct guest *guest)
{
    struct crowd *crowd = guest->crowd;

    if (!crowd)
        return;
    *(guest->older ? &guest->older->newer : &crowd->oldest) = guest->newer;
    *(guest->newer ? &guest->newer->older : &crowd->newest) = guest->older;
    crowd->count--;
    guest->crowd = NULL;
}

/* All but the one that has just come. */
static struct guest *find(const struct crowd *crowd, bool answered)
{
    for (struct guest *one = crowd->oldest; one && one != crowd->newest; one = one->newer) {
        if (one->answered == answered && !one->ended)
            return one;
    }
    return NULL;
}

/* The library closes it when it finds the end of the stream, before it accepts CROWD_MAX more. */
static void make_room(struct crowd *crowd)
{
    struct guest *guest = find(crowd, false);

    if (!guest)
        guest = find(crowd, true);
    if (!guest)
        return;
    guest->ended = true;
    shutdown(guest->socket, SHUT_RDWR);
}

static void arrive(struct crowd *crowd, struct MHD_Connection *connection, void **state)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct guest *guest = memory_take_zeroed(sizeof(*guest));

    guest->crowd = crowd;
    guest->socket = info ? info->connect_fd : -1;
    guest->older = crowd->newest;
    *(crowd->newest ? &crowd->newest->newer : &crowd->oldest) = guest;
    crowd->newest = guest;
    *state = guest;
    if (++crowd->count > CROWD_MANY)
        make_room(crowd);
}

void crowd_notify(void *context, struct MHD_Connection *connection, void **guest,
                  enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        arrive(context, connection, guest);
    } else if (*guest) {
        leave(*guest);
        free(*guest);
        *guest = NULL;
    }
}

static struct guest *guest_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

void crowd_answered(struct MHD_Connection *connection)
{
    struct guest *guest = guest_of(connection);

    if (guest)
        guest->answered = true;
}

void crowd_excuse(struct MHD_Connection *connection)
{
    struct guest *guest = guest_of(connection);

    if (guest)
        leave(guest);
}
