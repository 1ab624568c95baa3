/* Overrides come, end and are undone; each time a new runtime is built out of the file's and put in
 * force, as at a reload. Each change is an event in the violation log.
 */
#include "proxy/steer.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

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

/* Others are to hear of it, until its end. */
static void remember_undone(struct steer *steer, const struct override *override, struct text who)
{
    int64_t now = worker_now();
    size_t kept = 0;

    if (!override->upstream[0])
        return;
    for (size_t i = 0; i < steer->undone_count; i++) {
        if (steer->undone[i].until > now)
            steer->undone[kept++] = steer->undone[i];
    }
    if (kept == OVERRIDES_MAX) /* the oldest: others have heard of it long since */
        memmove(steer->undone, steer->undone + 1, --kept * sizeof(steer->undone[0]));
    steer->undone[kept] = *override;
    snprintf(steer->undone[kept].who, sizeof(steer->undone[kept].who), "%.*s", TEXT_ARGS(who));
    steer->undone_count = kept + 1;
}

bool steer_undo(struct steer *steer, struct text id, struct text who, struct override *undone)
{
    struct error why;

    for (size_t i = 0; i < steer->count; i++) {
        if (!text_equal(text_of(steer->list[i].id), id))
            continue;
        *undone = steer->list[i];
        forget(steer, i);
        remember_undone(steer, undone, who);
        if (build(steer, &why))
            steer->put(steer->context, steer->current);
        tell(steer, "undone", undone, who);
        set_timer(steer);
        return true;
    }
    return false;
}

/* --- a successor --- */

/* Before the overrides themselves: one of another version is left alone. */
struct saved {
    uint32_t size, count;
};

int steer_save(const struct steer *steer)
{
    const struct saved saved = {sizeof(steer->list[0]), (uint32_t)steer->count};
    const size_t length = steer->count * sizeof(steer->list[0]);
    int fd = steer->count > 0 ? memfd_create("overrides", MFD_CLOEXEC) : -1;

    if (fd >= 0 && write(fd, &saved, sizeof(saved)) == (ssize_t)sizeof(saved) &&
        write(fd, steer->list, length) == (ssize_t)length)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void end_texts(struct override *override)
{
    override->id[sizeof(override->id) - 1] = 0;
    override->upstream[sizeof(override->upstream) - 1] = 0;
    override->service[sizeof(override->service) - 1] = 0;
    override->on[sizeof(override->on) - 1] = 0;
    override->who[sizeof(override->who) - 1] = 0;
    override->ticket[sizeof(override->ticket) - 1] = 0;
}

void steer_restore(struct steer *steer, int fd)
{
    struct saved saved = {0, 0};
    struct error why;

    if (fd < 0)
        return;
    if (pread(fd, &saved, sizeof(saved), 0) != (ssize_t)sizeof(saved) ||
        saved.size != sizeof(steer->list[0]))
        saved.count = 0;
    for (uint32_t i = 0; i < saved.count && steer->count < OVERRIDES_MAX; i++) {
        struct override *override = &steer->list[steer->count];
        const off_t at = (off_t)(sizeof(saved) + i * sizeof(*override));
        if (pread(fd, override, sizeof(*override), at) != (ssize_t)sizeof(*override) ||
            override->kind >= OVERRIDE_KINDS)
            break;
        end_texts(override);
        struct runtime *fits = runtime_override(steer->base, override, 1, 1, &why);
        steer->count += fits && override->until > worker_now();
        runtime_drop(fits);
    }
    close(fd);
    if (build(steer, &why))
        log_notice("%zu overrides of the silogate that ran before go on", steer->count);
    set_timer(steer);
}

/* --- other instances --- */

static const struct override *find(const struct override *list, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].id, id) == 0)
            return &list[i];
    }
    return NULL;
}

/* True where one is gone. */
static bool hear_undone(struct steer *steer, const struct override_news *news)
{
    for (size_t i = 0; i < steer->count; i++) {
        struct override old = steer->list[i];
        if (strcmp(old.id, news->override.id) != 0 || !old.upstream[0])
            continue;
        forget(steer, i);
        tell(steer, "undone", &old, text_of(news->by));
        return true;
    }
    return false;
}

/* True where one has come: it is new, was not undone here, and makes sense. */
static bool hear_begun(struct steer *steer, const char *upstream, const struct override *heard)
{
    struct override override = *heard;
    struct error why;

    if (find(steer->list, steer->count, heard->id) ||
        find(steer->undone, steer->undone_count, heard->id) || heard->until <= worker_now() ||
        steer->count == OVERRIDES_MAX)
        return false;
    struct runtime *fits = runtime_override(steer->base, &override, 1, steer->generation + 1, &why);
    if (!fits)
        return false;
    runtime_drop(fits);
    snprintf(override.upstream, sizeof(override.upstream), "%s", upstream);
    steer->list[steer->count++] = override;
    tell(steer, "begun", &override, (struct text){0});
    return true;
}

void steer_hear(struct steer *steer, const char *upstream, const struct override_news *news,
                size_t count)
{
    struct error why;
    bool changed = false;

    for (size_t i = 0; i < count; i++)
        changed |= news[i].undone ? hear_undone(steer, &news[i])
                                  : hear_begun(steer, upstream, &news[i].override);
    if (!changed)
        return;
    if (build(steer, &why))
        steer->put(steer->context, steer->current);
    set_timer(steer);
}
