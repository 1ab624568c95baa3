/* The header of the PROXY protocol, versions 1 and 2: a load balancer tells the address of its
 * client (HAProxy's "The PROXY protocol"). Pure functions over bytes; addresses have the form that
 * accept gives them.
 */
#ifndef PROTOCOL_PROXY_HEADER_H
#define PROTOCOL_PROXY_HEADER_H

#include <sys/socket.h>

#include "protocol/packet.h"

/* The longest header that is read, and room for each that is written. Version 2 allows 64 KiB of
 * TLVs, which nobody sends. */
enum { PROXY_HEADER_MAX = 4096, PROXY_HEADER_WRITTEN = 108 };

struct proxy_header {
    /* ss_family is AF_UNSPEC if the header has no IP address (LOCAL, UNKNOWN, a Unix socket): use
     * the connection's own addresses. */
    struct sockaddr_storage source, destination;
    size_t size; /* of the header; the bytes after it belong to the session */
};

/* Never PARSE_MORE with PROXY_HEADER_MAX bytes or more; PARSE_BAD as early as possible. */
enum parse proxy_header_read(const uint8_t *bytes, size_t size, struct proxy_header *header);

/* Each writes a header and returns its size, or 0 if `size` is too small (PROXY_HEADER_WRITTEN is
 * enough). If an address is NULL, or neither IPv4 nor IPv6, the header says UNKNOWN or LOCAL. */
size_t proxy_header_write_v1(const struct sockaddr *source, const struct sockaddr *destination,
                             uint8_t *to, size_t size);
size_t proxy_header_write_v2(const struct sockaddr *source, const struct sockaddr *destination,
                             uint8_t *to, size_t size);

#endif
