/* Relays the authentication dialogue: packets pass in both directions, with their sequence ids
 * renumbered, until the server sends OK or ERR. password.c handles passwords that have to be
 * encrypted or decrypted on the way.
 *
 * The client may send one packet for each request of the server. What it sends ahead stays in its
 * gate and is judged as a command after the server's OK.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "judge/judge.h"
#include "proxy/binding.h"
#include "proxy/command.h"
#include "proxy/login/abandoned.h"
#include "proxy/login/login.h"
#include "proxy/login/throttle.h"
#include "proxy/record.h"
#include "proxy/worker.h"

static bool is_plugin(const struct login_draft *draft, const char *name)
{
    return strcmp(draft->plugin, name) == 0;
}

/* Passes the server's packet on with the client's sequence. */
static void relay_to_client(struct session *session, size_t size)
{
    struct gate *gate = &session->upstream.gate;

    gate->bytes[gate->passed + 3] = session->client.sequence++;
    gate_pass(gate, size);
}

static uint64_t throttle_of(const struct session *session)
{
    const struct login_draft *draft = session->draft;

    return throttle_user(draft->login.user, text_of(draft->client));
}

/* After too many failed logins the server's last packet is delayed, whatever it says: an attacker
 * who guesses passwords cannot tell the right one by a faster answer. */
static bool must_wait(struct session *session)
{
    struct login_draft *draft = session->draft;

    if (draft->delay > 0)
        return false;
    draft->delay = (uint8_t)throttle_seconds(throttle_of(session),
                                             draft->runtime->config->proxy.max_failed_logins.value);
    if (draft->delay == 0)
        return false;
    log_notice("%s: too many failed logins of user '%.*s': the answer waits for %u s",
               draft->client, TEXT_ARGS(draft->login.user), draft->delay);
    session_enter(session, STATE_DELAY);
    return true;
}

enum step state_delay(struct session *session)
{
    return session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
}

/* session.c checks deadlines once a second */
enum step state_key(struct session *session)
{
    return session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
}

static enum step refused(struct session *session, const uint8_t *packet, size_t size)
{
    const bool unknown = login_is_unknown(session);

    if (!unknown)
        login_record_refused(session, TEXT("server"));
    if (size > PACKET_HEADER + 2 && bytes_get2(packet + PACKET_HEADER + 1) == 1045) {
        session->worker->counters.logins_denied++;
        throttle_failed(throttle_of(session));
    }
    relay_to_client(session, size);
    if (login_change_back(session))
        return STEP_AGAIN;
    return session_linger(session, unknown ? CLOSED_LOGIN_UNKNOWN_USER : CLOSED_LOGIN_REFUSED);
}

/* If the server accepts a login for which nobody has proved anything, it trusts silogate's own
 * operating system user (MariaDB's unix_socket), not the client: this is refused. */
static enum step accepted(struct session *session, const uint8_t *packet, size_t size)
{
    struct login_draft *draft = session->draft;

    if (login_is_unknown(session) || draft->proof == PROOF_NONE ||
        packet[3] != session->upstream.sequence)
        return login_refuse(session, CLOSED_LOGIN_REFUSED, 1045, "28000",
                            "Access denied for user '%.*s'", TEXT_ARGS(draft->login.user));
    if (!binding_enter(session->binding))
        return login_refuse(session, CLOSED_LIMIT, 1040, "08004",
                            "Too many connections: max_connections of this service is reached");
    char asked[SQL_DATABASE_SIZE];
    struct text database = {asked, draft->login.database.length};
    if (database.length > sizeof(asked))
        return session_end(session, CLOSED_CLIENT_BAD_LOGIN);
    if (database.length > 0)
        memcpy(asked, draft->login.database.at, database.length);
    throttle_passed(throttle_of(session));
    bool warned = login_done(
        session, (struct text){(const char *)packet + PACKET_HEADER, size - PACKET_HEADER});
    struct ruling *ruling = &session->worker->ruling;
    bool refused = login_is_refused(session, database);
    /* An allowed one is no statement, and not counted. */
    if (database.length > 0 && session->judged && ruling_is_violation(ruling))
        record_ruling(session, ruling);
    if (refused) {
        const struct refusal *refusal = &ruling->refusal;
        session_error(session, session->client.sequence, refusal->code, "42000", "%s",
                      refusal->message);
        return session_linger(session, CLOSED_LOGIN_REFUSED);
    }
    relay_to_client(session, size);
    command_ask_ahead(session, warned);
    return STEP_AGAIN;
}

/* The server names the plugin that the client has to answer next. */
static enum step switched(struct session *session, struct text plugin, struct text nonce)
{
    struct login_draft *draft = session->draft;

    login_set_plugin(draft, plugin);
    draft->exchange = EXCHANGE_ASKED;
    return password_begin(session, nonce);
}

/* AuthNextFactor: 2, the plugin's name and a NUL, its nonce (MySQL Internals, "AuthNextFactor"). */
static enum step next_factor(struct session *session, struct text payload)
{
    const char *nul = memchr(payload.at, '\0', payload.length);

    if (!nul)
        return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    size_t length = (size_t)(nul - payload.at);
    return switched(session, (struct text){payload.at + 1, length - 1},
                    (struct text){nul + 1, payload.length - length - 1});
}

/* Handles one whole packet from the server. */
static enum step from_server(struct session *session, const uint8_t *packet, size_t size)
{
    struct login_draft *draft = session->draft;
    struct text payload = {(const char *)packet + PACKET_HEADER, size - PACKET_HEADER};
    struct auth_switch request;
    enum step step = STEP_AGAIN;

    if (payload.length > 0 && (packet[PACKET_HEADER] == 0x00 || packet[PACKET_HEADER] == 0xff))
        draft->exchange = EXCHANGE_OVER;
    if (payload.length > 0 && packet[PACKET_HEADER] != 0x00) /* accepted looks at it */
        session->upstream.sequence = (uint8_t)(packet[3] + 1);
    switch (payload.length > 0 ? packet[PACKET_HEADER] : 0xfb) {
    case 0xff:
        return must_wait(session) ? STEP_AGAIN : refused(session, packet, size);
    case 0x00:
        return must_wait(session) ? STEP_AGAIN : accepted(session, packet, size);
    case 0xfe: /* AuthSwitchRequest */
        if (auth_switch_read(payload, &request) != PARSE_DONE)
            request = (struct auth_switch){.plugin = TEXT("mysql_old_password")};
        step = switched(session, request.plugin, request.data);
        break;
    case 0x01: /* AuthMoreData */
        if (password_from_server(session, payload, &step))
            return step;
        /* 3 is caching_sha2_password's "fast authentication succeeded" */
        draft->exchange =
            is_plugin(draft, "caching_sha2_password") && payload.length == 2 && payload.at[1] == 3
                ? EXCHANGE_SENT
                : EXCHANGE_ASKED;
        break;
    case 0x02: /* AuthNextFactor */
        step = next_factor(session, payload);
        break;
    default:
        return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    }
    if (step != STEP_AGAIN || session->state != STATE_AUTH)
        return step;
    relay_to_client(session, size);
    return STEP_AGAIN;
}

/* MariaDB counts an answer whose length its plugin does not expect as an aborted handshake of the
 * host, and all services share silogate's host: so a wrong password of the right length is sent in
 * its place. */
static bool length_is_proper(const struct login_draft *draft, size_t length)
{
    if (is_plugin(draft, "client_ed25519"))
        return length == 64;
    return !is_plugin(draft, "mysql_native_password") || length == 0 || length == HANDSHAKE_NONCE;
}

/* Handles one whole packet from the client, which the server is waiting for. */
static enum step from_client(struct session *session, const uint8_t *packet, size_t size)
{
    struct login_draft *draft = session->draft;
    struct gate *gate = &session->client.gate;
    enum step step;

    if (packet[3] != session->client.sequence)
        return session_end(session, CLOSED_CLIENT_BAD_SEQUENCE);
    if (session->upstream.sequence == 0) /* if the login were over, this would be a command */
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    session->client.sequence++;
    draft->exchange = EXCHANGE_SENT;
    if (draft->proof == PROOF_NONE)
        draft->proof = PROOF_GIVEN;
    if (password_from_client(session, size, &step))
        return step;
    if (login_is_unknown(session) && size > PACKET_HEADER + 1) {
        /* A wrong password of the same length: for a plugin, another length is an aborted
         * handshake. */
        uint8_t *payload = gate->bytes + gate->passed + PACKET_HEADER;
        memset(payload, 'x', size - PACKET_HEADER - (payload[size - PACKET_HEADER - 1] == 0));
    }
    if (!length_is_proper(draft, size - PACKET_HEADER)) {
        uint8_t junk[ABANDONED_PACKET];
        size_t length = nobody_answer(text_of(draft->plugin), session->upstream.sequence++, junk);
        gate_drop(gate, &session->worker->pool, size);
        gate_insert(gate, &session->worker->pool, junk, length);
        return STEP_AGAIN;
    }
    gate->bytes[gate->passed + 3] = session->upstream.sequence++;
    gate_pass(gate, size);
    return STEP_AGAIN;
}

/* The size of the whole packet in `gate`; 0: more bytes are needed. */
static size_t whole_packet(const struct gate *gate)
{
    size_t waiting = gate_waiting(gate);

    if (waiting < PACKET_HEADER)
        return 0;
    size_t size = PACKET_HEADER + (size_t)bytes_get3(gate_at(gate));
    return waiting < size ? 0 : size;
}

enum step state_auth(struct session *session)
{
    size_t size = whole_packet(&session->upstream.gate);

    if (size > 0)
        return from_server(session, gate_at(&session->upstream.gate), size);
    if (session->upstream.ended)
        return login_refuse(session, CLOSED_UPSTREAM_GONE, 2013, "HY000",
                            "Lost connection to MySQL server during the login");
    if (!gate_has_room(&session->upstream.gate))
        return session_end(session, CLOSED_UPSTREAM_BAD_PACKET);
    bool is_asked = session->draft->exchange == EXCHANGE_ASKED;
    size = is_asked ? whole_packet(&session->client.gate) : 0;
    if (size > 0 && password_lacks_key(session)) {
        session_enter(session, STATE_KEY);
        return STEP_AGAIN;
    }
    if (size > 0)
        return from_client(session, gate_at(&session->client.gate), size);
    if (is_asked && !gate_has_room(&session->client.gate))
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    return session->client.ended ? session_end(session, CLOSED_CLIENT_GONE) : STEP_WAIT;
}
