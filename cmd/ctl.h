/* How `silogate ctl` prints the answers that it gets. */
#ifndef CMD_CTL_H
#define CMD_CTL_H

#include <jansson.h>

#define CTL_SOCKET "/run/silogate/control.sock"

/* Print answers for people. */
void ctl_print_sessions(const json_t *answer);
void ctl_print_shown(const json_t *answer);
void ctl_print_override(const json_t *answer);
void ctl_print_overrides(const json_t *answer);
void ctl_print_undone(const json_t *answer);
void ctl_print_reload(const json_t *answer);
void ctl_print_instances(const json_t *answer);
/* Prints the reason of a refusal on standard error. */
void ctl_print_wrong(const char *why);
void ctl_print_fields(const json_t *answer); /* "killed: 7" */

#endif
