/* A doubly linked list whose links are fields of the members: no allocation, every operation is
 * O(1). */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *before, *after;
};

/* The struct that `link` is the field `field` of. */
#define LIST_ENTRY(link, type, field) ((type *)(void *)((char *)(link)-offsetof(type, field)))

static inline void list_init(struct list_link *list)
{
    list->before = list->after = list;
}

static inline bool list_empty(const struct list_link *list)
{
    return list->after == list;
}

/* Adds at the end. `link` must be in no list. */
static inline void list_add(struct list_link *list, struct list_link *link)
{
    link->before = list->before;
    link->after = list;
    list->before->after = link;
    list->before = link;
}

/* Takes `link` out of its list; no effect if it is in no list. */
static inline void list_remove(struct list_link *link)
{
    if (!link->after)
        return;
    link->before->after = link->after;
    link->after->before = link->before;
    link->before = link->after = NULL;
}

#endif
