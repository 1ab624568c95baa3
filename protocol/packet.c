/* The frame of the protocol, and the cursors that all parsers and writers of protocol/ use. No
 * length is trusted: reading and writing stop at the end of the buffer. Called by the other files
 * of protocol/ and, for silogate's own errors, by proxy/.
 */
#include "protocol/packet.h"

#include <assert.h>

#include "base/bytes.h"

static size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Moves the cursor by `length` bytes. If there are fewer it moves to the end and sets `bad`, so
 * that nothing after a bad field is read. */
static const uint8_t *reader_take(struct reader *reader, size_t length)
{
    const uint8_t *at = reader->at;

    if (reader->bad || length > reader_left(reader)) {
        reader->bad = true;
        reader->at = reader->end;
        return NULL;
    }
    if (length > 0)
        reader->at += length;
    return at;
}

uint64_t read_integer(struct reader *reader, int bytes)
{
    assert(bytes >= 1 && bytes <= 8);
    const uint8_t *at = reader_take(reader, (size_t)bytes);
    uint64_t number = 0;

    if (!at)
        return 0;
    for (int i = bytes - 1; i >= 0; i--)
        number = number << 8 | at[i];
    return number;
}

uint64_t read_lenenc(struct reader *reader)
{
    uint64_t first = read_integer(reader, 1);

    switch (first) {
    case 0xfb:
    case 0xff:
        reader->bad = true;
        reader->at = reader->end;
        return 0;
    case 0xfc:
        return read_integer(reader, 2);
    case 0xfd:
        return read_integer(reader, 3);
    case 0xfe:
        return read_integer(reader, 8);
    default:
        return first;
    }
}

struct text read_bytes(struct reader *reader, size_t length)
{
    const uint8_t *at = reader_take(reader, length);

    return at ? (struct text){(const char *)at, length} : (struct text){0};
}

struct text read_lenenc_text(struct reader *reader)
{
    uint64_t length = read_lenenc(reader);

    return read_bytes(reader, length > SIZE_MAX ? SIZE_MAX : (size_t)length);
}

struct text read_nul_text(struct reader *reader)
{
    const uint8_t *nul = NULL;

    if (reader_left(reader) > 0)
        nul = memchr(reader->at, 0, reader_left(reader));
    if (!nul) {
        reader_take(reader, SIZE_MAX);
        return (struct text){0};
    }
    struct text text = read_bytes(reader, (size_t)(nul - reader->at));
    reader_take(reader, 1);
    return text;
}

struct text read_rest(struct reader *reader)
{
    return read_bytes(reader, reader_left(reader));
}

static uint8_t *writer_take(struct writer *writer, size_t length)
{
    uint8_t *at = writer->at;

    if (writer->full || length > (size_t)(writer->end - writer->at)) {
        writer->full = true;
        return NULL;
    }
    if (length > 0)
        writer->at += length;
    return at;
}

void write_integer(struct writer *writer, uint64_t number, int bytes)
{
    assert(bytes >= 1 && bytes <= 8);
    uint8_t *at = writer_take(writer, (size_t)bytes);

    for (int i = 0; at && i < bytes; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}

void write_lenenc(struct writer *writer, uint64_t number)
{
    int bytes = number < 0xfb ? 0 : number <= 0xffff ? 2 : number <= 0xffffff ? 3 : 8;

    if (bytes > 0)
        write_integer(writer, bytes == 2 ? 0xfc : bytes == 3 ? 0xfd : 0xfe, 1);
    write_integer(writer, number, bytes > 0 ? bytes : 1);
}

void write_bytes(struct writer *writer, struct text bytes)
{
    uint8_t *at = writer_take(writer, bytes.length);

    if (at && bytes.length > 0)
        memcpy(at, bytes.at, bytes.length);
}

void write_lenenc_text(struct writer *writer, struct text text)
{
    write_lenenc(writer, text.length);
    write_bytes(writer, text);
}

void write_nul_text(struct writer *writer, struct text text)
{
    if (text.length > 0 && memchr(text.at, 0, text.length))
        writer->full = true;
    write_bytes(writer, text);
    write_integer(writer, 0, 1);
}

uint8_t *packet_begin(struct writer *writer)
{
    return writer_take(writer, PACKET_HEADER);
}

size_t packet_end(struct writer *writer, uint8_t *packet, uint8_t sequence)
{
    if (!packet || writer->full)
        return 0;
    size_t size = (size_t)(writer->at - packet);
    size_t length = size - PACKET_HEADER;
    if (length >= PACKET_MAX)
        return 0;
    bytes_put3(packet, (uint32_t)length);
    packet[3] = sequence;
    return size;
}

size_t packet_error(uint8_t *to, size_t size, uint8_t sequence, uint16_t code, const char *sqlstate,
                    struct text message)
{
    struct writer writer = writer_of(to, size);
    uint8_t *packet = packet_begin(&writer);

    write_integer(&writer, 0xff, 1);
    write_integer(&writer, code, 2);
    if (sqlstate) {
        assert(strlen(sqlstate) == 5);
        write_integer(&writer, '#', 1);
        write_bytes(&writer, text_of(sqlstate));
    }
    size_t left = (size_t)(writer.end - writer.at);
    if (message.length > left)
        message.length = left;
    write_bytes(&writer, message);
    return packet_end(&writer, packet, sequence);
}
