/* Texts that the server parses again. When a table of a prepared statement, or of a statement in a
 * stored body, has changed, the server parses its text again, in the sql_mode and character set of
 * that moment. Nearly every text means the same in all of them; this finds the texts that may not.
 */
#ifndef SQL_REREAD_H
#define SQL_REREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/state.h"

/* Bytes in a text whose meaning depends on the state. */
enum sql_mark {
    SQL_MARK_QUOTES = 1, /* " \ [: they decide what is a name or value, and where it ends */
    SQL_MARK_HIGH = 2,   /* bytes over 127: they may be parts of longer characters */
    SQL_MARK_BLANK = 4,  /* a blank or comment before a bracket: see SQL_IGNORE_SPACE */
    SQL_MARK_SIGNS = 8,  /* letters in swe7: { } ^ ~ | and so on */
    /* Only what the server stores as a text of its own depends on these (see facts->prints). */
    SQL_MARK_BYTES = 16,   /* 0x, x'', b'': they may spell any bytes */
    SQL_MARK_ESCAPES = 32, /* '' in a literal, and what may be an introducer like _latin1 */
};

/* A letter, digit, _ or $: in every set a part of a name without quotes. */
static inline bool sql_is_word(char c)
{
    return (c >= '0' && c <= '9') || (text_lower(c) >= 'a' && text_lower(c) <= 'z') || c == '_' ||
           c == '$';
}

/* A union of enum sql_mark. */
uint8_t sql_marks(struct text text);

/* May a character of this class of sets end in a byte that is a backslash or a backtick in others?
 * In such a set the server reads some texts that it has stored itself otherwise than it wrote them.
 */
bool sql_charset_hides_signs(enum sql_charset charset);

/* The part of `state` that decides how the text was read. */
struct sql_reading sql_reading_of(struct text text, const struct sql_state *state);

/* Call it once `facts` are complete: what a view spells or escapes counts as bytes over 127. */
void sql_reading_note(struct sql_reading *reading, const struct sql_facts *facts);

enum sql_alike {
    SQL_READS_ALIKE,
    SQL_READS_OTHERWISE, /* it may be read differently */
    SQL_READS_UNKNOWN,   /* the state's sql_mode or character set must be known first */
};

/* Does the text mean in `state` the same as when it was read? */
enum sql_alike sql_reads_alike(const struct sql_reading *reading, const struct sql_state *state);

#endif
