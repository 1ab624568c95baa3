/* Fills in what hangs on the tables of `standing`, and their triggers. Called by move/standing.c.
 */
#ifndef MOVE_HANGING_H
#define MOVE_HANGING_H

#include "move/standing.h"

/* False with `error` where the server did not answer. */
bool hanging_read(struct connection *connection, struct standing *standing, struct error *error);

#endif
