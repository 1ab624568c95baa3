/* Which statements are at work in some threads of an upstream: their digests, never their texts. An
 * errand belongs to who asks and to who runs it; whoever lets go last frees it, so that nobody has
 * to wait for a server that hangs. Private to instances/.
 */
#ifndef INSTANCES_AT_WORK_H
#define INSTANCES_AT_WORK_H

#include "catalogue/connect.h"
#include "config/instance.h"

struct errand;

/* `list` is copied; two references: of who asks and of who runs it. */
struct errand *errand_new(const struct at_work *list, size_t count);
void errand_drop(struct errand *errand); /* NULL is harmless */
/* Needs PROCESS on the server for threads of others. Lets go of it. */
void errand_run(struct errand *errand, struct connection *connection);
/* What came of it; false: nothing yet. */
bool errand_read(const struct errand *errand, struct at_work *list);

#endif
