/* Instances of silogate before the same upstream act as one: each tells that it lives and which
 * policy it has, and takes over the overrides that `silogate ctl` has begun or undone at another. A
 * thread for each upstream that has an `account`; sessions and workers never wait for it, and where
 * the upstream cannot be reached everything stays as it is.
 *
 * It knows the proxy only by the functions it is given.
 */
#ifndef INSTANCES_MEET_H
#define INSTANCES_MEET_H

#include "config/config.h"
#include "config/sought.h"
#include "instances/store.h"

struct meet_proxy {
    void *user;
    /* False: silogate is coming to its end. */
    bool (*read)(void *user, const char *upstream, struct instance_state *state);
    /* What others have begun and undone. */
    bool (*hear)(void *user, const char *upstream, const struct override_news *list, size_t count);
    /* The session of this instance at the upstream with found->id, or with such a thread there:
     * fills in thread and service. False: there is none. */
    bool (*whose)(void *user, const char *upstream, struct sought_thread *found);
};

void meet_start(const struct meet_proxy *proxy);
/* The main thread's: what is in force from now on, which is kept alive (config_take). Waits for
 * nobody. */
void meet_configure(struct config *config);
void meet_stop(void);

/* --- from any other thread --- */

/* Waits until the upstream's others have heard what was changed here, about two seconds at most. */
void meet_settle(const char *upstream, struct told *told);
/* What is known now: instances of all upstreams, at most `room`. */
size_t meet_instances(struct instance *list, size_t room);
size_t meet_meetings(struct meeting *list, size_t room);
/* Fills in digests where the server tells in time. */
void meet_at_work(const char *upstream, struct at_work *list, size_t count);
/* Has them looked for by the upstream's thread; waits for nobody. Takes over one reference; false:
 * it does not, because nobody can ask there. */
bool meet_seek(const char *upstream, struct sought *sought);
/* KILL by the upstream's account, with `query` of the statement alone. */
bool meet_kill(const char *upstream, uint32_t thread, bool query, struct error *error);

#endif
