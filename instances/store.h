/* The tables `instances` and `overrides` of the schema `silogate` on an upstream. The instances of
 * this upstream share their state through them. Times are by the server's clock only: ages and ends
 * are sent as durations, so the clocks of the instances' machines need not agree.
 *
 * The tables are only a copy. Each instance keeps its own state, and writes it again if it is
 * missing (after a server was restored). The tables are replicated, so that a promoted replica has
 * them. That is why an override that was undone stays as a row with this mark, until an hour after
 * its end: an instance that cannot reach the upstream meanwhile would write it again. The mark is
 * the column `undone_by`: NULL while it is in force; the user who has undone it; empty if its end
 * has come, which other instances find by themselves.
 */
#ifndef INSTANCES_STORE_H
#define INSTANCES_STORE_H

#include "catalogue/connect.h"
#include "config/instance.h"
#include "config/override.h"

enum { STORE_NEWS_MAX = OVERRIDES_MAX + 64 };

/* Creates the tables if they do not exist. */
bool store_prepare(struct connection *connection, struct error *error);
/* Deletes the rows that are done with; an error is ignored. */
void store_tidy(struct connection *connection);

/* All functions that return bool: false with `error` if the server has refused a statement or
 * cannot be reached. */

/* Writes that this instance is alive. */
bool store_beat(struct connection *connection, const struct instance *self, struct error *error);
/* Deletes the row of an instance that has ended, and what is left of it about moves that it does
 * not follow any more. An error is ignored: a row gets old by itself. */
void store_leave(struct connection *connection, const char *name);
/* All instances that were alive within the last minute, at most INSTANCES_MAX. */
bool store_instances(struct connection *connection, struct instance *list, size_t *count,
                     struct error *error);

/* Of these overrides, those that are there. Only `id`, `undone` and `by` of a row are filled in. */
bool store_marks(struct connection *connection, const struct override *of, size_t of_count,
                 struct override_news *list, size_t *count, struct error *error);
/* Those in force that are not among `known`, those that block first; at most STORE_NEWS_MAX, their
 * times by this machine's clocks. `full`: there are more. */
bool store_news(struct connection *connection, const struct override *known, size_t known_count,
                struct override_news *list, size_t *count, bool *full, struct error *error);
/* Writes an override if there is none with this id. */
bool store_add(struct connection *connection, const struct override *override, struct error *error);
/* Marks an override as over: undone by override->who, or at its end. One that was undone is there
 * with this mark then, also if it was not there before. */
bool store_close(struct connection *connection, const struct override *override,
                 struct error *error);

#endif
