/* COM_CHANGE_USER: a new login on a session that is logged in. Everything about the old user is
 * forgotten, the new user's service is found, and the exchange is relayed: on the same upstream
 * connection, or on a new one if the new service has another upstream.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/moving.h"
#include "proxy/transaction.h"
#include "proxy/worker.h"

/* As on the server: everything that the old user's statements have left in the session is gone. */
static void forget(struct session *session)
{
    moving_leave(session);
    transaction_drop(session);
    session_leave_branches(session);
    belief_forget(&session->belief);
    session->used = (struct owners){.count = 0};
    session->logged_in = false;
}

enum step login_change_user(struct session *session, struct text payload)
{
    struct change_user request;
    uint8_t *raw = memory_take(payload.length);

    memcpy(raw, payload.at, payload.length);
    if (change_user_read((struct text){(char *)raw, payload.length}, session->capabilities,
                         &request) != PARSE_DONE) {
        free(raw);
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    }
    gate_drop(&session->client.gate, &session->worker->pool, PACKET_HEADER + payload.length);
    const struct sockaddr_storage source = address_unpack(&session->identity->source);
    login_begin(session, &source, session->identity->client);
    struct login_draft *draft = session->draft;
    draft->raw = raw;
    draft->destination = address_unpack(&session->identity->destination);
    draft->greeted = GREETED_BEFORE;
    draft->server.capabilities = session->capabilities;
    draft->judged_before = session->judged;
    draft->collation_before = session->collation;
    if (request.has_collation)
        session->collation = request.collation;
    draft->login = (struct login){.capabilities = session->capabilities,
                                  .max_packet = session->max_packet,
                                  .collation = session->collation,
                                  .user = request.user,
                                  .database = request.database,
                                  .plugin = request.plugin,
                                  .attributes = request.attributes};
    session->client.sequence = 1;
    forget(session);
    return login_route(session);
}

enum step login_send_change(struct session *session)
{
    struct login_draft *draft = session->draft;
    size_t room = LOGIN_PACKET_MAX + 1024;
    uint8_t *packet = memory_take(room);
    struct change_user request = {.user = draft->login.user,
                                  .database = login_initial_db(session),
                                  .plugin = TEXT(LOGIN_NO_PLUGIN),
                                  .attributes = login_attributes(session),
                                  .collation = draft->login.collation,
                                  .has_collation = true};

    if (login_is_refused(session, draft->login.database))
        request.database = login_home(session);
    capabilities_t capabilities = session->capabilities;
    if (session->has_attributes)
        capabilities |= CAPABILITY_CONNECT_ATTRS;
    size_t size = change_user_write(&request, capabilities, packet, room);
    if (size > 0)
        gate_insert(&session->client.gate, &session->worker->pool, packet, size);
    free(packet);
    if (size == 0)
        return session_end(session, CLOSED_CLIENT_BAD_PACKET);
    session->upstream.sequence = 1;
    draft->exchange = EXCHANGE_SENT;
    session_enter(session, STATE_AUTH);
    return STEP_AGAIN;
}

bool login_change_back(struct session *session)
{
    struct login_draft *draft = session->draft;

    if (!draft->before || session->belief.state.dialect != SQL_MARIADB)
        return false;
    binding_free(session->binding);
    session->binding = draft->before;
    draft->before = NULL;
    /* max_connections may have been reached by other sessions meanwhile */
    if (binding_count(session->binding) || !binding_enter(session->binding))
        return false;
    session->judged = draft->judged_before;
    session->collation = draft->collation_before;
    belief_lose_all(&session->belief);
    session->belief.in_transaction = session->belief.in_doubt = false;
    session->belief.asked = session->belief.unknown = false;
    session->logged_in = true;
    login_free(session);
    session_enter(session, STATE_COMMAND);
    return true;
}
