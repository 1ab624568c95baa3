/* The trees of patterns: adding patterns, and looking up names. */
#include "policy/matcher.h"

#include <assert.h>
#include <stdlib.h>

#include "policy/pattern.h"

/* A part has at most 64 characters, of at most 4 bytes each. */
enum { PIECE_MAX = 256, LENGTH_WORDS = PIECE_MAX / 64 + 1 };

/* At which position a piece must match. */
enum place { PLACE_WHOLE, PLACE_FIRST, PLACE_NEXT, PLACE_LAST, PLACE_COUNT };

/* The lengths of the pieces on the edges that leave a node, one bit for each length. */
struct branches {
    uint64_t lengths[PLACE_COUNT][LENGTH_WORDS];
};

struct matcher_node {
    struct branches *branches; /* NULL: none */
    uint32_t open; /* the end of patterns whose last character is a star here; 0: none */
    uint32_t value;
};

struct matcher_edge {
    struct text piece;
    uint32_t from, to; /* `to` 0: a free slot */
    uint32_t hash;
    uint8_t place; /* enum place */
};

void matcher_fini(struct matcher *matcher)
{
    free(matcher->nodes);
    free(matcher->edges);
    *matcher = (struct matcher){0};
}

uint32_t *matcher_value(const struct matcher *matcher, uint32_t node)
{
    return &matcher->nodes[node].value;
}

uint32_t matcher_root(struct matcher *matcher)
{
    if (matcher->node_count == matcher->node_room) {
        matcher->node_room = matcher->node_room ? matcher->node_room * 2 : 64;
        matcher->nodes =
            memory_resize(matcher->nodes, matcher->node_room * sizeof(*matcher->nodes));
    }
    /* Node 0 is never used, so that 0 can mean none. */
    if (matcher->node_count == 0)
        matcher->nodes[matcher->node_count++] = (struct matcher_node){0};
    matcher->nodes[matcher->node_count] = (struct matcher_node){0};
    return (uint32_t)matcher->node_count++;
}

/* Hashes the bytes first and the position last: the hash of the bytes can be continued for a longer
 * piece. */
static uint64_t hash_bytes(uint64_t hash, const char *at, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)at[i]) * 0x100000001b3u;
    return hash;
}

#define HASH_START 0xcbf29ce484222325u

static uint32_t hash_end(uint64_t hash, uint32_t from, enum place place)
{
    hash ^= ((uint64_t)from << 2 | place) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93u;
    return (uint32_t)(hash >> 32);
}

static struct matcher_edge *edge_slot(const struct matcher *matcher, uint32_t from,
                                      enum place place, struct text piece, uint32_t hash)
{
    size_t mask = matcher->edge_room - 1, at = hash & mask;

    for (;; at = (at + 1) & mask) {
        struct matcher_edge *edge = &matcher->edges[at];
        if (!edge->to || (edge->hash == hash && edge->from == from && edge->place == place &&
                          text_equal(edge->piece, piece)))
            return edge;
    }
}

static void edges_grow(struct matcher *matcher)
{
    struct matcher_edge *old = matcher->edges;
    size_t count = matcher->edge_room;

    matcher->edge_room = count ? count * 2 : 64;
    matcher->edges = memory_take_zeroed(matcher->edge_room * sizeof(*matcher->edges));
    for (size_t i = 0; i < count; i++) {
        if (old[i].to)
            *edge_slot(matcher, old[i].from, (enum place)old[i].place, old[i].piece, old[i].hash) =
                old[i];
    }
    free(old);
}

/* The node to which the edge `piece` leads; it is made if there is none. */
static uint32_t edge_add(struct matcher *matcher, uint32_t from, enum place place,
                         struct text piece)
{
    uint32_t hash = hash_end(hash_bytes(HASH_START, piece.at, piece.length), from, place);

    assert(piece.length <= PIECE_MAX);
    if (matcher->edge_count * 2 >= matcher->edge_room)
        edges_grow(matcher);
    struct matcher_edge *edge = edge_slot(matcher, from, place, piece, hash);
    if (edge->to)
        return edge->to;
    *edge = (struct matcher_edge){piece, from, matcher_root(matcher), hash, (uint8_t)place};
    matcher->edge_count++;
    struct matcher_node *node = &matcher->nodes[from];
    if (!node->branches)
        node->branches = arena_take(matcher->arena, sizeof(*node->branches));
    node->branches->lengths[place][piece.length / 64] |= (uint64_t)1 << piece.length % 64;
    return edge->to;
}

uint32_t matcher_add(struct matcher *matcher, uint32_t from, struct text glob)
{
    struct text piece = glob_first(glob);
    uint32_t node;

    if (glob_exact(glob))
        return edge_add(matcher, from, PLACE_WHOLE, glob);
    node = edge_add(matcher, from, PLACE_FIRST, piece);
    for (;;) {
        /* the node after the piece and the star that follows it */
        glob.at += piece.length + 1;
        glob.length -= piece.length + 1;
        if (glob_exact(glob))
            break;
        piece = glob_first(glob);
        node = edge_add(matcher, node, PLACE_NEXT, piece);
    }
    if (glob.length > 0)
        return edge_add(matcher, node, PLACE_LAST, glob);
    if (!matcher->nodes[node].open) {
        uint32_t end = matcher_root(matcher);
        matcher->nodes[node].open = end;
    }
    return matcher->nodes[node].open;
}

/* One look-up. */
struct walk {
    const struct matcher *matcher;
    struct text part;
    struct matcher_visit *visit;
};

/* The shortest length between `length` and `most` of the node's edges for this place; PIECE_MAX +
 * 1: none. */
static size_t length_next(const struct branches *branches, enum place place, size_t length,
                          size_t most)
{
    while (length <= most && length <= PIECE_MAX) {
        uint64_t bits = branches->lengths[place][length / 64] >> length % 64;
        if (bits) {
            length += (size_t)__builtin_ctzll(bits);
            return length <= most ? length : PIECE_MAX + 1;
        }
        length = (length / 64 + 1) * 64;
    }
    return PIECE_MAX + 1;
}

static uint32_t edge_find(const struct walk *walk, uint32_t from, enum place place,
                          struct text piece, uint64_t hash)
{
    walk->visit->steps++;
    return edge_slot(walk->matcher, from, place, piece, hash_end(hash, from, place))->to;
}

static bool visit_end(const struct walk *walk, uint32_t node)
{
    return walk->visit->visit(walk->visit, node, walk->matcher->nodes[node].value);
}

static bool walk_on(const struct walk *walk, uint32_t node, size_t at);

/* Tries pieces that must match the end of the part, from `at` on. */
static bool walk_last(const struct walk *walk, uint32_t node, const struct branches *branches,
                      size_t at)
{
    size_t left = walk->part.length - at;
    size_t length = length_next(branches, PLACE_LAST, 1, left);

    for (; length <= PIECE_MAX; length = length_next(branches, PLACE_LAST, length + 1, left)) {
        struct text piece = {walk->part.at + walk->part.length - length, length};
        uint32_t to =
            edge_find(walk, node, PLACE_LAST, piece, hash_bytes(HASH_START, piece.at, length));
        if (to && !visit_end(walk, to))
            return false;
    }
    return true;
}

/* Tries pieces that may match anywhere from `at` on. Each is matched at its first position, which
 * leaves the longest rest for the next piece. */
static bool walk_next(const struct walk *walk, uint32_t node, const struct branches *branches,
                      size_t at)
{
    for (size_t start = at; start < walk->part.length; start++) {
        struct text piece = {walk->part.at + start, 0};
        size_t left = walk->part.length - start;
        uint64_t hash = HASH_START;
        size_t length = length_next(branches, PLACE_NEXT, 1, left);
        for (; length <= PIECE_MAX; length = length_next(branches, PLACE_NEXT, length + 1, left)) {
            hash = hash_bytes(hash, piece.at + piece.length, length - piece.length);
            piece.length = length;
            uint32_t to = edge_find(walk, node, PLACE_NEXT, piece, hash);
            if (to &&
                memmem(walk->part.at + at, walk->part.length - at, piece.at, length) ==
                    (const void *)piece.at &&
                !walk_on(walk, to, start + length))
                return false;
        }
    }
    return true;
}

/* Continues after a piece that ended at `at` and is followed by a star. */
static bool walk_on(const struct walk *walk, uint32_t node, size_t at)
{
    const struct matcher_node *here = &walk->matcher->nodes[node];

    if (here->open && !visit_end(walk, here->open))
        return false;
    return !here->branches ||
           (walk_last(walk, node, here->branches, at) && walk_next(walk, node, here->branches, at));
}

bool matcher_follow(const struct matcher *matcher, uint32_t from, struct text part,
                    struct matcher_visit *visit)
{
    struct walk walk = {matcher, part, visit};
    const struct branches *branches = matcher->nodes[from].branches;
    struct text piece = {part.at, 0};
    uint64_t hash = HASH_START;

    if (!branches)
        return true;
    if (length_next(branches, PLACE_WHOLE, part.length, part.length) <= PIECE_MAX) {
        uint32_t to =
            edge_find(&walk, from, PLACE_WHOLE, part, hash_bytes(HASH_START, part.at, part.length));
        if (to && !visit_end(&walk, to))
            return false;
    }
    size_t length = length_next(branches, PLACE_FIRST, 0, part.length);
    for (; length <= PIECE_MAX;
         length = length_next(branches, PLACE_FIRST, length + 1, part.length)) {
        hash = hash_bytes(hash, piece.at + piece.length, length - piece.length);
        piece.length = length;
        uint32_t to = edge_find(&walk, from, PLACE_FIRST, piece, hash);
        if (to && !walk_on(&walk, to, length))
            return false;
    }
    return true;
}
