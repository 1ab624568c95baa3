/* What is decided about one command: a value, whose zero refuses. Judging fills it and changes
 * nothing else; whoever asked for it then lets the command pass, refuses it, asks the server first
 * or waits, and only in the first case does anything of it outlive the command: its change, which
 * becomes the belief when the server has said OK.
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
    RULING_ALLOW,  /* it may pass, with its rewrites made */
    RULING_ASK,    /* the server must tell of the session first */
};

enum {
    RULING_SOUGHT = 4,          /* threads that are looked for elsewhere */
    RULING_PARTS = 32,          /* violating statements that are kept at once */
    RULING_READINGS = 16,       /* in which a text may stand at once */
    RULING_REWRITES = 1 << 20,  /* bytes of names that are put in place of others */
    RULING_SPARE_CHANGES = 256, /* kept for the next command */
};

/* What outlives the statement without a transaction. */
enum ruling_locks { LOCKS_NOTHING, LOCKS_TABLES, LOCKS_HANDLER, CLOSES_HANDLER, UNLOCKS_TABLES };

/* What a statement of XA does: facts->xa and facts->xid. */
struct xa_step {
    struct xa_step *next;
    enum sql_xa xa;
    struct text xid, written;
};
enum { RULING_XA = 64 };

/* What the command makes of the belief, should the server say OK. */
struct change {
    struct change *next; /* in the list of spare ones */
    struct sql_state state;
    const struct sql_session *remembered; /* laid over the belief's, in `arena`; NULL: the same */
    struct prepared *preparing;           /* what COM_STMT_PREPARE will have made */
    struct owners written;
    struct xa_step *xa; /* the last first; in `arena` */
    unsigned xa_count;  /* of all; at most RULING_XA are kept */
    struct named named; /* SQL's PREPARE; hash 0: none */
    struct arena arena;
    bool has_state; /* `state` is the new one */
    /* It prepares an XA transaction whose identifier cannot be read, nor is written as at its
     * START. */
    bool xa_respelled;
    bool unknown;   /* ... but for what only the server can tell */
    bool several;   /* it has several statements: one that fails leaves the others done */
    bool remembers; /* `remembered` is the new one */
    bool traced;    /* the server is told to keep what the session executes, or no longer to */
};

/* A piece of the command's text that must read otherwise before the command is sent. */
struct rewrite {
    uint32_t offset, length; /* what is replaced, counted from the start of the text */
    uint32_t at, count;      /* by these bytes of the ruling's `bytes` */
};

/* A statement that is a violation. */
struct ruling_part {
    struct verdict verdict;
    bool unmapped;          /* a name in it cannot be put in place of another */
    uint32_t start, end;    /* in the text */
    uint32_t from;          /* the batch of its list that it is in: see sql_analyze_batch */
    struct sql_state state; /* in which it was read */
    const struct sql_session *remembered;
};

/* How far a text was read, in one of the ways it can be read in. */
struct ruling_reading {
    size_t offset;
    bool done;
    bool has_state;         /* `state` holds; else it is the belief's */
    struct sql_state state; /* before the next statement */
    const struct sql_session *remembered;
};

struct ruling_walk {
    struct ruling_reading readings[RULING_READINGS];
    unsigned count;
    bool ambiguous;  /* in more ways than one */
    bool named;      /* an object at least */
    uint8_t effects; /* of all statements, as facts have them */
    bool lost;       /* in more than are followed */
    bool batched;    /* a list was too long for one look at it */
};

struct refusal {
    uint16_t code;
    char message[400]; /* the violation's id is put behind it once it has one */
};

struct ruling {
    enum ruling_outcome outcome;
    struct text text;         /* that was judged; of the caller's */
    struct verdict strictest; /* of all statements in it */
    /* What its KILLs name and no session of the service's here is: it may be another instance's. */
    uint32_t sought[RULING_SOUGHT];
    unsigned sought_count;
    unsigned parts;          /* statements */
    bool undetermined;       /* one of them at least: what it touches is not known */
    const char *kind;        /* of the command, for its records; NULL: of each statement's own */
    int32_t today;           /* by which grants are judged */
    struct text traceparent; /* a query attribute; set by the caller, for the records */
    uint32_t allowed[REASON_COUNT]; /* statements by the reason of their verdict */

    /* The violations, and what is let through only because a mode is off, in the order of the text;
     * where there are more, `rest` leads to them. */
    struct ruling_part violations[RULING_PARTS];
    unsigned violation_count;
    bool has_rest;
    struct ruling_walk rest;
    struct refusal refusal;

    struct change *change; /* NULL: nothing changes */
    struct change *spare;
    unsigned spare_count;

    struct rewrite *rewrites; /* by ascending offset, none over another */
    unsigned rewrite_count, rewrite_room;
    char *bytes;
    size_t byte_count, byte_room;

    /* Where the tables of open moves stand; NULL: there are none. Set by the caller, as traceparent
     * is. */
    const struct sql_moved *moved;
    uint64_t touched;     /* a bit for each move whose tables it may lock */
    const char *unmapped; /* why a name of one of them is left as it is; NULL: none is */
    uint64_t unmapped_of; /* of which moves */
    bool calls;           /* stored code: it may do something before it fails */
    bool reads_anew;      /* it may read other tables than the text said at its PREPARE, by which
                             a FETCH of its rows would be judged */
    bool stale;           /* what it executes was prepared while they stood elsewhere */
    struct text name;     /* of the statement that an EXECUTE of SQL executes; `at` NULL: none */
    uint64_t print;       /* where they stand now: sql_moved_print; 0: it names none */
    bool redefines;       /* it may change what stands where: the catalogue is to be asked anew */
    unsigned moved_rewrites; /* without these the text is right as well, through the alias */
    enum ruling_locks locks;
    bool wants_charset;     /* names cannot be mapped before it is known */
    int user_locks;         /* as facts have it, of all statements */
    struct sql_edits edits; /* of the statement at hand */

    /* Whose tables it writes. With `undetermined` there may be others. */
    struct owners written;
    /* Of what others own: read here, though a statement before it in the transaction has written to
     * it. A statement that writes to this owner's tables alone does not count: it can go along with
     * the other. */
    struct owners read_again;
    const struct sql_facts *facts; /* of its only statement, until the next command is judged */
    struct sql_facts scratch;      /* of the statement at hand */
};

/* Forgets the last command's, which has not been committed, and begins to judge another. */
void ruling_begin(struct ruling *ruling, int32_t today);
/* The worker's end. */
void ruling_fini(struct ruling *ruling);

/* The change to write to; made where there is none yet. */
struct change *ruling_change(struct ruling *ruling);
/* In the change: what it does with a transaction of XA. */
void ruling_note_xa(struct ruling *ruling, const struct sql_facts *facts);
/* The one that the whole command is about: it has no other statement. NULL: none. */
const struct xa_step *change_xa(const struct change *change);
/* The command passes: its change, which the session keeps until the answer; NULL: nothing. */
struct change *ruling_take_change(struct ruling *ruling);
/* Without effect: back to the spare ones. NULL is fine. */
void ruling_drop_change(struct ruling *ruling, struct change *change);

/* The only way from what was judged to what is believed: the command is over, with the server's OK
 * (`good`) or with an error, of which nobody knows how far the command had come. Takes `change`
 * back. */
void ruling_commit(struct ruling *ruling, struct belief *belief, struct change *change, bool good);

/* Replaces `length` bytes at `offset` of the text by `bytes`. False where there is no room. */
bool ruling_rewrite(struct ruling *ruling, uint32_t offset, uint32_t length, struct text bytes);

/* Bytes for a rewrite of the caller's own; false where there is no room. */
bool ruling_bytes(struct ruling *ruling, struct text bytes);

/* Will there be records? */
static inline bool ruling_is_violation(const struct ruling *ruling)
{
    return ruling->violation_count > 0 && ruling->strictest.action != VERDICT_ALLOW;
}

#endif
