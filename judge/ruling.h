/* The decision about one command: a value, and zeroed it refuses. Judging fills it and changes
 * nothing else. The caller then passes the command, refuses it, asks the server first, or waits.
 * Only if the command is passed, something of the ruling is kept: its change, which becomes the
 * belief after the server's OK.
 *
 * A worker has one ruling for all its sessions. Nothing is allocated for an ordinary command.
 */
#ifndef JUDGE_RULING_H
#define JUDGE_RULING_H

#include "base/arena.h"
#include "judge/belief.h"
#include "judge/binding.h"
#include "policy/verdict.h"
#include "sql/facts.h"
#include "sql/map.h"
#include "sql/moved.h"

enum ruling_outcome {
    RULING_REFUSE, /* the client gets the error in `refusal` */
    RULING_ALLOW,  /* it may pass, after its rewrites are applied */
    RULING_ASK,    /* the server must be asked about the session first */
};

enum {
    RULING_SOUGHT = 4,          /* threads to look for at other instances */
    RULING_PARTS = 32,          /* violations that are kept at the same time */
    RULING_READINGS = 16,       /* ways of reading a text that are followed at the same time */
    RULING_REWRITES = 1 << 20,  /* bytes of the replacing names */
    RULING_SPARE_CHANGES = 256, /* unused structs that are kept for later commands */
};

/* Locks that a statement leaves behind even without a transaction. */
enum ruling_locks { LOCKS_NOTHING, LOCKS_TABLES, LOCKS_HANDLER, UNLOCKS_TABLES };

/* An XA statement: facts->xa and facts->xid. */
struct xa_step {
    struct xa_step *next;
    enum sql_xa xa;
    struct text xid, written;
};
enum { RULING_XA = 64 };

/* The command's change of the belief, which takes effect after the server's OK. */
struct change {
    struct change *next; /* in the list of unused ones */
    struct sql_state state;
    const struct sql_session *remembered; /* changes to the belief's, in `arena`; NULL: none */
    struct prepared *preparing;           /* the statement of COM_STMT_PREPARE */
    struct owners written;
    struct xa_step *xa;  /* the last one first; in `arena` */
    uint64_t mode_print; /* with `sets_mode`: see belief_set_mode */
    unsigned xa_count;   /* number of all steps; at most RULING_XA are kept */
    struct named named;  /* of SQL's PREPARE; hash 0: none */
    struct arena arena;
    bool has_state; /* `state` is the new one */
    /* It prepares an XA transaction whose identifier cannot be read and differs from that of its
     * XA START. */
    bool xa_respelled;
    bool unknown;   /* the rest is known only to the server, which must be asked */
    bool several;   /* it has several statements: if one fails, others may have been executed */
    bool sets;      /* it sets sql_mode or a character set, or may, perhaps several times: if it
                       fails, a part of it may have been done */
    bool sets_mode; /* it sets sql_mode, or may */
    bool remembers; /* `remembered` is the new one */
    bool traced;    /* it changes profiling or the optimizer's trace */
};

/* A piece of the command's text that is replaced before the command is sent. */
struct rewrite {
    uint32_t offset, length; /* the bytes to replace, from the start of the text */
    uint32_t at, count;      /* the replacement, in the ruling's `bytes` */
};

/* A statement that is a violation. */
struct ruling_part {
    struct verdict verdict;
    bool unmapped;          /* a name in it cannot be mapped */
    uint32_t start, end;    /* in the text */
    uint32_t from;          /* the batch of its list: see sql_analyze_batch */
    struct sql_state state; /* in which it was read */
    const struct sql_session *remembered;
};

/* One of the ways to read a text, and how far it was read. */
struct ruling_reading {
    size_t offset;
    bool done;
    bool has_state;         /* `state` is set; else the belief's state holds */
    struct sql_state state; /* before the next statement */
    const struct sql_session *remembered;
};

struct ruling_walk {
    struct ruling_reading readings[RULING_READINGS];
    unsigned count;
    bool ambiguous;      /* it was read in more than one way */
    bool named;          /* it names at least one object */
    uint8_t effects;     /* of all statements, as in the facts */
    uint64_t mode_print; /* of the last SET of sql_mode; 0: it may set something else */
    bool lost;           /* in more ways than RULING_READINGS */
    bool batched;        /* a list was read in several batches */
};

struct refusal {
    uint16_t code;
    char message[400]; /* the violation's id is appended when it is known */
};

/* An error as the server has sent it. */
struct server_error {
    unsigned code; /* 0: none */
    struct text message;
};

struct ruling {
    enum ruling_outcome outcome;
    struct text text;         /* the judged text, which the caller owns */
    struct verdict strictest; /* of all statements in it */
    /* Ids in its KILLs that no session of the service has here: they may be another instance's. */
    uint32_t sought[RULING_SOUGHT];
    unsigned sought_count;
    unsigned parts;    /* statements */
    bool undetermined; /* at least one statement is undetermined */
    const char *kind;  /* the command's kind, for its records; NULL: each statement has its own */
    int32_t today;     /* for the end of grants */
    struct text traceparent;        /* from a query attribute; set by the caller, for the records */
    uint32_t allowed[REASON_COUNT]; /* allowed statements, by reason */

    /* The violations, and statements that are allowed only because a mode is off, in the order of
     * the text. If there are more, judge_rest reads them. */
    struct ruling_part violations[RULING_PARTS];
    unsigned violation_count;
    bool has_rest;
    struct ruling_walk rest;
    struct refusal refusal;

    struct change *change; /* NULL: nothing changes */
    struct change *spare;
    unsigned spare_count;

    struct rewrite *rewrites; /* by ascending offset, without overlaps */
    unsigned rewrite_count, rewrite_room;
    char *bytes;
    size_t byte_count, byte_room;

    /* Where the tables of open moves are; NULL: there are none. Set by the caller, as traceparent
     * is. */
    const struct sql_moved *moved;
    /* The server's error for this command, if it is known already; set by the caller too. */
    struct server_error error;
    bool failed_early;    /* its first statement got that error before it did anything */
    bool misses;          /* for a table that is expected and not known */
    uint64_t touched;     /* a bit for each move whose tables it may lock */
    const char *unmapped; /* why a name of a moved table is not mapped; NULL: all are mapped */
    uint64_t unmapped_of; /* the moves of such names */
    bool calls;           /* it calls stored code, which may do something before it fails */
    bool reads_anew;      /* it may read other tables than the text said at its PREPARE, by which
                             a FETCH of its rows would be judged */
    bool stale; /* it executes a statement that was prepared while its tables were elsewhere */
    struct text name; /* of the statement that SQL's EXECUTE runs; `at` NULL: none */
    uint64_t print;   /* where its moved tables are now: sql_moved_print; 0: it names none */
    bool expects;     /* it names one that was at no place when the catalogue was read */
    bool redefines; /* it may create, rename or drop such a table: the catalogue must be read again
                     */
    unsigned moved_rewrites; /* rewrites that could be left out: the alias would answer */
    enum ruling_locks locks;
    bool executes;      /* it executes a statement: see judge_sets_anew */
    bool anew;          /* ... that uses a table */
    bool wants_charset; /* names cannot be mapped before the character set is known */
    uint16_t leaves;    /* union of enum sql_leaves, of all statements */
    bool works;   /* if all succeed and a transaction is open then, it holds the lock of a table */
    bool breaks;  /* a statement may end, unseen, an open transaction or other locks of tables */
    bool reverts; /* a statement goes back to a savepoint */
    bool opaque;  /* it runs code that is not seen, which may also release locks of GET_LOCK */
    struct sql_edits edits; /* of the present statement */

    /* The owners whose tables it writes. With `undetermined` there may be others. */
    struct owners written;
    struct owners run; /* the owners whose routines it runs, which may write what is theirs */
    /* Other owners whose data it reads after an earlier statement of the transaction has written
     * to it. A statement that writes only to that owner's tables does not count: both can be moved
     * to that owner together. */
    struct owners read_again;
    struct owners used; /* in a transaction, or perhaps in one: all owners of its objects */
    const struct sql_facts
        *facts;               /* of its only statement; valid until the next command is judged */
    struct sql_facts scratch; /* of the statement at hand */
};

/* Begins the ruling of another command; a change that was not taken is dropped. */
void ruling_begin(struct ruling *ruling, int32_t today);
/* Frees it, when the worker ends. */
void ruling_fini(struct ruling *ruling);

/* The ruling's change, to be written to; made if there is none yet. */
struct change *ruling_change(struct ruling *ruling);
/* It has these effects of the facts on how texts are read; for `mode_print` see belief_set_mode. */
void change_sets(struct change *change, unsigned effects, uint64_t mode_print);
/* Adds a statement's XA step to the change. */
void ruling_note_xa(struct ruling *ruling, const struct sql_facts *facts);
/* The XA step, if the command consists of this one statement. NULL: it does not. */
const struct xa_step *change_xa(const struct change *change);
/* The command passes: returns its change, which the session keeps until the answer. NULL: no
 * change. */
struct change *ruling_take_change(struct ruling *ruling);
/* Drops a change without effect. NULL is allowed. */
void ruling_drop_change(struct ruling *ruling, struct change *change);

/* The only way from a ruling to the belief: the command is over, with the server's OK (`good`), or
 * with an error, after which it is not known how much of the command was executed. Takes back
 * `change`. */
void ruling_commit(struct ruling *ruling, struct belief *belief, struct change *change, bool good);

/* Replaces `length` bytes at `offset` of the text by `bytes`. False: there is no room. */
bool ruling_rewrite(struct ruling *ruling, uint32_t offset, uint32_t length, struct text bytes);

/* Adds bytes for a rewrite that the caller makes itself. False: there is no room. */
bool ruling_bytes(struct ruling *ruling, struct text bytes);

/* Will there be records? */
static inline bool ruling_is_violation(const struct ruling *ruling)
{
    return ruling->violation_count > 0 && ruling->strictest.action != VERDICT_ALLOW;
}

#endif
