/* Who may ask: against pages of other sites (DNS rebinding) and, where there is a token, against
 * those who do not have it.
 */
#ifndef ADMIN_GUARD_H
#define ADMIN_GUARD_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/* The Host of a request: an IP address, localhost, this machine's name or `configured`. A page of
 * another site that has its own name point here (DNS rebinding) sends that name. */
bool guard_host(struct text host, struct text configured);
/* An Origin, where there is one, must be of the same host and port. */
bool guard_origin(struct text origin, struct text host);

/* The first line of the file, into `token`, without white space around it. */
enum { GUARD_TOKEN_SIZE = 512 };
bool guard_read_token(const char *path, char token[GUARD_TOKEN_SIZE], struct error *error);
/* Does not tell by its time how much of it is right. */
bool guard_same(struct text given, const char *token);

#endif
