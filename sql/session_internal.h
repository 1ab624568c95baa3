/* Between the analysis and sql/session.c: what a statement does to what its session remembers
 * (facts->session), and the look-ups that the analysis makes. Nobody outside sql/ includes this.
 */
#ifndef SQL_SESSION_INTERNAL_H
#define SQL_SESSION_INTERNAL_H

#include <stdbool.h>

#include "sql/facts.h"
#include "sql/session.h"

/* facts->session.action: a union of these; SQL_EFFECT_SESSION goes with any. What is forgotten is
 * forgotten before anything is added. */
enum sql_action {
    /* The statement sets user variables in another way than SQL_ACTION_SET_VARIABLE: `:=`, INTO @v,
     * several in one SET, an expression. */
    SQL_ACTION_FORGET_VARIABLES = 1,
    SQL_ACTION_FORGET_ALL = 2,
    /* SET @name = 'literal', the one user variable that the statement sets: `name` (without @ and
     * quotes) holds `value` from now on, with its escapes undone. `value.at` NULL: it holds
     * something unknown. With SQL_ACTION_FORGET_VARIABLES besides, it is not remembered either. For
     * SET @name = @@sql_mode and @@character_set_client the value is one that means the same; for
     * SET @name = IF(condition, 'literal', 'literal') it is both, with a zero byte between them.
     * For SET @name = 1073741825, a number that may be a session's, it is a zero byte and the
     * digits. */
    SQL_ACTION_SET_VARIABLE = 4,
    /* CREATE TEMPORARY TABLE, not inside a body or compound statement: `name` in schema `value`. */
    SQL_ACTION_CREATE_TEMPORARY = 8,
    /* DROP, RENAME, or ALTER with RENAME TO: every object with SQL_DEFINE is no temporary table any
     * more (which table has the new name is not followed: it counts as a real one). */
    SQL_ACTION_DROP_TABLES = 16,
    /* PREPARE name FROM: `facts` is what an EXECUTE does (may be the same facts); NULL where that
     * is not known, or where it has effects of its own. */
    SQL_ACTION_PREPARE = 32,
    SQL_ACTION_DEALLOCATE = 64, /* DEALLOCATE or DROP PREPARE: `name` */
    /* Rows are read or written, or a function is called, now and not when what is defined here is
     * used: stored code may run, also that of triggers and views. By itself without
     * SQL_EFFECT_SESSION. */
    SQL_ACTION_RUNS_CODE = 128,
    /* HANDLER OPEN: `name` reads the objects of `facts` from now on; CLOSE. */
    SQL_ACTION_OPEN_HANDLER = 2048,
    SQL_ACTION_CLOSE_HANDLER = 256,
    /* XA START: `name`, the identifier as it is written, is this session's. */
    SQL_ACTION_XA = 512,
    SQL_ACTION_XA_OVER = 1024, /* XA COMMIT, ROLLBACK: it may be another's next */
};

/* Is (schema, name) a temporary table that this session created? Names as facts have them. */
bool sql_session_has_table(const struct sql_session *session, struct text schema, struct text name);

/* The literal that a user variable is known to hold (`name` without @ and quotes); `at` NULL where
 * that is not known. Lives as long as the session's value. */
struct text sql_session_variable(const struct sql_session *session, struct text name);

/* The facts of a statement that SQL's PREPARE made; NULL where they are not known. The schemas are
 * those of the time of the PREPARE, as the servers have it; `session_only` has to be asked for
 * again, object by object. */
const struct sql_facts *sql_session_statement(const struct sql_session *session, struct text name);

/* The facts of the statement that made the temporary table (schema, name), where it stands on
 * others (UNION of a MERGE table): who uses it uses them. NULL: it is none, or stands on none. */
const struct sql_facts *sql_session_united(const struct sql_session *session, struct text schema,
                                           struct text name);

/* The facts of the HANDLER OPEN that `name` comes from; NULL where that is not known. */
const struct sql_facts *sql_session_handler(const struct sql_session *session, struct text name);

/* Has this session started the transaction of this XA identifier? */
bool sql_session_started(const struct sql_session *session, struct text xid);

/* May code run inside the server at this statement whose text silogate does not see here: a routine
 * that it names, a trigger of a table that it writes to, a function in a view that it reads? */
bool sql_facts_run_code(const struct sql_facts *facts);

#endif
