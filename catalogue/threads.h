/* Connections to a server with accounts of services: are they made by silogate or not? */
#ifndef CATALOGUE_THREADS_H
#define CATALOGUE_THREADS_H

#include "base/error.h"
#include "catalogue/connect.h"
#include "config/config.h"

/* Connections of one account from one host with one program. */
struct threads_group {
    int service; /* into config->services */
    struct text user, host, program;
    bool ours;     /* it has the connection attribute silogate_session */
    bool excepted; /* [upstream:] direct names it */
    uint64_t count;
};

/* Calls `take` for each group. `told` is false if the server does not say who opened a connection
 * (performance_schema is off): then none is `ours`, and the program is not known. */
bool threads_read(const struct config *config, size_t upstream, struct connection *connection,
                  void (*take)(void *user, const struct threads_group *group), void *user,
                  bool *told, struct error *error);

#endif
