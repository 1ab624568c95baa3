/* Names outside of a statement's text: the user and database of a login, the database of
 * COM_INIT_DB, the table of COM_FIELD_LIST. They are read as the servers read them, or refused. The
 * servers remove quotes around a user and cut a name that is too long; MySQL also removes invalid
 * UTF-8 at the end of a name; in a character set other than UTF-8 the same bytes are another name
 * (seen on MySQL 9.7 and MariaDB 10.11).
 */
#ifndef SQL_IDENTIFIER_H
#define SQL_IDENTIFIER_H

#include <stdbool.h>

#include "base/text.h"
#include "sql/state.h"

enum { SQL_IDENTIFIER_CHARACTERS = 64, SQL_IDENTIFIER_BYTES = 192 };

/* Sets *user to the user that a server logs in for `name` and the handshake's collation number. It
 * is a slice of `name`, and is always set. False: the server's user is not known, and the login
 * must be refused. */
bool sql_identifier_user(struct text name, enum sql_dialect dialect, uint32_t collation,
                         struct text *user);

/* Sets *as_read to the database or table that a server reads for `name`: `name` itself, or its
 * lower case if lower_case_table_names asks for it, written to `to` (SQL_IDENTIFIER_BYTES long).
 * Returns NULL, or why the name is not known (static; *as_read is then `name`). Uses only the
 * character set and lower_case_table_names of `state`. */
const char *sql_identifier_table(struct text name, const struct sql_state *state, char *to,
                                 struct text *as_read);

#endif
