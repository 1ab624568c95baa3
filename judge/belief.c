/* Changes of the belief when the server must be asked, or when the session's state is lost. */
#include "judge/belief.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

void belief_lose(struct belief *belief)
{
    sql_state_lose_mode(&belief->state);
    belief->state.charset = SQL_CHARSET_UNKNOWN;
    belief->state.lossy = SQL_LOSSY;
    belief->must_ask = true;
}

void belief_lose_all(struct belief *belief)
{
    belief_lose(belief);
    sql_state_set_database(&belief->state, (struct text){NULL, 0});
    belief->state.database_unknown = true;
}

uint64_t belief_name_hash(struct text name)
{
    return text_hash(name, 1, true) | 1;
}

struct named belief_named(const struct belief *belief, uint64_t hash)
{
    for (unsigned i = 0; belief->named && i < BELIEF_NAMED; i++) {
        if (belief->named[i].hash == hash)
            return belief->named[i];
    }
    return (struct named){.hash = hash};
}

void belief_name(struct belief *belief, struct named named)
{
    unsigned at = 0;

    if (!belief->named && named.print == 0)
        return;
    if (!belief->named)
        belief->named = memory_take_zeroed(BELIEF_NAMED * sizeof(belief->named[0]));
    while (at < BELIEF_NAMED && belief->named[at].hash != named.hash)
        at++;
    if (at == BELIEF_NAMED) {
        if (named.print == 0)
            return;
        at = belief->next_named;
        belief->next_named = (uint8_t)((at + 1) % BELIEF_NAMED);
    }
    belief->named[at] = named;
}

bool belief_knows_reading(const struct belief *belief)
{
    return belief->state.mode_known && belief->state.charset != SQL_CHARSET_UNKNOWN;
}

void belief_set_mode(struct belief *belief, uint64_t print)
{
    belief->mode_print = print;
    belief->modes++;
}

uint64_t belief_mode(const struct belief *belief)
{
    /* a print is odd */
    return belief->mode_print != 0 ? belief->mode_print : ((uint64_t)belief->modes + 1) * 2;
}

static void forget_names(struct belief *belief)
{
    free(belief->named);
    belief->named = NULL;
}

void belief_reset(struct belief *belief)
{
    prepared_clear(&belief->prepared);
    forget_names(belief);
    belief->traced = belief->more_tables = false;
    sql_session_free(&belief->remembered);
    belief_set_mode(belief, 0);
    sql_state_lose_mode(&belief->state);
    belief->state.charset = SQL_CHARSET_UNKNOWN;
    belief->state.lossy = SQL_LOSSY;
}

void belief_forget(struct belief *belief)
{
    prepared_clear(&belief->prepared);
    forget_names(belief);
    belief->traced = belief->more_tables = false;
    sql_session_free(&belief->remembered);
    belief_set_mode(belief, 0);
    belief->written = (struct owners){.count = 0};
}

bool owners_have(const struct owners *owners, int owner)
{
    for (uint8_t i = 0; i < owners->count; i++) {
        if (owners->list[i] == owner)
            return true;
    }
    return false;
}

void owners_add(struct owners *owners, int owner)
{
    if (owners_have(owners, owner))
        return;
    if (owners->count == OWNERS)
        owners->more = true;
    else
        owners->list[owners->count++] = (int16_t)owner;
}

void owners_rebind(struct owners *owners, const struct policy *from, const struct policy *to)
{
    struct owners before = *owners;

    *owners = (struct owners){.more = before.more};
    for (uint8_t i = 0; i < before.count; i++) {
        int owner = policy_service(to, policy_service_name(from, before.list[i]));
        if (owner != SERVICE_NONE)
            owners_add(owners, owner);
    }
}
