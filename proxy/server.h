/* The whole proxy: what `silogate run` runs. */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include <stddef.h>

#include "base/error.h"
#include "config/instance.h"

/* The functions of the watch for moves (proxy/ must not include move/). Called by the main thread,
 * in this order; `configure` again after each reload. */
struct moving_door;
struct violations;
struct runtime;
struct server_follower {
    void (*start)(struct moving_door *door, struct violations *violations);
    void (*configure)(struct runtime *runtime); /* takes its own references */
    void (*stop)(void);
};
void server_follow(const struct server_follower *follower);

/* The functions of instances/, for the same reason. `start`, `configure` and `stop` as above; the
 * others are called in between, by admin's and the control socket's threads. */
struct server;
struct sought;
struct server_meeting {
    void (*start)(struct server *server);
    void (*configure)(struct runtime *runtime);
    void (*stop)(void);
    void (*settle)(const char *upstream, struct told *told);
    size_t (*instances)(struct instance *list, size_t room);
    size_t (*meetings)(struct meeting *list, size_t room);
    void (*at_work)(const char *upstream, struct at_work *list, size_t count);
    bool (*kill)(const char *upstream, uint32_t thread, bool query, struct error *why);
    /* From the workers; does not wait. Takes over one reference. False: nobody can be asked, and
     * it takes none. */
    bool (*seek)(const char *upstream, struct sought *sought);
};
void server_meet(const struct server_meeting *meeting);
/* Called by the threads of instances/: reads the overrides of this instance for `upstream`;
 * applies those of other instances. False: silogate is about to end. */
bool server_state(struct server *server, const char *upstream, struct instance_state *state);
bool server_hear(struct server *server, const char *upstream, const struct override_news *news,
                 size_t count);
/* These are over, and the upstream's table says so now. */
bool server_stored(struct server *server, const char (*ids)[OVERRIDE_ID], size_t count);
/* See meet_proxy's `whose`; from any thread. */
struct sought_thread;
bool server_whose(const char *upstream, struct sought_thread *found);

/* Runs until SIGTERM or SIGINT, then drains. SIGHUP reloads, SIGUSR1 reopens the violation logs.
 * Returns the exit status: 0, or 2 where the configuration cannot be used. Tells the operator on
 * standard error. */
int server_run(const char *path);

/* For `silogate version`: "4.33", of the libev that runs. */
void server_library(char *to, size_t size);

#endif
