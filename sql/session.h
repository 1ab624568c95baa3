/* What a session's own statements leave behind that later ones may use: temporary tables, user
 * variables that hold a literal, statements of SQL's PREPARE, open handlers, XA transactions. A
 * value: whoever looks at it never
 * changes it, and a statement makes a new one out of the one before it, so that a command can be
 * read in several ways, or read again, and leave nothing behind. NULL is an empty one, so that the
 * many sessions that never do such things pay nothing. Bounded: past SQL_SESSION_ENTRIES entries or
 * SQL_SESSION_BYTES bytes (and a fourth for what MERGE tables stand on) the oldest entry is
 * forgotten, which makes the gate stricter, never laxer: what is not remembered is a real table or
 * undetermined.
 */
#ifndef SQL_SESSION_H
#define SQL_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/facts.h"

enum { SQL_SESSION_ENTRIES = 256, SQL_SESSION_BYTES = 262144 };

/* Statements of one command that change something; past them all is forgotten. */
enum { SQL_SESSION_STEPS = 512 };

/* A longer text of SQL's PREPARE is not remembered, but only what it touches. */
enum { SQL_SESSION_TEXT = 4096 };

struct sql_session;
struct arena;

/* Is there a temporary table, an XA transaction of its own, an open handler? Each may be said of
 * one that is gone, never the other way round. */
bool sql_session_has_temporary(const struct sql_session *session);
bool sql_session_has_xa(const struct sql_session *session);
bool sql_session_has_handler(const struct sql_session *session);

/* A temporary MERGE table may be read under a name that is not known here (it was renamed, or the
 * command that made it has failed behind it), by stored code and by what was prepared before it. So
 * whoever uses a table or calls a routine in such a session may use what these facts name: one by
 * one, from *next = 0 on, NULL past the last. Of what was made in earlier commands. */
const struct sql_facts *sql_session_union(const struct sql_session *session, unsigned *next);

/* The text of the statement that SQL's PREPARE made of this name, and the database in which it did
 * (`at` NULL: none). False where it is not known. */
bool sql_session_prepared(const struct sql_session *session, struct text name,
                          struct text *database, struct text *text);

/* What is remembered once the statement has run: `before` itself where that is the same, else laid
 * over `before` in memory of `arena`. To be called for each statement whose facts have
 * SQL_EFFECT_SESSION, in order; copies what it keeps of `facts`, which may point into `before`. */
const struct sql_session *sql_session_after(const struct sql_session *before,
                                            const struct sql_facts *facts, struct arena *arena);

/* The same where nothing is known of what has run. */
const struct sql_session *sql_session_lost(const struct sql_session *before, struct arena *arena);

/* The command is over: *session, which `after` was laid over, becomes what `after` says. Where the
 * command has failed (`kept` false) some of it may have run: what it takes away is forgotten, what
 * it adds is not there. Makes *session where it is NULL. */
void sql_session_settle(struct sql_session **session, const struct sql_session *after, bool kept);

/* Both in one, where it is known that the statement has succeeded. */
void sql_session_apply(struct sql_session **session, const struct sql_facts *facts);

/* Could this statement change what is remembered without naming it? Then it needs
 * sql_session_after: the analysis sees to that with SQL_EFFECT_SESSION, and for kept facts whoever
 * executes them asks anew. False where nothing is remembered. */
bool sql_session_disturbed(const struct sql_session *session, const struct sql_facts *facts);

/* To be called on a copy of the kept facts of a prepared statement at each execution: a temporary
 * table of the time of its PREPARE may be gone, and the server then takes the real one of its name;
 * so may an XA transaction, and somebody else's have its identifier.
 * And the name of a HANDLER READ may be that of another table by now.
 * The other way round (a temporary table that has come since) the facts stay as strict as they
 * were. */
void sql_session_renew(const struct sql_session *session, struct sql_facts *facts);

/* Its XA transaction is prepared: from now on any session of the service may end it, so whoever
 * knows those has to be asked. */
void sql_session_forget_xa(struct sql_session *session);

/* Bytes that it keeps. */
size_t sql_session_bytes(const struct sql_session *session);

/* COM_RESET_CONNECTION, COM_CHANGE_USER and the end of a session: frees all and sets NULL. */
void sql_session_free(struct sql_session **session);

#endif
