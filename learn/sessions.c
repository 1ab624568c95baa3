/* The sessions of a log by connection id. Their number is limited; the least recently used one is
 * forgotten first.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "learn/internal.h"

enum { BUCKETS = 1 << 15 };

struct sessions {
    struct list_link by_age;
    size_t count;
    struct learn_session *buckets[BUCKETS];
};

struct sessions *sessions_new(void)
{
    struct sessions *sessions = memory_take_zeroed(sizeof(*sessions));

    list_init(&sessions->by_age);
    return sessions;
}

static struct learn_session **bucket(struct sessions *sessions, uint64_t thread)
{
    return &sessions->buckets[thread * 0x9e3779b97f4a7c15u >> 49];
}

static void free_session(struct sessions *sessions, struct learn_session *session)
{
    struct learn_session **at = bucket(sessions, session->thread);

    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    list_remove(&session->age);
    learn_session_fini(session);
    free(session);
    sessions->count--;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    while (!list_empty(&sessions->by_age))
        free_session(sessions, LIST_ENTRY(sessions->by_age.after, struct learn_session, age));
    free(sessions);
}

void learn_session_fini(struct learn_session *session)
{
    belief_forget(&session->belief);
    free(session->held);
    session->held = NULL;
}

/* A service may KILL its own sessions. */
static bool find_thread(const struct binding *binding, uint64_t id, uint32_t *thread)
{
    const struct learn_session *session =
        LIST_ENTRY((const void *)binding, struct learn_session, binding);
    const struct learn_session *other = sessions_known(session->learn, id);

    *thread = (uint32_t)id;
    return other && other->judged && other->binding.service == binding->service;
}

static bool find_branch(const struct binding *binding, struct text xid)
{
    const struct learn_session *session =
        LIST_ENTRY((const void *)binding, struct learn_session, binding);

    return branches_known(session->learn, binding, xid);
}

void learn_bind(struct learn *learn, struct learn_session *session, int service)
{
    const struct router *router = learn->offline.router;
    size_t upstream = router_upstream(router, service);

    session->binding = (struct binding){.policy = learn->offline.policy,
                                        .router = router,
                                        .upstream_name = router_upstream_name(router, upstream),
                                        .service = (int16_t)service,
                                        .upstream = (uint16_t)upstream,
                                        .find_thread = find_thread,
                                        .find_branch = find_branch};
}

void learn_session_init(struct learn *learn, struct learn_session *session, uint64_t thread)
{
    *session = (struct learn_session){.thread = thread, .user = HASH_TABLE_NONE};
    session->learn = learn;
    session->belief.state = session->at_login = learn->start;
    learn_bind(learn, session, SERVICE_NONE);
    if (learn->user.at) /* until its login is read */
        learn_login(learn, session, learn->user, TEXT(""), (struct text){NULL, 0}, 0);
}

struct learn_session *sessions_known(struct learn *learn, uint64_t thread)
{
    struct learn_session *session = *bucket(learn->sessions, thread);

    while (session && session->thread != thread)
        session = session->next;
    return session;
}

struct learn_session *sessions_find(struct learn *learn, uint64_t thread)
{
    struct sessions *sessions = learn->sessions;
    struct learn_session *session = sessions_known(learn, thread);

    if (session) {
        list_remove(&session->age);
        list_add(&sessions->by_age, &session->age);
        return session;
    }
    if (sessions->count == LEARN_SESSIONS) {
        learn->counts.sessions_forgotten++;
        free_session(sessions, LIST_ENTRY(sessions->by_age.after, struct learn_session, age));
    }
    struct learn_session **first = bucket(sessions, thread);
    session = memory_take(sizeof(*session));
    learn_session_init(learn, session, thread);
    session->next = *first;
    *first = session;
    list_add(&sessions->by_age, &session->age);
    sessions->count++;
    learn->counts.sessions++;
    return session;
}

void sessions_end(struct learn *learn, struct learn_session *session)
{
    free_session(learn->sessions, session);
}
