/* Letter case of names in UTF-8, as the servers fold it with lower_case_table_names. */
#ifndef SQL_NAMES_FOLD_H
#define SQL_NAMES_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

bool name_has_high(struct text name);
/* Is there anything that folding could change? */
bool name_has_upper(struct text name);
size_t name_characters(struct text name);
/* Writes the name in lower case, as many bytes as it has. False where a letter's lower case is not
 * known here or is of another length. */
bool name_fold(struct text name, char *to);

#endif
