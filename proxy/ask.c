/* State ASK: silogate's own query to the server, when a state cannot be known in another way. Its
 * answer is not relayed: the client must not notice it. A session that uses profiling or the
 * optimizer's trace would find the query among its own statements. So both are turned off before
 * the query and restored after it, by statements that neither of them records: a profile is kept
 * only if profiling is on both before and after the statement, and SET optimizer_trace is not
 * traced (tried on both servers). Neither statement may fail: MariaDB keeps an error for SHOW
 * WARNINGS even after the next statement.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "judge/binding.h"
#include "protocol/row.h"
#include "proxy/command.h"
#include "proxy/moving.h"
#include "proxy/worker.h"

/* CAST to BINARY, so that character_set_results has no effect; LIMIT, so that sql_select_limit has
 * none; no quotes, so that it means the same in every sql_mode. */
#define QUESTION                                                                                   \
    "SELECT /* silogate */ CAST(DATABASE() AS BINARY),CAST(@@SESSION.sql_mode AS BINARY),"         \
    "CAST(@@SESSION.character_set_client AS BINARY),"                                              \
    "CAST(@@SESSION.character_set_connection AS BINARY),"                                          \
    "CAST(@@GLOBAL.lower_case_table_names AS BINARY),CAST(@@GLOBAL.init_connect AS BINARY),"       \
    "0%s LIMIT 1"

enum {
    ANSWER_DATABASE,
    ANSWER_MODE,
    ANSWER_CHARSET,
    ANSWER_CONNECTION,
    ANSWER_LOWER_CASE,
    ANSWER_INIT,
    ANSWER_VERSION,
    ANSWER_FIELDS_MAX
};
enum { PROOF_SIZE = 48 };

/* The statements, in this order; only a session that may be traced gets the first and the third.
 * The last one is behind COM_RESET_CONNECTION: ROW_COUNT() is 0 again. */
enum asking {
    ASKING_STOP,
    ASKING,
    ASKING_START,
    ASKING_UNDO,
    ASKED,
};

/* a number, because with some values of collation_connection MariaDB does not know the word */
static const char *const texts[] = {
    [ASKING_STOP] = "SET /* silogate */ @silogate_profiling=@@SESSION.profiling,"
                    "@silogate_trace=@@SESSION.optimizer_trace,profiling=0,optimizer_trace=0",
    [ASKING_START] = "SET /* silogate */ optimizer_trace=@silogate_trace,"
                     "profiling=@silogate_profiling,@silogate_trace=NULL,@silogate_profiling=NULL",
    [ASKING_UNDO] = "SET /* silogate */ @silogate_trace=NULL",
};

/* ER_MUST_CHANGE_PASSWORD: the session can only change its password, and how that statement is
 * read does not matter; but the next statement of the same command can do anything, and is read in
 * every possible way. ER_NEW_ABORTING_CONNECTION: init_connect has failed, which ends the session.
 */
enum { EXPIRED_PASSWORD = 1820, ABORTING = 1184 };

/* MariaDB's greeting has whatever its option `version` says, and another proxy may send any
 * version; but which executable comments a server reads shows its real version. The last column is
 * 1 if it reads those of the version that it names, and none of a later one. Returns the length. */
static size_t write_question(char *to, size_t size, const struct sql_state *state)
{
    const uint32_t named = state->version;
    char proof[PROOF_SIZE];
    int length;

    if (state->dialect == SQL_MARIADB)
        snprintf(proof, sizeof(proof), "/*M!%06u+1*//*M!%06u+2*/", named, named + 1);
    else
        snprintf(proof, sizeof(proof), "/*!%05u +1*//*!%05u +2*//*M!+4*/", named, named + 1);
    length = snprintf(to, size, QUESTION, proof);
    assert(length > 0 && (size_t)length < size);
    return (size_t)length;
}

/* Sends a COM_QUERY; with CLIENT_QUERY_ATTRIBUTES it has no parameters, in one set. */
static void ask(struct session *session, enum asking asking)
{
    bool has_attributes = (session->capabilities & CAPABILITY_QUERY_ATTRIBUTES) != 0;
    const struct text start = has_attributes ? TEXT("\3\0\1") : TEXT("\3");
    char question[sizeof(QUESTION) + PROOF_SIZE];
    uint8_t packet[PACKET_HEADER + sizeof("\3\0\1") + sizeof(question)];
    struct text text = {question, 0};

    if (asking == ASKING)
        text.length = write_question(question, sizeof(question), &session->belief.state);
    else
        text = text_of(texts[asking]);
    size_t length = start.length + text.length;

    assert(PACKET_HEADER + length <= sizeof(packet));
    bytes_put3(packet, (uint32_t)length);
    packet[3] = 0;
    memcpy(packet + PACKET_HEADER, start.at, start.length);
    memcpy(packet + PACKET_HEADER + start.length, text.at, text.length);
    stream_turn(&session->upstream.stream);
    gate_insert(&session->client.gate, &session->worker->pool, packet, PACKET_HEADER + length);
    session->request.asking = (uint8_t)asking;
}

void command_ask(struct session *session)
{
    ask(session, session->belief.traced ? ASKING_STOP : ASKING);
    session->worker->counters.asked++;
    session_enter(session, STATE_ASK);
}

void command_ask_ahead(struct session *session, bool warned)
{
    struct router_server server;

    if (session->state != STATE_COMMAND || !session->judged || !session->belief.must_ask ||
        session->leaving || warned)
        return;
    router_server(session->binding->router, session->binding->upstream, &server);
    if (!server.init_connect)
        command_ask(session);
}

void command_ask_reset(struct session *session)
{
    const struct request *request = &session->request;

    if (request->command == COMMAND_RESET_CONNECTION && !request->failed && session->judged &&
        !session->leaving && session->belief.state.charset == SQL_CHARSET_UNKNOWN &&
        moving_names(session))
        command_ask(session);
}

/* The statement behind this one. */
static enum asking next(const struct session *session, enum asking asking)
{
    if (asking == ASKING_STOP)
        return ASKING;
    if (asking == ASKING && session->belief.traced)
        return ASKING_START;
    return asking == ASKING && session->request.command == COMMAND_RESET_CONNECTION ? ASKING_UNDO
                                                                                    : ASKED;
}

static void learn(struct session *session, const struct text *values)
{
    const struct binding *binding = session->binding;
    struct router *router = binding->runtime->router;
    struct router_server server;
    uint64_t lower_case;

    sql_state_set_database(&session->belief.state, values[ANSWER_DATABASE]);
    session->belief.state.mode = sql_mode_of(values[ANSWER_MODE]);
    session->belief.state.mode_known = values[ANSWER_MODE].at != NULL;
    session->belief.state.charset = (uint8_t)sql_charset_of(values[ANSWER_CHARSET]);
    session->belief.state.lossy = sql_charset_lossy(sql_charset_of(values[ANSWER_CONNECTION]));
    if (!text_number(values[ANSWER_LOWER_CASE], &lower_case) || lower_case > 2)
        return;
    session->belief.state.lower_case_table_names = (uint8_t)lower_case;
    if (binding->upstream == UPSTREAM_GONE)
        return;
    router_server(router, binding->upstream, &server);
    server.lower_case_table_names = (int)lower_case;
    server.init_connect = values[ANSWER_INIT].length > 0;
    if (server.init_connect && session->request.forwarded_at == 0.)
        session->belief.no_autocommit = true; /* perhaps: the OK of the login was sent before it */
    router_learn(router, binding->upstream, &server);
}

static bool is_error(struct text answer, uint16_t code)
{
    const uint8_t *payload = (const uint8_t *)answer.at + PACKET_HEADER;

    return answer.length >= PACKET_HEADER + 3 && payload[0] == 0xff &&
           bytes_get2(payload + 1) == code;
}

/* Reads the answer to the query itself. False: it is not the expected answer. */
static bool take_answer(struct session *session, enum row row, const struct text *values,
                        struct text here)
{
    struct belief *belief = &session->belief;

    if (row == ROW_DONE) {
        belief->unknown = belief->expired = false;
        learn(session, values);
        belief->disguised = !text_equal(values[ANSWER_VERSION], TEXT("1"));
    } else {
        if (here.at[PACKET_HEADER] == 0x00)
            return false;
        belief->expired = is_error(here, EXPIRED_PASSWORD);
        belief->unknown = !belief->expired;
        belief_lose_all(belief);
    }
    /* the next command asks again */
    belief->must_ask = row != ROW_DONE || belief->disguised;
    belief->asked = true;
    return true;
}

enum step state_ask(struct session *session)
{
    struct gate *gate = &session->upstream.gate;
    enum asking asking = (enum asking)session->request.asking;
    struct text values[ANSWER_FIELDS_MAX];
    size_t size = 0;

    if (session->client.ended && gate_waiting(&session->client.gate) == 0)
        return session_end(session, CLOSED_CLIENT_GONE);
    struct text here = {gate_waiting(gate) > 0 ? (const char *)gate_at(gate) : "",
                        gate_waiting(gate)};
    enum row row = row_read(here, session->capabilities, values, ANSWER_FIELDS_MAX, &size);
    if (row == ROW_MORE && session->upstream.ended)
        return command_upstream_died(session, CLOSED_UPSTREAM_GONE);
    if (row == ROW_MORE && gate_has_room(gate))
        return STEP_WAIT;
    if (row == ROW_MORE || row == ROW_BAD)
        return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    assert(here.at);                /* the answer is complete */
    if (is_error(here, ABORTING)) { /* this is not the answer to the query: the client gets it */
        gate_pass(gate, size);
        return session_linger(session, CLOSED_UPSTREAM_GONE);
    }
    if (asking == ASKING && !take_answer(session, row, values, here))
        return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    gate_drop(gate, &session->worker->pool, size);
    asking = next(session, asking);
    if (asking == ASKED)
        session_enter(session, STATE_COMMAND);
    else
        ask(session, asking);
    return STEP_AGAIN;
}
