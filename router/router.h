/* Routes: user to service, service to upstream, alias to database; and the data about each
 * upstream. Immutable, except for the data that is learned at run time. Opens no socket.
 */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "config/config.h"

struct router;

/* Data about a server, from its greeting or a session. It has no pointers: threads copy it under
 * the router's lock. */
struct router_server {
    bool known;       /* a greeting was seen */
    char version[64]; /* as in the greeting */
    uint64_t capabilities;
    uint8_t collation;
    uint16_t status;
    char plugin[64];
    int lower_case_table_names; /* -1: not known yet */
    bool init_connect;          /* @@init_connect is not empty */
};

/* `old` may be NULL; else its data about upstreams with the same name and addresses is copied.
 * Keeps no pointer into `config`. */
struct router *router_build(const struct config *config, const struct router *old);
void router_free(struct router *router);

/* The service that `user` belongs to; SERVICE_NONE (-1) if there is none. A hash look-up. */
int router_service(const struct router *router, struct text user);

/* The upstream of a service; for SERVICE_NONE, the default upstream. */
size_t router_upstream(const struct router *router, int service);

/* The database that a service's client means by `name`: for an alias or no name it is the
 * service's own `database`, for any other name the name itself. `fold`: compare without case. The
 * result lives as long as the router, or as `name`. With SERVICE_NONE it is `name`. */
struct text router_database(const struct router *router, int service, struct text name, bool fold);

size_t router_upstream_count(const struct router *router);
const char *router_upstream_name(const struct router *router, size_t upstream);

/* The addresses of an upstream, in the order to try. */
size_t router_address_count(const struct router *router, size_t upstream);
struct router_address {
    struct sockaddr_storage at;
    socklen_t length;
    const char *written; /* as in the ini */
    size_t line;         /* which of the upstream's `address` lines has it, from 0 */
};
/* False if the name is not resolved (router_resolve does that). */
bool router_address(const struct router *router, size_t upstream, size_t index,
                    struct router_address *address);
/* Resolves the host names of one upstream again; by one thread at a time. It waits, as router_build
 * does, for a second at most, or for ten where none of its addresses is known. Names without
 * an answer keep the addresses that were found last (base/resolve.h), and an answer counts when it
 * comes. */
void router_resolve(const struct router *router, size_t upstream);
/* Has it an address that is to be resolved? */
bool router_has_names(const struct router *router, size_t upstream);

/* Read and set the data about an upstream's server. Thread safe. */
void router_server(const struct router *router, size_t upstream, struct router_server *server);
void router_learn(struct router *router, size_t upstream, const struct router_server *server);
/* For silogate's own greeting: the version and character set of the default upstream (of the first
 * known one, if the default is not known yet), and the capabilities that all known upstreams have.
 * `known` is false if no upstream is known yet. */
void router_greeting(const struct router *router, struct router_server *server);

#endif
