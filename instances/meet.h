/* Lets the instances of silogate that have the same upstream work together. Each instance writes
 * that it is alive and which policy it has, and applies the overrides that `silogate ctl` has begun
 * or undone at another instance. There is one thread for each upstream that has an `account`.
 * Sessions and workers never wait for it. While the upstream cannot be reached, nothing changes.
 *
 * It calls the proxy only through the functions of struct meet_proxy.
 */
#ifndef INSTANCES_MEET_H
#define INSTANCES_MEET_H

#include "config/config.h"
#include "config/sought.h"
#include "instances/store.h"

struct meet_proxy {
    void *user;
    /* False: silogate is about to end. */
    bool (*read)(void *user, const char *upstream, struct instance_state *state);
    /* What others have begun and undone. */
    bool (*hear)(void *user, const char *upstream, const struct override_news *list, size_t count);
    /* The upstream's table says now that these are over. */
    bool (*stored)(void *user, const char (*ids)[OVERRIDE_ID], size_t count);
    /* The session of this instance at the upstream with found->id, or with such a thread there:
     * fills in thread and service. False: there is none. */
    bool (*whose)(void *user, const char *upstream, struct sought_thread *found);
};

void meet_start(const struct meet_proxy *proxy);
/* For the main thread: the configuration from now on, of which a reference is taken (config_take).
 * Does not wait. */
void meet_configure(struct config *config);
void meet_stop(void);

/* --- from any other thread --- */

/* Waits until the other instances of the upstream have read what was changed here, about two
 * seconds at most. */
void meet_settle(const char *upstream, struct told *told);
/* The instances of all upstreams that are known now, at most `room`. */
size_t meet_instances(struct instance *list, size_t room);
size_t meet_meetings(struct meeting *list, size_t room);
/* Fills in the digests of running statements, if the server answers in time. */
void meet_at_work(const char *upstream, struct at_work *list, size_t count);
/* Has the upstream's thread look for these sessions; does not wait. Takes over one reference.
 * False: nobody can be asked at this upstream, and no reference is taken. */
bool meet_seek(const char *upstream, struct sought *sought);
/* KILL with the upstream's account; with `query`, only the statement is ended. */
bool meet_kill(const char *upstream, uint32_t thread, bool query, struct error *error);

#endif
