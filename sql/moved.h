/* Where the tables of open moves stand: an immutable, counted table of names, made from a server's
 * catalogue and looked at by whoever judges. Both names of a table lead to it.
 *
 * Tables that are not moved themselves but hang on those that are (by a foreign key, a view, a
 * trigger) are listed as well: whoever uses them may lock the moved ones.
 */
#ifndef SQL_MOVED_H
#define SQL_MOVED_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/facts.h"

struct sql_moved;

/* An empty one, with one reference. `fold`: the server compares names without case. */
struct sql_moved *sql_moved_new(bool fold);
/* The server takes no packet of so many bytes or more; UINT64_MAX where it was not said. */
void sql_moved_limit(struct sql_moved *moved, uint64_t bytes);
uint64_t sql_moved_most(const struct sql_moved *moved);
struct sql_moved *sql_moved_take(struct sql_moved *moved);
void sql_moved_drop(struct sql_moved *moved); /* NULL is harmless */

/* While it is made, by one thread. A table or trigger of the move `number` (0 to 63), out of `from`
 * into `to`, which stands in one of the two. Texts are copied. */
void sql_moved_add(struct sql_moved *moved, enum sql_type type, struct text from, struct text to,
                   struct text name, bool in_to, unsigned number);
/* A table that hangs on one of the move's. */
void sql_moved_hang(struct sql_moved *moved, struct text schema, struct text name, unsigned number);

/* sql_where's `stands`: `moved` is a struct sql_moved. */
struct text sql_moved_stands(const void *moved, enum sql_type type, struct text schema,
                             struct text name);
/* The same as it will be when all is moved: a rehearsal. */
struct text sql_moved_will_stand(const void *moved, enum sql_type type, struct text schema,
                                 struct text name);
/* Is it one of the tables themselves, by either of its names? */
bool sql_moved_has(const struct sql_moved *moved, struct text schema, struct text name);
/* A number for where the tables of the statement stand; the same as long as they stay there.
 * `moved` may be NULL. */
uint64_t sql_moved_print(const struct sql_moved *moved, const struct sql_facts *facts);
/* A bit for each move of tables out of or into the schema. */
uint64_t sql_moved_in(const struct sql_moved *moved, struct text schema);
/* A bit for each move whose tables, or what hangs on them, the statement may touch. What is not
 * determined, and routines, may touch all. */
uint64_t sql_moved_touches(const struct sql_moved *moved, const struct sql_facts *facts);
/* A bit for each move that has names in it. */
uint64_t sql_moved_all(const struct sql_moved *moved);

#endif
