/* All that is believed of a session inside the server. The gate is right only while this is what
 * the server does, so there are three ways alone in which it changes: a command's ruling is
 * committed when the server's OK has come (ruling_commit), the server has told of itself
 * (proxy/answer.c), or the session begins anew. Whoever judges a command reads it and no more.
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

/* Services, each once. */
struct owners {
    int16_t list[OWNERS];
    uint8_t count;
    bool more; /* there are others, which do not fit */
};

/* Where the tables of a statement of SQL's PREPARE stood when the server prepared it. */
struct named {
    uint64_t hash, print; /* of its name; sql_moved_print, 0: not known */
};
enum { BELIEF_NAMED = 16 }; /* of the last ones */

struct belief {
    struct sql_state state; /* database, sql_mode, character set, version ... */
    struct sql_session *remembered;
    struct prepared_table prepared;
    struct owners written; /* in the open transaction */
    struct named *named;   /* BELIEF_NAMED of them, from the first in an open move on; else NULL */
    uint8_t next_named;
    bool in_transaction : 1;       /* as the status flags say */
    bool no_backslash_escapes : 1; /* what the status flags said of it last */
    bool must_ask : 1;             /* the server must be asked before the next command is judged */
    bool asked : 1;   /* it was, for the command at hand, as far as it can be: never asked twice */
    bool unknown : 1; /* it would not say: nothing is determined */
    bool disguised : 1; /* it is of another version than it says: nothing is determined */
    bool expired : 1;   /* it says nothing before an expired password has been set anew */
    bool traced : 1;    /* it may keep what the session executes, for the client to look at */
};

/* Nothing is known of how the server reads now: to be asked. And: nor of the database. */
void belief_lose(struct belief *belief);
void belief_lose_all(struct belief *belief);

/* COM_RESET_CONNECTION has cleared all that the session had set, but for the database. Its
 * character sets are the server's own on MySQL, and nobody's to guess. */
void belief_reset(struct belief *belief);

/* What statements have left behind is gone: the end, or COM_CHANGE_USER. */
void belief_forget(struct belief *belief);

/* A reload: the same owners by their numbers in `to`; who is gone is forgotten. */
void belief_rebind(struct belief *belief, const struct policy *from, const struct policy *to);

/* A number for the name of a statement of SQL's PREPARE. */
uint64_t belief_name_hash(struct text name);
/* Where its tables stood; 0: nobody knows. And: from now on. */
uint64_t belief_named(const struct belief *belief, uint64_t hash);
void belief_name(struct belief *belief, uint64_t hash, uint64_t print);

void owners_add(struct owners *owners, int owner);
bool owners_have(const struct owners *owners, int owner);

#endif
