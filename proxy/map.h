/* An alias stands for the service's own database, and a thread id of silogate's for the server's:
 * both are put in the facts, and among the rewrites of the worker's `judged`. */
#ifndef PROXY_MAP_H
#define PROXY_MAP_H

#include "proxy/session.h"

/* The names of one statement. What cannot be rewritten makes it undetermined. `recording`: the
 * statement is read a second time, and its rewrites stand already. */
void map_names(struct session *session, struct sql_facts *facts, bool recording);

/* The database that `facts` enter. Returns whether it is another than they named. */
bool map_database(struct session *session, struct sql_facts *facts);

/* The server's number of the thread that the client knows as `id`; false where that is not a
 * session of the same service on the same upstream. */
bool map_thread(const struct session *session, uint64_t id, uint32_t *thread);

#endif
