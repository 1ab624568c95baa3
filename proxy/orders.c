/* The control socket's calls: those that change what is in force are run by the main thread, those
 * about sessions by the workers' own loops.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/sought.h"
#include "proxy/generations.h"
#include "proxy/reload.h"
#include "proxy/roll.h"
#include "proxy/running.h"
#include "proxy/server.h"

enum { SEEK_MS = 2000, FOLLOW_TURN_MS = 20, FOLLOW_TURNS = 100 };

/* A call and its result: each order_ function runs on the main thread. */
struct ordered {
    struct server *server;
    struct override *override, *list;
    struct runtime *runtime;
    uint32_t *processes;
    size_t count, room;
    struct text id, who;
    struct error *why;
    bool fine;
};

/* Does this process decide? One that was taken over from must refuse changes: its own list would
 * hold for its remaining sessions only. */
static bool decides(const struct ordered *ordered)
{
    return !ordered->server->handed_over ||
           error_set(ordered->why, CONTROL_TAKEN "%s", control_at(ordered->server->control));
}

static void order_override(void *argument)
{
    struct ordered *ordered = argument;

    if (!decides(ordered))
        return;
    meeting_place(ordered->server, ordered->override);
    ordered->fine = steer_add(&ordered->server->steer, ordered->override, ordered->why);
}

static void order_undo(void *argument)
{
    struct ordered *ordered = argument;

    if (!decides(ordered))
        return;
    ordered->fine =
        steer_undo(&ordered->server->steer, ordered->id, ordered->who, ordered->override);
    if (!ordered->fine)
        error_set(ordered->why, "no override of this id is in force");
}

static void order_list(void *argument)
{
    struct ordered *ordered = argument;
    const struct steer *steer = &ordered->server->steer;

    ordered->count = steer->count;
    memcpy(ordered->list, steer->list, steer->count * sizeof(*steer->list));
}

static void order_runtime(void *argument)
{
    struct ordered *ordered = argument;

    ordered->runtime = runtime_take(ordered->server->steer.current);
}

static void order_reload(void *argument)
{
    struct ordered *ordered = argument;

    if (ordered->server->giving)
        error_set(ordered->why,
                  CONTROL_STARTING " and takes over from this one; reload again when it serves");
    else
        ordered->fine = decides(ordered) && server_reload(ordered->server, ordered->why);
}

static void order_leave(void *argument)
{
    struct ordered *ordered = argument;

    ordered->fine = decides(ordered);
}

static void order_older(void *argument)
{
    struct ordered *ordered = argument;

    ordered->count =
        generations_numbers(&ordered->server->inherited, ordered->processes, ordered->room);
}

static void order_behind(void *argument)
{
    struct ordered *ordered = argument;

    ordered->count = older_behind(ordered->server, ordered->processes, ordered->room);
}

static bool order(struct ordered *ordered, void (*work)(void *argument))
{
    if (!desk_call(&ordered->server->desk, work, ordered) && ordered->why)
        return error_set(ordered->why, "silogate is coming to its end");
    return ordered->fine;
}

static bool control_override(void *context, struct override *override, struct told *told,
                             struct error *why)
{
    if (!order(&(struct ordered){.server = context, .override = override, .why = why},
               order_override))
        return false;
    meeting_settle(override, told);
    return true;
}

static bool control_undo(void *context, struct text id, struct text who, struct override *undone,
                         struct told *told, struct error *why)
{
    struct ordered ordered = {
        .server = context, .id = id, .who = who, .override = undone, .why = why};

    if (!order(&ordered, order_undo))
        return false;
    meeting_settle(undone, told);
    return true;
}

static size_t control_older(void *context, uint32_t *processes, size_t room)
{
    struct ordered ordered = {.server = context, .processes = processes, .room = room};

    order(&ordered, order_older);
    return ordered.count;
}

static size_t control_instances(void *context, struct instance *list, size_t room)
{
    (void)context;
    return meeting ? meeting->instances(list, room) : 0;
}

static size_t control_meetings(void *context, struct meeting *list, size_t room)
{
    (void)context;
    return meeting ? meeting->meetings(list, room) : 0;
}

static size_t control_overrides(void *context, struct override *list)
{
    struct ordered ordered = {.server = context, .list = list};

    order(&ordered, order_list);
    return ordered.count;
}

static bool control_reload(void *context, uint32_t *behind, size_t room, size_t *count,
                           struct error *why)
{
    const struct timespec moment = {.tv_nsec = FOLLOW_TURN_MS * 1000000L};
    struct ordered ordered = {.server = context, .processes = behind, .room = room, .why = why};

    if (!order(&ordered, order_reload))
        return false;
    for (int turn = 0; turn < FOLLOW_TURNS; turn++) {
        order(&ordered, order_behind);
        if (ordered.count == 0)
            break;
        nanosleep(&moment, NULL);
    }
    *count = ordered.count;
    return true;
}

static struct control_session *control_sessions(void *context, const struct control_filter *filter,
                                                size_t *count, unsigned *late)
{
    struct server *server = context;

    struct control_session *all =
        roll_sessions(server->workers, server->worker_count, filter, count, late);

    if (meeting && *count > 0)
        meeting_digests(all, *count);
    return all;
}

static void wake_nobody(void *nobody)
{
    (void)nobody;
}

/* The thread of another instance's session at this upstream; 0: none, or more than one. */
static uint32_t find_elsewhere(const char *upstream, uint32_t id)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    struct sought *sought = sought_new(&id, 1, wake_nobody, NULL);
    uint32_t thread = 0;

    if (!meeting->seek(upstream, sought)) {
        sought_drop(sought);
        sought_drop(sought);
        return 0;
    }
    for (int i = 0; i < SEEK_MS / 5 && !atomic_load(&sought->done); i++)
        nanosleep(&moment, NULL);
    if (atomic_load(&sought->done) && sought->found_count == 1)
        thread = sought->found[0].thread;
    sought_drop(sought);
    return thread;
}

/* Ends a session that this process does not have: if another instance before the same upstreams
 * has a session with this id, the server ends its thread. */
static bool control_end_elsewhere(void *context, uint32_t id, bool query, struct error *why)
{
    struct ordered ordered = {.server = context};
    bool found = false, fine = false;

    if (meeting && id >> 30 == 1) /* a server's own thread id is not a session of silogate */
        order(&ordered, order_runtime);
    for (size_t i = 0; ordered.runtime && !found && i < ordered.runtime->config->upstream_count;
         i++) {
        const struct config_upstream *upstream = &ordered.runtime->config->upstreams[i];
        const uint32_t thread = upstream->account.line ? find_elsewhere(upstream->name.at, id) : 0;
        found = thread > 0;
        fine = found && meeting->kill(upstream->name.at, thread, query, why);
    }
    if (ordered.runtime)
        runtime_drop(ordered.runtime);
    if (!found)
        error_set(why, "there is no session %u here%s", (unsigned)id,
                  meeting ? ", and none is found before an upstream with an account" : "");
    why->line = found;
    return fine;
}

/* KILL QUERY, by the account of the session's upstream. */
static bool end_statement(struct server *server, uint32_t id, struct error *why)
{
    const struct control_filter filter = {.id = id};
    size_t count;
    unsigned late;
    struct control_session *one =
        roll_sessions(server->workers, server->worker_count, &filter, &count, &late);
    bool found = count > 0, fine = false;

    if (!found)
        error_set(why, "there is no session %u here", (unsigned)id);
    else if (!one->kind)
        error_set(why, "no statement is at work in session %u", (unsigned)id);
    else if (!meeting)
        error_set(why, "[upstream:%s] has no account, which --query needs", one->upstream);
    else
        fine = meeting->kill(one->upstream, one->thread, true, why);
    why->line = found; /* the session exists, so the error has another reason */
    free(one);
    return fine;
}

static bool control_end(void *context, uint32_t id, bool query, struct error *why)
{
    struct server *server = context;

    why->line = false;
    return query ? end_statement(server, id, why)
                 : roll_end(server->workers, server->worker_count, id);
}

/* Lists services in the order of the file, as many as there is room for. */
static bool tell_services(const struct config *config, struct text wrong, struct error *why)
{
    char names[320];
    size_t length = 0, i = 0;

    for (;
         i < config->service_count && length + config->services[i].name.length + 2 < sizeof(names);
         i++)
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%.*s",
                                   i > 0 ? ", " : "", TEXT_ARGS(config->services[i].name));
    return error_set(why, "there is no [service:%.*s]; there %s %.*s%s",
                     (int)(wrong.length < 64 ? wrong.length : 64), wrong.at,
                     config->service_count == 1 ? "is" : "are", (int)length, names,
                     i < config->service_count ? ", ..." : "");
}

/* A service that a reload has removed may still have sessions. */
static bool control_leave(void *context, struct text service, size_t *count, struct error *why)
{
    struct server *server = context;
    struct ordered ordered = {.server = server, .why = why};

    if (!order(&ordered, order_leave))
        return false;
    *count = roll_leave(server->workers, server->worker_count, service);
    if (*count > 0 || !service.at)
        return true;
    order(&ordered, order_runtime);
    if (!ordered.runtime)
        return true;
    const bool known = policy_service(ordered.runtime->policy, service) != SERVICE_NONE ||
                       tell_services(ordered.runtime->config, service, why);
    runtime_drop(ordered.runtime);
    return known;
}

static char *control_record(void *context, struct text id)
{
    struct ordered ordered = {.server = context};
    struct reload_log log;
    char *found = NULL;

    order(&ordered, order_runtime);
    if (!ordered.runtime)
        return NULL;
    reload_log_settings(ordered.runtime->config, &log);
    found = violations_find(log.outputs, log.settings.output_count, id);
    runtime_drop(ordered.runtime);
    return found;
}

struct control_source orders_source(struct server *server)
{
    return (struct control_source){
        .context = server,
        .sessions = control_sessions,
        .end = control_end,
        .end_elsewhere = control_end_elsewhere,
        .whose = server_whose,
        .older = control_older,
        .leave = control_leave,
        .override = control_override,
        .undo = control_undo,
        .overrides = control_overrides,
        .instances = control_instances,
        .meetings = control_meetings,
        .reload = control_reload,
        .takeover = drain_takeover,
        .adoption = drain_adoption,
        .record = control_record,
    };
}
