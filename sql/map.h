/* Maps the table names of a statement: from the facts, and from where the tables stand now, it
 * makes the edits after which each name means the table where it stands. It allocates nothing and
 * does not change the text. It makes only the edits that are needed: a statement that names no
 * moved table has none.
 */
#ifndef SQL_MAP_H
#define SQL_MAP_H

#include "sql/facts.h"
#include "sql/session.h"
#include "sql/state.h"

enum { SQL_EDITS = 1024 };

/* Replaces `length` bytes at `offset` by `schema` in backticks, followed by a dot with `dot`. */
struct sql_edit {
    uint32_t offset, length;
    struct text schema; /* borrowed from struct sql_where's `stands`, or from the facts */
    uint16_t object;    /* the object that is named here */
    bool dot;
};

enum sql_mapped {
    SQL_MAP_NOTHING, /* the text needs no change */
    SQL_MAP_EDITS,
    SQL_MAP_CANNOT, /* it names a moved table in a way that no edit can change */
};

/* `stands` returns the schema where the object stands; `at` NULL: in the schema that is named. It
 * is called for tables, and for a trigger that a statement names without its table. */
struct sql_where {
    struct text (*stands)(const void *moved, enum sql_type type, struct text schema,
                          struct text name);
    const void *moved;
    const struct sql_session *session; /* its temporary tables may hide moved tables; may be NULL */
};

struct sql_edits {
    uint32_t count;
    const char *why;                  /* with SQL_MAP_CANNOT: a sentence, static memory */
    struct sql_edit edits[SQL_EDITS]; /* sorted by offset, without overlaps */
};

/* The facts must come from sql_analyze: copies made by sql_facts_keep have no places. */
enum sql_mapped sql_map(const struct sql_facts *facts, const struct sql_state *state,
                        const struct sql_where *where, struct sql_edits *edits);

/* Does the name get another schema although nothing of that name has moved: the new name of a table
 * that has moved, or of a trigger? */
bool sql_edit_follows(const struct sql_edit *edit, const struct sql_facts *facts,
                      const struct sql_where *where);

/* Writes the new bytes of one edit, at most SQL_EDIT_SIZE; returns their number. */
enum { SQL_EDIT_SIZE = 2 * SQL_DATABASE_SIZE + 3 };
size_t sql_edit_write(const struct sql_edit *edit, char *to);

/* Writes the mapped text and returns its length; `to` must have room for text.length +
 * edits->count * SQL_EDIT_SIZE bytes. */
size_t sql_map_write(struct text text, const struct sql_edits *edits, char *to);

#endif
