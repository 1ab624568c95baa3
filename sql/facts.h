/* What one statement touches: the contract between sql/, which finds it out, and policy/, which
 * judges it. The zero value means "undetermined".
 *
 * Names are slices of the statement's text, or of `names` below where the text could not be used as
 * it stands (doubled quotes, folded case, another character set). Facts that must outlive the text
 * are copied with sql_facts_keep.
 */
#ifndef SQL_FACTS_H
#define SQL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum sql_access {
    SQL_READ = 1,
    SQL_WRITE = 2,
    SQL_DEFINE = 4,
    SQL_EXECUTE = 8,
};
#define SQL_ACCESS_ALL (SQL_READ | SQL_WRITE | SQL_DEFINE | SQL_EXECUTE)

enum sql_type {
    SQL_TABLE,    /* a base table, view or sequence: they share one name space */
    SQL_ROUTINE,  /* a stored procedure, function, package, trigger or event; loadable functions too
                   */
    SQL_DATABASE, /* the database itself: USE, CREATE DATABASE, SHOW TABLES FROM */
};

/* What the statement is. The names explain and the records print are in sql_kind_name: the
 * statement's first keywords in lower case, joined by '_': "select", "create_table", "set". */
enum sql_kind {
#define SQL_KIND(symbol, name) symbol,
#include "sql/kinds.def"
#undef SQL_KIND
};

/* One object. The same object is listed once a statement, its accesses united. */
struct sql_object {
    struct text schema; /* `at` NULL: unqualified, and no default database is known */
    struct text name;   /* empty for SQL_DATABASE */
    /* Where the two parts stand in the text of the command, quotes included; length 0: not written
     * there (default database, PREPARE from a variable). The first place, where there are several.
     */
    uint32_t schema_offset, schema_length;
    uint32_t name_offset, name_length;
    uint8_t type;      /* enum sql_type */
    uint8_t access;    /* union of enum sql_access */
    bool session_only; /* a temporary table that this session created */
    bool unplaced;     /* it is named where `places` does not say: it cannot be mapped; with
                          session_only: in a body, where its name may mean a table as well */
};

enum sql_place_kind {
    SQL_PLACE_NAME,      /* the object is named */
    SQL_PLACE_QUALIFIER, /* before a column: the schema of a table or alias of the statement */
    SQL_PLACE_FOLLOWS,   /* a new name of the object `beside`, or a trigger on it: it goes along */
    SQL_PLACE_TRIGGER,   /* a trigger, whose table is not said */
};

/* Where the schema of a name stands in the text of the command, or would stand: to map a table is
 * to write another schema at each of its places. Not in the order of the text; a qualifier that can
 * mean several tables has a place for each. */
struct sql_place {
    uint32_t offset; /* of the schema, quotes included; of the name where no schema is written */
    uint32_t length; /* of the schema; 0: none is written, and a dot must follow what is put here */
    uint16_t object;
    uint16_t beside; /* an object in whose database a name without a schema is looked for;
                        SQL_OBJECTS: the current one */
    uint8_t kind;    /* enum sql_place_kind */
    bool dot;        /* the text at `offset` is the dot alone: `.t` */
};

/* How a text was read: see sql/reread.h. */
struct sql_reading {
    uint8_t marks, mode, charset;
    bool mode_known;
};

/* Can this number be the thread id of a session of silogate's? */
static inline bool sql_is_thread(uint64_t number)
{
    return number >> 30 == 1;
}

/* What the statement changes in how later statements of its session are read, once it succeeds. */
enum sql_effect {
    SQL_EFFECT_DATABASE = 1, /* USE: `database` is the current database from now on; `at` NULL:
                                it is not known */
    SQL_EFFECT_DATABASE_DROPPED = 2, /* DROP DATABASE `database`: where it was current, none is */
    SQL_EFFECT_MODE = 4,             /* sql_mode is `mode` from now on */
    SQL_EFFECT_CHARSET = 8,          /* character_set_client is `charset` from now on */
    SQL_EFFECT_UNKNOWN = 16,         /* the mode, character set or database cannot be foretold */
    SQL_EFFECT_SESSION = 32,         /* sql_session_apply has something to remember or forget */
    SQL_EFFECT_KILL = 64,   /* KILL of the thread `thread`, to be mapped before it is sent */
    SQL_EFFECT_LOSSY = 128, /* character_set_connection is, or may be, one that loses characters:
                               `lossy` */
};

/* What a statement of XA does with the transaction `xid`. */
enum sql_xa {
    SQL_XA_NONE,
    SQL_XA_STARTS,
    SQL_XA_JOINS, /* START ... JOIN or RESUME */
    SQL_XA_PREPARES,
    SQL_XA_ENDS, /* COMMIT or ROLLBACK */
};

enum { SQL_MODE_UNKNOWN = 128 };
enum { SQL_OBJECTS = 2048, SQL_PLACES = 4096, SQL_NAMES = 16384 };

struct sql_facts {
    bool determined;
    bool administration; /* acts on the server itself, besides what is in `objects` */
    bool stores;         /* stores a text that is read again, in the sql_mode and character set that
                            are set when it is executed */
    bool needs_mode;     /* not read to the end: the reading depends on a state that is not known */
    bool lists;          /* shows which tables, or triggers, each database in `objects` has */
    bool traces;         /* sets profiling or optimizer_trace of this session: the server keeps
                            what it executes, for the client to look at */
    uint8_t kind;        /* enum sql_kind */
    uint8_t effects;     /* union of enum sql_effect */
    uint8_t mode;        /* with SQL_EFFECT_MODE: union of enum sql_mode, or SQL_MODE_UNKNOWN */
    uint8_t charset;     /* with SQL_EFFECT_CHARSET: enum sql_charset */
    bool kill_query;     /* KILL QUERY rather than KILL CONNECTION */
    uint8_t lossy;       /* with SQL_EFFECT_LOSSY: union of enum sql_lossy */
    uint8_t xa;          /* enum sql_xa */
    bool xa_foreign;     /* SQL_XA_JOINS, SQL_XA_ENDS: this session is not known to have started it,
                            which is why `administration` is set; SQL_XA_PREPARES: nor in this
                            spelling, which cannot be read */
    int8_t user_locks;   /* calls of GET_LOCK less those of RELEASE_LOCK, as written;
                            RELEASE_ALL_LOCKS   takes all away */
    const char *why; /* where not determined: a sentence, static memory, no value out of the text */
    struct text database;                      /* see effects */
    uint32_t database_offset, database_length; /* where it stands in the text, quotes included */
    /* With `xa`: lengths of gtrid and bqual (a byte each), both; as the server compares them. `at`
     * NULL: that depends on what is not known. */
    struct text xid;
    uint64_t thread; /* see SQL_EFFECT_KILL */
    uint32_t thread_offset, thread_length;
    uint32_t object_count, place_count, names_length;
    /* From sql_analyze_batch: where in the text the statement's list of names goes on, of which
     * these facts are a part; 0: they are all there is. */
    uint32_t list_next;
    /* sql/'s own: what sql_session_apply needs. */
    struct {
        uint16_t action;
        struct sql_reading reading; /* of the text of a PREPARE */
        struct text name, value;
        struct text handler; /* that a HANDLER READ reads: see sql_session_renew */
        const struct sql_facts *facts;
    } session;
    struct sql_object objects[SQL_OBJECTS];
    struct sql_place places[SQL_PLACES];
    char names[SQL_NAMES];
};

const char *sql_kind_name(enum sql_kind kind);
/* "table", "routine", "database". */
const char *sql_type_name(enum sql_type type);
/* "read", "write", "define", "execute". */
const char *sql_access_name(enum sql_access access);

/* A copy in one block of its own, as small as its objects allow (only the first object_count
 * objects may be looked at; `names` not at all, and it has no places); free() takes it back. NULL
 * never. The copy's offsets still mean the text that was analysed. */
struct sql_facts *sql_facts_keep(const struct sql_facts *facts);
/* The same in memory of the caller's, sql_facts_bytes of it, aligned for any type. */
size_t sql_facts_bytes(const struct sql_facts *facts);
struct sql_facts *sql_facts_put(const struct sql_facts *facts, void *memory);

#endif
