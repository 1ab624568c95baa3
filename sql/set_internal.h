/* Between the two files of SET; nobody else includes this. */
#ifndef SQL_SET_INTERNAL_H
#define SQL_SET_INTERNAL_H

#include "sql/parser.h"

/* What is set: by scope and name. */
struct assignment {
    bool global, user;
    bool column;      /* NEW.x in a trigger: never a variable, whatever its name */
    struct name name; /* of a user variable without @ and quotes */
};

/* GLOBAL, SESSION and so on, where one stands. */
void take_scope(struct parser *p, struct assignment *assignment);
/* @@name or @@session.name of this session: takes it. */
bool take_own(struct parser *p, struct text name);
/* Behind the equals sign of a user variable: IF(condition, 'literal', 'literal'), which may hold
 * one itself in the last place, by itself or as (SELECT IF(..) ..): all that it can be, with zero
 * bytes between; `at` NULL where it is something else. p stays where it is. */
struct text read_choice(struct parser *p);
/* Any value, ON included. */
void parse_value(struct parser *p);
bool at_value_end(const struct parser *p);
/* Behind the equals sign of sql_mode and character_set_client; behind NAMES and CHARACTER SET. */
void set_mode(struct parser *p);
void set_charset(struct parser *p);
void set_names(struct parser *p, bool names);
/* Behind the equals sign of character_set_connection and collation_connection. */
void set_connection(struct parser *p);

#endif
