/* Folding of names in UTF-8 to lower case, as the servers do with lower_case_table_names. */
#ifndef SQL_NAMES_FOLD_H
#define SQL_NAMES_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

bool name_has_high(struct text name);
/* Has it a byte that folding could change? */
bool name_has_upper(struct text name);
size_t name_characters(struct text name);
/* Is it valid UTF-8 with characters of at most three bytes? Servers cut, change or refuse other
 * names: MySQL drops an invalid character and everything after it, and replaces a character of four
 * bytes by a question mark. */
bool name_is_utf8(struct text name);
/* Has it signs that are letters in swe7? That is the only client character set whose bytes below
 * 128 are not all ASCII. */
bool name_has_signs(struct text name);
/* Writes the name in lower case, with the same number of bytes. False if the lower case of a letter
 * is not known here or has another length. */
bool name_fold(struct text name, char *to);

#endif
