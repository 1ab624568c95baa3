/* Between the analysis and sql/session.c: how a statement changes what is remembered of its session
 * (facts->session), and the look-ups that the analysis makes. Only files of sql/ include this.
 */
#ifndef SQL_SESSION_INTERNAL_H
#define SQL_SESSION_INTERNAL_H

#include <stdbool.h>

#include "sql/facts.h"
#include "sql/session.h"

/* facts->session.action: a union of these. Any but SQL_ACTION_RUNS_CODE and _EVALUATES comes with
 * SQL_EFFECT_SESSION. Entries are forgotten first, then the new one is added. */
enum sql_action {
    /* The statement sets user variables in another way than SQL_ACTION_SET_VARIABLE: `:=`, INTO @v,
     * several in one SET, an expression. */
    SQL_ACTION_FORGET_VARIABLES = 1,
    SQL_ACTION_FORGET_ALL = 2,
    /* SET @name = 'literal', the one user variable that the statement sets: `name` (without @ and
     * quotes) holds `value` from now on, with its escapes undone. `value.at` NULL: its value is
     * unknown. Together with SQL_ACTION_FORGET_VARIABLES this one is not remembered either. For SET
     * @name = @@sql_mode and @@character_set_client `value` is a text that means the same; for SET
     * @name = IF(condition, 'literal', 'literal') it is both literals, with a zero byte between
     * them; for SET @name = 1073741825, a number that may be a session's id, it is a zero byte and
     * the digits. */
    SQL_ACTION_SET_VARIABLE = 4,
    /* CREATE TEMPORARY TABLE, not inside a body or compound statement: `name` in schema `value`.
     * `value.at` NULL: ALTER makes a MERGE table of one that may be temporary. */
    SQL_ACTION_CREATE_TEMPORARY = 8,
    /* DROP, RENAME, or ALTER with RENAME TO: no object with SQL_DEFINE is a temporary table any
     * more. The new name is not followed: it counts as a real table. */
    SQL_ACTION_DROP_TABLES = 16,
    /* PREPARE name FROM: `facts` are those of an EXECUTE (may be the same facts); NULL if they are
     * not known, or if the prepared statement has effects that `later` cannot say. */
    SQL_ACTION_PREPARE = 32,
    SQL_ACTION_DEALLOCATE = 64, /* DEALLOCATE or DROP PREPARE: `name` */
    /* This statement reads or writes rows or calls a function when it runs, so stored code may run,
     * also that of triggers and views. (A view or routine that it only defines does not count.)
     * Comes without SQL_EFFECT_SESSION if it is the only action. */
    SQL_ACTION_RUNS_CODE = 128,
    /* HANDLER OPEN: `name` reads the objects of `facts` from now on. Below: HANDLER CLOSE. */
    SQL_ACTION_OPEN_HANDLER = 2048,
    SQL_ACTION_CLOSE_HANDLER = 256,
    /* XA START: the transaction is this session's; `name` is its identifier as written. */
    SQL_ACTION_XA = 512,
    SQL_ACTION_XA_OVER = 1024, /* XA COMMIT, ROLLBACK of `name`: it is over */
    /* The temporary tables of the session are not known any more, nor their names. */
    SQL_ACTION_FORGET_TABLES = 4096,
    /* CREATE TEMPORARY TABLE LIKE: of a MERGE table there may now be two. */
    SQL_ACTION_LIKENESS = 8192,
    /* The server may evaluate what sets user variables, although the statement only prepares
     * another one (MySQL: `WHERE (@v := 'x') <> ''`, MariaDB: `ROUND(1.2, f())`) or, MariaDB, only
     * opens a table or view: functions of views, `DEFAULT ((@v := 'x'))`. Comes without
     * SQL_EFFECT_SESSION if it is the only action. */
    SQL_ACTION_EVALUATES = 16384,
};

/* facts->session.later: a union of these. Which table, mode or database it is, is not kept. */
enum sql_later {
    SQL_LATER_TABLES = 1,   /* makes, renames or drops temporary tables */
    SQL_LATER_STATE = 2,    /* sets sql_mode or character sets */
    SQL_LATER_DATABASE = 4, /* USE, DROP DATABASE */
    SQL_LATER_CREATES = 8,  /* with SQL_LATER_TABLES: makes the temporary table of objects[0] */
};

/* Is (schema, name) a temporary table that this session created? Names as facts have them. */
bool sql_session_has_table(const struct sql_session *session, struct text schema, struct text name);

/* The literal that a user variable is known to hold (`name` without @ and quotes); `at` NULL if it
 * is not known. Valid as long as `session`. */
struct text sql_session_variable(const struct sql_session *session, struct text name);

/* The facts of a statement that SQL's PREPARE made; NULL if they are not known. Names without a
 * schema belong to the current database at the time of the PREPARE, as on the servers. The caller
 * has to find out `session_only` of each object again. */
const struct sql_facts *sql_session_statement(const struct sql_session *session, struct text name);

/* The facts of the statement that made the temporary MERGE table (schema, name), whose UNION names
 * other tables: a use of it is a use of these. NULL if there is no such table. */
const struct sql_facts *sql_session_united(const struct sql_session *session, struct text schema,
                                           struct text name);

/* The facts of the HANDLER OPEN that opened `name`; NULL if it is not known. */
const struct sql_facts *sql_session_handler(const struct sql_session *session, struct text name);

/* Has this session started the transaction of this XA identifier? */
bool sql_session_started(const struct sql_session *session, struct text xid);

/* May this statement run code in the server whose text silogate does not see here: a routine that
 * it calls, a trigger of a table that it writes to, a function in a view that it reads or shows? */
bool sql_facts_run_code(const struct sql_facts *facts);

/* The same while the server only prepares it. (MariaDB: SQL_ACTION_EVALUATES says it too.) */
bool sql_facts_evaluate_early(const struct sql_facts *facts);

#endif
