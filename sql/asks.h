/* Does a statement ask what the one before it in its session has done? Between the two nothing may
 * be sent to the server: each statement and most commands set these values anew, without an error.
 */
#ifndef SQL_ASKS_H
#define SQL_ASKS_H

#include <stdbool.h>

#include "base/text.h"
#include "sql/state.h"

/* Is one of these in the text: ROW_COUNT(), SQL%ROWCOUNT, FOUND_ROWS(), @@warning_count,
 * @@error_count, SHOW WARNINGS, ERRORS, PROFILES or STATUS, GET DIAGNOSTICS; an EXECUTE, whose text
 * is not seen; or something that cannot be read? Strings and comments do not count, nor do the rows
 * and warnings of a first statement that writes, for those behind it. `state`: before the text. */
bool sql_asks_back(struct text text, const struct sql_state *state);

#endif
