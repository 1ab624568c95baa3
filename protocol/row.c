/* Reads one complete answer packet by packet; the tracker says when it is complete. Called by
 * proxy/answer.c for silogate's own questions.
 */
#include "protocol/row.h"

#include "base/bytes.h"
#include "protocol/answer.h"

/* Cuts the next packet's payload off; false at the end. */
static bool next_payload(struct reader *bytes, struct reader *payload)
{
    uint32_t length = (uint32_t)read_integer(bytes, 3);

    read_integer(bytes, 1);
    struct text text = read_bytes(bytes, length);
    *payload = (struct reader){(const uint8_t *)text.at, (const uint8_t *)text.at + text.length,
                               bytes->bad};
    return !bytes->bad && length > 0;
}

/* The column definitions and what ends them are skipped; `payload` is then the first row. */
static bool skip_columns(struct reader *bytes, struct reader *payload, capabilities_t capabilities,
                         size_t count)
{
    bool follow = true;

    if (capabilities & CAPABILITY_OPTIONAL_RESULTSET_METADATA)
        follow = read_integer(payload, 1) != 0;
    if (read_lenenc(payload) != count || payload->bad)
        return false;
    if (capabilities & CAPABILITY_MARIADB_CACHE_METADATA)
        follow = read_integer(payload, 1) != 0;
    for (size_t i = 0; follow && i < count; i++) {
        if (!next_payload(bytes, payload))
            return false;
    }
    if (!next_payload(bytes, payload))
        return false;
    bool is_eof = payload->at[0] == 0xfe && payload->end - payload->at < 9;
    if (is_eof && !(capabilities & CAPABILITY_DEPRECATE_EOF))
        return next_payload(bytes, payload);
    return true;
}

static bool read_values(struct reader *row, struct text *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (row->at < row->end && *row->at == 0xfb) {
            row->at++;
            values[i] = (struct text){NULL, 0};
        } else {
            values[i] = read_lenenc_text(row);
        }
    }
    return !row->bad && row->at == row->end;
}

enum row row_read(struct text bytes, capabilities_t capabilities, struct text *values, size_t count,
                  size_t *size)
{
    struct answer answer;
    struct reader packets, payload;

    answer_start(&answer, ANSWER_RESULTS, capabilities);
    unsigned events = answer_feed(&answer, (const uint8_t *)bytes.at, bytes.length, size);
    if (events & ANSWER_BROKEN)
        return ROW_BAD;
    if (!(events & ANSWER_COMPLETE))
        return ROW_MORE;
    if (events & ANSWER_ERROR_SEEN)
        return ROW_NONE;
    packets = (struct reader){(const uint8_t *)bytes.at, (const uint8_t *)bytes.at + *size, false};
    if (!next_payload(&packets, &payload) ||
        !skip_columns(&packets, &payload, capabilities, count) || *payload.at == 0xfe)
        return ROW_NONE;
    return read_values(&payload, values, count) ? ROW_DONE : ROW_NONE;
}
