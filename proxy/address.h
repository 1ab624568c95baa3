/* Addresses of clients. */
#ifndef PROXY_ADDRESS_H
#define PROXY_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "config/config.h"

enum { ADDRESS_TEXT = 64 };

/* An address of IPv4 or IPv6, or none (AF_UNSPEC): a quarter of what a sockaddr_storage takes. */
union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* To and from a sockaddr_storage; an address of another family becomes none. */
union address address_pack(const struct sockaddr_storage *from);
struct sockaddr_storage address_unpack(const union address *from);

/* "10.0.0.7:41522", "[2001:db8::7]:41522", or "unix". */
void address_text(const struct sockaddr_storage *from, char *to, size_t size);

/* Is it in a network of proxy_protocol_from? */
bool address_expects_header(const struct config *config, const struct sockaddr_storage *from);

#endif
