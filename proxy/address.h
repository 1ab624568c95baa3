/* Addresses of clients. */
#ifndef PROXY_ADDRESS_H
#define PROXY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "config/config.h"

enum { ADDRESS_TEXT = 64 };

/* "10.0.0.7:41522", "[2001:db8::7]:41522", or "unix". */
void address_text(const struct sockaddr_storage *from, char *to, size_t size);

/* Is it in a network of proxy_protocol_from? */
bool address_expects_header(const struct config *config, const struct sockaddr_storage *from);

#endif
