/* The control socket: HTTP with JSON on a Unix socket, for `silogate ctl`. Of all HTTP requests,
 * only those on this socket change something in a running silogate (signals do, too: cmd/run.c).
 * Its owner and group may open it. It has a thread of its own.
 *
 *   GET  /control/sessions?service=&user=&in_transaction=1
 *                                          {"process":N,"sessions":[...],"late":0,"unreached":0}
 *   GET  /control/overrides                                  {"overrides":[...]}
 *   GET  /control/instances                                  {"instances":[...],"meetings":[...]}
 *   GET  /control/show?id=                                   {"session":...} or {"violation":...}
 *   GET  /control/whose?upstream=&id=                        {"thread":N,"service":".."}
 *   POST /control/kill      {"id":N,"query":false}
 *   POST /control/drain     {"service":"billing"}            without a service: all
 *   POST /control/mode      {"service":..,"mode":"block","milliseconds":N,"ticket":..}
 *   POST /control/allow     {"service":..,"on":..,"access":["read"],"milliseconds":N,"ticket":..}
 *   POST /control/hold      {"owner":..,"milliseconds":N}
 *   POST /control/undo      {"id":"3f2a91c0"}
 *   POST /control/reload    {}                             {"reloaded":true,"not_followed":[PID]}
 *   GET  /control/takeover  "Upgrade: silogate-takeover": proxy/takeover.h
 *   GET  /control/adoption  "Upgrade: silogate-adoption": proxy/orphans.h
 *
 * After a takeover the older silogate listens at OLDER_PATH (the socket's path and the process ID)
 * until it ends. The youngest asks it about its sessions with "only" in the request, which means:
 * do not ask other generations in turn.
 *
 * The answer is 200 with the result; 400, 404, 409 or 503 with {"error":"..."}.
 */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "config/config.h"
#include "config/instance.h"
#include "config/override.h"
#include "config/sought.h"

/* A session at the moment of the request. Texts end with a NUL and are cut to the size of their
 * field. */
struct control_session {
    uint32_t id, thread;    /* silogate's and the upstream's connection ID; 0: none yet */
    const char *state;      /* a name from proxy/states.def */
    const char *kind;       /* of the current statement; NULL: none */
    const char *kept;       /* why it is not at a boundary; NULL: it is at a boundary */
    int64_t began, entered; /* start of the session and of its state, seconds since 1970 */
    uint64_t digest;        /* of the current statement; 0: not known */
    uint8_t mode;           /* set of enum sql_mode bits, as silogate tracks it */
    bool in_transaction, leaving;
    char service[65], user[129], client[64], upstream[65], program[64];
    char owners[256]; /* whose objects the transaction used: "billing,clinical" */
};

/* Made of the control socket's path and the process ID. */
#define OLDER_PATH "%s.%u"

/* How the answers begin of a process that refuses a change because a start takes over from it, or
 * has done so; the socket's path follows the second. Nothing was done; `silogate ctl` asks again.
 */
#define CONTROL_STARTING "another silogate is starting"
#define CONTROL_TAKEN    "another silogate has taken over from this one; ask it, at "

struct control_filter {
    struct text service, user; /* none: all */
    bool in_transaction;
    uint32_t id; /* 0: all */
};

/* What the rest of silogate does for the control socket. Only the control socket's thread calls
 * these, but takeover and adoption run on threads of their own. Each function with `why` fills it
 * if it returns false. */
struct control_source {
    void *context;
    /* All sessions that match; the caller frees the list. `late` is the number of workers that have
     * not answered. */
    struct control_session *(*sessions)(void *context, const struct control_filter *filter,
                                        size_t *count, unsigned *late);
    bool (*end)(void *context, uint32_t id, bool query, struct error *why);
    bool (*end_elsewhere)(void *context, uint32_t id, bool query, struct error *why);
    /* `*count` is how many sessions were told to leave; false if there is no such service. */
    bool (*leave)(void *context, struct text service, size_t *count, struct error *why);
    /* Fills in id and upstream of the override. `told`: which other instances before this upstream
     * have taken it. */
    bool (*override)(void *context, struct override *override, struct told *told,
                     struct error *why);
    bool (*undo)(void *context, struct text id, struct text who, struct override *undone,
                 struct told *told, struct error *why);
    /* Fills in thread and service of the session whose ID is found->id and which is connected to
     * `upstream`. */
    bool (*whose)(const char *upstream, struct sought_thread *found);
    /* The process IDs of older generations that still run; each listens at OLDER_PATH. */
    size_t (*older)(void *context, uint32_t *processes, size_t room);
    size_t (*instances)(void *context, struct instance *list, size_t room);
    size_t (*meetings)(void *context, struct meeting *list, size_t room);
    /* The overrides in force, at most OVERRIDES_MAX. */
    size_t (*overrides)(void *context, struct override *list);
    /* Waits a moment for older generations, and fills in the process IDs of those that still judge
     * by another configuration, at most `room`. */
    bool (*reload)(void *context, uint32_t *behind, size_t room, size_t *count, struct error *why);
    /* Hands all sockets to a successor; returns after that is done or has failed. Runs on a thread
     * of its own. */
    void (*takeover)(void *context, int channel);
    /* The same, for a new silogate that finds this older one after its successor has ended: hands
     * over what is left. */
    void (*adoption)(void *context, int channel);
    /* The record of a violation, as it is written in a violation log; allocated with malloc; NULL:
     * not found. */
    char *(*record)(void *context, struct text id);
};

struct control;

/* The same contract as admin_start. */
bool control_start(const struct config *config, const struct control_source *source, int inherited,
                   struct control **control, struct error *error);
int control_socket(const struct control *control);
/* The successor listens now. With `serves`, this process goes on listening at OLDER_PATH. */
void control_let_go(struct control *control, bool serves);
/* The path of the socket, as in the configuration. */
const char *control_at(const struct control *control);
/* Asks these processes for the threads that are sought before `upstream`; waits at most a second
 * for each. Call it from one thread only. */
void control_seek(const struct control *control, const uint32_t *processes, size_t count,
                  const char *upstream, struct sought *sought);
void control_stop(struct control *control); /* NULL is harmless */

#endif
