/* Which patterns match a name, at a cost that does not grow with the number of patterns.
 *
 * Patterns are cut at their stars and the pieces put into trees: each edge is one piece and where
 * it must stand (the whole part, its beginning, somewhere further on, its end), and the edges of
 * all nodes are in one hash table. A name is looked up by asking the table for the name's own
 * pieces, and only for lengths that a node has: what is asked depends on the name and on the
 * patterns that match it or begin to, not on how many others there are.
 *
 * Names and patterns compare byte by byte: where case does not count, both are given in lower case.
 */
#ifndef POLICY_MATCHER_H
#define POLICY_MATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

struct matcher_node;
struct matcher_edge;

/* Zeroed and with `arena` set, an empty one. Texts that are added must live as long. */
struct matcher {
    struct arena *arena;
    struct matcher_node *nodes;
    struct matcher_edge *edges; /* a hash table; edge_room is a power of two */
    size_t node_count, node_room, edge_count, edge_room;
};

/* Frees what is not in the arena. */
void matcher_fini(struct matcher *matcher);

/* A new tree: there is one for ownership, and one a service for its grants. */
uint32_t matcher_root(struct matcher *matcher);

/* The node at which `glob` (the schema part, or the name part) ends, when it begins at `from`: a
 * root for a schema, the end of a schema for a name. Made where there is none. */
uint32_t matcher_add(struct matcher *matcher, uint32_t from, struct text glob);

/* The caller's own number of a node, 0 at first. */
uint32_t *matcher_value(const struct matcher *matcher, uint32_t node);

/* `visit` is called for each end that matches, without wildcards first; it returns false when it
 * has seen enough. */
struct matcher_visit {
    bool (*visit)(struct matcher_visit *visit, uint32_t node, uint32_t value);
    uint64_t steps; /* questions to the table, added up */
};

/* Follows the part of a name from a root or from the end of a schema. False where `visit` said so.
 */
bool matcher_follow(const struct matcher *matcher, uint32_t from, struct text part,
                    struct matcher_visit *visit);

#endif
