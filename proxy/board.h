/* A list of overrides of `silogate ctl`, shared by all generations of one silogate: a file in
 * memory that is handed over with the sockets at each takeover. There are two of them: those in
 * force, and those that are over and must not come back. The youngest generation writes it; those
 * that still drain read it. A successor reads it and writes it from then on. Nobody waits: a
 * reader that comes during a write may see nothing new yet. If the writer dies, whatever it is
 * doing, the next one finds a whole list.
 */
#ifndef PROXY_BOARD_H
#define PROXY_BOARD_H

#include <stdbool.h>
#include <stddef.h>

#include "config/override.h"

struct board;

/* For at most `room` overrides, here and below. NULL: no memory. */
struct board *board_new(size_t room);
/* Takes over the descriptor; -1: none came, *board is NULL. An entry of another version may be
 * shorter or longer: fields that only one of them knows are 0. False: it cannot be used. */
bool board_inherit(int fd, size_t room, struct board **board);
void board_free(struct board *board); /* NULL is allowed */
int board_fd(const struct board *board);

void board_write(struct board *board, const struct override *list, size_t count);
/* False: nobody else has written since the last call, or since this process's last write. The list
 * is checked: texts have an end, kinds are known. */
bool board_read(struct board *board, struct override *list, size_t *count);
/* The next board_read reads it even if nothing has changed. */
void board_read_again(struct board *board);
/* The same check for a list that came in another way; returns how many are left. */
size_t board_check(struct override *list, size_t count);

#endif
