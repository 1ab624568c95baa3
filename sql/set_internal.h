/* Shared by the three files of SET; no other file includes this. */
#ifndef SQL_SET_INTERNAL_H
#define SQL_SET_INTERNAL_H

#include "sql/parser.h"

/* The left side of a setting: scope and name. */
struct assignment {
    bool global, user;
    bool scoped;      /* it has a scope of its own */
    bool column;      /* NEW.x in a trigger: not a variable, even if a variable has its name */
    struct name name; /* a user variable's without @ and quotes */
};

/* Takes GLOBAL, SESSION and so on, if there is one. */
void take_scope(struct parser *p, struct assignment *assignment);
/* Takes @@name or @@session.name, the value of this session. */
bool take_own(struct parser *p, struct text name);
/* Reads IF(condition, 'literal', 'literal') after the equals sign of a user variable; the last
 * argument may be another IF, and all may be inside (SELECT IF(..) ..). Returns all literals, with
 * zero bytes between them; `at` NULL if it is something else. p does not move. */
struct text read_choice(struct parser *p);
/* Takes any value, ON included. */
void parse_value(struct parser *p);
bool at_value_end(const struct parser *p);
/* Read what follows the equals sign of sql_mode or of character_set_client, or the words NAMES or
 * CHARACTER SET. */
void set_mode(struct parser *p);
void set_charset(struct parser *p);
void set_names(struct parser *p, bool names);
/* Reads what follows the equals sign of character_set_connection or collation_connection. */
void set_connection(struct parser *p);

#endif
