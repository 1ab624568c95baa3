/* What `silogate ctl` has changed, where all generations of one silogate see it: a file in memory
 * that goes along with the sockets at each takeover. The youngest writes it; those that still drain
 * read, and so does a successor, which writes from then on. Nobody waits for anybody: a reader that
 * comes in the middle of a write sees nothing new yet.
 */
#ifndef PROXY_BOARD_H
#define PROXY_BOARD_H

#include <stdbool.h>
#include <stddef.h>

#include "config/override.h"

struct board;

/* NULL: no memory is to be had for it. */
struct board *board_new(void);
/* Takes the descriptor over. NULL: it is none, or one of another version's. */
struct board *board_inherit(int fd);
void board_free(struct board *board); /* NULL is harmless */
int board_fd(const struct board *board);

/* At most OVERRIDES_MAX. */
void board_write(struct board *board, const struct override *list, size_t count);
/* False where nothing was written by another since the last call, or the last write of this one.
 * What came is checked: texts end, kinds are known. */
bool board_read(struct board *board, struct override *list, size_t *count);

#endif
