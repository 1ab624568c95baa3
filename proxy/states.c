/* Changes of state: what must hold in the new state, how long it may last, and what happens when
 * its time is over. What a state does is in its own file.
 */
#include <assert.h>

#include "proxy/again.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

/* How long a state may last. */
enum limit {
    LIMIT_NONE,
    LIMIT_LOGIN,
    LIMIT_CONNECT,
    LIMIT_IDLE,
    LIMIT_LINGER,
    LIMIT_KEY,
    LIMIT_LOOK,
    LIMIT_DELAY
};

/* What holds in all states of a phase. */
enum session_phase {
    SESSION_LOGIN,    /* there is a draft, and no command */
    SESSION_BOUNDARY, /* between two commands: no draft, nothing in flight, no part of a packet */
    SESSION_COMMAND,  /* a command is being sent or discarded, or its answer is in flight */
    SESSION_ASIDE,    /* silogate's own query, or its own work, before the next command */
    SESSION_END,
};

static const struct {
    const char *name;
    enum step (*run)(struct session *session);
    enum limit limit;
    enum session_phase phase;
} states[] = {
#define STATE(symbol, name, function, limit, phase) [symbol] = {name, function, limit, phase},
#include "proxy/states.def"
#undef STATE
};

static const struct {
    const char *name, *sentence;
} reasons[] = {
#define REASON(symbol, name, sentence) [symbol] = {name, sentence},
#include "proxy/reasons.def"
#undef REASON
};

_Static_assert((int)CLOSE_REASONS <= (int)COUNTERS_CLOSE_REASONS, "counters.closed is too small");

const char *session_state_name(enum state state)
{
    return states[state].name;
}

const char *close_reason_name(enum close_reason reason)
{
    return reasons[reason].name;
}

const char *close_reason_sentence(enum close_reason reason)
{
    return reasons[reason].sentence;
}

static uint32_t limit_seconds(const struct session *session, enum limit limit)
{
    const struct config *config = session->worker->runtime->config;
    int64_t milliseconds = 2000;

    switch (limit) {
    case LIMIT_NONE:
        return UINT32_MAX / 2;
    case LIMIT_LOGIN:
        milliseconds = config->proxy.login_timeout.value;
        break;
    case LIMIT_CONNECT:
        milliseconds = config->proxy.connect_timeout.value;
        break;
    case LIMIT_IDLE:
        milliseconds = config->proxy.idle_timeout.value;
        break;
    case LIMIT_LINGER: /* a client may work on its rows for longer than two seconds */
        if (session_owes(session) && config->proxy.drain_timeout.value > milliseconds)
            milliseconds = config->proxy.drain_timeout.value;
        break;
    case LIMIT_KEY:
        return 1;
    case LIMIT_LOOK:
        return 3; /* two to three seconds, because the present second has already begun */
    case LIMIT_DELAY:
        return session->draft->delay + 1u; /* the present second has already begun */
    }
    return (uint32_t)((milliseconds + 999) / 1000 + 1);
}

/* What single states have, beside what holds in their phase. */
static void check_own(const struct session *session, enum state state)
{
    assert(!session->renewal == (state != STATE_RENEW));
    assert(session->sought || state != STATE_SEEK);
    assert((session->again && !again_is_resent(session)) || state != STATE_LOOK);
    assert(!session->transaction || state != STATE_COMPRESS);
}

static void check_phase(const struct session *session, enum session_phase phase)
{
    const struct request *request = &session->request;
    const bool is_kept = session->again && !again_is_resent(session);

    switch (phase) {
    case SESSION_LOGIN:
        assert(session->draft && !request->in_flight && !request->change);
        assert(!session->again && !session->sought && !session->transaction);
        assert(!session->identity == (session->draft->greeted != GREETED_BEFORE));
        break;
    case SESSION_BOUNDARY:
        assert(!session->draft && session->binding && session->identity && !is_kept);
        assert(!request->in_flight && !request->discarding && !request->change);
        assert(request->packet_left == 0);
        assert(!session->sought || gate_waiting(&session->client.gate) > 0);
        break;
    case SESSION_COMMAND:
        assert(!session->draft && session->identity && !session->sought);
        assert(request->in_flight != request->discarding);
        assert(!request->discarding || !session->again);
        break;
    case SESSION_ASIDE:
        assert(!session->draft && session->identity && !is_kept);
        assert(!request->in_flight && !request->discarding);
        break;
    case SESSION_END: /* session_close frees what the last state had */
        assert(session->upstream.stream.socket < 0);
        break;
    }
}

/* Every change of state goes through here; after the login it costs a few loads and two stores.
 */
void session_enter(struct session *session, enum state state)
{
    check_phase(session, states[state].phase);
    if (states[state].phase != SESSION_END)
        check_own(session, state);
    session->state = state;
    session->entered = session->worker->second;
    session->deadline = session->worker->second + limit_seconds(session, states[state].limit);
    if (session->deadline < session->due)
        worker_time(session->worker, session, session->deadline);
}

void session_due(struct session *session)
{
    static const enum close_reason late[] = {
        [LIMIT_NONE] = CLOSED_IDLE_TIMEOUT,        [LIMIT_LOGIN] = CLOSED_LOGIN_TIMEOUT,
        [LIMIT_CONNECT] = CLOSED_UPSTREAM_TIMEOUT, [LIMIT_IDLE] = CLOSED_IDLE_TIMEOUT,
        [LIMIT_LINGER] = CLOSED_CLIENT_GONE,       [LIMIT_KEY] = CLOSED_LOGIN_TIMEOUT,
        [LIMIT_LOOK] = CLOSED_IDLE_TIMEOUT,        [LIMIT_DELAY] = CLOSED_LOGIN_TIMEOUT};
    enum limit limit = states[session->state].limit;

    session->due = UINT32_MAX; /* the session is not in a slot of the timer now */
    if (session->state == STATE_COMMAND && session->waiting.after)
        session_moves(session); /* its command waits for silogate: it is not idle */
    if (session->worker->second < session->deadline) {
        worker_time(session->worker, session, session->deadline);
        if (session->leaving && session->state == STATE_COMMAND)
            session_run(session);
        return;
    }
    if (session->state == STATE_CONNECT || session->state == STATE_UPSTREAM_GREETING ||
        session->state == STATE_UPSTREAM_TLS) {
        connect_late(session);
        session_run(session);
        return;
    }
    if (session->state == STATE_LOOK || session->state == STATE_SEEK) {
        session_run(session);
        return;
    }
    if (session->state == STATE_DELAY || session->state == STATE_KEY) {
        session_enter(session, STATE_AUTH);
        session_run(session);
        return;
    }
    if (session->state == STATE_LINGER) {
        session_close(session, session->close_reason);
    } else if (session_owes(session)) {
        session_linger(session, late[limit]);
        session_run(session);
    } else
        session_close(session, late[limit]);
}

enum step session_step(struct session *session)
{
    return states[session->state].run(session);
}

/* A client reads its last words only after it has sent its command to the end, and a socket that is
 * closed before resets it. One that never ends its command is not waited for. */
static void listen_longer(struct session *session)
{
    const struct config *config = session->worker->runtime->config;
    const uint32_t most =
        session->entered + (uint32_t)(config->proxy.drain_timeout.value / 1000 + 1);
    const uint32_t wanted = session->worker->second + limit_seconds(session, LIMIT_LINGER);
    const uint32_t until = wanted < most ? wanted : most;

    if (until > session->deadline)
        session->deadline = until;
}

/* While bytes of a large command, a file or a slow packet arrive, the session is not idle. */
void session_moves(struct session *session)
{
    if (states[session->state].limit == LIMIT_IDLE)
        session->deadline = session->worker->second + limit_seconds(session, LIMIT_IDLE);
    else if (session->state == STATE_LINGER)
        listen_longer(session);
}

void session_sends(struct session *session)
{
    const enum limit limit = states[session->state].limit;

    if (limit == LIMIT_IDLE || limit == LIMIT_LINGER)
        session->deadline = session->worker->second + limit_seconds(session, limit);
}
