/* The XA transactions that sessions have prepared and nobody has ended yet: whose they are. A
 * server keeps those of all services, and lets any account end them; here a service's sessions may
 * end those of its own. Known are the ones that this process has seen being prepared; of others
 * nobody knows whose they are. Shared by all workers under one lock, which is taken for statements
 * of XA alone, and where a session that has prepared one ends.
 *
 * Where another silogate may stand before the same server, a transaction can have come to its end
 * unseen and its identifier be another's by now: then a session ends what it has prepared itself.
 */
#ifndef PROXY_BRANCHES_H
#define PROXY_BRANCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct usage;

/* Of one service, and of all: about 200 bytes each. Past them the oldest is forgotten. */
enum { BRANCHES_OF_SERVICE = 4096, BRANCHES = 32768 };

/* Whose: one a service, one an upstream; compared by address alone. */
struct branch_owner {
    const struct usage *service, *upstream;
};

/* The session `session` of `owner` has prepared the transaction `xid` (facts->xid), at once:
 * nothing else of the same identifier can be there. */
void branches_add(const struct branch_owner *owner, struct text xid, uint32_t session);
/* `owner` has one of this identifier now, of which nothing more is known: another's is over. */
void branches_replace(const struct branch_owner *owner, struct text xid);
/* It is over, or was never there; another's of the same identifier stays. */
void branches_remove(const struct branch_owner *owner, struct text xid);
/* All of them. */
void branches_forget(const struct branch_owner *owner);
/* May this session end it? */
bool branches_find(const struct branch_owner *owner, struct text xid, uint32_t session);
/* Has this session prepared one that is not over? */
bool branches_of_session(uint32_t session);
/* It has come to its end, or begun anew: the server may have let some go. */
void branches_leave(uint32_t session);

/* From now on there may be other silogates before the same servers: for good. */
void branches_close(void);

#endif
