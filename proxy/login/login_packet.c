/* State LOGIN: reads the client's login packet (user and capabilities), then finds the service.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "protocol/compress.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

/* A client that wants compression gets it even if it was not offered, as from the servers: PHP's
 * driver asks every server for it. */
static void hear_compression(struct session *session, const struct login *login)
{
    session->client.compression = (uint8_t)compression_of(login->capabilities);
    session->client.zstd_level = login->zstd_level;
    session->capabilities &= ~COMPRESSION_FLAGS;
}

enum step state_login(struct session *session)
{
    struct login_draft *draft = session->draft;
    struct login *login = &draft->login;
    struct text payload;
    enum step step;

    if (!login_packet(session, &payload, &step))
        return step;
    session->client.sequence++;
    draft->raw = memory_take(payload.length);
    memcpy(draft->raw, payload.at, payload.length);
    gate_drop(&session->client.gate, &session->worker->pool, PACKET_HEADER + payload.length);
    if (login_read((struct text){(char *)draft->raw, payload.length}, login) != PARSE_DONE ||
        login->is_ssl_request)
        return login_refuse(session, CLOSED_CLIENT_BAD_LOGIN, 1043, "08S01", "Bad handshake");
    if (draft->runtime->config->tls.client.value == CONFIG_TLS_REQUIRED &&
        !side_is_secure(&session->client))
        return login_refuse(
            session, CLOSED_TLS_REQUIRED, 3159, "HY000",
            "Connections using insecure transport are prohibited: silogate asks for "
            "TLS");
    session->capabilities = login->capabilities & draft->offered & ~CAPABILITY_SSL;
    hear_compression(session, login);
    session->max_packet = login->max_packet;
    session->collation = login->collation;
    if (!(session->capabilities & CAPABILITY_PLUGIN_AUTH) && draft->greeted == GREETED_BY_SILOGATE)
        return login_refuse(session, CLOSED_CLIENT_OLD, 1251, "08004",
                            "silogate: this client cannot change its authentication plugin "
                            "(CLIENT_PLUGIN_AUTH); set greeting = upstream in [proxy]");
    return login_route(session);
}
