/* Open files: as many as the machine gives, and what is done where there are no more. */
#ifndef PROXY_DESCRIPTORS_H
#define PROXY_DESCRIPTORS_H

#include "config/config.h"
#include "proxy/worker.h"

/* Raises the process's limit to what it may be, and warns where that is too little for
 * max_connections: each session holds two. */
void descriptors_raise(const struct config *config);

/* One is kept back by each worker for the next: a client that there is no room for is told so. */
void descriptors_init(struct worker *worker);
void descriptors_fini(struct worker *worker);
/* Answers the client that waits at `listening` with error 1040 and closes. False where that could
 * not be done: the listener should rest for a while. */
bool descriptors_refuse(struct worker *worker, int listening);

#endif
