/* The strings of a text: names in them are read by nobody until the string is. */
#ifndef SQL_STRINGS_H
#define SQL_STRINGS_H

#include <stdbool.h>

#include "base/text.h"
#include "sql/state.h"

/* Is any string of the text, with its quotes, one of these? From the first token that cannot be
 * read on, none is. No allocation. */
bool sql_has_string(struct text text, const struct sql_state *state,
                    bool (*is_one)(struct text string, const void *of), const void *of);

#endif
