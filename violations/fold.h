/* The violations that are open: seen within the last period, so that their repeats are counted
 * instead of written. A bounded table; the oldest entry is the first of a list by age. Used by one
 * worker alone; allocates nothing after fold_new.
 */
#ifndef VIOLATIONS_FOLD_H
#define VIOLATIONS_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/text.h"

enum { FOLD_SLOTS = 4096, FOLD_LINE = 3072 };

/* What makes two violations the same. Compared byte by byte: no padding, all of it set. */
struct fold_key {
    uint64_t digest;
    uint64_t who;     /* a hash of user, upstream, database, application, trace, transaction */
    uint64_t objects; /* a hash of what is touched, and how */
    char policy[8];   /* its hash */
    int32_t service;
    uint16_t reason;
    uint16_t blocked;
};

struct fold_slot {
    struct list_link age; /* by when its period began */
    uint16_t next;        /* in its bucket, or in the free list */
    uint16_t length;      /* of `line` */
    struct fold_key key;
    uint64_t id;
    uint64_t count;             /* those that no record has told of yet */
    int64_t first, last, start; /* of those; and when the period began */
    char line[FOLD_LINE];       /* the record up to `count` */
};

struct fold;

struct fold *fold_new(void);
void fold_free(struct fold *fold);

struct fold_slot *fold_find(struct fold *fold, const struct fold_key *key);
/* The slot whose period began first; NULL when nothing is open. */
struct fold_slot *fold_oldest(struct fold *fold);
bool fold_is_full(const struct fold *fold);
/* A new slot with this key, the rest for the caller to fill. There must be room. */
struct fold_slot *fold_open(struct fold *fold, const struct fold_key *key, int64_t start);
/* A new period begins for it: it is the youngest now. */
void fold_renew(struct fold *fold, struct fold_slot *slot, int64_t start);
void fold_close(struct fold *fold, struct fold_slot *slot);

#endif
