/* The tracker: follows the server's answer packet by packet. It buffers no bytes; it keeps a phase
 * and a few counters. Where servers are known to differ it is lenient: it takes an EOF and an OK as
 * end of rows, with CLIENT_DEPRECATE_EOF and without. A packet that the phase does not allow is
 * ANSWER_BROKEN: after a wrong guess one session could read another's answer.
 *
 *   RESULTS:  FIRST: OK -> END, or FIRST again where more results follow
 *             FIRST: INFILE -> FILE: OK -> the same
 *             FIRST: header -> COLUMNS -> BEHIND_COLUMNS -> ROWS: EOF or OK -> the same
 *   PREPARE:  PREPARE -> PREPARED, once for the parameters, once for the columns -> END
 *   An ERR ends each of them, in any phase.
 *
 * Called by proxy/ for the upstream's bytes, and by protocol/row.c.
 */
#include "protocol/answer.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

enum {
    HEADER_OK = 0x00,
    HEADER_INFILE = 0xfb,
    HEADER_EOF = 0xfe,
    HEADER_ERROR = 0xff,
    EOF_LENGTH = 5,      /* header, warnings, status */
    OK_LENGTH = 7,       /* header, two numbers of at least one byte, status, warnings */
    PREPARE_LENGTH = 12, /* header, id, columns, parameters, filler, warnings */
    ERROR_LENGTH = 3,    /* header, code */
    CODE_PROGRESS = 0xffff,
};

void answer_start(struct answer *answer, enum command_answer expected, capabilities_t capabilities)
{
    static const enum answer_phase start[] = {
        [ANSWER_NONE] = PHASE_END,      [ANSWER_CLOSE] = PHASE_CLOSING,
        [ANSWER_OK] = PHASE_OK,         [ANSWER_RESULTS] = PHASE_FIRST,
        [ANSWER_CURSOR] = PHASE_FIRST,  [ANSWER_PREPARE] = PHASE_PREPARE,
        [ANSWER_FETCH] = PHASE_ROWS,    [ANSWER_FIELDS] = PHASE_FIELDS,
        [ANSWER_STRING] = PHASE_STRING,
    };

    assert(expected < sizeof start / sizeof start[0]);
    *answer = (struct answer){
        .expected = expected, .phase = start[expected], .capabilities = capabilities};
}

/* The part of a packet's payload that is read: `length` bytes of `whole`. */
struct seen {
    const uint8_t *at;
    uint32_t length, whole;
};

static bool seen_is_end_of_rows(const struct seen *seen)
{
    return seen->at[0] == HEADER_EOF && seen->whole < PACKET_MAX;
}

static bool seen_is_eof(const struct seen *seen)
{
    return seen->at[0] == HEADER_EOF && seen->whole == EOF_LENGTH;
}

static unsigned result_ends(struct answer *answer)
{
    bool may_go_on = answer->expected == ANSWER_RESULTS || answer->expected == ANSWER_CURSOR;
    bool has_more = answer->status & STATUS_MORE_RESULTS_EXISTS || answer->more_follow;
    bool goes_on = may_go_on && has_more;

    answer->results++;
    answer->more_follow = false;
    answer->phase = goes_on ? PHASE_FIRST : PHASE_END;
    return ANSWER_OK_SEEN;
}

/* Reads what follows the warnings of an OK: the info string and the session state changes. If they
 * cannot be read whole, `session_state_cut` is set. */
static void read_session_state(struct answer *answer, struct reader *reader)
{
    if (!(answer->status & STATUS_SESSION_STATE_CHANGED) ||
        !(answer->capabilities & CAPABILITY_SESSION_TRACK))
        return;
    read_lenenc_text(reader);
    uint64_t length = read_lenenc(reader);
    size_t left = (size_t)(reader->end - reader->at);
    answer->session_state_cut = reader->bad || length > left;
    answer->session_state = read_bytes(reader, length < left ? (size_t)length : left);
}

/* OK with either header, or EOF. */
static unsigned read_ok(struct answer *answer, const struct seen *seen)
{
    struct reader reader = {.at = seen->at + 1, .end = seen->at + seen->length};

    if (seen_is_eof(seen)) {
        answer->status = bytes_get2(seen->at + 3);
        answer->warned |= bytes_get2(seen->at + 1) > 0;
        return result_ends(answer);
    }
    if (seen->whole < OK_LENGTH)
        return ANSWER_BROKEN;
    read_lenenc(&reader);
    read_lenenc(&reader);
    uint16_t status = (uint16_t)read_integer(&reader, 2);
    const bool warned = read_integer(&reader, 2) > 0;
    if (reader.bad)
        return ANSWER_BROKEN;
    answer->status = status;
    answer->warned |= warned;
    read_session_state(answer, &reader);
    return result_ends(answer);
}

/* ERR, or a progress report of MariaDB, which has the header of an ERR and does not end the answer.
 */
static unsigned read_error(struct answer *answer, const struct seen *seen)
{
    if (seen->whole < ERROR_LENGTH)
        return ANSWER_BROKEN;
    uint16_t code = bytes_get2(seen->at + 1);
    if (code == CODE_PROGRESS && answer->capabilities & CAPABILITY_MARIADB_PROGRESS)
        return 0;
    answer->error_code = code;
    answer->phase = PHASE_END;
    return ANSWER_ERROR_SEEN;
}

/* Reads the number of columns, and whether their definitions follow: both servers send this as a
 * byte after the number (MySQL's manual has it before the number; 9.7 sends it after). */
static unsigned read_header(struct answer *answer, const struct seen *seen)
{
    const capabilities_t optional =
        CAPABILITY_OPTIONAL_RESULTSET_METADATA | CAPABILITY_MARIADB_CACHE_METADATA;
    struct reader reader = {.at = seen->at, .end = seen->at + seen->length};
    uint64_t columns = read_lenenc(&reader);
    bool has_metadata = true;

    if (answer->capabilities & optional && reader.at < reader.end)
        has_metadata = read_integer(&reader, 1) != 0;
    if (reader.bad || reader.at < reader.end || columns == 0 || columns > UINT16_MAX)
        return ANSWER_BROKEN;
    answer->definitions = has_metadata ? (uint32_t)columns : 0;
    answer->phase = has_metadata ? PHASE_COLUMNS : PHASE_BEHIND_COLUMNS;
    return 0;
}

static unsigned read_first(struct answer *answer, const struct seen *seen)
{
    switch (seen->at[0]) {
    case HEADER_OK:
    case HEADER_EOF:
        return read_ok(answer, seen);
    case HEADER_INFILE:
        if (seen->whole > seen->length)
            return ANSWER_BROKEN;
        answer->phase = PHASE_FILE;
        return ANSWER_INFILE;
    default:
        return read_header(answer, seen);
    }
}

static void keep_row(struct answer *answer, const struct seen *seen)
{
    if (!answer->keeps_row)
        return;
    answer->row_length = (uint8_t)(seen->length < ANSWER_ROW ? seen->length : ANSWER_ROW);
    memcpy(answer->row, seen->at, answer->row_length);
}

/* The first packet after the column definitions. If a cursor was opened, an EOF ends the result:
 * the rows come with COM_STMT_FETCH. This EOF has SERVER_STATUS_CURSOR_EXISTS. But the flag is also
 * set if a procedure or function had a cursor of its own; so the client must have asked for a
 * cursor too, and no more results may follow, as they do after a procedure's result. Any other EOF
 * is the one before the rows. It can come although CLIENT_DEPRECATE_EOF forbids it (MySQL bug
 * 83346: a query cache that an older client filled). */
static unsigned read_behind_columns(struct answer *answer, const struct seen *seen)
{
    answer->phase = PHASE_ROWS;
    if (!seen_is_end_of_rows(seen)) {
        keep_row(answer, seen);
        return 0;
    }
    if (!seen_is_eof(seen))
        return read_ok(answer, seen);
    uint16_t status = bytes_get2(seen->at + 3);
    bool is_cursor = answer->expected == ANSWER_CURSOR && status & STATUS_CURSOR_EXISTS &&
                     !(status & STATUS_MORE_RESULTS_EXISTS);
    answer->is_unproven = is_cursor;
    answer->more_follow = status & STATUS_PS_OUT_PARAMS && status & STATUS_MORE_RESULTS_EXISTS;
    return is_cursor ? read_ok(answer, seen) : 0;
}

/* Counts the packets that follow: the definitions of parameters and columns if there is metadata;
 * and without CLIENT_DEPRECATE_EOF an EOF after each of the two, with metadata or without. */
static unsigned read_prepare(struct answer *answer, const struct seen *seen)
{
    capabilities_t capabilities = answer->capabilities;

    if (seen->at[0] != HEADER_OK || seen->whole < PREPARE_LENGTH)
        return ANSWER_BROKEN;
    const uint16_t columns = answer->columns = bytes_get2(seen->at + 5);
    answer->statement = bytes_get4(seen->at + 1);
    answer->parameters = bytes_get2(seen->at + 7);
    answer->warned |= bytes_get2(seen->at + 10) > 0;
    bool has_metadata = !(capabilities & CAPABILITY_OPTIONAL_RESULTSET_METADATA) ||
                        seen->whole == PREPARE_LENGTH || seen->at[PREPARE_LENGTH] != 0;
    answer->definitions = has_metadata ? (uint32_t)columns + answer->parameters : 0;
    if (!(capabilities & CAPABILITY_DEPRECATE_EOF))
        answer->definitions += (columns > 0 ? 1u : 0) + (answer->parameters > 0 ? 1u : 0);
    answer->phase = answer->definitions > 0 ? PHASE_PREPARED : PHASE_END;
    answer->results++;
    return ANSWER_PREPARED;
}

static unsigned read_prepared(struct answer *answer, const struct seen *seen)
{
    bool is_counted =
        seen->at[0] != HEADER_EOF || !(answer->capabilities & CAPABILITY_DEPRECATE_EOF);

    if (is_counted && --answer->definitions == 0)
        answer->phase = PHASE_END;
    return 0;
}

static unsigned read_packet(struct answer *answer, const struct seen *seen)
{
    if (seen->whole == 0 && answer->phase != PHASE_STRING)
        return ANSWER_BROKEN;
    if (seen->whole > 0 && seen->at[0] == HEADER_ERROR)
        return read_error(answer, seen);
    switch (answer->phase) {
    case PHASE_FIRST:
        return read_first(answer, seen);
    case PHASE_FILE:
    case PHASE_OK:
        if (seen->at[0] != HEADER_OK && seen->at[0] != HEADER_EOF)
            return ANSWER_BROKEN;
        return read_ok(answer, seen);
    case PHASE_COLUMNS:
        if (--answer->definitions == 0)
            answer->phase = PHASE_BEHIND_COLUMNS;
        return 0;
    case PHASE_BEHIND_COLUMNS:
        return read_behind_columns(answer, seen);
    case PHASE_ROWS:
        if (!seen_is_end_of_rows(seen))
            keep_row(answer, seen);
        return seen_is_end_of_rows(seen) ? read_ok(answer, seen) : 0;
    case PHASE_FIELDS:
        return seen_is_end_of_rows(seen) ? read_ok(answer, seen) : 0;
    case PHASE_PREPARE:
        return read_prepare(answer, seen);
    case PHASE_PREPARED:
        return read_prepared(answer, seen);
    case PHASE_STRING:
        answer->results++;
        answer->phase = PHASE_END;
        return 0;
    case PHASE_CLOSING:
    case PHASE_END:
        break;
    }
    return ANSWER_BROKEN;
}

/* Must the packet be seen whole (up to ANSWER_WHOLE), not only its first byte? */
static bool is_needed_whole(const struct answer *answer, const uint8_t *packet)
{
    switch (answer->phase) {
    case PHASE_COLUMNS:
    case PHASE_PREPARED:
        return packet[PACKET_HEADER] == HEADER_ERROR;
    case PHASE_BEHIND_COLUMNS:
    case PHASE_ROWS:
    case PHASE_FIELDS:
        return answer->keeps_row || packet[PACKET_HEADER] >= HEADER_EOF;
    case PHASE_FIRST:
    case PHASE_FILE:
    case PHASE_PREPARE:
    case PHASE_STRING:
    case PHASE_OK:
    case PHASE_CLOSING:
    case PHASE_END:
        break;
    }
    return true;
}

/* Skips complete rows. Large results spend most of their time in this loop. */
static const uint8_t *pass_rows(struct answer *answer, const uint8_t *at, const uint8_t *end)
{
    while (end - at > PACKET_HEADER) {
        uint32_t header = bytes_get4(at);
        uint32_t length = header & PACKET_MAX;
        if (at[PACKET_HEADER] >= HEADER_EOF || length == 0 || length == PACKET_MAX ||
            end - at - PACKET_HEADER < (ptrdiff_t)length)
            break;
        answer->sequence = (uint8_t)(header >> 24);
        at += PACKET_HEADER + length;
    }
    return at;
}

/* Begins the packet at `at`: true if enough of it is there and its header may pass. */
static bool begin_packet(struct answer *answer, const uint8_t *at, const uint8_t *end,
                         unsigned *events)
{
    size_t left = (size_t)(end - at);

    if (left < PACKET_HEADER)
        return false;
    struct seen seen = {.at = at + PACKET_HEADER, .whole = bytes_get3(at)};
    if (!answer->packet_continues) {
        size_t size = PACKET_HEADER + (size_t)seen.whole;
        if (seen.whole > 0 && left == PACKET_HEADER)
            return false;
        if (seen.whole > 0 && is_needed_whole(answer, at) &&
            left < (size < ANSWER_WHOLE ? size : ANSWER_WHOLE))
            return false;
        seen.length = (uint32_t)((size < ANSWER_WHOLE ? size : ANSWER_WHOLE) - PACKET_HEADER);
        *events = read_packet(answer, &seen);
        if (*events & ANSWER_BROKEN)
            return false;
    }
    answer->sequence = at[3];
    answer->packet_continues = seen.whole == PACKET_MAX;
    answer->skip = seen.whole;
    return true;
}

unsigned answer_feed(struct answer *answer, const uint8_t *bytes, size_t size, size_t *passed)
{
    const uint8_t *at = bytes, *end = bytes + size;
    unsigned events = 0;

    answer->session_state = (struct text){0};
    answer->session_state_cut = false;
    if (answer->phase == PHASE_CLOSING) {
        *passed = size;
        return 0;
    }
    for (;;) {
        size_t left = (size_t)(end - at);
        uint32_t skipped = left < answer->skip ? (uint32_t)left : answer->skip;
        at += skipped;
        answer->skip -= skipped;
        if (answer->skip > 0)
            break;
        if (answer->phase == PHASE_END && !answer->packet_continues) {
            events |= ANSWER_COMPLETE;
            break;
        }
        if (events)
            break;
        if (answer->phase == PHASE_ROWS && !answer->packet_continues && !answer->keeps_row)
            at = pass_rows(answer, at, end);
        if (!begin_packet(answer, at, end, &events))
            break;
        at += PACKET_HEADER;
    }
    *passed = (size_t)(at - bytes);
    return events;
}

bool session_state_next(struct text *state, uint8_t *type, struct text *data)
{
    struct reader reader = reader_of(*state);

    if (state->length == 0)
        return false;
    *type = (uint8_t)read_integer(&reader, 1);
    *data = read_lenenc_text(&reader);
    *state = read_rest(&reader);
    return !reader.bad;
}
