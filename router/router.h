/* Who goes where: service by user, upstream by service, database by alias; and what is known of
 * each upstream. Immutable but for the upstreams' facts, which are learned while it runs. Opens no
 * socket.
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

/* What a greeting or a session has told of a server. All names are by value: it is shared between
 * threads under the router's lock and copied out. */
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

/* `old` may be NULL: what it has learned of upstreams with the same name and addresses is taken
 * over. Keeps no pointer into `config`. */
struct router *router_build(const struct config *config, const struct router *old);
void router_free(struct router *router);

/* The service that `user` belongs to, SERVICE_NONE (-1) where there is none. A hash look-up. */
int router_service(const struct router *router, struct text user);

/* The upstream of a service; of SERVICE_NONE, the default one. */
size_t router_upstream(const struct router *router, int service);

/* The database that a service's client means by `name`: an alias, or no name at all, is the
 * service's own `database`; any other name is itself. `fold`: compare without case. The answer
 * lives as long as the router, or as `name`. With SERVICE_NONE, `name`. */
struct text router_database(const struct router *router, int service, struct text name, bool fold);

size_t router_upstream_count(const struct router *router);
const char *router_upstream_name(const struct router *router, size_t upstream);

/* The addresses of an upstream, in the order to try. */
size_t router_address_count(const struct router *router, size_t upstream);
struct router_address {
    struct sockaddr_storage at;
    socklen_t length;
    const char *written; /* as in the ini */
};
/* False where the name does not resolve (names are resolved by router_resolve). */
bool router_address(const struct router *router, size_t upstream, size_t index,
                    struct router_address *address);
/* Resolves the host names again (blocking: the main thread's work, at build and then now and then).
 */
void router_resolve(struct router *router);

/* What is known of an upstream's server; and what was learned. Thread safe. */
void router_server(const struct router *router, size_t upstream, struct router_server *server);
void router_learn(struct router *router, size_t upstream, const struct router_server *server);
/* What silogate may claim in its own greeting: the default upstream's version and character set,
 * and the capabilities that all known upstreams have. `known` false where nothing is known yet. */
void router_greeting(const struct router *router, struct router_server *server);

#endif
