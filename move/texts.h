/* What becomes of the server's stored code (views, routines, events, triggers) that names tables of
 * the move: each text is read once, as SQL, in its own sql_mode. This is the one place that knows
 * what an alias, a view, does not keep working. stored.c refuses by it, warn.c tells it.
 */
#ifndef MOVE_TEXTS_H
#define MOVE_TEXTS_H

#include "move/mover_internal.h"
#include "sql/facts.h"

/* In the order in which they count, where a text names several tables. */
enum fate {
    FATE_UNTOUCHED, /* it names no place that changes */
    FATE_KEPT,      /* the alias keeps it working */
    FATE_UNKNOWN,   /* it cannot be read to its end, or has the name in a string */
    FATE_TABLE,     /* an index hint, or a statement that needs a table: an error beside a view */
    FATE_COLUMN,    /* a column that the alias has not */
    /* An INSERT into a table whose AUTO_INCREMENT column is INVISIBLE: by way of a view it leaves
     * LAST_INSERT_ID() as it was, and another row's id is written elsewhere. */
    FATE_IDENTITY,
    FATE_NOTHING, /* a place where nothing will be */
};

struct code {
    struct stored_code is;
    enum fate fate;                  /* by what its own text names */
    const struct moved_table *table; /* which one; NULL with FATE_UNTOUCHED */
    struct text place, column;       /* the table's database in the text; with FATE_COLUMN */
    const struct code *by;           /* it uses this code, which will fail; NULL: none */
    struct sql_facts *facts;
    bool carried;    /* a trigger that the call makes again, with other names */
    bool unread;     /* the server does not show its text */
    bool is_duality; /* a JSON duality view of MySQL */
};

struct codes {
    struct code *items;
    size_t count;
};

/* `finishes`: the call is --finish. */
void texts_read(struct mover *mover, bool finishes, struct codes *codes);
/* Will it end with an error by its own text? */
bool texts_fails(const struct code *code);
/* Will it do something else, and no error tells? */
bool texts_differs(const struct code *code);
/* "view", "trigger", "event", "routine". */
const char *texts_kind(const struct code *code);

#endif
