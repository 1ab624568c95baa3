/* The counters of all processes of one silogate (admin/totals.h): a file in memory that is handed
 * over with the sockets at each takeover. Each process that drains writes its own page once a
 * second; the youngest process reads the pages, and sums up those of processes that have ended.
 */
#ifndef PROXY_LEDGER_H
#define PROXY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

struct ledger;

enum { LEDGER_PAGES = 15 }; /* more than can drain at the same time */

/* NULL: there is no memory for it. The caller frees it with ledger_free. */
struct ledger *ledger_new(void);
/* Owns the descriptor from now on, also on failure. NULL: it is not a ledger, or its version is
 * another. */
struct ledger *ledger_inherit(int fd);
void ledger_free(struct ledger *ledger); /* NULL is harmless */
int ledger_fd(const struct ledger *ledger);

/* Writes this process's page. `last`: the process ends, and writes no more. False: the text is
 * longer than a page, or no page is free. */
bool ledger_write(struct ledger *ledger, const char *text, size_t length, bool last);
/* The pages of all other processes, and the sum of those that have ended. The caller frees each
 * text with free(). `room`: of `texts`, at least LEDGER_PAGES + 1. Returns their number. May be
 * called by any thread. */
size_t ledger_read(struct ledger *ledger, char **texts, size_t room);
/* Sums up the pages of processes that have ended, which frees them. Only the youngest process may
 * call it, and only until it has told its successor to serve. */
void ledger_fold(struct ledger *ledger);

#endif
