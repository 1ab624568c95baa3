/* What silogate check reports about services in mode log. */
#ifndef CMD_CHECK_CHANGES_H
#define CMD_CHECK_CHANGES_H

#include "config/config.h"

/* Prints, one line each, what clients of services in log will notice compared with no silogate;
 * prints nothing if no service is in log. */
void check_changes_print(const struct config *config);

#endif
