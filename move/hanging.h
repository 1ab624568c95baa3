/* Fills in the objects that depend on the tables of `standing`, the tables' triggers, and the
 * stored code that may use them. Called by move/standing.c.
 */
#ifndef MOVE_HANGING_H
#define MOVE_HANGING_H

#include "move/standing.h"

/* False: the server did not answer, see `error`. */
bool hanging_read(struct connection *connection, struct standing *standing, struct error *error);

#endif
