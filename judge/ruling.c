/* Parts of a ruling, and its commit. The decisions are made by judge/text.c and judge/plain.c.
 */
#include "judge/ruling.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void ruling_drop_change(struct ruling *ruling, struct change *change)
{
    if (!change)
        return;
    prepared_free(change->preparing);
    arena_fini(&change->arena);
    if (ruling->spare_count == RULING_SPARE_CHANGES) {
        free(change);
        return;
    }
    change->next = ruling->spare;
    ruling->spare = change;
    ruling->spare_count++;
}

void ruling_begin(struct ruling *ruling, int32_t today)
{
    ruling_drop_change(ruling, ruling->change);
    ruling->change = NULL;
    ruling->outcome = RULING_REFUSE;
    ruling->strictest = (struct verdict){.action = VERDICT_BLOCK,
                                         .reason = REASON_UNDETERMINED,
                                         .object = VERDICT_NO_OBJECT,
                                         .owner = SERVICE_NONE};
    ruling->text = (struct text){"", 0};
    memset(ruling->allowed, 0, sizeof(ruling->allowed));
    ruling->parts = 0;
    ruling->sought_count = 0;
    ruling->undetermined = false;
    ruling->kind = NULL;
    ruling->today = today;
    ruling->traceparent = (struct text){NULL, 0};
    ruling->violation_count = 0;
    ruling->has_rest = false;
    ruling->refusal.code = 1227;
    ruling->refusal.message[0] = '\0';
    ruling->rewrite_count = 0;
    ruling->byte_count = 0;
    ruling->written.count = 0;
    ruling->written.more = false;
    ruling->run = (struct owners){.count = 0};
    ruling->read_again = ruling->used = (struct owners){.count = 0};
    ruling->facts = NULL;
    ruling->moved = NULL;
    ruling->error = (struct server_error){0};
    ruling->failed_early = ruling->misses = false;
    ruling->touched = ruling->unmapped_of = 0;
    ruling->unmapped = NULL;
    ruling->moved_rewrites = 0;
    ruling->expects = ruling->redefines = ruling->stale = ruling->calls = ruling->reads_anew =
        false;
    ruling->name = (struct text){NULL, 0};
    ruling->print = 0;
    ruling->locks = LOCKS_NOTHING;
    ruling->wants_charset = ruling->executes = ruling->anew = false;
    ruling->leaves = 0;
    ruling->works = ruling->breaks = ruling->reverts = ruling->opaque = false;
}

void ruling_fini(struct ruling *ruling)
{
    ruling_begin(ruling, 0);
    while (ruling->spare) {
        struct change *next = ruling->spare->next;
        free(ruling->spare);
        ruling->spare = next;
    }
    ruling->spare_count = 0;
    free(ruling->rewrites);
    free(ruling->bytes);
    ruling->rewrites = NULL;
    ruling->bytes = NULL;
    ruling->rewrite_room = 0;
    ruling->byte_room = 0;
}

struct change *ruling_change(struct ruling *ruling)
{
    struct change *change = ruling->change;

    if (change)
        return change;
    change = ruling->spare;
    if (change) {
        ruling->spare = change->next;
        ruling->spare_count--;
    } else {
        change = memory_take(sizeof(*change));
    }
    change->next = NULL;
    change->remembered = NULL;
    change->preparing = NULL;
    change->written = (struct owners){.count = 0};
    change->named = (struct named){.hash = 0};
    change->xa = NULL;
    change->xa_count = 0;
    change->arena = (struct arena){NULL};
    change->mode_print = 0;
    change->has_state = change->unknown = change->several = change->remembers = false;
    change->traced = change->xa_respelled = change->sets = change->sets_mode = false;
    ruling->change = change;
    return change;
}

void change_sets(struct change *change, unsigned effects, uint64_t mode_print)
{
    const unsigned modes = SQL_EFFECT_MODE | SQL_EFFECT_UNKNOWN;

    change->sets |= effects & (modes | SQL_EFFECT_CHARSET | SQL_EFFECT_LOSSY);
    change->sets_mode |= effects & modes;
    change->mode_print = mode_print;
}

void ruling_note_xa(struct ruling *ruling, const struct sql_facts *facts)
{
    struct change *change = ruling_change(ruling);

    const bool unread = !facts->determined || !facts->xid.at;
    change->xa_respelled |= unread && facts->xa == SQL_XA_PREPARES && facts->xa_foreign;
    if (unread || change->xa_count++ >= RULING_XA)
        return;
    struct xa_step *step = arena_take(&change->arena, sizeof(*step));
    step->next = change->xa;
    step->xa = (enum sql_xa)facts->xa;
    step->xid = arena_text(&change->arena, facts->xid);
    step->written = facts->session.name.at ? arena_text(&change->arena, facts->session.name)
                                           : (struct text){NULL, 0};
    change->xa = step;
}

const struct xa_step *change_xa(const struct change *change)
{
    return change && !change->several && change->xa_count == 1 ? change->xa : NULL;
}

struct change *ruling_take_change(struct ruling *ruling)
{
    struct change *change = ruling->change;

    ruling->change = NULL;
    return change;
}

bool ruling_bytes(struct ruling *ruling, struct text bytes)
{
    if (ruling->byte_count + bytes.length > RULING_REWRITES)
        return false;
    if (ruling->byte_count + bytes.length > ruling->byte_room) {
        ruling->byte_room = ruling->byte_room * 2 + bytes.length + 512;
        ruling->bytes = memory_resize(ruling->bytes, ruling->byte_room);
    }
    if (bytes.length)
        memcpy(ruling->bytes + ruling->byte_count, bytes.at, bytes.length);
    ruling->byte_count += bytes.length;
    return true;
}

bool ruling_rewrite(struct ruling *ruling, uint32_t offset, uint32_t length, struct text bytes)
{
    unsigned at = ruling->rewrite_count;

    if (ruling->byte_count + bytes.length > RULING_REWRITES ||
        (size_t)at * sizeof(ruling->rewrites[0]) > RULING_REWRITES)
        return false;
    if (at == ruling->rewrite_room) {
        ruling->rewrite_room = ruling->rewrite_room * 2 + 16;
        ruling->rewrites =
            memory_resize(ruling->rewrites, ruling->rewrite_room * sizeof(ruling->rewrites[0]));
    }
    while (at > 0 && ruling->rewrites[at - 1].offset > offset)
        at--;
    if (at > 0 && ruling->rewrites[at - 1].offset + ruling->rewrites[at - 1].length > offset)
        return false;
    if (at < ruling->rewrite_count && offset + length > ruling->rewrites[at].offset)
        return false;
    memmove(&ruling->rewrites[at + 1], &ruling->rewrites[at],
            (ruling->rewrite_count - at) * sizeof(ruling->rewrites[0]));
    ruling->rewrites[at] = (struct rewrite){.offset = offset,
                                            .length = length,
                                            .at = (uint32_t)ruling->byte_count,
                                            .count = (uint32_t)bytes.length};
    ruling->rewrite_count++;
    return ruling_bytes(ruling, bytes);
}

void ruling_commit(struct ruling *ruling, struct belief *belief, struct change *change, bool good)
{
    belief->asked = belief->unknown = false;
    if (!change)
        return;
    if (change->has_state && good)
        belief->state = change->state;
    else if (change->has_state && (change->several || change->sets))
        belief_lose(belief);
    belief->must_ask |= change->unknown; /* a failed command may have been executed in part */
    if (change->sets_mode)               /* a part of it may have been done */
        belief_set_mode(belief, good ? change->mode_print : 0);
    belief->traced |= change->traced;
    if (change->named.hash)
        belief_name(belief, (struct named){change->named.hash, good ? change->named.print : 0});
    const struct xa_step *xa = change_xa(change);
    if (good && ((xa && xa->xa == SQL_XA_PREPARES) || change->xa_respelled))
        sql_session_forget_xa(belief->remembered);
    if (change->remembers &&
        sql_session_settle(&belief->remembered, change->remembered, good, change->several))
        belief->more_tables = true;
    for (uint8_t i = 0; (good || belief->in_transaction) && i < change->written.count; i++)
        owners_add(&belief->written, change->written.list[i]);
    belief->written.more |= change->written.more;
    ruling_drop_change(ruling, change);
}
