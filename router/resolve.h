/* Host names to addresses. A name server that gives no answer takes some ten seconds for each name;
 * who cannot wait so long resolves several names beside each other, in threads, with a limit.
 */
#ifndef ROUTER_RESOLVE_H
#define ROUTER_RESOLVE_H

#include <stdint.h>

#include "router/router.h"

/* At most so many addresses of one name are kept. */
enum { RESOLVED_MAX = 8 };

/* `written` of the addresses is not set. */
struct resolved {
    struct router_address addresses[RESOLVED_MAX];
    size_t count;
};

/* Returns NULL, or why there is no address; a static text. Blocks. */
const char *resolve_name(const char *host, uint16_t port, struct resolved *to);

/* Begins in a thread of its own, or is done at once where the host is an address. NULL: there is no
 * thread. */
struct resolving *resolve_begin(const char *host, uint16_t port);
/* Waits until `until` (clock_ms) at most, and ends it; the same result. `resolving` NULL: an error.
 */
const char *resolve_end(struct resolving *resolving, int64_t until, struct resolved *to);

#endif
