/* Decides which legs are compressed, out of the login packets, from the server's OK on. Each leg is
 * decided alone. A client that asks for compression gets it even if it was not offered, as servers
 * do: PHP's driver asks every server for it.
 */
#include "base/log.h"
#include "proxy/binding.h"
#include "proxy/compressed.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

void compression_hear(struct session *session, const struct login *login)
{
    session->client.compression = (uint8_t)compression_of(login->capabilities);
    session->client.zstd_level = login->zstd_level;
    session->capabilities &= ~COMPRESSION_FLAGS;
}

void compression_say(struct session *session, struct login *login)
{
    const struct login_draft *draft = session->draft;
    const struct config_upstream *upstream =
        &draft->runtime->config->upstreams[session->binding->upstream];
    capabilities_t wanted = 0;

    if (upstream->compression.value == CONFIG_COMPRESSION_ZLIB)
        wanted = CAPABILITY_COMPRESS;
    else if (upstream->compression.value == CONFIG_COMPRESSION_ZSTD)
        wanted = CAPABILITY_ZSTD_COMPRESSION_ALGORITHM;
    if (wanted & ~draft->server.leg)
        log_debug("upstream '%s' does not offer its compression", upstream->name.at);
    login->capabilities |= wanted & draft->server.leg;
    login->zstd_level = COMPRESS_ZSTD_LEVEL;
    session->upstream.compression = (uint8_t)compression_of(login->capabilities);
}

bool compression_is_due(const struct session *session)
{
    return (session->client.compression && !session->client.stream.layer) ||
           (session->upstream.compression && !session->upstream.stream.layer);
}

/* The OK itself is sent uncompressed; what the client has sent behind its login may already be
 * frames. */
enum step state_compress(struct session *session)
{
    struct gate *gate = &session->client.gate;
    struct text early = {(const char *)gate_at(gate), gate_waiting(gate)};

    if (session->client.ended && early.length == 0)
        return session_end(session, CLOSED_CLIENT_GONE);
    if (session->upstream.ended || gate_waiting(&session->upstream.gate) > 0)
        return session_linger(session, CLOSED_UPSTREAM_GONE);
    session->yield = gate_leaving(&session->upstream.gate) > 0;
    if (session->yield)
        return STEP_WAIT;
    if (session->client.compression && !session->client.stream.layer) {
        compressed_begin(&session->client.stream, (enum compression)session->client.compression,
                         session->client.zstd_level, true, early);
        gate_drop(gate, &session->worker->pool, early.length);
    }
    if (session->upstream.compression && !session->upstream.stream.layer)
        compressed_begin(&session->upstream.stream, (enum compression)session->upstream.compression,
                         COMPRESS_ZSTD_LEVEL, false, (struct text){0});
    session_enter(session, STATE_COMMAND);
    return STEP_AGAIN;
}
