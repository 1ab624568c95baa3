/* The witness: compares the tables that silogate's sessions really use on the server (their
 * metadata locks) with what the policy allows them and with what these objects use in turn, by the
 * server's catalogue (views, routines, triggers, foreign keys). A table that is not explained by
 * these is a way around silogate, or belongs to a transaction that is older than the policy. One
 * witness for each upstream, used by one thread.
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

/* A table that nothing explains. The texts are valid during the call. */
struct witness_held {
    /* "1073741825/0": silogate's id of the session, and the instance's number */
    struct text session;
    struct text user, client;
    int service, owner; /* into config->services; owner SERVICE_NONE: nobody */
    struct text schema, table;
    struct text lock; /* the server's name of the lock: "SHARED_READ" */
    /* Digests of the session's last statements whose texts the server has kept, the newest first.
     */
    uint64_t digests[WITNESS_DIGESTS];
    size_t digest_count;
};

struct witness *witness_new(void);
void witness_free(struct witness *witness); /* NULL is harmless */

/* Takes one sample; calls `tell` for tables that were not in the last sample. `held`: their number
 * now. The catalogue is read only if there is something to explain, at most every 5 seconds. False
 * with `error`: the server cannot be asked. */
bool witness_look(struct witness *witness, const struct config *config, const struct policy *policy,
                  size_t upstream, struct connection *connection,
                  void (*tell)(void *user, const struct witness_held *held), void *user,
                  uint64_t *held, struct error *error);

#endif
