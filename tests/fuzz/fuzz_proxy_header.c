/* PROXY headers: one that is read ends where it says, no shorter part of it is one, and what it
 * says reads the same when it is written again in either version.
 */
#include <assert.h>

#include "protocol/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_written(const struct proxy_header *header)
{
    const struct sockaddr *source = (const struct sockaddr *)&header->source;
    const struct sockaddr *destination = (const struct sockaddr *)&header->destination;
    uint8_t written[PROXY_HEADER_WRITTEN];
    struct proxy_header again;

    for (int version = 1; version <= 2; version++) {
        size_t size = version == 1
                          ? proxy_header_write_v1(source, destination, written, sizeof written)
                          : proxy_header_write_v2(source, destination, written, sizeof written);
        assert(size > 0 && proxy_header_read(written, size, &again) == PARSE_DONE);
        assert(again.size == size);
        /* IPv4 in IPv6 comes back as IPv4. */
        if (again.source.ss_family == header->source.ss_family)
            assert(memcmp(&again.source, &header->source, sizeof again.source) == 0 &&
                   memcmp(&again.destination, &header->destination, sizeof again.destination) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct proxy_header header, shorter;

    enum parse parse = proxy_header_read(bytes, size, &header);
    assert(parse != PARSE_MORE || size < PROXY_HEADER_MAX);
    if (parse != PARSE_DONE)
        return 0;
    assert(header.size <= size && header.size <= PROXY_HEADER_MAX);
    for (size_t length = 0; length < header.size; length++)
        assert(proxy_header_read(bytes, length, &shorter) == PARSE_MORE);
    check_written(&header);
    return 0;
}
