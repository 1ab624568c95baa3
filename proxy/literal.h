/* PREPARE of SQL, as silogate writes it: the statement's text is a literal in it. */
#ifndef PROXY_LITERAL_H
#define PROXY_LITERAL_H

#include "base/text.h"
#include "sql/state.h"

enum { LITERAL_BESIDE = 2 + 64 };

/* Can the text be written as a literal that the server reads as the same text? */
bool literal_can_be(const struct sql_state *state, struct text text);

/* Writes PREPARE of this name behind two bytes for a COM_QUERY's attributes. Returns the length: at
 * most twice the text's, the name's and LITERAL_BESIDE. */
size_t literal_prepare(char *to, struct text name, struct text text, bool backslashes);

#endif
