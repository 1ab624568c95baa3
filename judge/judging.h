/* Data and functions that the files of judge/ share while one command is judged. Private to
 * judge/.
 */
#ifndef JUDGE_JUDGING_H
#define JUDGE_JUDGING_H

#include "judge/judge.h"

struct judging {
    const struct belief *belief;
    const struct binding *binding;
    struct ruling *ruling;
    bool repeats; /* a second reading, only for its violations */

    /* Of the statement whose list is read in batches: */
    bool plain;            /* nothing so far has to be recorded */
    uint8_t reason;        /* the reason of the strictest verdict so far */
    struct owners written; /* the ruling's `written` before this statement */
};

/* A statement's position in the text, and the state in which it was read. */
struct place {
    size_t start, end;
    const struct sql_state *state;
    const struct sql_session *remembered;
    bool unmapped;
    uint32_t from; /* where this batch of its list begins; 0: at its first name */
};

/* --- names.c --- */

/* The server's thread id of the session of the same service that a KILL calls `id`. False: there
 * is no such session, as far as this instance knows. */
bool names_find_thread(struct judging *judging, uint64_t id, uint32_t *thread);
/* Replaces what the service calls in its own way by the server's names: an alias by the service's
 * own database, silogate's thread id by the server's. `rewrites`: in the text too. False: a name
 * cannot be mapped, so the statement is undetermined. */
bool names_map(struct judging *judging, struct sql_facts *facts, bool rewrites);
/* XA COMMIT or ROLLBACK of a transaction that another session of the service has prepared is not
 * administration. `at_once`: no other statement of the same command runs before it. Otherwise the
 * transaction could end before it runs, and its identifier belong to another service. */
void names_branch(const struct judging *judging, struct sql_facts *facts, bool at_once);
/* Maps the database that the facts enter. True: it is another one than they named. */
bool names_map_database(const struct judging *judging, struct sql_facts *facts);

/* --- moves.c --- */

/* Replaces the names of moved tables by their present ones; `rewrites` as above. Names that cannot
 * be replaced stay, and are noted in the ruling. */
void moves_map(struct judging *judging, struct sql_facts *facts, const struct sql_state *state,
               bool rewrites);
/* What the server will be told to use, where the policy does not judge it as it judges the names of
 * the text: the facts, or a copy of them in the ruling's `scratch`, with these objects added. */
const struct sql_facts *moves_mean(struct judging *judging, const struct sql_facts *facts);
/* Where the moved tables are that the facts name; 0: they name none. */
uint64_t moves_print(const struct sql_moved *moved, const struct sql_facts *facts);
/* The same as moves_map for a prepared statement: nothing is replaced. */
void moves_touch(struct judging *judging, const struct sql_facts *facts);
/* Notes in the ruling whether a prepared statement must be prepared again first. */
void moves_stale(struct judging *judging, const struct sql_facts *facts,
                 const struct prepared *prepared);

/* --- asks.c --- */

/* A statement that is executed: notes that in the ruling, and whether it uses a table. */
void asks_note(struct ruling *ruling, const struct sql_facts *facts);

/* --- early.c --- */

/* May the statement create, rename or drop a table? */
bool early_defines(const struct sql_facts *facts);
/* Did the statement, whose names were mapped by `moved`, get the error before it did anything?
 * False: it cannot be known. */
bool early_is(const struct sql_moved *moved, const struct sql_facts *facts,
              const struct server_error *error);
/* The same, where the error is about a table that was expected and is not known. */
bool early_is_unknown(const struct sql_moved *moved, const struct sql_facts *facts,
                      const struct server_error *error);

/* --- execute.c --- */

/* The state in which the server would read, now, a text that was prepared in `then`. */
struct sql_state execute_state(const struct belief *belief, const struct sql_state *then);

/* --- unasked.c --- */

/* Should a text be judged without asking the server? Yes if it names no table, or if it asks about
 * the statement before it (FOUND_ROWS, SHOW WARNINGS): then silogate's question would become that
 * statement. */
bool unasked_may_be(const struct belief *belief, struct text text);
/* Can its answer depend on the statement before it? Its words are looked at, in each possible mode;
 * a string or the name of a column tells nothing. */
bool unasked_tells(struct text text, const struct sql_state *state);
/* In how many ways the server may compare the names of databases and tables: 2 before it was
 * asked, because it may have been restarted with another lower_case_table_names. */
unsigned unasked_folds(const struct belief *belief);
/* The belief for judging without asking: only what is certain. With `fold` 0 names are compared as
 * believed, else in the other way. */
struct belief unasked_belief(const struct belief *belief, unsigned fold);
/* Begins another ruling on the same command. */
void unasked_begin(struct ruling *ruling);
/* Is it allowed in every reading, with nothing to record? */
bool unasked_is_enough(const struct ruling *ruling);
/* After several readings of one statement: makes the ruling that of one statement, which changes
 * nothing in the session. */
void unasked_settle(struct ruling *ruling);

/* --- words.c --- */

/* Writes the error for the client of a refused statement. */
void words_refuse(const struct binding *binding, const struct sql_facts *facts,
                  const struct verdict *verdict, struct refusal *refusal);

/* --- statement.c --- */

/* If the server did not tell its state, the facts become undetermined. */
void statement_unknown(const struct belief *belief, struct sql_facts *facts);
/* Adds one statement to the ruling: its verdict, the owners of the tables that it writes, whether
 * it is a violation. */
void statement_rule(struct judging *judging, const struct sql_facts *facts,
                    const struct place *place);
/* If it makes a likeness of the service's own tables alone, nothing is remembered of them. */
void statement_note_likeness(const struct judging *judging, struct sql_facts *facts);
/* It runs, and may leave a temporary table. `certain`: what the session remembers of it is taken.
 */
void statement_leaves_table(struct ruling *ruling, const struct sql_facts *facts, bool certain);
/* Sets the end of the statement at `start`, whose list was read in batches. */
void statement_ends(struct ruling *ruling, size_t start, size_t end);
/* To be called when all statements are in the ruling. */
void statement_conclude(struct judging *judging);

#endif
