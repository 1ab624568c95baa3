/* Finds sessions of other instances by the connection attribute `silogate_session`, which every
 * silogate gives them (MySQL and MariaDB manuals, "Performance Schema Connection Attribute
 * Tables"): also those of an instance that does not answer. Where the server cannot say it, the
 * other instances are asked (mailbox.h). Private to instances/.
 */
#ifndef INSTANCES_SEEK_H
#define INSTANCES_SEEK_H

#include "config/sought.h"
#include "instances/round.h"

/* Looks for all of `list` and drops it. False with `error`: nothing was found, and neither the
 * server nor other instances could be asked. */
bool seek_run(struct round *round, struct sought *list, struct error *error);

/* Drops all of them as not found. */
void seek_give_up(struct sought *list);

#endif
