/* What one statement touches: sql/ fills these facts, policy/ judges them. The zero value means
 * "undetermined".
 *
 * Names are slices of the statement's text. Where the name differs from the written text (doubled
 * quotes, folded case, another character set), they are slices of `names` below. Facts that must
 * outlive the text are copied with sql_facts_keep.
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
    SQL_ROUTINE,  /* a stored procedure, function, package, trigger, event; a loadable function */
    SQL_DATABASE, /* the database itself: USE, CREATE DATABASE, SHOW TABLES FROM */
};

/* What a statement asks of a table that a view in its place has not. Beside SQL_DEFINE, which a
 * view never answers as a table does. */
enum sql_needs {
    SQL_NEEDS_INDEX = 1, /* an index hint */
    SQL_NEEDS_TABLE = 2, /* the table itself: LIKE, REFERENCES, CHECKSUM TABLE and similar */
};

/* What the statement is. sql_kind_name returns the name that `explain` and the records print: the
 * statement's first keywords in lower case, joined by '_': "select", "create_table", "set". */
enum sql_kind {
#define SQL_KIND(symbol, name) symbol,
#include "sql/kinds.def"
#undef SQL_KIND
};

/* One object. A statement lists each object once, with the union of its accesses. */
struct sql_object {
    struct text schema; /* `at` NULL: unqualified, and no default database is known */
    struct text name;   /* empty for SQL_DATABASE */
    /* Where the two parts are in the text of the command, quotes included; length 0: not written
     * there (default database, PREPARE from a variable). If the object is named several times, this
     * is the first place. */
    uint32_t schema_offset, schema_length;
    uint32_t name_offset, name_length;
    uint8_t type;      /* enum sql_type */
    uint8_t access;    /* union of enum sql_access */
    bool session_only; /* a temporary table that this session created */
    bool unplaced;     /* it is named at a position that `places` does not list, so it cannot be
                          mapped; with session_only: it is named in a body, where the name may
                          mean a base table too */
    uint8_t needs;     /* union of enum sql_needs */
};

enum sql_place_kind {
    SQL_PLACE_NAME,      /* the object is named */
    SQL_PLACE_QUALIFIER, /* schema.table before a column, of a table of the statement */
    SQL_PLACE_FOLLOWS,   /* a new name of the object `beside`, or a trigger on that object: it gets
                            the same schema as `beside` */
    SQL_PLACE_TRIGGER,   /* a trigger whose table the statement does not name */
};

/* Where the schema of a name is written in the text of the command, or where it can be inserted. A
 * table is mapped by writing another schema at each of its places. The places are not in the order
 * of the text. A qualifier that can mean several tables has one place for each table. */
struct sql_place {
    uint32_t offset; /* of the schema, quotes included; of the name where no schema is written */
    uint32_t length; /* of the schema; 0: none is written, so a dot must follow an inserted one */
    uint16_t object;
    uint16_t beside; /* an object: the server looks for a name without a schema in its database;
                        SQL_OBJECTS: in the current database */
    uint8_t kind;    /* enum sql_place_kind */
    bool dot;        /* the text at `offset` is the dot alone: `.t` */
};

/* How a text was read: see sql/reread.h. */
struct sql_reading {
    uint8_t marks, mode, charset;
    bool mode_known;
};

/* Can this number be a thread id that silogate gave to a session? */
static inline bool sql_is_thread(uint64_t number)
{
    return number >> 30 == 1;
}

/* How the statement, if it succeeds, changes the reading of later statements of its session. */
enum sql_effect {
    SQL_EFFECT_DATABASE = 1, /* USE: `database` is the current database from now on; `at` NULL:
                                the current database is not known */
    SQL_EFFECT_DATABASE_DROPPED = 2, /* DROP DATABASE: if `database` was current, none is now */
    SQL_EFFECT_MODE = 4,             /* sql_mode is `mode` from now on */
    SQL_EFFECT_CHARSET = 8,          /* character_set_client is `charset` from now on */
    SQL_EFFECT_UNKNOWN = 16,         /* the new mode, character set or database is not known */
    SQL_EFFECT_SESSION = 32,         /* sql_session_apply must remember or forget something */
    SQL_EFFECT_KILL = 64,   /* KILL of `thread`, an id that must be mapped before sending */
    SQL_EFFECT_LOSSY = 128, /* character_set_connection is, or may be, a character set that loses
                               characters: see `lossy` */
};

/* What an XA statement does with the transaction `xid`. */
enum sql_xa {
    SQL_XA_NONE,
    SQL_XA_STARTS,
    SQL_XA_JOINS, /* START ... JOIN or RESUME */
    SQL_XA_PREPARES,
    SQL_XA_ENDS, /* COMMIT or ROLLBACK */
};

/* What the statement may leave in its session on the server, beyond its transaction; and which of
 * that it certainly ends if it succeeds. */
enum sql_leaves {
    SQL_LEAVES_TABLE = 1,       /* a temporary table: see also sql_session_takes_table */
    SQL_LEAVES_USER_LOCK = 2,   /* locks of GET_LOCK */
    SQL_LEAVES_TABLE_LOCKS = 4, /* LOCK TABLES, FLUSH TABLES t WITH READ LOCK */
    SQL_LEAVES_SERVER_LOCK = 8, /* FLUSH TABLES WITH READ LOCK */
    SQL_LEAVES_BACKUP_STAGE = 16,
    SQL_LEAVES_BACKUP_LOCK = 32, /* MariaDB's BACKUP LOCK, MySQL's LOCK INSTANCE FOR BACKUP */
    SQL_LEAVES_HANDLER = 64,
    SQL_ENDS_TABLE_LOCKS = 128,
    SQL_ENDS_SERVER_LOCK = 256,
    SQL_ENDS_BACKUP_STAGE = 512,
    SQL_ENDS_BACKUP_LOCK = 1024,
    SQL_MAY_END_USER_LOCK = 2048, /* it calls RELEASE_LOCK or RELEASE_ALL_LOCKS */
    SQL_ENDS_TRANSACTION = 4096,  /* if one is open behind it, that is a new one */
};

/* A statement that does only this, once: SELECT or DO of one such call, whose name is a literal; or
 * a HANDLER. */
enum sql_user_lock {
    SQL_USER_LOCK_NONE, /* another statement, which may call GET_LOCK even so: see sql_leaves */
    SQL_USER_LOCK_GETS,
    SQL_USER_LOCK_RELEASES,
    SQL_USER_LOCK_RELEASES_ALL,
    SQL_HANDLER_OPENS,
    SQL_HANDLER_CLOSES,
};

enum { SQL_MODE_UNKNOWN = 128 };
enum { SQL_OBJECTS = 2048, SQL_PLACES = 4096, SQL_NAMES = 16384 };

struct sql_facts {
    bool determined;
    bool administration; /* acts on the server itself, in addition to `objects` */
    bool stores;         /* stores a body: the server reads its text again, in the sql_mode and
                            character set at the time of this statement's execution */
    bool prints;         /* makes a view: the server stores a text that it prints itself, and reads
                            that in the character set at the time of this statement's execution */
    bool needs_mode;     /* not read to the end: the reading depends on a state that is not known */
    bool lists;          /* shows the names of tables or triggers of each database in `objects` */
    bool traces;         /* sets profiling or optimizer_trace of this session: the server then keeps
                            the statements that it executes, and the client can read them */
    bool likeness;       /* makes a temporary table LIKE others, which may be MERGE tables: see
                            sql_session_own_likeness */
    bool branches;       /* a compound statement, not all of which has to be run */
    uint8_t kind;        /* enum sql_kind */
    uint8_t effects;     /* union of enum sql_effect */
    uint8_t mode;        /* with SQL_EFFECT_MODE: union of enum sql_mode, or SQL_MODE_UNKNOWN */
    uint8_t charset;     /* with SQL_EFFECT_CHARSET: enum sql_charset */
    bool relative;       /* `mode` or `charset` was computed out of the session's state: a later
                            execution of the same text may set another one */
    bool kill_query;     /* KILL QUERY rather than KILL CONNECTION */
    uint8_t lossy;       /* with SQL_EFFECT_LOSSY: union of enum sql_lossy */
    /* with SQL_EFFECT_MODE: a hash of the literal that sql_mode is set to, which also has the words
     * that `mode` does not have; 0: the value is no literal, or not known */
    uint64_t mode_print;
    uint8_t xa;         /* enum sql_xa */
    bool xa_foreign;    /* SQL_XA_JOINS, SQL_XA_ENDS: this session is not known to have started the
                           transaction, so `administration` is set; SQL_XA_PREPARES: `xid` is not
                           known, and this session is not known to have started an identifier
                           that is written the same way */
    uint16_t leaves;    /* union of enum sql_leaves */
    uint8_t user_lock;  /* enum sql_user_lock */
    uint64_t lock_name; /* with it: a hash of the lock's or handler's name */
    const char *why;    /* if not determined: the reason, static memory, no value from the text */
    struct text database;                      /* see effects */
    uint32_t database_offset, database_length; /* where it is in the text, quotes included */
    /* With `xa`: the length of gtrid and of bqual (one byte each), then gtrid and bqual, as the
     * server compares them. `at` NULL: they depend on a state that is not known. */
    struct text xid;
    uint64_t thread; /* see SQL_EFFECT_KILL */
    uint32_t thread_offset, thread_length;
    uint32_t object_count, place_count, names_length;
    /* From sql_analyze_batch: the offset in the text where the statement's list of names goes on;
     * these facts then cover only a part of the list. 0: no names follow. */
    uint32_t list_next;
    uint64_t prepared_in; /* of a PREPARE: the caller's, which a session remembers with its facts */
    /* Used only inside sql/: what sql_session_apply needs. */
    struct {
        uint16_t action;
        uint8_t later;              /* of a PREPARE: what each EXECUTE of it changes */
        uint16_t leaves;            /* and what it leaves */
        struct sql_reading reading; /* of the text of a PREPARE */
        struct text name, value;
        struct text handler; /* the handler of a HANDLER READ: see sql_session_renew */
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

/* Returns a copy in one allocated block; the caller frees it with free(). Never returns NULL. The
 * block ends behind its objects and their texts: only the first object_count objects may be read,
 * `names` and `places` may not. The copy's offsets still mean the text that was analysed. */
struct sql_facts *sql_facts_keep(const struct sql_facts *facts);
/* The same in the caller's memory: sql_facts_bytes bytes, aligned for any type. */
size_t sql_facts_bytes(const struct sql_facts *facts);
struct sql_facts *sql_facts_put(const struct sql_facts *facts, void *memory);

#endif
