/* The violations that are open: their period is not over, so their repeats are counted and not
 * written. A table of a fixed size, with a list of its entries by age, the oldest first. Used by
 * one worker only; allocates nothing after fold_new.
 */
#ifndef VIOLATIONS_FOLD_H
#define VIOLATIONS_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/text.h"

enum { FOLD_SLOTS = 4096, FOLD_LINE = 3072 };

/* What makes two violations the same. Compared byte by byte, so it has no padding and every byte is
 * set. */
struct fold_key {
    uint64_t digest;
    uint64_t who;     /* a hash of user, upstream, database, application, trace, transaction */
    uint64_t objects; /* a hash of the objects and how they are accessed */
    char policy[8];   /* the policy's hash */
    int32_t service;
    uint16_t reason;
    uint16_t blocked;
};

struct fold_slot {
    struct list_link age; /* ordered by the start of the period */
    uint16_t next;        /* in its bucket, or in the free list */
    uint16_t length;      /* of `line` */
    struct fold_key key;
    uint64_t id;
    uint64_t count;             /* violations that no record has counted yet */
    int64_t first, last, start; /* times of these; and when the period began */
    char line[FOLD_LINE];       /* the record, as far as the field `count` */
};

struct fold;

struct fold *fold_new(void);
void fold_free(struct fold *fold);

struct fold_slot *fold_find(struct fold *fold, const struct fold_key *key);
/* The slot whose period began first; NULL if nothing is open. */
struct fold_slot *fold_oldest(struct fold *fold);
bool fold_is_full(const struct fold *fold);
/* A new slot with this key; the caller fills the other fields. The table must not be full. */
struct fold_slot *fold_open(struct fold *fold, const struct fold_key *key, int64_t start);
/* Starts a new period for the slot, which becomes the youngest. */
void fold_renew(struct fold *fold, struct fold_slot *slot, int64_t start);
void fold_close(struct fold *fold, struct fold_slot *slot);

#endif
