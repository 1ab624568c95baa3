/* Open transactions in which a violation has written: the statements, and what was read again. For
 * the record of transactions that write data of several owners; it decides nothing. The structs
 * are in a pool of the worker, so that other sessions only have a pointer.
 */
#ifndef PROXY_TRANSACTION_H
#define PROXY_TRANSACTION_H

#include <stdint.h>

struct session;
struct ruling;
struct sql_facts;
struct transaction;
struct transactions;

enum { TRANSACTIONS_MOST = 512 }; /* at the same time in a worker; further ones are not recorded */

struct transactions *transactions_new(void);
void transactions_free(struct transactions *transactions); /* NULL is allowed */

/* A violation passes and was recorded with this digest: adds a step, if it writes data of others.
 */
void transaction_step(struct session *session, const struct sql_facts *facts, uint64_t digest);
/* The command passes: notes what it reads again of other owners. To be called after its own steps.
 */
void transaction_read(struct session *session, const struct ruling *ruling);
/* The server reports that the transaction has ended: records it, if data of more than one owner
 * was written.
 */
void transaction_over(struct session *session);
/* Drops it without a record: the session ends, owners get new numbers, or a statement outside of a
 * transaction has failed. */
void transaction_drop(struct session *session);

#endif
