/* Where the tables of open moves stand: an immutable, reference-counted table of names, made from a
 * server's catalogue and read by judge/. Each moved table has an entry for its old and its new
 * name.
 *
 * Tables that are not moved but depend on moved tables (by a foreign key, a view, a trigger) are
 * listed too: a statement that uses them may lock moved tables.
 */
#ifndef SQL_MOVED_H
#define SQL_MOVED_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/facts.h"

struct sql_moved;

/* An empty table with one reference. `fold`: the server compares names without case. */
struct sql_moved *sql_moved_new(bool fold);
/* max_allowed_packet of the server, which refuses packets of so many bytes. UINT64_MAX: unknown. */
void sql_moved_limit(struct sql_moved *moved, uint64_t bytes);
uint64_t sql_moved_most(const struct sql_moved *moved);
struct sql_moved *sql_moved_take(struct sql_moved *moved);
void sql_moved_drop(struct sql_moved *moved); /* NULL is harmless */

/* The functions that add names may be called only by the thread that makes the table, before it
 * is shared. Adds a table or trigger of the move `number` (0 to 63) from schema `from` to schema
 * `to`; `in_to`: it stands in `to` now, else in `from`. If two would get the same name in `to`, it
 * is the name of neither as long as none stands there. Texts are copied. */
void sql_moved_add(struct sql_moved *moved, enum sql_type type, struct text from, struct text to,
                   struct text name, bool in_to, unsigned number);
/* Adds a table that depends on a table of the move. */
void sql_moved_hang(struct sql_moved *moved, struct text schema, struct text name, unsigned number);

/* A table of this name, a pattern for `matches`, in one of the two schemas belongs to a move even
 * if it is not added: it was at neither place when the catalogue was read. Texts are copied. */
void sql_moved_expect(struct sql_moved *moved, struct text from, struct text to, struct text name,
                      bool (*matches)(struct text pattern, struct text name));
/* This one does not, although its name is expected. */
void sql_moved_except(struct sql_moved *moved, struct text schema, struct text name);

/* For `stands` of struct sql_where; `moved` is a struct sql_moved. */
struct text sql_moved_stands(const void *moved, enum sql_type type, struct text schema,
                             struct text name);
/* The same, with each table where it will stand after its move: for a rehearsal. */
struct text sql_moved_will_stand(const void *moved, enum sql_type type, struct text schema,
                                 struct text name);
/* Are names compared without case? */
bool sql_moved_folds(const struct sql_moved *moved);
/* Is it the old or new name of a moved table? */
bool sql_moved_has(const struct sql_moved *moved, struct text schema, struct text name);
/* Is it expected, and not there? */
bool sql_moved_expects(const struct sql_moved *moved, struct text schema, struct text name);
/* A hash of the schemas where the tables of the statement stand: it changes when one of them moves.
 * `moved` may be NULL. */
uint64_t sql_moved_print(const struct sql_moved *moved, const struct sql_facts *facts);
/* A number that is another one when a table has moved, there or back. */
uint64_t sql_moved_places(const struct sql_moved *moved);
/* Does a table of a move stand in this schema? `schema.at` may be NULL. */
bool sql_moved_stand_in(const struct sql_moved *moved, struct text schema);
/* A bit for each move with a table whose old schema it is, or whose new schema it is while the
 * table does not stand there yet. */
uint64_t sql_moved_in(const struct sql_moved *moved, struct text schema);
/* A bit for each move with a table, or a table that depends on one, that the statement may use. An
 * undetermined statement and a call of a routine may use all. */
uint64_t sql_moved_touches(const struct sql_moved *moved, const struct sql_facts *facts);
/* A bit for each move that has names in it. */
uint64_t sql_moved_all(const struct sql_moved *moved);

#endif
