/* A hash table over a list of all branches, from the oldest to the newest. */
#include "proxy/branches.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/list.h"

enum { BUCKETS = 1024 };

struct branch {
    struct list_link age;
    struct branch *next; /* in its bucket */
    struct branch_owner owner;
    uint32_t session;
    uint8_t length;
    char xid[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct branch *buckets[BUCKETS];
static struct list_link ages = {&ages, &ages};
static unsigned count;
static atomic_bool closed;

static struct branch **bucket_of(struct text xid)
{
    return &buckets[text_hash(xid, 1, false) % BUCKETS];
}

/* One upstream has at most one branch with an identifier. */
static struct branch **find(const struct usage *upstream, struct text xid)
{
    struct branch **at = bucket_of(xid);

    while (*at && ((*at)->owner.upstream != upstream ||
                   !text_equal((struct text){(*at)->xid, (*at)->length}, xid)))
        at = &(*at)->next;
    return at;
}

static bool is_of(const struct branch *branch, const struct branch_owner *owner)
{
    return branch->owner.service == owner->service && branch->owner.upstream == owner->upstream;
}

static void take_out(struct branch **at)
{
    struct branch *branch = *at;

    *at = branch->next;
    list_remove(&branch->age);
    count--;
    free(branch);
}

static void take_out_of(const struct branch *branch)
{
    take_out(find(branch->owner.upstream, (struct text){branch->xid, branch->length}));
}

static struct branch *of_age(struct list_link *link)
{
    return LIST_ENTRY(link, struct branch, age);
}

/* Makes room for one more branch of the owner. */
static void make_room(const struct branch_owner *owner)
{
    struct branch *oldest = NULL;
    unsigned own = 0;

    for (struct list_link *link = ages.after; link != &ages; link = link->after) {
        if (of_age(link)->owner.service != owner->service)
            continue;
        if (own++ == 0)
            oldest = of_age(link);
    }
    if (own >= BRANCHES_OF_SERVICE)
        take_out_of(oldest);
    else if (count >= BRANCHES)
        take_out_of(of_age(ages.after));
}

void branches_add(const struct branch_owner *owner, struct text xid, uint32_t session)
{
    if (!owner->service || xid.length > UINT8_MAX)
        return;
    pthread_mutex_lock(&lock);
    struct branch **at = find(owner->upstream, xid);
    if (*at)
        take_out(at);
    if (count >= BRANCHES_OF_SERVICE)
        make_room(owner);
    struct branch *branch = memory_take_zeroed(sizeof(*branch) + xid.length);
    branch->owner = *owner;
    branch->session = session;
    branch->length = (uint8_t)xid.length;
    memcpy(branch->xid, xid.at, xid.length);
    at = bucket_of(xid);
    branch->next = *at;
    *at = branch;
    list_add(&ages, &branch->age);
    count++;
    pthread_mutex_unlock(&lock);
}

void branches_replace(const struct branch_owner *owner, struct text xid)
{
    pthread_mutex_lock(&lock);
    struct branch **at = find(owner->upstream, xid);
    if (*at && !is_of(*at, owner))
        take_out(at);
    pthread_mutex_unlock(&lock);
}

void branches_remove(const struct branch_owner *owner, struct text xid)
{
    pthread_mutex_lock(&lock);
    struct branch **at = find(owner->upstream, xid);
    if (*at && is_of(*at, owner))
        take_out(at);
    pthread_mutex_unlock(&lock);
}

void branches_forget(const struct branch_owner *owner)
{
    pthread_mutex_lock(&lock);
    for (struct list_link *link = ages.after, *after; link != &ages; link = after) {
        after = link->after;
        if (is_of(of_age(link), owner))
            take_out_of(of_age(link));
    }
    pthread_mutex_unlock(&lock);
}

void branches_close(void)
{
    atomic_store(&closed, true);
}

void branches_leave(uint32_t session)
{
    pthread_mutex_lock(&lock);
    for (struct list_link *link = ages.after; link != &ages; link = link->after) {
        if (of_age(link)->session == session)
            of_age(link)->session = 0;
    }
    pthread_mutex_unlock(&lock);
}

bool branches_find(const struct branch_owner *owner, struct text xid, uint32_t session)
{
    pthread_mutex_lock(&lock);
    const struct branch *branch = *find(owner->upstream, xid);
    bool found = owner->service && branch && is_of(branch, owner) &&
                 (branch->session == session || !atomic_load(&closed));
    pthread_mutex_unlock(&lock);
    return found;
}

bool branches_of_session(uint32_t session)
{
    bool found = false;

    pthread_mutex_lock(&lock);
    for (struct list_link *link = ages.after; link != &ages && !found; link = link->after)
        found = of_age(link)->session == session;
    pthread_mutex_unlock(&lock);
    return found;
}
