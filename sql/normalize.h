/* The normalized statement: it has no values, so it may be logged, and statements with the same
 * digest count as the same statement. Literals become '?', lists of literals and repeated rows of
 * VALUES are folded, comments are dropped, white space becomes one blank. Names are kept. The
 * digest ignores the letter case of keywords and bare names.
 */
#ifndef SQL_NORMALIZE_H
#define SQL_NORMALIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "sql/state.h"

/* Writes the normalized form of `text` (one statement) to `to`, at most `size` bytes, and its
 * length to *length. The text is cut between tokens, and is in the character set of the state. `to`
 * may be NULL with size 0. Returns the digest, which covers the whole statement whatever `size` is.
 * No value is ever written; from the first token that cannot be read, the rest becomes '?'. No
 * allocation. */
uint64_t sql_normalize(struct text text, const struct sql_state *state, char *to, size_t size,
                       size_t *length);

#endif
