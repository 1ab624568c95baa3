/* Connects the thread that meets other instances (it queries the server) with the proxy. Neither
 * depends on the other.
 */
#include "cmd/run_instances.h"

#include "instances/meet.h"
#include "proxy/runtime.h"
#include "proxy/server.h"

static bool state(void *server, const char *upstream, struct instance_state *to)
{
    return server_state(server, upstream, to);
}

static bool hear(void *server, const char *upstream, const struct override_news *news, size_t count)
{
    return server_hear(server, upstream, news, count);
}

static bool stored(void *server, const char (*ids)[OVERRIDE_ID], size_t count)
{
    return server_stored(server, ids, count);
}

static bool whose(void *server, const char *upstream, struct sought_thread *found)
{
    (void)server;
    return server_whose(upstream, found);
}

static void start(struct server *server)
{
    const struct meet_proxy proxy = {
        .user = server, .read = state, .hear = hear, .stored = stored, .whose = whose};

    meet_start(&proxy);
}

static void configure(struct runtime *runtime)
{
    meet_configure(runtime->config);
}

void run_instances(void)
{
    static const struct server_meeting functions = {
        .start = start,
        .configure = configure,
        .stop = meet_stop,
        .settle = meet_settle,
        .instances = meet_instances,
        .meetings = meet_meetings,
        .at_work = meet_at_work,
        .kill = meet_kill,
        .seek = meet_seek,
    };

    server_meet(&functions);
}
