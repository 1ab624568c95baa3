/* One call of a control socket and its answer: how `silogate ctl` asks the silogate that runs, and
 * how that asks older generations of itself.
 */
#ifndef ADMIN_ASK_H
#define ADMIN_ASK_H

#include <jansson.h>

#include "base/error.h"

enum { ASK_SECONDS = 60 };

struct ask {
    char path[1024];
    json_t *body; /* of a POST; NULL: a GET */
    int seconds;  /* that each step may take; 0: ASK_SECONDS */
};

void ask_path(struct ask *ask, const char *path);
/* Adds "key=value" to the path, escaped; nothing where `value` is NULL. */
void ask_argument(struct ask *ask, const char *key, const char *value);

/* Sends it and reads the answer: its status, and its body as malloc's text with a NUL behind it. 0
 * with `why` where nobody answered. */
unsigned ask_send(const char *socket, const struct ask *ask, char **text, struct error *why);

#endif
