/* The table `sought` of the schema `silogate`. Where the server cannot say which instance opened a
 * thread (performance_schema is off, as by default in MariaDB), the instances ask each other
 * through this table. The asking instance writes one row for each session number. The others read
 * the table four times a second and write their answers as rows of their own. The asking instance
 * deletes all these rows. A row counts for a few seconds, by the server's clock; rows that a killed
 * instance has left are deleted after a minute. Private to instances/.
 */
#ifndef INSTANCES_MAILBOX_H
#define INSTANCES_MAILBOX_H

#include "config/sought.h"
#include "instances/round.h"

/* Creates the table if it does not exist. */
bool mailbox_prepare(struct connection *connection, struct error *error);

/* Answers what others have asked. */
bool mailbox_answer(struct round *round, struct error *error);

/* Asks the others for all from `list` up to `end`, with at most MAILBOX_MOST ids, and adds their
 * answers. Waits at most a second and a half for the instances that are alive, and does not wait if
 * none of them can know. */
enum { MAILBOX_MOST = 128 };
bool mailbox_ask(struct round *round, struct sought *list, const struct sought *end,
                 struct error *error);

#endif
