/* The statement without its values: what may be logged, and what makes two statements "the same".
 * Literals become '?', lists of them and repeated rows of VALUES are folded, comments are dropped,
 * white space is folded to one blank, letter case of keywords and of bare names is kept out of the
 * digest, names are kept.
 */
#ifndef SQL_NORMALIZE_H
#define SQL_NORMALIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "sql/state.h"

/* Writes the normalized form of `text` (one statement) to `to`, at most `size` bytes (cut at a
 * token, in UTF-8 where the state's character set is), and its length to *length. `to` may be NULL
 * with size 0. Returns the digest, which covers the whole statement whatever `size` is. Values
 * never come out, whatever the text; what cannot be lexed becomes '?' to the end. No allocation. */
uint64_t sql_normalize(struct text text, const struct sql_state *state, char *to, size_t size,
                       size_t *length);

#endif
