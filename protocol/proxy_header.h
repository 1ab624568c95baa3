/* The PROXY protocol's header, versions 1 and 2: who the client behind a balancer is (HAProxy's
 * "The PROXY protocol"). Pure functions over bytes; addresses are as accept gives them.
 */
#ifndef PROTOCOL_PROXY_HEADER_H
#define PROTOCOL_PROXY_HEADER_H

#include <sys/socket.h>

#include "protocol/packet.h"

/* The longest header that is read, and more than is ever written: version 2 allows 64 KiB of
 * additions (TLVs), which nobody sends. */
enum { PROXY_HEADER_MAX = 4096, PROXY_HEADER_WRITTEN = 108 };

struct proxy_header {
    /* ss_family is AF_UNSPEC where the header names nobody (LOCAL, UNKNOWN, a Unix socket): the
     * connection's own addresses hold. */
    struct sockaddr_storage source, destination;
    size_t size; /* what follows belongs to the session */
};

/* PARSE_MORE never with PROXY_HEADER_MAX bytes or more; PARSE_BAD as soon as it can be told. */
enum parse proxy_header_read(const uint8_t *bytes, size_t size, struct proxy_header *header);

/* Each writes a header and returns its size, or 0 where `size` is too small (PROXY_HEADER_WRITTEN
 * is enough). Where either address is NULL or neither IPv4 nor IPv6 it says UNKNOWN or LOCAL. */
size_t proxy_header_write_v1(const struct sockaddr *source, const struct sockaddr *destination,
                             uint8_t *to, size_t size);
size_t proxy_header_write_v2(const struct sockaddr *source, const struct sockaddr *destination,
                             uint8_t *to, size_t size);

#endif
