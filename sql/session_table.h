/* The structs of struct sql_session, shared by sql/session.c (the steps) and sql/session_table.c
 * (the table at the end of a chain of steps). No other file includes this.
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
    TRANSACTION,        /* of XA, its identifier in hex or numbers */
    QUOTED_TRANSACTION, /* its identifier in quotes: the bytes depend on the connection's character
                           set */
    SORTS,
    /* A second entry for a temporary MERGE table, with the facts that name its base tables. It is
     * not forgotten like the sorts above, because the gate would become laxer. Its name is empty if
     * the table may have any name. */
    UNITED = SORTS,
};
enum {
    ALL_SORTS = (1 << SORTS) - 1,
    SESSION_UNIONS = 64, /* limit of UNITED entries; below: of their bytes */
    SESSION_UNION_BYTES = SQL_SESSION_BYTES / 4,
    TRANSACTIONS = 1 << TRANSACTION | 1 << QUOTED_TRANSACTION,
};

/* One thing that is remembered. */
struct entry {
    enum sort sort;
    size_t bytes; /* its share of the limit */
    struct text name, value;
    const struct sql_facts *facts; /* of a STATEMENT, an OPEN_HANDLER or a MERGE table */
};

/* One step of a chain, or the table at its end. */
struct sql_session {
    const struct sql_session *before;
    unsigned steps; /* steps of the chain, this one included */
    size_t bytes;   /* of the steps' entries, or of the table's */
    uint8_t has;    /* a bit for each sort of which something may be remembered */
    uint8_t clears; /* sorts that this step forgets */
    bool is_table;
    bool full;  /* the command exceeded a limit: no more steps are added */
    bool names; /* this step forgets the entry with the sort and name of `entry` */
    bool adds;
    bool drops;   /* if the command succeeds, no temporary table has the name of `entry` */
    bool renames; /* the temporary table of this name may have another name now */
    bool unnames; /* any temporary table may have another name now */
    bool unites;  /* there may be a MERGE table of which nothing is known */
    struct entry entry;
};

/* The end of a chain. Entries are sorted from the oldest to the newest. The hashes are in an array
 * of their own, so that a look-up that finds nothing (most do) reads contiguous memory. */
struct session_table {
    struct sql_session session;
    unsigned count;
    bool lost; /* a temporary table was forgotten that may be there */
    uint32_t hashes[SQL_SESSION_ENTRIES];
    struct entry *entries[SQL_SESSION_ENTRIES];
};

static inline bool is_transaction(enum sort sort)
{
    return sort == TRANSACTION || sort == QUOTED_TRANSACTION;
}

/* Is an entry of this sort with these facts a MERGE table? */
static inline bool is_union(enum sort sort, const struct sql_facts *facts)
{
    return facts && (sort == TEMPORARY_TABLE || sort == UNITED);
}

/* Does this entry have this sort and name (and for a temporary table, this schema)? */
bool session_entry_is(const struct entry *entry, enum sort sort, struct text name,
                      struct text schema);

/* The result is valid until the table changes; NULL: no such entry. */
const struct entry *session_table_find(const struct session_table *table, enum sort sort,
                                       struct text name, struct text schema);

/* The facts of the first UNITED entry at index *next or later; sets *next to the index after it.
 * NULL: there is none. */
const struct sql_facts *session_table_union(const struct session_table *table, unsigned *next);

#endif
