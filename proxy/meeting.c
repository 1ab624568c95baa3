/* This process's part in working with other instances: its own state for them, their overrides,
 * and at how many of them an override of `silogate ctl` is in force. instances/ does the
 * communication (see server.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "config/sought.h"
#include "proxy/registry.h"
#include "proxy/running.h"
#include "proxy/runtime.h"
#include "proxy/server.h"

const struct server_meeting *meeting; /* NULL: there is no communication with others */

void server_meet(const struct server_meeting *who)
{
    meeting = who;
}

struct asked {
    struct server *server;
    const char *upstream;
    struct instance_state *state;
    const struct override_news *news;
    const char (*ids)[OVERRIDE_ID];
    size_t count;
};

static size_t copy_those_of(const char *upstream, const struct override *from, size_t count,
                            struct override *to)
{
    size_t copied = 0;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(from[i].upstream, upstream) == 0)
            to[copied++] = from[i];
    }
    return copied;
}

static size_t copy_closed(const char *upstream, const struct closed *closed, struct override *to)
{
    size_t copied = 0;

    for (size_t i = 0; i < closed->count; i++) {
        if (closed->list[i].closed == OVERRIDE_PENDING &&
            strcmp(closed->list[i].upstream, upstream) == 0)
            to[copied++] = closed->list[i];
    }
    return copied;
}

static void tell_state(void *argument)
{
    const struct asked *asked = argument;
    const struct server *server = asked->server;
    const struct steer *steer = &server->steer;
    struct instance_state *state = asked->state;

    state->count = copy_those_of(asked->upstream, steer->list, steer->count, state->overrides);
    state->closed_count = copy_closed(asked->upstream, &steer->closed, state->closed);
    snprintf(state->policy, sizeof(state->policy), "%s", policy_hash(steer->base->policy));
    state->number = registry_instance();
    state->draining = server->terminated;
    state->sessions = atomic_load(&worker_sessions);
}

bool server_state(struct server *server, const char *upstream, struct instance_state *state)
{
    return desk_call(&server->desk, tell_state,
                     &(struct asked){.server = server, .upstream = upstream, .state = state});
}

static void hear(void *argument)
{
    const struct asked *asked = argument;

    steer_hear(&asked->server->steer, asked->upstream, asked->news, asked->count);
}

bool server_hear(struct server *server, const char *upstream, const struct override_news *news,
                 size_t count)
{
    return desk_call(
        &server->desk, hear,
        &(struct asked){.server = server, .upstream = upstream, .news = news, .count = count});
}

static void stored(void *argument)
{
    const struct asked *asked = argument;

    steer_stored(&asked->server->steer, asked->ids, asked->count);
}

bool server_stored(struct server *server, const char (*ids)[OVERRIDE_ID], size_t count)
{
    return desk_call(&server->desk, stored,
                     &(struct asked){.server = server, .ids = ids, .count = count});
}

bool server_whose(const char *upstream, struct sought_thread *found)
{
    const struct usage *usage = usage_find("upstream:", text_of(upstream));
    struct registry_entry entry;

    if (!usage || !registry_at(found->id, usage, &entry) || !entry.service)
        return false;
    const char *service = usage_service(entry.service);
    if (strlen(service) >= sizeof(found->service))
        return false;
    snprintf(found->service, sizeof(found->service), "%s", service);
    found->thread = entry.thread;
    return true;
}

void meeting_place(const struct server *server, struct override *override)
{
    const struct config *config = server->steer.base->config;
    const int service = policy_service(server->steer.base->policy, text_of(override->service));

    override->upstream[0] = 0;
    if (!meeting || service == SERVICE_NONE)
        return;
    const struct config_upstream *upstream =
        &config->upstreams[config->services[service].upstream_index];
    if (upstream->account.line)
        snprintf(override->upstream, sizeof(override->upstream), "%s", upstream->name.at);
}

void meeting_settle(const struct override *override, struct told *told)
{
    *told = (struct told){.met = false};
    if (meeting && override->upstream[0])
        meeting->settle(override->upstream, told);
}

/* Asks one upstream for all sessions, from `first` on, that run a statement there. */
static void ask_upstream(struct control_session *sessions, size_t count, size_t first, bool *asked)
{
    struct at_work *list = memory_take_zeroed(count * sizeof(*list));
    const char *upstream = sessions[first].upstream;
    size_t found = 0, at = 0;

    for (size_t i = first; i < count; i++) {
        if (sessions[i].kind && strcmp(sessions[i].upstream, upstream) == 0)
            list[found++] =
                (struct at_work){.thread = sessions[i].thread, .mode = sessions[i].mode};
    }
    meeting->at_work(upstream, list, found);
    for (size_t i = first; i < count; i++) {
        if (!sessions[i].kind || strcmp(sessions[i].upstream, upstream) != 0)
            continue;
        sessions[i].digest = list[at++].digest;
        asked[i] = true;
    }
    free(list);
}

void meeting_digests(struct control_session *sessions, size_t count)
{
    bool *asked = memory_take_zeroed(count * sizeof(*asked));

    for (size_t i = 0; i < count; i++) {
        if (sessions[i].kind && !asked[i])
            ask_upstream(sessions, count, i, asked);
    }
    free(asked);
}
