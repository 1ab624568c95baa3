/* SQL text -> facts. A pure function: no allocation, no logging, no names of services, no rules.
 * Never reads past the text; work is linear in its length; the same text and state always give the
 * same facts.
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
 * Where a statement is not understood its facts are undetermined, list what was found, and the rest
 * of the text belongs to it (returns text.length).
 *
 * `session` may be NULL. `facts` keeps pointers into `text`, `state` and `session`.
 */
size_t sql_analyze(struct text text, size_t offset, const struct sql_state *state,
                   const struct sql_session *session, struct sql_facts *facts);

/* The same for whoever can take a long list of plain names (LOCK TABLES, DROP TABLE, CHECK TABLE
 * and their kin) in batches: while facts->list_next is not 0 there is more of the statement, to be
 * asked for with it as `from` and everything else the same. `from` is 0 for the first batch. The
 * batches together name what one large batch would name; the returned offset holds with the last
 * one. */
size_t sql_analyze_batch(struct text text, size_t offset, uint32_t from,
                         const struct sql_state *state, const struct sql_session *session,
                         struct sql_facts *facts);

#endif
