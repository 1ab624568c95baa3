/* Which calls are of the server itself: sql/lexer/keywords.def, and what differs between versions.
 */
#ifndef SQL_FUNCTIONS_H
#define SQL_FUNCTIONS_H

#include "base/text.h"
#include "sql/lexer/keywords.h"
#include "sql/state.h"

/* A name that may be a function's, in any case; KEYWORD_NONE. */
enum sql_keyword function_find(struct text name);

/* Union of enum sql_word, as the state's dialect and version have it. */
unsigned function_flags(enum sql_keyword word, const struct sql_state *state);

#endif
