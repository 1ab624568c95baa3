/* The older generations: processes of this instance that have been taken over from and drain until
 * their last session has ended. Used by the newest one, which hands them on to its successor.
 */
#ifndef PROXY_GENERATIONS_H
#define PROXY_GENERATIONS_H

#include "proxy/ini_path.h"
#include "proxy/takeover.h"

/* How many processes may drain at the same time. A start beyond that waits for the oldest, which is
 * ended after GENERATIONS_WAIT_MS. */
enum { GENERATIONS = 4, GENERATIONS_WAIT_MS = 10000 };

/* Waits until there is room for one more generation that drains, at most so long. */
void generations_make_room(const struct inherited *inherited, int64_t milliseconds);
/* The id generations (registry.h) of processes that have not ended yet, a bit each. */
unsigned generations_taken(const struct inherited *inherited);
/* The numbers of older generations that have not ended yet, oldest first. */
size_t generations_numbers(const struct inherited *inherited, uint32_t *numbers, size_t room);
/* Those of them that do not have in force what `read` says, by what they have noted in `ini_path`
 * (ini_path.h; -1: there is none, and nobody is known to have it). */
size_t generations_behind(const struct inherited *inherited, int ini_path,
                          struct ini_path_read read, uint32_t *numbers, size_t room);
/* Closes the pidfds of processes that have ended, and removes the sockets at OLDER_PATH (control.h)
 * of those that were killed. `path` is the control socket's. */
void generations_forget(struct inherited *inherited, const char *path);
/* Sends a signal to each process that drains. */
void generations_signal(const struct inherited *inherited, int signal);
/* Those beyond GENERATIONS are ended at once, by two signals, the oldest first. */
void generations_bound(const struct inherited *inherited);

#endif
