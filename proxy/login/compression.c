/* State COMPRESS: after the server's OK each leg is compressed if its own login packet says so.
 */
#include "proxy/compressed.h"
#include "proxy/login/login.h"
#include "proxy/worker.h"

bool compression_is_due(const struct session *session)
{
    return (session->client.compression && !session->client.stream.layer) ||
           (session->upstream.compression && !session->upstream.stream.layer);
}

/* The OK itself is sent uncompressed; bytes that the client has sent after its login may be
 * compressed already. */
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
