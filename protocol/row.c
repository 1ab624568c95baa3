/* Reads one text row of a complete answer. The tracker finds the packets of the answer and which of
 * them is a row; this file reads the row's values. Called by proxy/ for silogate's own queries.
 */
#include "protocol/row.h"

#include "base/bytes.h"
#include "protocol/answer.h"

enum { VALUE_NULL = 0xfb, ROW_END = 0xfe };

/* Reads the values of one row; false if they do not fill the payload exactly. */
static bool read_values(struct text payload, struct text *values, size_t count, size_t *columns)
{
    struct reader reader = reader_of(payload);

    for (*columns = 0; reader.at < reader.end; ++*columns) {
        struct text value = {0};
        if (*reader.at == VALUE_NULL)
            reader.at++;
        else
            value = read_lenenc_text(&reader);
        if (*columns < count)
            values[*columns] = value;
    }
    return !reader.bad;
}

/* Was the last packet a row? It gave no event; the tracker's phase was `before`, and is now the one
 * of `answer`. */
static bool was_row(enum answer_phase before, const struct answer *answer, uint8_t first)
{
    return (before == PHASE_BEHIND_COLUMNS || before == PHASE_ROWS) &&
           answer->phase == PHASE_ROWS && first < ROW_END;
}

enum row row_read(struct text bytes, capabilities_t capabilities, struct text *values, size_t count,
                  size_t *size)
{
    struct answer answer;
    unsigned events = 0;
    size_t columns = 0;

    *size = 0;
    for (size_t i = 0; i < count; i++)
        values[i] = (struct text){0};
    answer_start(&answer, ANSWER_RESULTS, capabilities);
    while (!(events & ANSWER_COMPLETE)) {
        const uint8_t *packet = (const uint8_t *)bytes.at + *size;
        size_t left = bytes.length - *size, passed;
        if (left < PACKET_HEADER || left - PACKET_HEADER < bytes_get3(packet))
            return ROW_MORE;
        size_t length = bytes_get3(packet);
        enum answer_phase before = answer.phase;
        events = answer_feed(&answer, packet, PACKET_HEADER + length, &passed);
        if (events & (ANSWER_BROKEN | ANSWER_INFILE) || length == PACKET_MAX)
            return ROW_BAD;
        *size += PACKET_HEADER + length;
        struct text payload = {(const char *)packet + PACKET_HEADER, length};
        if (!events && columns == 0 && was_row(before, &answer, packet[PACKET_HEADER]) &&
            !read_values(payload, values, count, &columns))
            return ROW_BAD;
    }
    return events & ANSWER_ERROR_SEEN || columns < count ? ROW_NONE : ROW_DONE;
}
