/* What silogate believes about a session inside the server. Verdicts are right only while this is
 * true, so there are only three ways in which it changes: a command's ruling is committed after
 * the server's OK (ruling_commit), the server has reported its state (proxy/answer.c), or the
 * session begins again. Judging a command only reads it.
 */
#ifndef JUDGE_BELIEF_H
#define JUDGE_BELIEF_H

#include <stdbool.h>
#include <stdint.h>

#include "judge/prepared.h"
#include "policy/policy.h"
#include "sql/session.h"
#include "sql/state.h"

enum { OWNERS = 16 };

/* A set of services. */
struct owners {
    int16_t list[OWNERS];
    uint8_t count;
    bool more; /* there are others, which did not fit */
};

/* For a statement of SQL's PREPARE: where its tables were when the server prepared it, and how the
 * server read it. */
struct named {
    uint64_t hash, print; /* hash: of its name; print: from sql_moved_print, 0: not known */
};
enum { BELIEF_NAMED = 64 }; /* only the latest statements are kept */

struct belief {
    struct sql_state state; /* database, sql_mode, character set, version ... */
    struct sql_session *remembered;
    struct prepared_table prepared;
    struct owners written; /* in the open transaction */
    /* BELIEF_NAMED of them; NULL until a statement uses a table of an open move */
    struct named *named;
    uint64_t mode_print; /* of the literal that sql_mode was set to, as in the facts; 0: it was set
                            to something else, or to nothing in this session */
    uint32_t modes;      /* how often sql_mode was set, or may have been */
    uint8_t next_named;
    bool in_transaction : 1;       /* by the status flags */
    bool in_doubt : 1;             /* ... or by an error after which it may be open: an ERR has no
                                      status flags; the next OK tells, or a COM_PING where the
                                      session is to end, or a hold or a move waits for it */
    bool may_be_over : 1;          /* an error may have ended it, and no OK has come since */
    bool no_autocommit : 1;        /* by the last status flags: any statement may open one */
    bool no_backslash_escapes : 1; /* by the last status flags */
    bool must_ask : 1;             /* the server must be asked before the next command is judged */
    bool asked : 1;                /* it was asked for the present command; it is not asked twice */
    bool unknown : 1;              /* it did not answer: every statement is undetermined */
    bool disguised : 1; /* its version is not that of its greeting: every statement is undetermined
                         */
    bool expired : 1;   /* it answers nothing until an expired password is changed */
    bool more_tables : 1; /* there may be temporary tables that are not remembered */
    bool traced : 1; /* profiling or the optimizer's trace may be on: the server may show the client
                        earlier statements */
};

/* belief_lose: how the server reads SQL is not known, it must be asked. belief_lose_all: nor
 * is its database. */
void belief_lose(struct belief *belief);
void belief_lose_all(struct belief *belief);

/* COM_RESET_CONNECTION has cleared everything that the session had set, except the database. On
 * MySQL the character sets are then the server's defaults, which silogate does not know. */
void belief_reset(struct belief *belief);

/* Everything that statements have left in the session is gone: at its end, and at COM_CHANGE_USER.
 */
void belief_forget(struct belief *belief);

/* A hash of the name of a statement of SQL's PREPARE. */
uint64_t belief_name_hash(struct text name);
/* belief_named: what is known of it. belief_name: sets that. */
struct named belief_named(const struct belief *belief, uint64_t hash);
void belief_name(struct belief *belief, struct named named);

/* sql_mode was set, or may have been: `print` is that of the facts, 0 if it is not certain. */
void belief_set_mode(struct belief *belief, uint64_t print);
/* The sql_mode as one number, which is not 0: where it was the same number before, sql_mode is the
 * same, also in the words that `state` does not have. It may be the same where the number is not.
 */
uint64_t belief_mode(const struct belief *belief);
bool belief_knows_reading(const struct belief *belief);

void owners_add(struct owners *owners, int owner);
bool owners_have(const struct owners *owners, int owner);
/* After a reload: replaces their numbers in `from` by those in `to`; owners that are gone are
 * removed. */
void owners_rebind(struct owners *owners, const struct policy *from, const struct policy *to);

#endif
