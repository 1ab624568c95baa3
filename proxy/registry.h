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
    uint32_t id;     /* silogate's: registry_id */
    uint32_t thread; /* the upstream's */
    const struct usage *service, *upstream;
};

void registry_add(const struct registry_entry *entry);
void registry_remove(uint32_t id);

/* The session with this id, or with this thread, that stands at `upstream` and is the service's:
 * its thread there. `id` of KILL is a 64-bit number as written. False where there is none, and
 * `*thread` is left as it was. */
bool registry_find(uint64_t id, const struct usage *service, const struct usage *upstream,
                   uint32_t *thread);

/* The session with this id, or with this thread, that stands at `upstream`, whosever it is. */
bool registry_at(uint32_t id, const struct usage *upstream, struct registry_entry *entry);

/* `id` is one of this instance's, and no session has it. False also where it could be a thread of
 * the server's: one that has counted very far. */
bool registry_is_over(uint64_t id);

/* Ids lie between 2^30 and 2^31, so that drivers that read a thread id as a signed number, as JDBC
 * and .NET do, send it back as it was, and no server's own id is ever among them. The six bits
 * below the highest are the instance's number ([proxy] instance), the others count. */
enum { REGISTRY_FIRST = 1 << 30, REGISTRY_COUNT_BITS = 24 };

/* The instance whose ids these are; before the first registry_id. They begin anywhere: threads that
 * an instance of the same number has left behind on the server are called otherwise. */
void registry_begin(unsigned instance);
unsigned registry_instance(void);

/* Where the count of ids stands; and those of a predecessor, whose sessions may live on, are not
 * given again. */
uint32_t registry_count(void);
void registry_skip(uint32_t count);

/* A new id: none of a session that is logged in. */
uint32_t registry_id(void);

#endif
