/* The parts of `silogate ctl`: how it asks, and how it prints. */
#ifndef CMD_CTL_H
#define CMD_CTL_H

#include <jansson.h>

#include "base/error.h"

#define CTL_SOCKET "/run/silogate/control.sock"

struct ctl_request {
    char path[1024];
    json_t *body; /* of a POST; NULL: a GET */
};

void ctl_path(struct ctl_request *request, const char *path);
/* Adds "key=value" to the path, escaped; nothing where `value` is NULL. */
void ctl_argument(struct ctl_request *request, const char *key, const char *value);

/* Sends it and reads the answer: its status, and its body as malloc's text with a NUL behind it. 0
 * with `why` where nobody answered. */
unsigned ctl_ask(const char *socket, const struct ctl_request *request, char **text,
                 struct error *why);

/* Answers, for people. */
void ctl_print_sessions(const json_t *answer);
void ctl_print_shown(const json_t *answer);
void ctl_print_override(const json_t *answer);
void ctl_print_overrides(const json_t *answer);
void ctl_print_undone(const json_t *answer);
void ctl_print_instances(const json_t *answer);
/* What was refused, on standard error. */
void ctl_print_wrong(const char *why);
void ctl_print_fields(const json_t *answer); /* "killed: 7" */

#endif
