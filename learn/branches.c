/* The XA transactions that sessions of the log have prepared and that have not ended yet, as in
 * proxy/branches.h: sessions of a service may end those of their own service. At most
 * LEARN_BRANCHES; beyond that the oldest is forgotten, and ending it counts as administration.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "judge/ruling.h"
#include "learn/internal.h"

enum { LEARN_BRANCHES = 4096, XID_MOST = 160 };

struct learn_branch {
    int16_t service; /* SERVICE_NONE: nothing */
    uint16_t upstream;
    uint8_t length;
    char xid[XID_MOST];
};

struct learn_branches {
    size_t next;
    struct learn_branch items[LEARN_BRANCHES];
};

static struct learn_branch *find(struct learn_branches *branches, const struct binding *binding,
                                 struct text xid)
{
    for (size_t i = 0; branches && i < LEARN_BRANCHES; i++) {
        struct learn_branch *one = &branches->items[i];
        if (one->length > 0 && one->service == binding->service &&
            one->upstream == binding->upstream &&
            text_equal((struct text){one->xid, one->length}, xid))
            return one;
    }
    return NULL;
}

bool branches_known(struct learn *learn, const struct binding *binding, struct text xid)
{
    return find(learn->branches, binding, xid) != NULL;
}

void branches_note(struct learn *learn, const struct binding *binding, const struct change *change)
{
    const struct xa_step *whole = change_xa(change);

    if (!change || !change->xa || binding->service == SERVICE_NONE)
        return;
    for (const struct xa_step *step = change->xa; step; step = step->next) {
        struct learn_branch *over = find(learn->branches, binding, step->xid);
        if (over && step->xa != SQL_XA_PREPARES)
            over->length = 0;
    }
    if (!whole || whole->xa != SQL_XA_PREPARES || whole->xid.length == 0 ||
        whole->xid.length > XID_MOST)
        return;
    if (!learn->branches)
        learn->branches = memory_take_zeroed(sizeof(*learn->branches));
    struct learn_branch *one = &learn->branches->items[learn->branches->next];
    learn->branches->next = (learn->branches->next + 1) % LEARN_BRANCHES;
    one->service = binding->service;
    one->upstream = binding->upstream;
    one->length = (uint8_t)whole->xid.length;
    memcpy(one->xid, whole->xid.at, whole->xid.length);
}

void branches_free(struct learn *learn)
{
    free(learn->branches);
    learn->branches = NULL;
}
