/* What crosses silos inside the servers, for the pages, the API and the metrics: views, triggers,
 * foreign keys and the like. The catalogue thread of `silogate run` (cmd/run_catalogue.c) reads
 * them from each upstream that has an account. One thread builds a set and publishes it; after that
 * it never changes. A newer set of the same upstream replaces it. Thread safe.
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

/* One object that a stored object (view, trigger, ...) touches. Texts live as long as the set. */
struct crossing {
    struct text finding;               /* "view", "trigger": the words of `silogate audit` */
    struct text schema, name;          /* of the stored object */
    struct text on_schema, on;         /* the table of a trigger or foreign key; else none */
    struct text parent_schema, parent; /* the parent of a foreign key; else none */
    /* Of a trigger: "INSERT". Of a foreign key with referential actions: the events of the parent
     * that cause them, "DELETE, UPDATE". Else none. */
    struct text event;
    struct text service, owner; /* owners of the stored and of the touched object; empty: none */
    struct text to_schema, to;  /* the touched object */
    uint8_t access;             /* union of enum sql_access */
    uint8_t action; /* enum verdict_action: of this access, if `service` made it itself */
    uint8_t reason; /* enum verdict_reason */
    bool crosses;   /* the owners differ; false: a trigger within one owner's data */
};

struct crossings {
    unsigned references; /* used by crossings.c only */
    struct arena arena;
    struct text upstream;
    int64_t read_at; /* microseconds since 1970 */
    struct crossing *items;
    size_t count;
    size_t bytes;  /* of texts */
    uint64_t more; /* number of crossings left out because of the bounds */
};

struct crossings *crossings_new(struct text upstream, int64_t read_at);
/* Copies the texts. If there is no room, the crossing is only counted in `more`. */
void crossings_add(struct crossings *set, const struct crossing *crossing);
/* Makes the set visible and takes it over from the caller. */
void crossings_publish(struct crossings *set);
/* Removes the set of an upstream that is no longer read. */
void crossings_forget(struct text upstream);

/* The published sets; the caller drops each of them. */
size_t crossings_take(struct crossings **list, size_t room);
void crossings_drop(struct crossings *set); /* NULL is harmless */

#endif
