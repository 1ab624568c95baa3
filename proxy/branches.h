/* Owners of the XA transactions that are prepared and not ended yet. A server keeps those of all
 * services, and lets any account end them; silogate lets a service's sessions end only those of
 * their own service. It knows the transactions that were prepared through this process; the owners
 * of others are not known. Shared by all workers under one lock, which is taken only for XA
 * statements, and when a session ends that has prepared one.
 *
 * If there are other silogates before the same server, a transaction can end without this process
 * seeing it, and its identifier can be another service's now: then a session may end only what it
 * has prepared itself.
 */
#ifndef PROXY_BRANCHES_H
#define PROXY_BRANCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct usage;

/* Limits for one service, and for all: about 200 bytes each. Beyond them the oldest one is
 * forgotten. */
enum { BRANCHES_OF_SERVICE = 4096, BRANCHES = 32768 };

/* The owner: the usages of a service and of an upstream, compared by their addresses. */
struct branch_owner {
    const struct usage *service, *upstream;
};

/* The session `session` of `owner` has prepared the transaction `xid` (facts->xid); no other with
 * the same identifier can exist. */
void branches_add(const struct branch_owner *owner, struct text xid, uint32_t session);
/* `owner` has an unprepared transaction with this identifier now, so a prepared one of another
 * owner has ended. */
void branches_replace(const struct branch_owner *owner, struct text xid);
/* It has ended, or did not exist; one of another owner with the same identifier stays. */
void branches_remove(const struct branch_owner *owner, struct text xid);
/* All of them. */
void branches_forget(const struct branch_owner *owner);
/* May this session end it? */
bool branches_find(const struct branch_owner *owner, struct text xid, uint32_t session);
/* Has this session prepared one that has not ended? */
bool branches_of_session(uint32_t session);
/* The session has ended, or begun again: the server may have rolled back some of its transactions.
 */
void branches_leave(uint32_t session);

/* From now on, until this process ends, there may be other silogates before the same servers. */
void branches_close(void);

#endif
