/* What silogate remembers of a session's earlier statements because later statements may use it:
 * temporary tables, user variables that hold a literal, statements of SQL's PREPARE, open handlers,
 * XA transactions. The analysis only reads this value. A statement makes a new value out of the old
 * one, so a command can be analysed in several ways, or again, and the old value stays as it was.
 * NULL means that nothing is remembered; most sessions never need more, and cost no memory here.
 * The size is bounded: past SQL_SESSION_ENTRIES entries or SQL_SESSION_BYTES bytes the oldest entry
 * is forgotten (base tables of MERGE tables have a limit of their own, a fourth of these bytes).
 * Forgetting makes the gate stricter, never laxer: a table that is not remembered counts as a real
 * one, anything else as undetermined.
 */
#ifndef SQL_SESSION_H
#define SQL_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/facts.h"

enum { SQL_SESSION_ENTRIES = 256, SQL_SESSION_BYTES = 262144 };

/* If one command has more statements than this that change the session, all is forgotten. */
enum { SQL_SESSION_STEPS = 512 };

/* For a longer text of SQL's PREPARE only its facts are remembered, not the text. */
enum { SQL_SESSION_TEXT = 4096 };

struct sql_session;
struct arena;

/* Does the session have a temporary table, an XA transaction that it started? The answer may be
 * true although it is gone already. */
bool sql_session_has_temporary(const struct sql_session *session);
bool sql_session_has_xa(const struct sql_session *session);

/* The facts of the statements that made temporary MERGE tables in earlier commands: one per call,
 * start with *next = 0, NULL past the last. The name of such a table may be unknown here: it was
 * renamed, or its command failed after the table was made. Stored code and statements that were
 * prepared earlier may read it too. So each statement of such a session that uses a table or calls
 * a routine may use the objects of these facts. */
const struct sql_facts *sql_session_union(const struct sql_session *session, unsigned *next);

/* Call it before sql_session_after if facts->likeness is set and the real tables of the statement
 * are the service's own: then no later statement has to be judged by them. Otherwise the new table
 * counts as a MERGE table over whatever LIKE names, because it may be one. */
void sql_session_own_likeness(struct sql_facts *facts);

/* The text of the statement that SQL's PREPARE gave this name, and the current database at that
 * time (`at` NULL: none). False if they are not known. */
bool sql_session_prepared(const struct sql_session *session, struct text name,
                          struct text *database, struct text *text);
/* facts->prepared_in of its PREPARE; 0: it is not known. */
uint64_t sql_session_prepared_in(const struct sql_session *session, struct text name);

/* What is remembered once the statement has run: `before` itself if nothing changes, else a value
 * in memory of `arena` that points to `before`. Call it for each statement whose facts have
 * SQL_EFFECT_SESSION, in order. It copies what it keeps of `facts`, which may point into `before`.
 */
const struct sql_session *sql_session_after(const struct sql_session *before,
                                            const struct sql_facts *facts, struct arena *arena);

/* The same for a statement that the server has only prepared, and for COM_FIELD_LIST on MariaDB
 * (call sql_session_describes on its facts first): it may have evaluated functions, and set user
 * variables, even if it then failed. */
void sql_session_describes(struct sql_facts *facts);
const struct sql_session *sql_session_described(const struct sql_session *before,
                                                const struct sql_facts *facts, struct arena *arena);

/* The same for a statement of which nothing is known. */
const struct sql_session *sql_session_lost(const struct sql_session *before, struct arena *arena);

/* The same for a statement of a text that may be read in several ways: only a temporary MERGE table
 * that it may make is remembered, under any name. */
const struct sql_session *sql_session_unite(const struct sql_session *before,
                                            const struct sql_facts *facts, struct arena *arena);

/* Will sql_session_after remember the temporary table that the statement makes? */
bool sql_session_takes_table(const struct sql_facts *facts);

/* The command is over: *session, on which `after` is based, becomes what `after` says. If the
 * command has failed (`kept` false) some of its statements may have run: what they remove is
 * forgotten, what they add is not remembered (but the base tables of a temporary MERGE table are).
 * Allocates *session if it is NULL and something is added. Returns whether the session may have a
 * temporary table that is not remembered any more, or was not; `several`: the command has more than
 * one statement, of which some may have run even if it has failed. */
bool sql_session_settle(struct sql_session **session, const struct sql_session *after, bool kept,
                        bool several);

/* sql_session_after and sql_session_settle in one, for a statement that has succeeded. */
void sql_session_apply(struct sql_session **session, const struct sql_facts *facts);

/* Could this statement change a remembered thing that it does not name? Then it needs
 * sql_session_after: the analysis sets SQL_EFFECT_SESSION for this. For the kept facts of a
 * prepared statement, call this again at each execution. False if nothing is remembered. */
bool sql_session_disturbed(const struct sql_session *session, const struct sql_facts *facts);

/* Call it on a copy of the kept facts of a prepared statement at each execution, because the
 * session may have changed since the PREPARE. A temporary table may be gone; the server then uses
 * the real table of this name. An XA transaction may be over, and another session may have one with
 * its identifier. The name in a HANDLER READ may stand for another table. A temporary table that
 * was created since is ignored: the facts stay as strict as they were. */
void sql_session_renew(const struct sql_session *session, struct sql_facts *facts);

/* Call it on the facts of a statement that COM_STMT_EXECUTE runs, or of its PREPARE: which value it
 * gives a user variable depends on the state of the session at both. The variable will be
 * forgotten. */
void sql_session_doubt_value(struct sql_facts *facts);

/* Call it when the session's XA transaction is prepared. From then on any session of the service
 * may end it, so it is no longer this session's: judge/ knows the prepared ones. */
void sql_session_forget_xa(struct sql_session *session);

/* Bytes of memory that `session` takes. */
size_t sql_session_bytes(const struct sql_session *session);

/* COM_RESET_CONNECTION, COM_CHANGE_USER and the end of a session: frees all and sets NULL. */
void sql_session_free(struct sql_session **session);

#endif
