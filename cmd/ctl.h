/* The parts of `silogate ctl`: how it prints what it is answered. */
#ifndef CMD_CTL_H
#define CMD_CTL_H

#include <jansson.h>

#define CTL_SOCKET "/run/silogate/control.sock"

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
