/* What the files of judge/ share while one command is judged. Nobody outside judge/ includes this.
 */
#ifndef JUDGE_JUDGING_H
#define JUDGE_JUDGING_H

#include "judge/judge.h"

struct judging {
    const struct belief *belief;
    const struct binding *binding;
    struct ruling *ruling;
    bool repeats; /* a second reading: nothing but the violations is of interest */

    /* Of the statement whose list comes in batches: */
    bool plain;            /* nothing in those so far is worth a word */
    uint8_t reason;        /* of the least plain of them */
    struct owners written; /* the ruling's, before it */
};

/* Where a statement stands, and in what state it was read. */
struct place {
    size_t start, end;
    const struct sql_state *state;
    const struct sql_session *remembered;
    bool unmapped;
    uint32_t from; /* where this batch of its list begins; 0: with its first name */
};

/* --- names.c --- */

/* Puts what the statement names for its service into the server's words: an alias becomes the
 * service's own database, a thread id of silogate's the server's. `rewrites`: the text is to read
 * so as well. False where a name cannot be mapped: it is undetermined then. */
/* The server's number of the session of the same service that a KILL calls `id`; false: it is none,
 * as far as is known here. */
bool names_find_thread(struct judging *judging, uint64_t id, uint32_t *thread);
bool names_map(struct judging *judging, struct sql_facts *facts, bool rewrites);
/* XA COMMIT or ROLLBACK of what another session of the service has prepared is no administration.
 * `at_once`: nothing of the same command runs before it. Else it could wait until that transaction
 * is over and its identifier another's. */
void names_branch(const struct judging *judging, struct sql_facts *facts, bool at_once);
/* The database that the facts enter; true: it is another than they named. */
bool names_map_database(const struct judging *judging, struct sql_facts *facts);

/* --- moves.c --- */

/* Names of tables that have moved are written as they stand now; `rewrites` as above. What cannot
 * be written stays as it is, and is noted. */
void moves_map(struct judging *judging, const struct sql_facts *facts,
               const struct sql_state *state, bool rewrites);
/* The same for what has been prepared: nothing is written. */
void moves_touch(struct judging *judging, const struct sql_facts *facts);
/* Must it be prepared anew first? */
void moves_stale(struct judging *judging, const struct sql_facts *facts,
                 const struct prepared *prepared);

/* --- execute.c --- */

/* In which the server reads the text that was prepared in `then`, should it read it now. */
struct sql_state execute_state(const struct belief *belief, const struct sql_state *then);

/* --- unasked.c --- */

/* Can a text be judged well enough without the server's answer? Where it names no table, or tells
 * of the statement before it (FOUND_ROWS, SHOW WARNINGS), the question would be worse than none: it
 * would be the statement before. */
bool unasked_may_be(const struct belief *belief, struct text text);
/* May its answer tell of the statement before? */
bool unasked_tells(struct text text);
/* In how many ways the server may compare the names of databases and tables: 2 before it has been
 * asked, since it may have been started anew with another lower_case_table_names. */
unsigned unasked_folds(const struct belief *belief);
/* What is believed where the server is not asked: as little as is sure. Names are compared as
 * believed with `fold` 0, else the other way. */
struct belief unasked_belief(const struct belief *belief, unsigned fold);
/* Another ruling on the same command. */
void unasked_begin(struct ruling *ruling);
/* Allowed in every reading, with nothing to record? */
bool unasked_is_enough(const struct ruling *ruling);
/* Several readings were one statement, which leaves nothing behind in any of them. */
void unasked_settle(struct ruling *ruling);

/* --- words.c --- */

/* What the client is told of a statement that is refused. */
void words_refuse(const struct binding *binding, const struct sql_facts *facts,
                  const struct verdict *verdict, struct refusal *refusal);

/* --- statement.c --- */

/* Where the server would not say which states it is in, whatever was read is undetermined. */
void statement_unknown(const struct belief *belief, struct sql_facts *facts);
/* One statement goes into the ruling: its verdict, whose tables it writes, whether it is a
 * violation. */
void statement_rule(struct judging *judging, const struct sql_facts *facts,
                    const struct place *place);
/* Where the statement at `start` ends, whose list came in batches. */
void statement_ends(struct ruling *ruling, size_t start, size_t end);
/* All statements are in it. */
void statement_conclude(struct judging *judging);

#endif
