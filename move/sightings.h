/* silogate.places on an upstream: for each table of a [move:] the database in which it was last
 * seen alone, that is, with no table of its name at the other place. Every silogate writes what it
 * sees there, and all read it. So if somebody makes a second table at the other place (a restored
 * dump), all of them stay with the one that was there before: the one that runs, the same one after
 * a reload or a restart, and a second instance.
 */
#ifndef MOVE_SIGHTINGS_H
#define MOVE_SIGHTINGS_H

#include "move/standing.h"

/* Creates the table if it does not exist. */
bool sightings_prepare(struct connection *connection, struct error *error);

/* Fills in what is known of the tables. For those at both places the last call of their move is
 * asked too: it has moved them if it is newer. If there are any, this is called before
 * standing_number. */
bool sightings_read(struct connection *connection, const struct config *config,
                    struct standing *standing, struct error *error);

/* The log tells of each table that is at both places, once: not of those that were so `before`. */
void sightings_tell(const char *upstream, const struct standing *standing,
                    const struct standing *before);

/* Writes what `standing` knows and the table does not have; called after standing_keep. */
bool sightings_write(struct connection *connection, const struct standing *standing,
                     struct error *error);

#endif
