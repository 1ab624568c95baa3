/* Finds the patterns that match a name; the cost does not grow with the number of patterns.
 *
 * Patterns are split at their stars, and the pieces are put into trees: an edge is one piece and
 * the position where it must match (the whole part, its beginning, somewhere after it, its end).
 * The edges of all nodes are in one hash table. A look-up searches this table for pieces of the
 * name, and only for lengths that the node has: its cost depends on the name and on the patterns
 * that match it, or its beginning, but not on the number of other patterns.
 *
 * Names and patterns are compared byte by byte: if case does not count, the caller gives both in
 * lower case.
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

/* Zeroed, with `arena` set, it is empty. Added texts must live as long as it does. */
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

/* The node at which `glob` ends if it begins at `from`: for the schema part `from` is a root, for
 * the name part the end of a schema. It is made if there is none. */
uint32_t matcher_add(struct matcher *matcher, uint32_t from, struct text glob);

/* A number at a node, for the caller; 0 at first. */
uint32_t *matcher_value(const struct matcher *matcher, uint32_t node);

/* `visit` is called for each matching end, those without wildcards first. It returns false to
 * stop. */
struct matcher_visit {
    bool (*visit)(struct matcher_visit *visit, uint32_t node, uint32_t value);
    uint64_t steps; /* the number of look-ups in the hash table, added up */
};

/* Looks up a part of a name, from a root or from the end of a schema. False: `visit` has stopped
 * it.
 */
bool matcher_follow(const struct matcher *matcher, uint32_t from, struct text part,
                    struct matcher_visit *visit);

#endif
