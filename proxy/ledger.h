/* What all generations of one silogate have counted (admin/totals.h): a file in memory that goes
 * along with the sockets at each takeover. Each one that drains writes its own page of it again and
 * again; the youngest reads them, and adds up those that have ended.
 */
#ifndef PROXY_LEDGER_H
#define PROXY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

struct ledger;

enum { LEDGER_PAGES = 15 }; /* more than can drain at the same time */

/* NULL: no memory is to be had for it. */
struct ledger *ledger_new(void);
/* Takes the descriptor over. NULL: it is none, or one of another version's. */
struct ledger *ledger_inherit(int fd);
void ledger_free(struct ledger *ledger); /* NULL is harmless */
int ledger_fd(const struct ledger *ledger);

/* This process's page, from now on. `last`: it ends. False where it is longer than a page, or there
 * is none. */
bool ledger_write(struct ledger *ledger, const char *text, size_t length, bool last);
/* The pages of all others, and what is left of those that have ended: malloc's texts. `room` is at
 * least LEDGER_PAGES + 1. From any thread. */
size_t ledger_read(struct ledger *ledger, char **texts, size_t room);
/* Adds up those that have ended, which makes room for others. The youngest's alone,
 * which it is until its successor is told that it serves. */
void ledger_fold(struct ledger *ledger);

#endif
