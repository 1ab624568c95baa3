/* From a command to a ruling: functions of the belief, the session's binding, and the command.
 * They have no side effects and use no sockets: judged twice, a command gets the same ruling.
 * ruling_begin must be called before each. Called by proxy/ for every command that is judged.
 */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "judge/ruling.h"

/* The text of COM_QUERY: every statement in it. */
void judge_text(const struct belief *belief, const struct binding *binding, struct text text,
                struct ruling *ruling);

/* The text of COM_STMT_PREPARE. Only a refusal is recorded, because each execution is judged and
 * recorded. */
void judge_prepare(const struct belief *belief, const struct binding *binding, struct text text,
                   struct ruling *ruling);

/* An execution of a prepared statement. With `executes` false another command about it:
 * COM_STMT_SEND_LONG_DATA, COM_STMT_FETCH. */
void judge_execute(const struct belief *belief, const struct binding *binding,
                   const struct prepared *prepared, bool executes, struct ruling *ruling);

/* After judge_execute for COM_STMT_SEND_LONG_DATA: adds to the ruling which moves an execution
 * would touch, and whether the statement must be prepared again first. */
void judge_long_data(const struct belief *belief, const struct prepared *prepared,
                     struct ruling *ruling);

/* The text of a prepared statement, with the present names of its moved tables; uses ruling->edits
 * and ruling->moved. False: it cannot be prepared again, *why has the reason. */
bool judge_renew(const struct belief *belief, const struct prepared *prepared,
                 struct ruling *ruling, const char **why);

/* The same for a text of SQL's PREPARE; `state` is the present one, but with the database of the
 * PREPARE. */
bool judge_renew_text(const struct belief *belief, struct text text, const struct sql_state *state,
                      struct ruling *ruling, const char **why);

/* Does the judged command set ROW_COUNT() and the warnings anew, without asking for those of before
 * (sql/asks.h)? Only statements that are executed do: no PREPARE, no COM_INIT_DB; and on MariaDB
 * none without tables, as it leaves the warnings as they are. One that calls a routine, or cannot
 * be determined, may ask; what triggers and views ask is not seen.
 */
bool judge_sets_anew(const struct belief *belief, const struct ruling *ruling);

/* Where the moved tables of a prepared statement are: what ruling->print is at its execution. */
uint64_t judge_print(const struct sql_moved *moved, const struct prepared *prepared);

/* COM_INIT_DB; `name` may be rewritten. */
void judge_init_db(const struct belief *belief, const struct binding *binding, struct text name,
                   struct ruling *ruling);

/* COM_FIELD_LIST: the columns of a table of the current database. */
void judge_field_list(const struct belief *belief, const struct binding *binding, struct text table,
                      struct ruling *ruling);

/* COM_PROCESS_KILL. `*thread` becomes the server's thread id. */
void judge_kill(const struct belief *belief, const struct binding *binding, uint32_t id,
                uint32_t *thread, struct ruling *ruling);

/* A command that acts on the server itself. */
void judge_administration(const struct belief *belief, const struct binding *binding,
                          const char *kind, struct ruling *ruling);

/* A login that asks for the database `name`; this is the first that is judged in a session.
 * `state`: the state at its start, from its collation and what is known of the server. */
void judge_initial_db(const struct sql_state *state, const struct binding *binding,
                      struct text name, struct ruling *ruling);

/* The facts of a violation of the ruling; valid until the next call. */
const struct sql_facts *judge_facts(const struct belief *belief, const struct binding *binding,
                                    const struct ruling_part *part, struct ruling *ruling);

/* If ruling->has_rest: the next violations, which replace the present ones. */
void judge_rest(const struct belief *belief, const struct binding *binding, struct ruling *ruling);

#endif
