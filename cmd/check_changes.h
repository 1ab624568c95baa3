/* What silogate check says of services in log. */
#ifndef CMD_CHECK_CHANGES_H
#define CMD_CHECK_CHANGES_H

#include "config/config.h"

/* Prints, a line each, what is not for their clients as it is without silogate; nothing where no
 * service is in log. */
void check_changes_print(const struct config *config);

#endif
