/* What crosses silos inside the servers, for the pages, the API and the metrics: views, triggers,
 * foreign keys and the like, as the catalogue thread of `silogate run` (cmd/run_catalogue.c) reads
 * them at each upstream that has an account. A set is built by one thread, published, and never
 * changed; a newer one of the same upstream takes its place. Thread safe.
 */
#ifndef ADMIN_CROSSINGS_H
#define ADMIN_CROSSINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/text.h"

enum { CROSSINGS_MOST = 4096, CROSSINGS_BYTES = 4 << 20, CROSSING_SETS = 64 };

/* One thing that something stored touches. Texts live as long as the set. */
struct crossing {
    struct text finding;               /* "view", "trigger": as `silogate audit` has it */
    struct text schema, name;          /* of what is stored */
    struct text on_schema, on;         /* a trigger's or foreign key's table; else none */
    struct text parent_schema, parent; /* of a foreign key; else none */
    /* A trigger's: "INSERT". Of a foreign key that carries on, what of its parent does it: "DELETE,
     * UPDATE". Else none. */
    struct text event;
    struct text service, owner; /* whose it is, and whose what it touches is; empty: nobody's */
    struct text to_schema, to;  /* what it touches */
    uint8_t access;             /* union of enum sql_access */
    uint8_t action;             /* enum verdict_action: what its owner would get for it */
    uint8_t reason;             /* enum verdict_reason */
    bool crosses;               /* over owners; else a trigger's on its owner's own */
};

struct crossings {
    unsigned references; /* crossings.c */
    struct arena arena;
    struct text upstream;
    int64_t read_at; /* microseconds since 1970 */
    struct crossing *items;
    size_t count;
    size_t bytes;  /* of texts */
    uint64_t more; /* that were found beyond the bounds */
};

struct crossings *crossings_new(struct text upstream, int64_t read_at);
/* Copies the texts. Counted as `more` where there is no room. */
void crossings_add(struct crossings *set, const struct crossing *crossing);
/* Shown from now on; the set is no longer the caller's. */
void crossings_publish(struct crossings *set);
/* Its upstream is not read any more. */
void crossings_forget(struct text upstream);

/* The sets that are published, each to be dropped. */
size_t crossings_take(struct crossings **list, size_t room);
void crossings_drop(struct crossings *set); /* NULL is harmless */

#endif
