/* Compares the overrides of this instance with those in the tables, writes the missing ones there
 * and applies the missing ones here; once a second it writes that this instance is alive.
 */
#include "instances/round.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "instances/mailbox.h"

enum {
    BEAT_MS = 1000,
    TIDY_MS = 600000,
    PREPARE_MS = 5000, /* between two tries to create the table for questions */
    DIFFER_MS = 5000 /* instances must differ for this long before the log says so, because reloads
                        take a moment */
};

/* --- overrides --- */

static bool is_stored(const struct round *round, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(round->rows[i].override.id, id) == 0)
            return true;
    }
    return false;
}

/* Marks those that are over. The ids of those written go to the proxy, which keeps them until
 * then. */
static bool write_closed(struct round *round, struct error *error)
{
    const struct instance_state *state = &round->state;
    char(*ids)[OVERRIDE_ID] = round->ids;
    size_t written = 0;

    while (written < state->closed_count &&
           store_close(round->connection, &state->closed[written], error)) {
        memcpy(ids[written], state->closed[written].id, OVERRIDE_ID);
        written++;
    }
    if (written > 0)
        round->proxy->stored(round->proxy->user, (const char(*)[OVERRIDE_ID])ids, written);
    return written == state->closed_count;
}

static bool write_own(struct round *round, size_t count, struct error *error)
{
    const struct instance_state *state = &round->state;

    for (size_t i = 0; i < state->count; i++) {
        if (!state->overrides[i].older && !is_stored(round, count, state->overrides[i].id) &&
            !store_add(round->connection, &state->overrides[i], error))
            return false;
    }
    return true;
}

/* Of the first `count` rows, which are of this instance's overrides: keeps those that were undone.
 */
static size_t keep_undone(struct round *round, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (round->rows[i].undone)
            round->rows[kept++] = round->rows[i];
    }
    return kept;
}

static void tell_full(struct round *round)
{
    if (round->full && !round->told_full)
        log_error("upstream '%s': more overrides are in force in silogate.overrides than the %d "
                  "that an instance can have: not all hold at all instances; undo some",
                  round->upstream, OVERRIDES_MAX);
    else if (!round->full && round->told_full)
        log_notice("upstream '%s': all overrides have room again", round->upstream);
    round->told_full = round->full;
}

static uint64_t in_force(const struct instance_state *state)
{
    uint64_t all = 0;

    for (size_t i = 0; i < state->count; i++) {
        if (!state->overrides[i].older)
            all ^= text_hash(text_of(state->overrides[i].id), 1, false);
    }
    return all;
}

static bool meet_overrides(struct round *round, struct error *error)
{
    const struct meet_proxy *proxy = round->proxy;
    const struct instance_state *state = &round->state;
    size_t own, count;

    if (!proxy->read(proxy->user, round->upstream, &round->state))
        return true; /* silogate is about to end */
    if (!write_closed(round, error) ||
        !store_marks(round->connection, state->overrides, state->count, round->rows, &own, error) ||
        !write_own(round, own, error))
        return false;
    own = keep_undone(round, own);
    if (!store_news(round->connection, state->overrides, state->count, round->rows + own, &count,
                    &round->full, error))
        return false;
    tell_full(round);
    if (own + count > 0 && proxy->hear(proxy->user, round->upstream, round->rows, own + count))
        proxy->read(proxy->user, round->upstream, &round->state);
    return true;
}

/* --- instances --- */

static bool beat(struct round *round, struct error *error)
{
    const struct instance_state *state = &round->state;
    struct instance self = {.number = state->number,
                            .sessions = state->sessions,
                            .draining = state->draining,
                            .overrides = in_force(state)};

    if (clock_ms() - round->beaten < BEAT_MS && self.overrides == round->beaten_overrides &&
        self.draining == round->beaten_draining)
        return true;
    snprintf(self.name, sizeof(self.name), "%s", instance_name());
    snprintf(self.policy, sizeof(self.policy), "%s", state->policy);
    snprintf(self.version, sizeof(self.version), "%.32s", SILOGATE_VERSION);
    if (!store_beat(round->connection, &self, error))
        return false;
    round->beaten = clock_ms();
    round->beaten_overrides = self.overrides;
    round->beaten_draining = self.draining;
    return true;
}

/* Are there two serving instances with different policies or with the same number? */
static bool differ(const struct instance *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (!instance_is_alive(&list[i]) || !instance_is_alive(&list[j]) || list[i].draining ||
                list[j].draining)
                continue;
            if (strcmp(list[i].policy, list[j].policy) != 0 || list[i].number == list[j].number)
                return true;
        }
    }
    return false;
}

static void tell_differences(struct round *round, const struct instance *list, size_t count)
{
    if (!differ(list, count)) {
        if (round->told_differ)
            log_notice("upstream '%s': its instances agree again", round->upstream);
        round->told_differ = false;
        round->differ = 0;
        return;
    }
    if (round->differ == 0)
        round->differ = clock_ms();
    if (round->told_differ || clock_ms() - round->differ < DIFFER_MS)
        return;
    round->told_differ = true;
    for (size_t i = 0; i < count; i++) {
        if (instance_is_alive(&list[i]) && !list[i].draining)
            log_warning("upstream '%s': instances differ in policy or have the same number: %s%s, "
                        "instance = %u, policy %s",
                        round->upstream, list[i].name, list[i].self ? " (this one)" : "",
                        list[i].number, list[i].policy);
    }
}

static bool meet_instances_of(struct round *round, struct error *error)
{
    struct instance *list = round->instances;

    round->count = 0;
    if (!beat(round, error) || !store_instances(round->connection, list, &round->count, error))
        return false;
    for (size_t i = 0; i < round->count; i++) {
        snprintf(list[i].upstream, sizeof(list[i].upstream), "%s", round->upstream);
        list[i].self = strcmp(list[i].name, instance_name()) == 0;
    }
    tell_differences(round, list, round->count);
    return true;
}

/* A missing table is no failure of the round: only KILL across instances needs it. */
static bool use_mailbox(struct round *round, struct error *error)
{
    if (!round->mailbox && clock_ms() - round->prepared >= PREPARE_MS) {
        round->mailbox = mailbox_prepare(round->connection, error);
        round->prepared = clock_ms();
    }
    if (round->mailbox && round->count > 1)
        round->mailbox = mailbox_answer(round, error);
    return !connection_lost(round->connection);
}

void round_begin(struct round *round)
{
    round->beaten = -BEAT_MS;
    round->mailbox = false;
    round->prepared = -PREPARE_MS;
    round->tidied = -TIDY_MS;
}

static void tidy(struct round *round)
{
    if (clock_ms() - round->tidied < TIDY_MS)
        return;
    store_tidy(round->connection);
    round->tidied = clock_ms();
}

bool round_run(struct round *round, struct error *error)
{
    if (!meet_overrides(round, error) || !meet_instances_of(round, error))
        return false;
    tidy(round);
    return use_mailbox(round, error);
}
