/* The table `sought` of the schema `silogate`: where the server does not tell whose its threads are
 * (performance_schema is off, which is MariaDB's default), the instances ask each other. Who asks
 * writes a row for each number, the others look four times a second and write theirs beside it, and
 * who asked deletes all of it. Rows are read for seconds by the server's clock; what an instance
 * that was killed has left is deleted after a minute. Private to instances/.
 */
#ifndef INSTANCES_MAILBOX_H
#define INSTANCES_MAILBOX_H

#include "config/sought.h"
#include "instances/round.h"

/* The table is there, or is made. */
bool mailbox_prepare(struct connection *connection, struct error *error);

/* Answers what others have asked. */
bool mailbox_answer(struct round *round, struct error *error);

/* Asks the others for all from `list` up to `end`, whose ids are at most MAILBOX_MOST, and adds
 * what they tell. Waits for those that live, a second and a half at most; not at all where none of
 * them could know. */
enum { MAILBOX_MOST = 128 };
bool mailbox_ask(struct round *round, struct sought *list, const struct sought *end,
                 struct error *error);

#endif
