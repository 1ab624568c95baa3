/* The server as witness: which tables silogate's sessions really hold (their metadata locks), held
 * against what the policy allows them and what the server's catalogue reaches from there (views,
 * routines, triggers, foreign keys). What is left is a way past the gate, or a transaction that is
 * older than the policy. One witness an upstream, used by one thread.
 *
 * MySQL: performance_schema.metadata_locks. MariaDB: the plugin metadata_lock_info; and on both
 * performance_schema for silogate's connection attributes.
 */
#ifndef CATALOGUE_WITNESS_H
#define CATALOGUE_WITNESS_H

#include "base/error.h"
#include "catalogue/connect.h"
#include "policy/policy.h"

struct witness;

enum { WITNESS_DIGESTS = 8 };

/* A table that nothing explains. The texts hold during the call. */
struct witness_held {
    struct text session; /* "1073741825/0": silogate's number of the session, its instance's */
    struct text user, client;
    int service, owner; /* into config->services; owner SERVICE_NONE: nobody */
    struct text schema, table;
    struct text lock; /* the server's word: "SHARED_READ" */
    /* Of the session's last statements, as far as the server keeps their texts: the newest first.
     */
    uint64_t digests[WITNESS_DIGESTS];
    size_t digest_count;
};

struct witness *witness_new(void);
void witness_free(struct witness *witness); /* NULL is harmless */

/* Samples once; `tell` is called for what the last sample did not have. `held`: how many there are
 * now. The catalogue is read only when there is something to explain, at most every 5 seconds.
 * False with `error` where the server cannot be asked. */
bool witness_look(struct witness *witness, const struct config *config, const struct policy *policy,
                  size_t upstream, struct connection *connection,
                  void (*tell)(void *user, const struct witness_held *held), void *user,
                  uint64_t *held, struct error *error);

#endif
