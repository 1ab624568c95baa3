/* The control socket: HTTP with JSON on a Unix socket, for `silogate ctl`. All that changes
 * something in a running silogate comes in here, from whoever may open the socket (its owner and
 * group), and nowhere else. A thread of its own.
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
 *   POST /control/reload    {}
 *   GET  /control/takeover  "Upgrade: silogate-takeover": proxy/takeover.h
 *   GET  /control/adoption  "Upgrade: silogate-adoption": proxy/orphans.h
 *
 * A silogate that was taken over from listens at the socket's path with its process's number behind
 * it, until it ends. The youngest asks it about its sessions with "only" in the question, which
 * says that older ones need not be asked in turn.
 *
 * 200 with what came of it; 400, 404, 409 or 503 with {"error":"..."}.
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

/* A session at the moment of the question. Texts end with a NUL and are cut to their room. */
struct control_session {
    uint32_t id, thread;    /* silogate's, the upstream's; 0: none yet */
    const char *state;      /* a name out of proxy/states.def */
    const char *kind;       /* of the statement at work; NULL: none */
    const char *kept;       /* why it is not at a boundary; NULL: it is at one */
    int64_t began, entered; /* seconds since 1970: the session, its state */
    uint64_t digest;        /* at work, where it is known; 0: not */
    uint8_t mode;           /* union of enum sql_mode, as it is believed to be */
    bool in_transaction, leaving;
    char service[65], user[129], client[64], upstream[65], program[64];
    char owners[256]; /* touched in the transaction: "billing,clinical" */
};

/* From the control socket's path and the process. */
#define OLDER_PATH "%s.%u"

struct control_filter {
    struct text service, user; /* none: all */
    bool in_transaction;
    uint32_t id; /* 0: all */
};

/* What the rest of silogate does for the socket's thread, which alone calls. Each fills `why` where
 * it returns false. */
struct control_source {
    void *context;
    /* All that match, for the caller to free; `late` counts workers that have not answered. */
    struct control_session *(*sessions)(void *context, const struct control_filter *filter,
                                        size_t *count, unsigned *late);
    bool (*end)(void *context, uint32_t id, bool query, struct error *why);
    bool (*end_elsewhere)(void *context, uint32_t id, bool query, struct error *why);
    /* How many have been told to leave; false where there is no such service. */
    bool (*leave)(void *context, struct text service, size_t *count, struct error *why);
    /* Fills id and upstream; `told`: of other instances before it. */
    bool (*override)(void *context, struct override *override, struct told *told,
                     struct error *why);
    bool (*undo)(void *context, struct text id, struct text who, struct override *undone,
                 struct told *told, struct error *why);
    /* Fills in thread and service of the session with found->id that stands at `upstream`. */
    bool (*whose)(const char *upstream, struct sought_thread *found);
    /* The processes of older generations that have not ended; each listens at OLDER_PATH. */
    size_t (*older)(void *context, uint32_t *processes, size_t room);
    size_t (*instances)(void *context, struct instance *list, size_t room);
    size_t (*meetings)(void *context, struct meeting *list, size_t room);
    /* Those in force, at most OVERRIDES_MAX. */
    size_t (*overrides)(void *context, struct override *list);
    bool (*reload)(void *context, struct error *why);
    /* Hands all sockets to a successor; returns when that is over, or has failed. On a thread of
     * its own. */
    void (*takeover)(void *context, int channel);
    /* To one that finds this one without its successor: what is left. The same. */
    void (*adoption)(void *context, int channel);
    /* The record of a violation, as it stands in a violation log; malloc's, NULL: not found. */
    char *(*record)(void *context, struct text id);
};

struct control;

/* As admin's. */
bool control_start(const struct config *config, const struct control_source *source, int inherited,
                   struct control **control, struct error *error);
int control_socket(const struct control *control);
/* With `serves` it goes on listening at OLDER_PATH. */
void control_let_go(struct control *control, bool serves);
/* Its path, as the file says. */
const char *control_at(const struct control *control);
/* Asks these processes for the threads that are sought before `upstream`, each for a second at
 * most. From any one thread. */
void control_seek(const struct control *control, const uint32_t *processes, size_t count,
                  const char *upstream, struct sought *sought);
void control_stop(struct control *control); /* NULL is harmless */

#endif
