/* The upstream and the thread of each session, for KILL. Shared by all workers under one lock,
 * which is taken at login, at the end of a session, and for KILL; never for another command.
 */
#ifndef PROXY_REGISTRY_H
#define PROXY_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

struct usage; /* of a service or an upstream: compared by address */

struct registry_entry {
    uint32_t id;     /* silogate's: registry_id */
    uint32_t thread; /* the upstream's */
    const struct usage *service, *upstream;
};

void registry_add(const struct registry_entry *entry);
void registry_remove(uint32_t id);

/* Finds the thread of the service's session at `upstream` with this id, or this thread id. `id` is
 * the 64-bit number of a KILL. False: there is none, and `*thread` is unchanged. */
bool registry_find(uint64_t id, const struct usage *service, const struct usage *upstream,
                   uint32_t *thread);

/* Finds the session at `upstream` with this id, or this thread id, of any service. False: there is
 * none, and `*entry` is unchanged. */
bool registry_at(uint32_t id, const struct usage *upstream, struct registry_entry *entry);

/* Is `id` in this instance's range, and no session has it? False also if it can be a thread of the
 * server, whose ids may have come that far. */
bool registry_is_over(uint64_t id);

/* Ids are between 2^30 and 2^31: drivers that read a thread id as a signed number (JDBC, .NET)
 * send it back unchanged, and a server's own ids do not come that far. The six bits below the
 * highest are the instance's number ([proxy] instance), the next three tell apart the processes of
 * one instance that have sessions at the same time (takeover.h), the others are a counter. */
enum {
    REGISTRY_FIRST = 1 << 30,
    REGISTRY_INSTANCE_BITS = 24, /* below the instance's number */
    REGISTRY_COUNT_BITS = 21,
    REGISTRY_GENERATIONS = 1 << (REGISTRY_INSTANCE_BITS - REGISTRY_COUNT_BITS)
};

/* Sets the instance's number, before the first registry_id. Generation and counter are random, so
 * that ids differ from those of threads that an earlier process with the same number has left on
 * the server. */
void registry_begin(unsigned instance);
unsigned registry_instance(void);
unsigned registry_generation(void);

/* What a successor must know: generation and counter of the id that was given last. */
uint32_t registry_count(void);
/* For a successor, before the first registry_id: takes a generation that is neither that of
 * `count`, the registry_count of its predecessor, nor among `taken` (a bit for each). So no id that
 * one of them has given, or still gives, is given here. False: there is none. */
bool registry_succeed(uint32_t count, unsigned taken);

/* A new id, which no session has. */
uint32_t registry_id(void);

#endif
