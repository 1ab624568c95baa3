/* Facts and where tables stand now -> what is to be written into the text, so that each name means
 * the table where it stands. Pure: no allocation, the text is not changed here. Nothing is written
 * that the text does not need: a statement that names no moved table has no edits.
 */
#ifndef SQL_MAP_H
#define SQL_MAP_H

#include "sql/facts.h"
#include "sql/session.h"
#include "sql/state.h"

enum { SQL_EDITS = 1024 };

/* Replaces `length` bytes at `offset` by `schema` in backticks, and with `dot` a dot behind it. */
struct sql_edit {
    uint32_t offset, length;
    struct text schema; /* borrowed from what was asked, or from the facts */
    bool dot;
};

enum sql_mapped {
    SQL_MAP_NOTHING, /* the text is right as it stands */
    SQL_MAP_EDITS,
    SQL_MAP_CANNOT, /* it names a table that stands elsewhere where it cannot be changed */
};

/* The schema where the object stands, if that is not where it says; `at` NULL where it is. Asked
 * for tables, and for triggers where a statement names one alone. */
struct sql_where {
    struct text (*stands)(const void *moved, enum sql_type type, struct text schema,
                          struct text name);
    const void *moved;
    const struct sql_session *session; /* its temporary tables would hide moved ones; may be NULL */
};

struct sql_edits {
    uint32_t count;
    const char *why;                  /* with SQL_MAP_CANNOT: a sentence, static memory */
    struct sql_edit edits[SQL_EDITS]; /* in the order of the text, none over another */
};

/* The facts must be those of sql_analyze itself: kept ones have no places. */
enum sql_mapped sql_map(const struct sql_facts *facts, const struct sql_state *state,
                        const struct sql_where *where, struct sql_edits *edits);

/* The bytes of one edit, SQL_EDIT_SIZE at most; their number. */
enum { SQL_EDIT_SIZE = 2 * SQL_DATABASE_SIZE + 3 };
size_t sql_edit_write(const struct sql_edit *edit, char *to);

/* The mapped text; `to` has room for text.length + edits->count * SQL_EDIT_SIZE bytes. Its length.
 */
size_t sql_map_write(struct text text, const struct sql_edits *edits, char *to);

#endif
