/* SQL text -> facts. A pure function: no allocation, no logging, no names of services, no rules.
 * Never reads past the text. The work is linear in the text's length. The same text, state and
 * session always give the same facts.
 */
#ifndef SQL_ANALYZE_H
#define SQL_ANALYZE_H

#include <stddef.h>

#include "sql/facts.h"
#include "sql/session.h"
#include "sql/state.h"

/* Reads the statement that starts at `offset` of `text` (the text of one COM_QUERY or
 * COM_STMT_PREPARE in the session's character_set_client; at most 2^32 - 1 bytes), fills `facts`
 * and returns the offset of the next statement, or text.length behind the last one. Offsets in the
 * facts count from the start of `text`. An empty rest (white space, comments, nothing) gives kind
 * SQL_EMPTY, determined, no objects.
 *
 * If a statement is not understood, its facts are undetermined and list the objects found so far;
 * the rest of the text belongs to the statement (returns text.length).
 *
 * `session` may be NULL. `facts` keeps pointers into `text`, `state` and `session`.
 */
size_t sql_analyze(struct text text, size_t offset, const struct sql_state *state,
                   const struct sql_session *session, struct sql_facts *facts);

/* The same, but a long list of plain names (LOCK TABLES, DROP TABLE, CHECK TABLE and similar) may
 * come in batches. `from` is 0 for the first batch. While facts->list_next is not 0, call again
 * with it as `from` and the other arguments unchanged. The batches together list the same objects
 * as one large batch; only the offset that the last call returns is valid. */
size_t sql_analyze_batch(struct text text, size_t offset, uint32_t from,
                         const struct sql_state *state, const struct sql_session *session,
                         struct sql_facts *facts);

#endif
