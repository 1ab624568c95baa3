/* Names that come by themselves, outside of a statement's text: the user and database of a login,
 * the database of COM_INIT_DB, the table of COM_FIELD_LIST. Read as the servers read them, or not
 * at all: they drop quotes around a user, on MySQL what is no UTF-8 at a name's end, and what is
 * too long; in other character sets than UTF-8 the bytes are another name (seen on MySQL 9.7 and
 * MariaDB 10.11).
 */
#ifndef SQL_IDENTIFIER_H
#define SQL_IDENTIFIER_H

#include <stdbool.h>

#include "base/text.h"
#include "sql/state.h"

enum { SQL_IDENTIFIER_CHARACTERS = 64, SQL_IDENTIFIER_BYTES = 192 };

/* The user that a server logs in who sends `name` with the handshake collation of that number: a
 * part of `name`, always set. False: which one that is cannot be told, and the login must be
 * refused. */
bool sql_identifier_user(struct text name, enum sql_dialect dialect, uint32_t collation,
                         struct text *user);

/* The database or table that a server takes `name` for: `name`, or where lower_case_table_names
 * asks for it lower case written to `to`, SQL_IDENTIFIER_BYTES long. NULL, or why it cannot be told
 * (static; then *as_read is `name`). Of `state` dialect, character set and lower_case_table_names
 * count. */
const char *sql_identifier_table(struct text name, const struct sql_state *state, char *to,
                                 struct text *as_read);

#endif
