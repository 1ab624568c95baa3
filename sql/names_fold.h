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
/* Is it well-formed, of characters of at most three bytes? Servers cut, replace or refuse the rest:
 * MySQL drops what is no character with all behind it, and takes one of four bytes for a question
 * mark. */
bool name_is_utf8(struct text name);
/* Has it signs that are letters in swe7, the one client character set in which bytes below 128 are
 * other characters? */
bool name_has_signs(struct text name);
/* Writes the name in lower case, as many bytes as it has. False where a letter's lower case is not
 * known here or is of another length. */
bool name_fold(struct text name, char *to);

#endif
