/* One call of a control socket and its answer: `silogate ctl` asks the running silogate with it,
 * and the running silogate asks its older generations with it.
 */
#ifndef ADMIN_ASK_H
#define ADMIN_ASK_H

#include <jansson.h>

#include "base/error.h"

enum { ASK_SECONDS = 60 };

struct ask {
    char path[1024];
    json_t *body; /* of a POST; NULL: it is a GET */
    int seconds;  /* the time limit of each step; 0: ASK_SECONDS */
};

void ask_path(struct ask *ask, const char *path);
/* Adds "key=value" to the path, escaped; adds nothing if `value` is NULL. */
void ask_argument(struct ask *ask, const char *key, const char *value);

/* Sends the request and reads the answer. Returns the HTTP status; `*text` is the body, allocated
 * with malloc and terminated with a NUL. Returns 0 with `why` if there was no answer. */
unsigned ask_send(const char *socket, const struct ask *ask, char **text, struct error *why);

#endif
