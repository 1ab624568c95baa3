/* Which names are built-in functions: sql/lexer/keywords.def and the changes between versions. */
#ifndef SQL_FUNCTIONS_H
#define SQL_FUNCTIONS_H

#include "base/text.h"
#include "sql/lexer/keywords.h"
#include "sql/state.h"

/* The keyword with this name, compared without case; KEYWORD_NONE if there is none. */
enum sql_keyword function_find(struct text name);

/* Union of enum sql_word, for the state's dialect, version and sql_mode. */
unsigned function_flags(enum sql_keyword word, const struct sql_state *state);

#endif
