/* A server's answer to the question that silogate asks behind a login, for tests that
 * play the server: it stands in no database, with no sql_mode, in utf8mb4.
 */
#ifndef TESTS_UNIT_PROXY_TOLD_H
#define TESTS_UNIT_PROXY_TOLD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "protocol/capabilities.h"
#include "protocol/packet.h"

enum { TOLD_MAX = 300 };

static inline void told_packet(uint8_t *to, size_t *size, uint8_t *number, const void *payload,
                               size_t length)
{
    bytes_put3(to + *size, (uint32_t)length);
    to[*size + 3] = ++*number;
    memcpy(to + *size + PACKET_HEADER, payload, length);
    *size += PACKET_HEADER + length;
}

/* Writes at most TOLD_MAX bytes to `to`: how many. */
static inline size_t told_write(capabilities_t capabilities, uint8_t *to)
{
    static const uint8_t column[] = "\3def\0\0\0\1n\0\x0c\x21\0\x40\0\0\0\xfd\0\0\0\0";
    static const char count[] = "\6\1",
                      row[] = "\xfb\0\7utf8mb4\7utf8mb4\1"
                              "0",
                      end[] = "\xfe\0\0\2\0\0\0";
    const int is_optional = (capabilities & CAPABILITY_OPTIONAL_RESULTSET_METADATA) != 0;
    const int is_deprecated = (capabilities & CAPABILITY_DEPRECATE_EOF) != 0;
    size_t size = 0;
    uint8_t number = 0;

    told_packet(to, &size, &number, count, is_optional ? 2 : 1);
    for (int i = 0; i < 6; i++)
        told_packet(to, &size, &number, column, sizeof(column));
    if (!is_deprecated)
        told_packet(to, &size, &number, end, 5);
    told_packet(to, &size, &number, row, sizeof(row)); /* its NUL: no init_connect */
    told_packet(to, &size, &number, end, is_deprecated ? 7 : 5);
    return size;
}

#endif
