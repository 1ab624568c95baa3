/* Asks an upstream which statements some of its threads are running: their digests, never their
 * texts. The question (struct errand) has two owners, the thread that asks and the thread that runs
 * it. The one that drops it last frees it, so that the asking thread need not wait for a server
 * that hangs. Private to instances/.
 */
#ifndef INSTANCES_AT_WORK_H
#define INSTANCES_AT_WORK_H

#include "catalogue/connect.h"
#include "config/instance.h"

struct errand;

/* `list` is copied. Gives two references: one for the thread that asks, one for the thread that
 * runs it. */
struct errand *errand_new(const struct at_work *list, size_t count);
void errand_drop(struct errand *errand); /* NULL is harmless */
/* Runs it and drops its reference. The account needs PROCESS for threads of other users. */
void errand_run(struct errand *errand, struct connection *connection);
/* The result; false: there is none yet. */
bool errand_read(const struct errand *errand, struct at_work *list);

#endif
