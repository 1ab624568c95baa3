/* Tables that would get the same new name. Private to move/. */
#ifndef MOVE_RIVALS_H
#define MOVE_RIVALS_H

#include "move/standing.h"

/* The next other table that would get the same new name; `after` NULL: the first; NULL: no more. */
const struct moved_table *rivals_next(const struct standing *standing,
                                      const struct moved_table *table,
                                      const struct moved_table *after);
/* Decides whose the tables at such names are. What has nothing of its own at either place is no
 * table of its section. */
void rivals_find(struct connection *connection, struct standing *standing);

#endif
