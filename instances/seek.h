/* Finds sessions of other instances by the connection attribute `silogate_session`, which every
 * silogate gives them (MySQL and MariaDB manuals, "Performance Schema Connection Attribute
 * Tables"): also those of an instance that cannot be met. Where the server does not tell, the other
 * instances are asked (mailbox.h). Private to instances/.
 */
#ifndef INSTANCES_SEEK_H
#define INSTANCES_SEEK_H

#include "config/sought.h"
#include "instances/round.h"

/* Looks for all of `list` and lets go of it. False with `error`: neither the server tells nor can
 * others be asked, and nothing was found. */
bool seek_run(struct round *round, struct sought *list, struct error *error);

/* Lets go of all with nothing found. */
void seek_give_up(struct sought *list);

#endif
