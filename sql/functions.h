/* Which calls are of the server itself: sql/keywords.def, and what differs between versions. */
#ifndef SQL_FUNCTIONS_H
#define SQL_FUNCTIONS_H

#include "base/text.h"
#include "sql/keywords.h"
#include "sql/mood.h"

/* A name that may be a function's, in any case; KEYWORD_NONE. */
enum sql_keyword function_find(struct text name);

/* Union of enum sql_word, as the mood's dialect and version have it. */
unsigned function_flags(enum sql_keyword word, const struct sql_mood *mood);

#endif
