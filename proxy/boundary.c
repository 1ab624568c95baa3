/* A boundary is a moment at which nothing would be lost with the session: no command is in flight,
 * the client's socket has taken the last answer to its end, no transaction is open, and it holds no
 * lock or table on the server. No part of a command may have come either: the client would not read
 * before it has sent the rest.
 *
 * The client gets error 1053 (ER_SERVER_SHUTDOWN), which pools and drivers know from a server that
 * stops. It has the sequence id of an answer: a client that sends a command at the same moment
 * reads it as the answer, and the command was not run.
 */
#include "proxy/boundary.h"

#include "base/log.h"
#include "proxy/branches.h"
#include "proxy/command.h"
#include "proxy/cut.h"
#include "proxy/worker.h"

enum { LOGIN_SECONDS = 2 };

/* What is certain, or would be known if it were not so. */
static const char *kept(const struct session *session)
{
    if (session->state == STATE_LINGER)
        return NULL;
    if (!session->logged_in)
        return "it is logging in";
    if (session->state != STATE_COMMAND)
        return "an answer is in flight";
    if (session->belief.in_transaction && !session->belief.in_doubt)
        return "a transaction is open";
    if (session->held.tables)
        return "LOCK TABLES is in force";
    if (session->held.server)
        return "FLUSH TABLES WITH READ LOCK is in force";
    if (session->held.stage || session->held.backup)
        return "a lock of a backup is in force";
    if (held_handler(&session->held))
        return "a HANDLER is open";
    if (prepared_has_cursor(&session->belief.prepared))
        return "a cursor is open";
    if (prepared_has_long_data(&session->belief.prepared))
        return "long data for an execution is arriving";
    if (held_user_lock(&session->held))
        return "a lock of GET_LOCK may be held";
    if (sql_session_has_temporary(session->belief.remembered))
        return "a temporary table is there";
    if (session->belief.more_tables)
        return "a temporary table may be there";
    if (sql_session_has_xa(session->belief.remembered))
        return "an XA transaction is not over";
    if (session->held.branches && branches_of_session(session->id))
        return "an XA transaction is prepared";
    if (session->belief.in_doubt)
        return "a transaction may be open behind an error";
    return NULL;
}

/* Has a part of its next command come? */
static bool arrives(const struct session *session)
{
    const struct side *client = &session->client;
    bool whole = true;

    if (session->state != STATE_COMMAND)
        return false;
    if (gate_waiting(&client->gate) > 0)
        command_answer_id(&client->gate, &whole);
    else
        whole = !stream_arrives(&client->stream);
    return !whole;
}

/* All but the end of its last answer. */
static const char *kept_still(const struct session *session)
{
    const char *why = kept(session);

    if (!why && session->held.unread && session->state != STATE_LINGER)
        return "a statement that could not be read may have left something";
    return why ? why : arrives(session) ? "a command is arriving" : NULL;
}

const char *boundary_kept(const struct session *session)
{
    const char *why = kept_still(session);

    return !why && session_owes(session) ? "the end of an answer is not sent yet" : why;
}

void boundary_welcome(struct session *session)
{
    session->stays = session->worker->second + LOGIN_SECONDS;
}

/* Has the session just logged in? Its client is about to send a command. Pools report error 1053
 * to the application if it is the first answer on a new connection, and some drivers read nothing
 * before their first command. Commands that it has sent already prove nothing: most drivers send
 * statements of their own behind the login, such as SET autocommit. */
static bool is_fresh(struct session *session)
{
    struct worker *worker = session->worker;
    const uint32_t until = session->stays;

    if (worker->second >= until)
        return false;
    if (until < session->due)
        worker_time(worker, session, until);
    return true;
}

bool boundary_goes(struct session *session)
{
    return session->leaving && !kept_still(session) && !is_fresh(session);
}

/* The sequence id of an error that the client reads as the answer to its next command. */
static uint8_t next_answer_id(const struct session *session)
{
    return command_answer_id(&session->client.gate, &(bool){false});
}

enum step boundary_goodbye(struct session *session)
{
    if (session_owes(session) || !session_speaks(session, 1)) {
        session->yield = true;
        return STEP_WAIT;
    }
    session_error(session, next_answer_id(session), 1053, "08S01", "Server shutdown in progress");
    return session_linger(session, CLOSED_DRAIN);
}

void boundary_leave(struct session *session)
{
    if (session->state == STATE_LINGER || session->leaving)
        return;
    session->leaving = true;
    if (!session->worker->drain_begun && session->request.forwarded_at > 0.)
        session->stays = 0; /* `silogate ctl drain`: it has served its client already */
    if (!session->logged_in && !session->identity) {
        /* A client may complete its login; one that sends nothing is not waited for. */
        uint32_t soon = session->worker->second + LOGIN_SECONDS;
        if (soon < session->deadline) {
            session->deadline = soon;
            worker_time(session->worker, session, soon);
        }
    } else if (session->state == STATE_COMMAND)
        session_run(session);
}

void boundary_end(struct session *session)
{
    const bool owes = session_owes(session);

    if (session->state == STATE_LINGER && !owes)
        return;
    if (session->state != STATE_COMMAND || !session->logged_in || owes) {
        session_close(session, CLOSED_KILLED);
        return;
    }
    if (session_speaks(session, 1))
        session_error(session, next_answer_id(session), 1927, "70100", "Connection was killed");
    session_linger(session, CLOSED_KILLED);
    session_run(session);
}

enum step boundary_shut_out(struct session *session)
{
    const struct text user = session->identity->user;

    log_notice("%.*s: user '%.*s' has to log in anew, by the configuration in force",
               TEXT_ARGS(session->identity->client), TEXT_ARGS(user));
    if (session_speaks(session, 1))
        session_error(session, next_answer_id(session), 1053, "08S01",
                      "silogate: the configuration has changed; user '%.*s' has to connect again",
                      TEXT_ARGS(user));
    return session_linger(session, CLOSED_RELOAD);
}

/* Do others perhaps wait for what it has done or holds? Only what is certain counts. */
static bool goes_through(const struct session *session)
{
    const struct belief *belief = &session->belief;

    return (belief->in_transaction && !command_in_doubt(session) && session->held.worked) ||
           held_surely(&session->held) ||
           (session->held.branches && branches_of_session(session->id));
}

/* May a statement write or define what is this owner's? One that is not understood may. */
static bool may_write(const struct ruling *ruling, int owner)
{
    return ruling->undetermined || ruling->written.more || ruling->run.more ||
           owners_have(&ruling->written, owner) || owners_have(&ruling->run, owner);
}

bool boundary_holds(const struct session *session)
{
    const struct runtime *runtime = session->worker->runtime;
    const struct ruling *ruling = &session->worker->ruling;
    bool holds = false;

    for (size_t i = 0; i < runtime->hold_count && !holds; i++)
        holds = may_write(ruling, runtime->holds[i].owner);
    return holds && !goes_through(session);
}

bool boundary_waits(const struct session *session)
{
    const struct worker *worker = session->worker;

    if (!session->waiting.after)
        return false;
    for (const struct list_link *link = worker->held.after; link != &worker->held;
         link = link->after) {
        if (link == &session->waiting)
            return true;
    }
    return false;
}
