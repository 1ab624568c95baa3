/* All sockets that clients connect to, opened by the main thread before any worker starts, or
 * inherited: from systemd, or from the silogate that ran before (takeover.c).
 */
#ifndef PROXY_LISTENERS_H
#define PROXY_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"

struct inherited;

struct open_socket {
    int fd;
    unsigned worker; /* whose it is */
    bool is_unix;
    bool shared;  /* all workers accept from it; the main thread closes it */
    bool systemd; /* its path is systemd's to remove */
};
struct open_sockets {
    struct open_socket *items;
    size_t count;
};

/* For each `listen` of the configuration: those that were inherited for it, and for each worker
 * that got none of them one of its own. What is inherited for no address of the configuration is
 * closed. False with `error`; what has been opened is in `to` also then. */
bool listeners_open(const struct config *config, unsigned workers, struct inherited *inherited,
                    struct open_sockets *to, struct error *error);
/* Closes those that are `shared`, or all. */
void listeners_close(struct open_sockets *sockets, bool all);
/* Nobody is to be found behind the paths any more. */
void listeners_unlink(const struct config *config, const struct open_sockets *sockets);

#endif
