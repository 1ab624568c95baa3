/* Open transactions in which a violation has written: which statements, and what was read again.
 * For the record of those that write to what several services own; decides nothing. Its places are
 * taken from a pool of the worker's, so that a session without one has a pointer alone.
 */
#ifndef PROXY_TRANSACTION_H
#define PROXY_TRANSACTION_H

#include <stdint.h>

struct session;
struct ruling;
struct sql_facts;
struct transaction;
struct transactions;

enum { TRANSACTIONS_MOST = 512 }; /* at once in a worker; of more nothing is told */

struct transactions *transactions_new(void);
void transactions_free(struct transactions *transactions); /* NULL is fine */

/* A violation passes and was recorded under this digest: a step, where it writes what others own.
 */
void transaction_step(struct session *session, const struct sql_facts *facts, uint64_t digest);
/* The command passes: what it reads again of others. Behind its own steps, which may be before it.
 */
void transaction_read(struct session *session, const struct ruling *ruling);
/* The server says that none is open any more: recorded, where more than one owner was written to.
 */
void transaction_over(struct session *session);
/* Without a record: the session ends, or its owners are numbered anew. */
void transaction_drop(struct session *session);

#endif
