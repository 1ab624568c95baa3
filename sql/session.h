/* What a session's own statements leave behind that later ones may use: temporary tables, user
 * variables that hold a literal, statements of SQL's PREPARE. NULL is an empty one, so that the
 * many sessions that never do such things pay nothing. Bounded: past SQL_SESSION_ENTRIES entries or
 * SQL_SESSION_BYTES bytes the oldest entry is forgotten, which makes the gate stricter, never
 * laxer: what is not remembered is a real table or undetermined.
 *
 * A command's statements are applied one by one while they are judged: what they take away is gone
 * at once, what they add is there for the rest of the command and stays once the server has
 * answered (sql_session_settle).
 */
#ifndef SQL_SESSION_H
#define SQL_SESSION_H

#include <stdbool.h>

#include "sql/facts.h"

enum { SQL_SESSION_ENTRIES = 256, SQL_SESSION_BYTES = 262144 };

struct sql_session;

/* To be called for each statement of a command whose facts have SQL_EFFECT_SESSION, in order.
 * Copies what it keeps. Makes *session where it is NULL. `facts` may point into the session and is
 * not to be looked at afterwards: judge and record a statement first. */
void sql_session_apply(struct sql_session **session, const struct sql_facts *facts);

/* Could this statement change what is remembered without naming it? Then it needs
 * sql_session_apply: the analysis sees to that with SQL_EFFECT_SESSION, and for kept facts whoever
 * executes them asks anew. False where nothing is remembered. */
bool sql_session_disturbed(const struct sql_session *session, const struct sql_facts *facts);

/* To be called on kept facts of a prepared statement before each execution: a temporary table of
 * that time may be gone, and the server then takes the real one of its name. The other way round (a
 * temporary table that has come since) the facts stay as strict as they were. */
void sql_session_renew(const struct sql_session *session, struct sql_facts *facts);

/* The command is over: with `kept` its additions stay, else they are forgotten. NULL is fine. */
void sql_session_settle(struct sql_session *session, bool kept);

/* COM_RESET_CONNECTION, COM_CHANGE_USER and the end of a session: frees all and sets NULL. */
void sql_session_free(struct sql_session **session);

#endif
