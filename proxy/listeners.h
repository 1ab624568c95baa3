/* All sockets that clients connect to, opened by the main thread before any worker starts, or
 * inherited: from systemd, or from the silogate that ran before (takeover.c).
 */
#ifndef PROXY_LISTENERS_H
#define PROXY_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/config.h"
#include "proxy/takeover.h"

struct open_socket {
    int fd;
    unsigned worker; /* the worker that accepts from it */
    bool is_unix;
    bool shared;  /* all workers accept from it; the main thread closes it */
    bool systemd; /* systemd removes its path */
    bool bound;   /* it does not listen yet: see listeners_begin */
    ino_t made;   /* of the path that this start has made; 0: none */
};
struct open_sockets {
    struct open_socket *items;
    size_t count;
};

/* For each `listen` of the configuration: uses the sockets that were inherited for it, and opens
 * one for each worker that got none of them. Inherited sockets of other addresses are closed.
 * False with `error`; `to` has what was opened in that case too. */
bool listeners_open(const struct config *config, unsigned workers, struct inherited *inherited,
                    struct open_sockets *to, struct error *error);
/* The inherited socket of this kind, which the caller then owns, if it is bound to the address;
 * else -1. One of another address stays inherited, and is closed with its path once this process
 * serves.
 */
int listeners_take(struct inherited *inherited, enum inherited_kind kind,
                   const struct config_address *address);
/* From now on all of them listen, and clients come to this process too: a start that fails before
 * has taken none away from the silogate that runs. */
void listeners_begin(struct open_sockets *sockets);
/* The start has failed: removes the paths that it has made. */
void listeners_undo(const struct open_sockets *sockets);
/* Closes those that are `shared`, or all. */
void listeners_close(struct open_sockets *sockets, bool all);
/* Removes the paths of Unix sockets. */
void listeners_unlink(const struct config *config, const struct open_sockets *sockets);

#endif
