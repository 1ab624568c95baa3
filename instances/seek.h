/* Finds sessions of other instances by the connection attribute `silogate_session`, which every
 * silogate gives them (MySQL and MariaDB manuals, "Performance Schema Connection Attribute
 * Tables"): also those of an instance that cannot be met. Private to instances/.
 */
#ifndef INSTANCES_SEEK_H
#define INSTANCES_SEEK_H

#include "catalogue/connect.h"
#include "config/sought.h"

/* Looks for all of `list` and lets go of it. False with `error`: the server does not tell, and
 * nothing was found. */
bool seek_run(struct connection *connection, struct sought *list, struct error *error);

/* Lets go of all with nothing found. */
void seek_give_up(struct sought *list);

#endif
