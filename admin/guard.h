/* Which requests are allowed: refuses requests from pages of other sites (DNS rebinding) and, if
 * there is a token, requests without it.
 */
#ifndef ADMIN_GUARD_H
#define ADMIN_GUARD_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/* Is the Host of a request an IP address, localhost, this machine's name or `configured`? If
 * another site makes its own name resolve to this machine (DNS rebinding), its pages send that
 * name. */
bool guard_host(struct text host, struct text configured);
/* An Origin, if the request has one, must have the same host and port as `host`. */
bool guard_origin(struct text origin, struct text host);

/* Reads the first line of the file into `token`, without white space around it. */
enum { GUARD_TOKEN_SIZE = 512 };
bool guard_read_token(const char *path, char token[GUARD_TOKEN_SIZE], struct error *error);
/* Compares in constant time, so that the time does not show how much of `given` is right. */
bool guard_same(struct text given, const char *token);

#endif
