/* The forms in which names are compared, and how to bring a name into one. Private to policy/.
 *
 * Tables, views and schemas: as written, or in lower case if the upstream's lower_case_table_names
 * is not 0. Routines, events and triggers: by utf8mb3_general_ci, whatever that setting says.
 * `CALL s.gétpatient()` runs s.getpatient (seen on MySQL 9.7). Their schemas are compared as those
 * of tables; but once a session has called a routine, MySQL finds it in its cache by `S.getpatient`
 * too. So both forms count (policy_check_object).
 */
#ifndef POLICY_CASEFOLD_H
#define POLICY_CASEFOLD_H

#include "base/text.h"

enum name_form { AS_WRITTEN, IN_LOWER_CASE, CASEFOLDED, CASEFOLDED_NAME, NAME_FORMS };

/* `name` in that form: itself, or written to `to`, which has room for as many bytes as it has. */
struct text name_in(enum name_form form, struct text name, char *to);

/* The same for a schema, which CASEFOLDED_NAME leaves as it is. */
struct text schema_in(enum name_form form, struct text schema, char *to);

#endif
