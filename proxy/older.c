/* The older generations of this silogate, and a reload: each of them reads the newest one's file,
 * and notes what it has read (ini_path.h). One that has read something else, or has refused it,
 * judges its sessions by another policy: the logs say so, and `silogate ctl reload`.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/generations.h"
#include "proxy/ini_path.h"
#include "proxy/registry.h"
#include "proxy/running.h"

#define FOLLOW_SECONDS 2.0

static struct ini_path_read own_read(const struct server *server)
{
    return (struct ini_path_read){server->steer.base->config->read, server->reloads};
}

static void note(const struct server *server)
{
    if (server->ini_path < 0)
        return;
    ini_path_note(server->ini_path, registry_generation(), (uint32_t)getpid(), own_read(server));
    if (!server->handed_over)
        ini_path_lead(server->ini_path, own_read(server));
}

void older_lead(struct server *server)
{
    if (!server->control)
        return;
    if (server->ini_path < 0)
        server->ini_path = ini_path_new();
    if (server->ini_path < 0 || !ini_path_write(server->ini_path, server->path))
        log_warning("the path of proxy.ini cannot be shared: silogates that drain after a takeover "
                    "will reload their own file");
    if (server->ini_path >= 0)
        server->reloads = ini_path_leads(server->ini_path).reloads;
    note(server);
}

size_t older_behind(const struct server *server, uint32_t *processes, size_t room)
{
    return generations_behind(&server->inherited, server->ini_path, own_read(server), processes,
                              room);
}

/* This one drains. */
static void compare(const struct server *server)
{
    const uint64_t leads = server->ini_path >= 0 ? ini_path_leads(server->ini_path).hash : 0;

    if (leads && leads != own_read(server).hash)
        log_warning("reload: the silogate that has taken over has read another configuration than "
                    "this one has in force: the sessions here are judged by policy %s; can this "
                    "process read the same file, with the same environment?",
                    policy_hash(server->steer.current->policy));
}

void older_begin(struct server *server)
{
    if (server->handed_over && server->ini_path >= 0)
        server->reloads = ini_path_leads(server->ini_path).reloads;
}

void older_reload(struct server *server, bool accepted)
{
    server->reloads += accepted && !server->handed_over;
    note(server);
    if (server->handed_over) {
        compare(server);
        return;
    }
    if (!accepted)
        return;
    generations_signal(&server->inherited, SIGHUP);
    server->reloaded = clock_seconds();
    older_look(server);
}

void older_look(struct server *server)
{
    uint32_t processes[REGISTRY_GENERATIONS];

    if (server->handed_over)
        return;
    const size_t count = older_behind(server, processes, REGISTRY_GENERATIONS);
    if (count == 0) {
        steer_end_older(&server->steer);
        server->reloaded = 0.;
    }
    if (server->reloaded == 0. || clock_seconds() - server->reloaded < FOLLOW_SECONDS)
        return;
    server->reloaded = 0.;
    for (size_t i = 0; i < count; i++)
        log_warning("reload: the older silogate with process %u has not followed: its sessions are "
                    "judged by the configuration that it read before; its log says why",
                    (unsigned)processes[i]);
}
