/* Texts that the server reads again. A prepared statement is read anew once a table in it has
 * changed, a statement of a stored body likewise, and then in the sql_mode and character set of
 * that time. Nearly every text says the same in all of them; this tells which may not.
 */
#ifndef SQL_REREAD_H
#define SQL_REREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/state.h"

/* What stands in a text whose meaning depends on a state. */
enum sql_mark {
    SQL_MARK_QUOTES = 1, /* " and \ and [: names or values, ends of values */
    SQL_MARK_HIGH = 2,   /* bytes over 127: parts of longer characters or not */
    SQL_MARK_BLANK =
        4, /* white space or a comment before a bracket: a function's own name or not */
    SQL_MARK_SIGNS = 8, /* letters in swe7: { } ^ ~ | and so on */
};

/* A union of enum sql_mark. */
uint8_t sql_marks(struct text text);

/* As much of `state` as decides how the text was read. */
struct sql_reading sql_reading_of(struct text text, const struct sql_state *state);

enum sql_alike {
    SQL_READS_ALIKE,
    SQL_READS_OTHERWISE, /* perhaps */
    SQL_READS_UNKNOWN,   /* the state's sql_mode or character set must be known first */
};

/* Does the text say in `state` what it said when it was read? */
enum sql_alike sql_reads_alike(const struct sql_reading *reading, const struct sql_state *state);

#endif
