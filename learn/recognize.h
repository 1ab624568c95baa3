/* Is it a server's log? */
#ifndef LEARN_RECOGNIZE_H
#define LEARN_RECOGNIZE_H

#include "base/text.h"

/* "general" or "slow" where a file that begins like this is such a log; NULL: neither. */
const char *recognize_log(struct text start);

#endif
