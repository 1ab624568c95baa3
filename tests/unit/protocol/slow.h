/* The tracker's oracle: the same grammar, read slowly by recursive descent over an answer that lies
 * whole in memory. It shares no code with protocol/answer.c but the reader and the constants.
 */
#ifndef TESTS_UNIT_PROTOCOL_SLOW_H
#define TESTS_UNIT_PROTOCOL_SLOW_H

#include "tests/unit/protocol/feed.h"

enum slow { SLOW_GOES_ON, SLOW_MORE, SLOW_BROKEN, SLOW_ENDED };

struct slow_answer {
    const uint8_t *at, *end; /* of what was not read yet */
    enum command_answer expected;
    capabilities_t capabilities;
    unsigned results;
    uint16_t status;
    struct told told;
};

/* One message: a packet and those that continue it. */
struct message {
    uint8_t first;         /* its first byte */
    size_t length;         /* of its first packet */
    const uint8_t *at;     /* the payload of the first packet */
    size_t visible;        /* bytes of it within ANSWER_WHOLE */
    bool is_visible;       /* they are all there */
    bool is_whole;         /* the whole message is there */
    const uint8_t *behind; /* then: what follows it */
};

static inline bool slow_message(const struct slow_answer *slow, struct message *message)
{
    const uint8_t *at = slow->at;
    size_t left = (size_t)(slow->end - at);

    memset(message, 0, sizeof *message);
    if (left < 4)
        return false;
    message->length = at[0] + at[1] * 256u + at[2] * 65536u;
    if (message->length > 0 && left < 5)
        return false;
    message->first = message->length > 0 ? at[4] : 0;
    message->at = at + 4;
    message->visible = message->length < ANSWER_WHOLE - 4 ? message->length : ANSWER_WHOLE - 4;
    message->is_visible = left - 4 >= message->visible;
    for (;;) {
        if (slow->end - at < 4)
            return true;
        size_t length = at[0] + at[1] * 256u + at[2] * 65536u;
        if ((size_t)(slow->end - at) - 4 < length)
            return true;
        at += 4 + length;
        if (length < 0xffffff)
            break;
    }
    message->is_whole = true;
    message->behind = at;
    return true;
}

/* The message was understood: to the next one. */
static inline enum slow slow_take(struct slow_answer *slow, const struct message *message)
{
    if (!message->is_whole)
        return SLOW_MORE;
    slow->at = message->behind;
    return SLOW_GOES_ON;
}

static inline enum slow slow_error(struct slow_answer *slow, const struct message *message)
{
    if (!message->is_visible)
        return SLOW_MORE;
    if (message->length < 3)
        return SLOW_BROKEN;
    unsigned code = message->at[1] + message->at[2] * 256u;
    if (code == 65535 && slow->capabilities & CAPABILITY_MARIADB_PROGRESS)
        return slow_take(slow, message);
    told_add(&slow->told, "err %u, ", code);
    return slow_take(slow, message) == SLOW_MORE ? SLOW_MORE : SLOW_ENDED;
}

/* The next message that is no progress report; an ERR, nothing and too little end here. */
static inline enum slow slow_next(struct slow_answer *slow, struct message *message)
{
    for (;;) {
        if (!slow_message(slow, message))
            return SLOW_MORE;
        if (message->length == 0 && slow->expected != ANSWER_STRING)
            return SLOW_BROKEN;
        if (message->length == 0 || message->first != 0xff)
            return SLOW_GOES_ON;
        enum slow outcome = slow_error(slow, message);
        if (outcome != SLOW_GOES_ON)
            return outcome;
    }
}

/* OK or EOF, told; SLOW_GOES_ON when it has been taken. */
static inline enum slow slow_ok(struct slow_answer *slow, const struct message *message)
{
    struct reader reader = {.at = message->at + 1, .end = message->at + message->visible};
    struct text state = {0};
    bool cut = false;

    if (!message->is_visible)
        return SLOW_MORE;
    if (message->first == 0xfe && message->length == 5) {
        slow->status = (uint16_t)(message->at[3] + message->at[4] * 256u);
    } else {
        if (message->length < 7)
            return SLOW_BROKEN;
        read_lenenc(&reader);
        read_lenenc(&reader);
        uint16_t status = (uint16_t)read_integer(&reader, 2);
        read_integer(&reader, 2);
        if (reader.bad)
            return SLOW_BROKEN;
        slow->status = status;
        if (status & 0x4000 && slow->capabilities & CAPABILITY_SESSION_TRACK) {
            read_lenenc_text(&reader);
            uint64_t length = read_lenenc(&reader);
            cut = reader.bad;
            state = read_rest(&reader);
            if (state.length < length)
                cut = true;
            else
                state.length = (size_t)length;
        }
    }
    slow->results++;
    told_add(&slow->told, "ok %x", slow->status);
    told_state(&slow->told, state, cut);
    told_add(&slow->told, ", ");
    return slow_take(slow, message);
}

static inline bool slow_ends_rows(const struct message *message)
{
    return message->first == 0xfe && message->length < 0xffffff;
}

static inline enum slow slow_definitions(struct slow_answer *slow, uint64_t count)
{
    struct message message;

    for (uint64_t i = 0; i < count; i++) {
        enum slow outcome = slow_next(slow, &message);
        if (outcome == SLOW_GOES_ON)
            outcome = slow_take(slow, &message);
        if (outcome != SLOW_GOES_ON)
            return outcome;
    }
    return SLOW_GOES_ON;
}

/* Rows and their end. */
static inline enum slow slow_rows(struct slow_answer *slow)
{
    struct message message;

    for (;;) {
        enum slow outcome = slow_next(slow, &message);
        if (outcome != SLOW_GOES_ON)
            return outcome;
        if (slow_ends_rows(&message))
            return slow_ok(slow, &message);
        if (slow_take(slow, &message) == SLOW_MORE)
            return SLOW_MORE;
    }
}

/* Column count, definitions, perhaps an EOF, rows. */
static inline enum slow slow_result_set(struct slow_answer *slow, struct message *message)
{
    struct reader reader = {.at = message->at, .end = message->at + message->visible};
    uint64_t count = read_lenenc(&reader);
    bool has_flag = slow->capabilities &
                    (CAPABILITY_OPTIONAL_RESULTSET_METADATA | CAPABILITY_MARIADB_CACHE_METADATA);

    if (count == 0)
        return SLOW_BROKEN;
    if (has_flag && reader.at < reader.end && read_integer(&reader, 1) == 0)
        count = reader.bad || count > 65535 ? 65536 : 0;
    if (reader.bad || reader.at != reader.end || count > 65535)
        return SLOW_BROKEN;
    enum slow outcome = slow_take(slow, message);
    if (outcome == SLOW_GOES_ON)
        outcome = slow_definitions(slow, count);
    if (outcome == SLOW_GOES_ON)
        outcome = slow_next(slow, message);
    if (outcome != SLOW_GOES_ON)
        return outcome;
    if (message->first != 0xfe || message->length != 5)
        return slow_rows(slow);
    if (!message->is_visible)
        return SLOW_MORE;
    unsigned status = message->at[3] + message->at[4] * 256u;
    if (slow->expected == ANSWER_CURSOR && (status & 0x48) == 0x40)
        return slow_ok(slow, message);
    if (slow_take(slow, message) == SLOW_MORE)
        return SLOW_MORE;
    outcome = slow_rows(slow);
    if (outcome == SLOW_GOES_ON && (status & 0x1008) == 0x1008)
        slow->status |= 8; /* out parameters: what their end does not say */
    return outcome;
}

static inline enum slow slow_results(struct slow_answer *slow)
{
    struct message message;
    enum slow outcome;

    do {
        outcome = slow_next(slow, &message);
        if (outcome != SLOW_GOES_ON)
            return outcome;
        if (!message.is_visible)
            return SLOW_MORE;
        if (message.first == 0xfb) {
            if (message.length > message.visible)
                return SLOW_BROKEN;
            told_add(&slow->told, "infile, ");
            slow_take(slow, &message);
            outcome = slow_next(slow, &message);
            if (outcome != SLOW_GOES_ON)
                return outcome;
            if (message.first != 0 && message.first != 0xfe)
                return message.is_visible ? SLOW_BROKEN : SLOW_MORE;
            outcome = slow_ok(slow, &message);
        } else if (message.first == 0 || message.first == 0xfe) {
            outcome = slow_ok(slow, &message);
        } else {
            outcome = slow_result_set(slow, &message);
        }
    } while (outcome == SLOW_GOES_ON && slow->status & 8);
    return outcome == SLOW_GOES_ON ? SLOW_ENDED : outcome;
}

static inline enum slow slow_prepare(struct slow_answer *slow)
{
    struct message message;
    enum slow outcome = slow_next(slow, &message);
    bool has_eof = !(slow->capabilities & CAPABILITY_DEPRECATE_EOF), has_metadata = true;

    if (outcome != SLOW_GOES_ON)
        return outcome;
    if (!message.is_visible)
        return SLOW_MORE;
    if (message.first != 0 || message.length < 12)
        return SLOW_BROKEN;
    uint64_t kinds[2] = {message.at[7] + message.at[8] * 256u,
                         message.at[5] + message.at[6] * 256u};
    told_add(&slow->told, "prepared %u/%u, ", bytes_get4(message.at + 1), (unsigned)kinds[0]);
    slow->results++;
    if (slow->capabilities & CAPABILITY_OPTIONAL_RESULTSET_METADATA && message.length > 12)
        has_metadata = message.at[12] != 0;
    uint64_t left = 0;
    for (int i = 0; i < 2; i++)
        left += (has_metadata ? kinds[i] : 0) + (has_eof && kinds[i] > 0 ? 1 : 0);
    outcome = slow_take(slow, &message);
    while (left > 0 && outcome == SLOW_GOES_ON) {
        outcome = slow_next(slow, &message);
        if (outcome != SLOW_GOES_ON)
            return outcome;
        if (has_eof || message.first != 0xfe)
            left--;
        outcome = slow_take(slow, &message);
    }
    return outcome == SLOW_GOES_ON ? SLOW_ENDED : outcome;
}

static inline enum slow slow_single(struct slow_answer *slow)
{
    struct message message;
    enum slow outcome = slow_next(slow, &message);

    if (outcome != SLOW_GOES_ON)
        return outcome;
    if (!message.is_visible && message.length > 0)
        return SLOW_MORE;
    if (slow->expected == ANSWER_STRING) {
        slow->results++;
        outcome = slow_take(slow, &message);
    } else if (message.first != 0 && message.first != 0xfe) {
        return SLOW_BROKEN;
    } else {
        outcome = slow_ok(slow, &message);
    }
    return outcome == SLOW_GOES_ON ? SLOW_ENDED : outcome;
}

static inline enum slow slow_grammar(struct slow_answer *slow)
{
    enum slow outcome;

    switch (slow->expected) {
    case ANSWER_RESULTS:
    case ANSWER_CURSOR:
        return slow_results(slow);
    case ANSWER_PREPARE:
        return slow_prepare(slow);
    case ANSWER_FETCH:
    case ANSWER_FIELDS:
        outcome = slow_rows(slow);
        return outcome == SLOW_GOES_ON ? SLOW_ENDED : outcome;
    case ANSWER_STRING:
    case ANSWER_OK:
        return slow_single(slow);
    case ANSWER_NONE:
        return SLOW_ENDED;
    case ANSWER_CLOSE:
    case ANSWER_LOGIN:
        break;
    }
    return SLOW_MORE;
}

/* Reads one answer; `told` as a feeding has it, `passed` where it ended. */
static inline enum slow slow_read(struct slow_answer *slow, enum command_answer expected,
                                  capabilities_t capabilities, const uint8_t *bytes, size_t size)
{
    memset(slow, 0, sizeof *slow);
    slow->at = bytes;
    slow->end = bytes ? bytes + size : NULL;
    slow->expected = expected;
    slow->capabilities = capabilities;
    enum slow outcome = slow_grammar(slow);
    if (outcome == SLOW_BROKEN)
        told_add(&slow->told, "broken");
    if (outcome == SLOW_ENDED)
        told_add(&slow->told, "complete %u", slow->results);
    slow->told.passed = (size_t)(slow->at - bytes);
    return outcome;
}

#endif
