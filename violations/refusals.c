/* A small table by reason and address. When it is full, all further kinds are counted in one entry.
 */
#include "violations/refusals.h"

#include <string.h>

/* "10.0.0.7:41522" -> "10.0.0.7" */
static struct text host_of(struct text client)
{
    for (size_t i = client.length; i > 0; i--) {
        if (client.at[i - 1] == ':')
            return (struct text){client.at, i - 1};
    }
    return client;
}

static void copy(char *to, size_t size, struct text from)
{
    size_t length = from.length < size ? from.length : size - 1;

    memset(to, 0, size);
    if (length > 0)
        memcpy(to, from.at, length);
}

static struct refusal_kind *find(struct refusals *refusals, struct text host, struct text reason,
                                 int64_t now)
{
    uint64_t hash = text_hash(reason, text_hash(host, 0, false), false) | 1;
    struct refusal_kind *unused = NULL;

    for (size_t i = 0; i < REFUSALS_KINDS; i++) {
        if (refusals->kinds[i].hash == hash)
            return &refusals->kinds[i];
        if (!unused && refusals->kinds[i].hash == 0)
            unused = &refusals->kinds[i];
    }
    /* the last entry counts all further kinds, once its own refusals have been written */
    if (!unused)
        return &refusals->kinds[REFUSALS_KINDS - 1];
    memset(unused, 0, sizeof(*unused));
    unused->hash = hash;
    unused->start = now;
    bool is_last = unused == &refusals->kinds[REFUSALS_KINDS - 1];
    copy(unused->client, sizeof(unused->client), is_last ? TEXT("several") : host);
    copy(unused->reason, sizeof(unused->reason), is_last ? TEXT("several") : reason);
    return unused;
}

bool refusals_add(struct refusals *refusals, struct text client, struct text reason, int64_t now,
                  int64_t period)
{
    if (period <= 0)
        return true;
    struct refusal_kind *kind = find(refusals, host_of(client), reason, now);
    if (kind->told < REFUSALS_TOLD) {
        kind->told++;
        return true;
    }
    if (kind->count++ == 0)
        kind->first = now;
    kind->last = now;
    return false;
}

bool refusals_take(struct refusals *refusals, int64_t now, int64_t period, bool all,
                   struct refusal_kind *taken)
{
    for (size_t i = 0; i < REFUSALS_KINDS; i++) {
        struct refusal_kind *kind = &refusals->kinds[i];
        bool is_over = now - kind->start >= period || kind->start > now;
        if (kind->hash == 0 || !(is_over || (all && kind->count > 0)))
            continue;
        *taken = *kind;
        kind->hash = 0;
        if (taken->count > 0)
            return true;
    }
    return false;
}
