/* How what a session remembers is kept, between sql/session.c (the steps) and sql/session_table.c
 * (the table at the bottom of a chain of steps). Nobody else includes this.
 */
#ifndef SQL_SESSION_TABLE_H
#define SQL_SESSION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "sql/facts.h"
#include "sql/session.h"

enum sort {
    TEMPORARY_TABLE,
    VARIABLE,
    STATEMENT,
    OPEN_HANDLER,
    TRANSACTION,        /* of XA, by an identifier in hex or numbers */
    QUOTED_TRANSACTION, /* by one whose bytes depend on the connection's character set */
    SORTS,
    /* A temporary MERGE table once more, with what it stands on. Not forgotten as those above are:
     * to forget this one would be lax. Without a name where it may have any. */
    UNITED = SORTS,
};
enum {
    ALL_SORTS = (1 << SORTS) - 1,
    SESSION_UNIONS = 64, /* entries that are UNITED, and their bytes */
    SESSION_UNION_BYTES = SQL_SESSION_BYTES / 4,
    TRANSACTIONS = 1 << TRANSACTION | 1 << QUOTED_TRANSACTION,
};

/* One thing that is remembered. */
struct entry {
    enum sort sort;
    size_t bytes; /* that it counts for */
    struct text name, value;
    const struct sql_facts *facts; /* of a STATEMENT or OPEN_HANDLER; of a MERGE table */
};

/* One step of a chain, or the table at its bottom. */
struct sql_session {
    const struct sql_session *before;
    unsigned steps; /* this one included */
    size_t bytes;   /* of the steps' entries, or of the table's */
    uint8_t has;    /* sorts of which something may be remembered, a bit each */
    uint8_t clears; /* sorts that this step forgets */
    bool is_table;
    bool full;  /* the command has done too much: nothing more is added */
    bool names; /* this step forgets what is called like `entry`, and with `adds` has it anew */
    bool adds;
    bool drops;   /* with success, no temporary table is called like `entry` */
    bool renames; /* one that was may have another name */
    bool unnames; /* so may any of them */
    struct entry entry;
};

/* The bottom. Entries are from the oldest to the newest; the hashes stand apart so that a look-up
 * that finds nothing, which is what most are, reads one run of memory. */
struct session_table {
    struct sql_session session;
    unsigned count;
    uint32_t hashes[SQL_SESSION_ENTRIES];
    struct entry *entries[SQL_SESSION_ENTRIES];
};

static inline bool is_transaction(enum sort sort)
{
    return sort == TRANSACTION || sort == QUOTED_TRANSACTION;
}

/* Would an entry of this sort stand on these facts' tables? */
static inline bool is_union(enum sort sort, const struct sql_facts *facts)
{
    return facts && (sort == TEMPORARY_TABLE || sort == UNITED);
}

/* Is this entry of that sort and name (and for a temporary table, in that schema)? */
bool session_entry_is(const struct entry *entry, enum sort sort, struct text name,
                      struct text schema);

/* Lives until the table changes; NULL: nothing of that name is remembered. */
const struct entry *session_table_find(const struct session_table *table, enum sort sort,
                                       struct text name, struct text schema);

/* The facts of the first UNITED entry from the one numbered *next on, which is moved behind it;
 * NULL: there is none. */
const struct sql_facts *session_table_union(const struct session_table *table, unsigned *next);

#endif
