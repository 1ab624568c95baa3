/* The data that admin/ shows: a view, collected for each request. */
#ifndef PROXY_SHOW_H
#define PROXY_SHOW_H

#include "admin/admin.h"
#include "proxy/observe.h"
#include "proxy/runtime.h"

struct show;

struct ledger;
struct show *show_new(struct worker *workers, unsigned count, struct violations *violations);
void show_free(struct show *show); /* after admin and the workers have ended */

/* For the main thread: sets the runtime in force (a reference is taken), the result of a reload,
 * and that silogate does not listen any more. */
void show_runtime(struct show *show, struct runtime *runtime);
void show_reload(struct show *show, bool accepted);
void show_draining(struct show *show);

/* Sets the function that lists other instances; before the first view. */
void show_meeting(struct show *show, size_t (*instances)(struct instance *list, size_t room),
                  size_t (*meetings)(struct meeting *list, size_t room));

/* Sets the ledger, which the caller owns, with the counters of older processes; before the first
 * view. Who asks for numbers then waits for show_leads, because the older process does not write to
 * the ledger before the takeover is over. */
void show_ledger(struct show *show, struct ledger *ledger);
void show_leads(struct show *show);
/* The next view is collected anew, even if the last one is recent. For the time after admin's
 * socket was handed over. */
void show_anew(struct show *show);

/* Is at least one upstream known to be up? */
bool show_upstream_up(const struct runtime *runtime);

struct admin_source show_source(struct show *show);
/* Admin is off: only counts are looked at, and no log is read for the time before this process. */
void show_counts_only(struct show *show);

#endif
