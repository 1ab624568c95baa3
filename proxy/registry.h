/* Which thread of which upstream a session of silogate's is: what KILL needs. Shared by all workers
 * under one lock, which is taken at login, at the end of a session, and for KILL; never for another
 * command.
 */
#ifndef PROXY_REGISTRY_H
#define PROXY_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

struct usage; /* one a service, and one an upstream: compared by address alone */

struct registry_entry {
    uint32_t id;     /* silogate's: never 0, unique */
    uint32_t thread; /* the upstream's */
    const struct usage *service, *upstream;
};

void registry_add(const struct registry_entry *entry);
void registry_remove(uint32_t id);

/* The session with this id, or, of the same upstream, this thread. `thread` of KILL is a 64-bit
 * number as written. False where there is none of this service. */
bool registry_find(uint64_t id, const struct usage *service, const struct usage *upstream,
                   uint32_t *thread);

/* A new id, its highest bit set. */
uint32_t registry_id(void);

#endif
