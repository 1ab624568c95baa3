/* Feeds the tracker as a caller does, from a window that ends at a page that cannot be read, and
 * writes down what it tells: "ok 2 state 0101, err 1064, complete". Answers are written as words:
 *     x:HEX     a payload                        col       a column definition
 *     ok:S      an OK with status S (hex)        end:S     the same with the header 0xfe
 *     eof:S     an EOF                           err:C     an ERR with code C (decimal)
 *     big:N:HH  N bytes HH, in as many packets as that takes
 */
#ifndef TESTS_UNIT_PROTOCOL_FEED_H
#define TESTS_UNIT_PROTOCOL_FEED_H

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "protocol/answer.h"
#include "tests/unit/sql/guard.h"

struct bytes {
    uint8_t *at;
    size_t size, room;
};

static inline void bytes_add(struct bytes *bytes, const void *from, size_t size)
{
    if (bytes->size + size > bytes->room) {
        bytes->room = (bytes->size + size) * 2;
        bytes->at = realloc(bytes->at, bytes->room);
        assert(bytes->at);
    }
    if (size > 0)
        memcpy(bytes->at + bytes->size, from, size);
    bytes->size += size;
}

/* A payload in packets, the last one shorter than 0xffffff. */
static inline void bytes_packet(struct bytes *bytes, const uint8_t *payload, size_t size,
                                uint8_t *sequence)
{
    size_t part;

    do {
        uint8_t header[PACKET_HEADER];
        part = size < PACKET_MAX ? size : PACKET_MAX;
        bytes_put3(header, (uint32_t)part);
        header[3] = (*sequence)++;
        bytes_add(bytes, header, sizeof header);
        bytes_add(bytes, payload, part);
        payload += part;
        size -= part;
    } while (part == PACKET_MAX);
}

static inline size_t from_hex(const char *hex, size_t length, uint8_t *to)
{
    for (size_t i = 0; i + 1 < length; i += 2) {
        char pair[3] = {hex[i], hex[i + 1], '\0'};
        to[i / 2] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return length / 2;
}

static inline size_t word_payload(const char *word, size_t length, uint8_t *to)
{
    static const char column[] = "\3def\0\0\0\1a\0\14\77\0\2\0\0\0\10\201\0\0\0\0";
    const char *colon = memchr(word, ':', length);
    size_t name = colon ? (size_t)(colon - word) : length;

    if (colon && name == 1 && word[0] == 'x')
        return from_hex(colon + 1, length - 2, to);
    if (name == 3 && memcmp(word, "col", 3) == 0) {
        memcpy(to, column, sizeof column - 1);
        return sizeof column - 1;
    }
    assert(colon);
    uint16_t number = (uint16_t)strtoul(colon + 1, NULL, memcmp(word, "err", 3) == 0 ? 10 : 16);
    memset(to, 0, 16);
    if (memcmp(word, "err", 3) == 0) {
        to[0] = 0xff;
        bytes_put2(to + 1, number);
        memcpy(to + 3, "#42000No", 8);
        return 11;
    }
    bool is_eof = memcmp(word, "eof", 3) == 0;
    to[0] = memcmp(word, "ok", 2) == 0 ? 0x00 : 0xfe;
    bytes_put2(to + 3, number);
    return is_eof ? 5 : 7;
}

static inline void bytes_words(struct bytes *bytes, const char *words)
{
    uint8_t small[4096], sequence = 1;

    while (*words) {
        size_t length = strcspn(words, " ");
        if (length > 4 && memcmp(words, "big:", 4) == 0) {
            char *end;
            size_t size = strtoul(words + 4, &end, 10);
            uint8_t *payload = malloc(size);
            assert(payload && *end == ':');
            memset(payload, (int)strtoul(end + 1, NULL, 16), size);
            bytes_packet(bytes, payload, size, &sequence);
            free(payload);
        } else {
            size_t size = word_payload(words, length, small);
            bytes_packet(bytes, small, size, &sequence);
        }
        words += length;
        words += *words == ' ';
    }
}

struct told {
    char log[8192];
    size_t length;
    size_t passed;
};

static inline void told_add(struct told *told, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void told_add(struct told *told, const char *format, ...)
{
    size_t room = sizeof told->log - told->length;
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(told->log + told->length, room, format, arguments);
    va_end(arguments);
    told->length += (size_t)length < room ? (size_t)length : room - 1;
}

static inline void told_state(struct told *told, struct text state, bool cut)
{
    if (state.length > 0)
        told_add(told, " state ");
    for (size_t i = 0; i < state.length && i < 64; i++)
        told_add(told, "%02x", (uint8_t)state.at[i]);
    if (state.length > 64)
        told_add(told, "...%zu", state.length);
    if (cut)
        told_add(told, " cut");
}

static inline void told_events(struct told *told, unsigned events, const struct answer *answer)
{
    if (events & ANSWER_PREPARED)
        told_add(told, "prepared %u/%u, ", answer->statement, answer->parameters);
    if (events & ANSWER_OK_SEEN) {
        told_add(told, "ok %x", answer->status);
        told_state(told, answer->session_state, answer->session_state_cut);
        told_add(told, ", ");
    }
    if (events & ANSWER_ERROR_SEEN)
        told_add(told, "err %u, ", answer->error_code);
    if (events & ANSWER_INFILE)
        told_add(told, "infile, ");
    if (events & ANSWER_BROKEN)
        told_add(told, "broken");
    if (events & ANSWER_COMPLETE)
        told_add(told, "complete %u", answer->results);
}

/* A feeding under way: the bytes before `told.passed` are gone. */
struct feeding {
    struct answer answer;
    struct told told;
    bool over, unguarded;
};

static inline void feeding_start(struct feeding *feeding, enum command_answer expected,
                                 capabilities_t capabilities)
{
    memset(feeding, 0, sizeof *feeding);
    answer_start(&feeding->answer, expected, capabilities);
}

/* The first `size` of the answer's bytes are there. */
static inline void feeding_upto(struct feeding *feeding, const uint8_t *bytes, size_t size)
{
    unsigned events = 1;

    while (!feeding->over && events) {
        size_t left = size - feeding->told.passed, passed = SIZE_MAX;
        const uint8_t *window = bytes ? bytes + feeding->told.passed : NULL;
        if (left <= GUARD_SIZE && !feeding->unguarded)
            window = (const uint8_t *)guard_text((struct text){(const char *)window, left}).at;
        events = answer_feed(&feeding->answer, window, left, &passed);
        assert(passed <= left);
        feeding->told.passed += passed;
        told_events(&feeding->told, events, &feeding->answer);
        feeding->over = events & (ANSWER_COMPLETE | ANSWER_BROKEN);
    }
}

#endif
