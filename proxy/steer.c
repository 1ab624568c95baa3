/* Overrides come, end and are undone; each time a new runtime is built out of the file's and put in
 * force, as at a reload. Each change is an event in the violation log.
 */
#include "proxy/steer.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "proxy/worker.h"

static void tell(struct steer *steer, const char *action, const struct override *override,
                 struct text by)
{
    char words[700];

    override_words(override, words, sizeof(words));
    violations_event_override(steer->violations, text_of(action), text_of(words),
                              text_of(override->service), by.at ? by : text_of(override->who),
                              policy_hash(steer->current->policy));
    log_notice("override %s %s: %s", override->id, action, words);
}

/* The next end, as a timer. */
static void set_timer(struct steer *steer)
{
    int64_t now = worker_now(), next = INT64_MAX;

    for (size_t i = 0; i < steer->count; i++)
        next = steer->list[i].until < next ? steer->list[i].until : next;
    ev_timer_stop(steer->loop, &steer->end);
    if (next == INT64_MAX)
        return;
    /* The wall clock may be set meanwhile: it is looked at again at least once a minute. */
    double seconds = next > now ? (double)(next - now) / 1e6 : 0.;
    ev_timer_set(&steer->end, seconds > 60. ? 60. : seconds, 0.);
    ev_timer_start(steer->loop, &steer->end);
}

/* Builds what is in force out of the base and the list. False with `why`, and nothing changed. */
static bool build(struct steer *steer, struct error *why)
{
    struct runtime *runtime;

    if (steer->count == 0)
        runtime = runtime_take(steer->base);
    else
        runtime =
            runtime_override(steer->base, steer->list, steer->count, steer->generation + 1, why);
    if (!runtime)
        return false;
    steer->generation += steer->count > 0;
    runtime_drop(steer->current);
    steer->current = runtime;
    return true;
}

static void forget(struct steer *steer, size_t at)
{
    steer->count--;
    memmove(&steer->list[at], &steer->list[at + 1], (steer->count - at) * sizeof(steer->list[0]));
}

static void on_end(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct steer *steer = timer->data;
    struct override ended[OVERRIDES_MAX];
    size_t count = 0;
    int64_t now = worker_now();
    struct error why;

    (void)loop;
    (void)events;
    for (size_t i = steer->count; i-- > 0;) {
        if (steer->list[i].until > now)
            continue;
        ended[count++] = steer->list[i];
        forget(steer, i);
    }
    if (count > 0 && build(steer, &why)) {
        steer->put(steer->context, steer->current);
        while (count-- > 0)
            tell(steer, "ended", &ended[count], TEXT("its end"));
    }
    set_timer(steer);
}

void steer_init(struct steer *steer, struct ev_loop *loop, struct runtime *base,
                void (*put)(void *context, struct runtime *runtime), void *context)
{
    *steer = (struct steer){.loop = loop, .base = base, .put = put, .context = context};
    steer->current = runtime_take(base);
    steer->generation = base->generation;
    ev_timer_init(&steer->end, on_end, 0., 0.);
    steer->end.data = steer;
}

void steer_fini(struct steer *steer)
{
    if (steer->loop)
        ev_timer_stop(steer->loop, &steer->end);
    runtime_drop(steer->current);
    runtime_drop(steer->base);
    steer->current = steer->base = NULL;
}

void steer_base(struct steer *steer, struct runtime *base)
{
    struct error why;

    base->generation = ++steer->generation;
    runtime_drop(steer->base);
    steer->base = base;
    while (!build(steer, &why)) {
        /* One of them does not fit the new file: each is tried alone. */
        size_t kept = 0;
        for (size_t i = 0; i < steer->count; i++) {
            struct runtime *fits =
                runtime_override(base, &steer->list[i], 1, steer->generation + 1, &why);
            if (fits)
                steer->list[kept++] = steer->list[i];
            else
                tell(steer, "ended", &steer->list[i], text_of(why.text));
            runtime_drop(fits);
        }
        steer->count = kept < steer->count ? kept : 0;
    }
    steer->put(steer->context, steer->current);
    set_timer(steer);
}

bool steer_add(struct steer *steer, struct override *override, struct error *why)
{
    uint32_t number;

    if (steer->count == OVERRIDES_MAX)
        return error_set(why, "%d overrides are in force already; undo one", OVERRIDES_MAX);
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return error_set(why, "no random number is to be had");
    snprintf(override->id, sizeof(override->id), "%08x", number);
    steer->list[steer->count++] = *override;
    if (!build(steer, why)) {
        steer->count--;
        return false;
    }
    steer->put(steer->context, steer->current);
    tell(steer, "begun", override, (struct text){0});
    set_timer(steer);
    return true;
}

bool steer_undo(struct steer *steer, struct text id, struct text who)
{
    struct error why;

    for (size_t i = 0; i < steer->count; i++) {
        if (!text_equal(text_of(steer->list[i].id), id))
            continue;
        struct override undone = steer->list[i];
        forget(steer, i);
        if (build(steer, &why))
            steer->put(steer->context, steer->current);
        tell(steer, "undone", &undone, who);
        set_timer(steer);
        return true;
    }
    return false;
}

static bool listed(const struct override *list, size_t count, const struct override *one)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].id, one->id) == 0)
            return true;
    }
    return false;
}

void steer_shared(struct steer *steer, const struct override *list, size_t count)
{
    struct error why;
    bool changed = false;

    for (size_t i = steer->count; i-- > 0;) {
        struct override old = steer->list[i];
        if (!old.shared || listed(list, count, &old))
            continue;
        forget(steer, i);
        changed = true;
        tell(steer, "ended", &old, TEXT("another instance"));
    }
    for (size_t i = 0; i < count && steer->count < OVERRIDES_MAX; i++) {
        if (listed(steer->list, steer->count, &list[i]) || list[i].until <= worker_now())
            continue;
        struct runtime *fits =
            runtime_override(steer->base, &list[i], 1, steer->generation + 1, &why);
        if (!fits)
            continue;
        runtime_drop(fits);
        steer->list[steer->count++] = list[i];
        changed = true;
        tell(steer, "begun", &list[i], (struct text){0});
    }
    if (changed && build(steer, &why))
        steer->put(steer->context, steer->current);
    if (changed)
        set_timer(steer);
}
