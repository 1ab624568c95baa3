/* The tables `instances` and `overrides` of the schema `silogate` on an upstream, in which the
 * instances before it meet. By the server's clock alone: ages and ends travel as durations, so that
 * the clocks of the instances' machines need not agree.
 *
 * Nothing in them is the truth: each instance keeps what it knows, and writes it again where it is
 * gone (a server that was restored). Replicas get it all, so that one that is promoted has it. So
 * an override that is undone stays as a row that says so, until an hour after its end.
 */
#ifndef INSTANCES_STORE_H
#define INSTANCES_STORE_H

#include "catalogue/connect.h"
#include "config/instance.h"
#include "config/override.h"

enum { STORE_OVERRIDES_MAX = OVERRIDES_MAX + 64 };

/* The tables are there, or are made; forgets what is long over. */
bool store_prepare(struct connection *connection, struct error *error);

/* This instance is alive. */
bool store_beat(struct connection *connection, const struct instance *self, struct error *error);
/* It is not any more. */
void store_leave(struct connection *connection, const char *name);
/* All that were heard of within the last minute. */
bool store_instances(struct connection *connection, struct instance *list, size_t *count,
                     struct error *error);

/* Those that have not ended, at most STORE_OVERRIDES_MAX; their times by this machine's clocks.
 */
bool store_overrides(struct connection *connection, struct override_news *list, size_t *count,
                     struct error *error);
/* Written where there is none of this id. */
bool store_add(struct connection *connection, const struct override *override, struct error *error);
bool store_undo(struct connection *connection, const char *id, const char *by, struct error *error);

#endif
