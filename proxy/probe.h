/* Looks whether the upstreams are there and what they are. */
#ifndef PROXY_PROBE_H
#define PROXY_PROBE_H

#include "proxy/runtime.h"
#include "violations/violations.h"

#define PROBE_SECONDS 10.

/* Asks each upstream for its greeting and completes a login that the server refuses, because a
 * server counts interrupted handshakes and blocks the host in the end (MySQL manual, "Host Cache").
 * Blocks, for at most connect_timeout an address. Changes are told on the log and as events. */
void probe_upstreams(struct runtime *runtime, struct violations *violations);

/* The same in a thread of its own, unless one is running. The main thread's. */
void probe_begin(struct runtime *runtime, struct violations *violations);
/* Waits for that thread. */
void probe_end(void);

#endif
