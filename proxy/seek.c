/* See proxy/seek.h.
 *
 *   COMMAND -> SEEK -> COMMAND
 *
 * The session waits, its worker does not: a thread asks older generations (kin.h), then the
 * upstream's thread of instances/ asks the server with the upstream's account, and wakes the
 * worker. Nothing was sent or recorded yet; if nobody answers in time, the command is judged as if
 * nothing was found. The owner of a thread is decided here: if the server has told its user, it is
 * the service of that user by the policy in force; if another instance has answered, it is the
 * service that it has named.
 */
#include "proxy/seek.h"

#include <ev.h>
#include <string.h>

#include "config/sought.h"
#include "judge/ruling.h"
#include "proxy/kin.h"
#include "proxy/running.h"
#include "proxy/runtime.h"
#include "proxy/server.h"
#include "proxy/worker.h"

/* Called on the thread that looks. Workers exist until that thread has ended. */
static void wake(void *worker)
{
    ev_async_send(((struct worker *)worker)->loop, &((struct worker *)worker)->wake);
}

bool seek_begin(struct session *session, const struct ruling *ruling)
{
    struct binding *binding = session->binding;

    if (session->sought || ruling->sought_count == 0 || binding->upstream == UPSTREAM_GONE)
        return false;
    struct sought *sought = sought_new(ruling->sought, ruling->sought_count, wake, session->worker);
    if (!kin_seek(binding->upstream_name, sought) &&
        (!meeting || !meeting->seek(binding->upstream_name, sought))) {
        sought_drop(sought);
        sought_drop(sought);
        return false;
    }
    session->sought = sought;
    session->worker->counters.sought++;
    session_enter(session, STATE_SEEK);
    return true;
}

enum step state_seek(struct session *session)
{
    const bool done = atomic_load(&session->sought->done);

    if (!done && session->worker->second < session->deadline) {
        if (!session->waiting.after)
            list_add(&session->worker->held, &session->waiting);
        return STEP_WAIT;
    }
    list_remove(&session->waiting);
    session->binding->sought = done ? session->sought : NULL;
    session_enter(session, STATE_COMMAND);
    return STEP_AGAIN;
}

static bool is_of_service(const struct binding *binding, const struct sought_thread *found)
{
    if (found->service[0])
        return binding->service_usage &&
               strcmp(found->service, usage_service(binding->service_usage)) == 0;
    return router_service(binding->router, text_of(found->user)) == binding->service;
}

bool seek_find(const struct binding *binding, uint64_t id, uint32_t *thread)
{
    const struct sought *sought = binding->sought;
    const struct sought_thread *only = NULL;

    for (size_t i = 0; sought && i < sought->found_count; i++) {
        const struct sought_thread *found = &sought->found[i];
        if (found->id != id || !is_of_service(binding, found))
            continue;
        if (only && only->thread != found->thread)
            return false;
        only = found;
    }
    /* the answer is full: the right thread may be one that did not fit */
    if (!only || sought->found_count == SOUGHT_FOUND)
        return false;
    *thread = only->thread;
    return true;
}

void seek_forget(struct session *session)
{
    if (!session->sought)
        return;
    if (session->binding)
        session->binding->sought = NULL;
    sought_drop(session->sought);
    session->sought = NULL;
}
