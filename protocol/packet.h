/* The frame of the protocol: 3 bytes length, 1 byte sequence id, payload (MySQL Internals, "MySQL
 * Packets"). Pure functions over bytes; no sockets.
 */
#ifndef PROTOCOL_PACKET_H
#define PROTOCOL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum { PACKET_HEADER = 4, PACKET_MAX = 0xffffff };

/* The result of each parser of protocol/. */
enum parse { PARSE_DONE, PARSE_MORE, PARSE_BAD };

/* A cursor over a payload. Reading past the end sets `bad` and gives zeroes and empty texts, so
 * that a parser can check `bad` once, at the end. */
struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static inline struct reader reader_of(struct text bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.at;

    return (struct reader){.at = at, .end = at ? at + bytes.length : at};
}

uint64_t read_integer(struct reader *reader, int bytes); /* fixed length, 1 to 8 bytes */
uint64_t read_lenenc(struct reader *reader);             /* length-encoded integer; 0xfb is bad */
struct text read_bytes(struct reader *reader, size_t length);
struct text read_lenenc_text(struct reader *reader);
struct text read_nul_text(struct reader *reader); /* without the NUL; bad if there is none */
struct text read_rest(struct reader *reader);

/* A cursor to write a payload with; sets `full` if something does not fit. */
struct writer {
    uint8_t *at, *end;
    bool full;
};

static inline struct writer writer_of(uint8_t *to, size_t size)
{
    return (struct writer){.at = to, .end = to + size};
}

void write_integer(struct writer *writer, uint64_t number, int bytes);
void write_lenenc(struct writer *writer, uint64_t number);
void write_bytes(struct writer *writer, struct text bytes);
void write_lenenc_text(struct writer *writer, struct text text);
/* sets `full` also if the text holds a NUL */
void write_nul_text(struct writer *writer, struct text text);

/* packet_begin leaves room for a header. Write the payload after it, then call packet_end with the
 * pointer that packet_begin returned: it fills in the header and returns the whole packet's size,
 * or 0 if it did not fit. */
uint8_t *packet_begin(struct writer *writer);
size_t packet_end(struct writer *writer, uint8_t *packet, uint8_t sequence);

/* One ERR packet (header included), e.g. packet_error(buffer, sizeof buffer, 1, 1142, "42000",
 * text). Without CLIENT_PROTOCOL_41 there is no sqlstate: pass NULL. Returns its size; the message
 * is cut to what fits. */
size_t packet_error(uint8_t *to, size_t size, uint8_t sequence, uint16_t code, const char *sqlstate,
                    struct text message);

#endif
