/* Shortens a record for a destination that does not accept long lines. */
#ifndef VIOLATIONS_SHORTEN_H
#define VIOLATIONS_SHORTEN_H

#include "base/text.h"

/* Writes `line` (a record of violations/record.h, without its newline) with a shorter statement
 * and, if that is not enough, without its list of objects: at most `most` bytes of valid JSON that
 * contain "shortened":true. Returns the length written to `to`, which has room for `most` bytes; 0
 * if this is not possible because `line` is not such a record. */
size_t shorten_record(struct text line, char *to, size_t most);

#endif
