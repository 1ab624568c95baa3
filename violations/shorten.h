/* A record for a place that does not take long lines. */
#ifndef VIOLATIONS_SHORTEN_H
#define VIOLATIONS_SHORTEN_H

#include "base/text.h"

/* Writes `line` (a record of violations/record.h, without its newline) with less of its statement,
 * then without its list of objects, so that it is at most `most` bytes of valid JSON that say
 * "shortened":true. The length written to `to`, which has room for `most` bytes; 0 where it cannot
 * be done: then `line` is no record. */
size_t shorten_record(struct text line, char *to, size_t most);

#endif
