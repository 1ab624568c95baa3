/* From a command to a ruling: functions of what is believed, of whose the session is, and of the
 * command. No sockets, no side effects: judged twice, the same ruling. Before each call
 * ruling_begin. Called by proxy/ for every command that is judged.
 */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "judge/ruling.h"

/* The text of COM_QUERY: every statement in it. */
void judge_text(const struct belief *belief, const struct binding *binding, struct text text,
                struct ruling *ruling);

/* The text of COM_STMT_PREPARE. Only a refusal is recorded: each execution is judged and recorded
 * itself. */
void judge_prepare(const struct belief *belief, const struct binding *binding, struct text text,
                   struct ruling *ruling);

/* An execution of a prepared statement, or with `executes` false only something about it: a
 * parameter's bytes, the rows of a cursor. */
void judge_execute(const struct belief *belief, const struct binding *binding,
                   const struct prepared *prepared, bool executes, struct ruling *ruling);

/* Behind judge_execute of a parameter's bytes: in the ruling, what an execution would touch and
 * whether the statement must be prepared anew first. */
void judge_long_data(const struct belief *belief, const struct prepared *prepared,
                     struct ruling *ruling);

/* The text of a prepared statement as it is to be prepared now that its tables stand elsewhere:
 * `ruling`'s edits, and ruling->moved are used. False: it cannot be, and *why says why. */
bool judge_renew(const struct belief *belief, const struct prepared *prepared,
                 struct ruling *ruling, const char **why);

/* The same of a text of SQL's PREPARE; `state` is that of now, in the database of then. */
bool judge_renew_text(const struct belief *belief, struct text text, const struct sql_state *state,
                      struct ruling *ruling, const char **why);

/* COM_INIT_DB; `name` may be rewritten. */
void judge_init_db(const struct belief *belief, const struct binding *binding, struct text name,
                   struct ruling *ruling);

/* COM_FIELD_LIST: the columns of a table of the current database. */
void judge_field_list(const struct belief *belief, const struct binding *binding, struct text table,
                      struct ruling *ruling);

/* COM_PROCESS_KILL. `*thread` is the number that the server knows. */
void judge_kill(const struct belief *belief, const struct binding *binding, uint32_t id,
                uint32_t *thread, struct ruling *ruling);

/* A command that acts on the server itself. */
void judge_administration(const struct belief *belief, const struct binding *binding,
                          const char *kind, struct ruling *ruling);

/* A login that asks for the database `name`: the first that is judged of a session. `state`: as it
 * begins, by its collation and what is known of the server. */
void judge_initial_db(const struct sql_state *state, const struct binding *binding,
                      struct text name, struct ruling *ruling);

/* The facts of a violation that a ruling has; they live until the next call. */
const struct sql_facts *judge_facts(const struct belief *belief, const struct binding *binding,
                                    const struct ruling_part *part, struct ruling *ruling);

/* The next of the violations where ruling->has_rest: they replace those that were there. */
void judge_rest(const struct belief *belief, const struct binding *binding, struct ruling *ruling);

#endif
