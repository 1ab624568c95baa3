/* One connection to an upstream's address, without an account: what does its greeting say? The
 * login is completed and refused, because servers count aborted handshakes. Blocks, with a limit of
 * time for each step. */
#ifndef PROXY_KNOCK_H
#define PROXY_KNOCK_H

#include "protocol/handshake.h"
#include "proxy/runtime.h"

enum { TOO_MANY_CONNECTIONS = 1040 }; /* ER_CON_COUNT_ERROR */

enum found { FOUND_NOTHING, FOUND_FULL, FOUND_UP };

/* By the address `index` of the upstream. FOUND_NOTHING: `error` has the reason; FOUND_FULL: the
 * server has answered that it has too many connections. */
enum found knock_refused(const struct runtime *runtime, size_t upstream, size_t index,
                         struct error *error);

/* Keeps the contents of a greeting. False: the payload is not a greeting. */
bool knock_learn(const struct runtime *runtime, size_t upstream, struct text payload, bool is_unix,
                 struct greeting *greeting);

#endif
