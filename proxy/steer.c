/* Overrides begin, end and are undone; each time a new runtime is built from the file's and put
 * into force, as at a reload. Each change is an event in the violation log.
 */
#include "proxy/steer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/log.h"

/* An override that ends within this time is left to its own end. */
#define SOON INT64_C(1000000)

static void note(const char *action, const struct override *override)
{
    char words[700];

    override_words(override, words, sizeof(words));
    log_notice("override %s %s: %s", override->id, action, words);
}

/* Also records it. */
static void tell(struct steer *steer, const char *action, const struct override *override,
                 struct text by)
{
    char words[700];

    override_words(override, words, sizeof(words));
    if (!steer->follows) /* otherwise the successor records it */
        violations_event_override(steer->violations, text_of(action), text_of(words),
                                  text_of(override->service), by.at ? by : text_of(override->who),
                                  policy_hash(steer->current->policy));
    note(action, override);
}

/* Sets the timer for the next end, or for the file of what is over, which could not be written. */
static void set_timer(struct steer *steer)
{
    int64_t next = steer->closed.failed && !steer->follows ? CLOSED_AGAIN_US : INT64_MAX;

    for (size_t i = 0; i < steer->count; i++) {
        int64_t left = override_left(&steer->list[i]);
        next = left < next ? left : next;
    }
    ev_timer_stop(steer->loop, &steer->end);
    if (next == INT64_MAX)
        return;
    /* The machine may be suspended meanwhile, so the end is checked at least once a minute. */
    double seconds = next > 0 ? (double)next / 1e6 : 0.;
    ev_timer_set(&steer->end, seconds > 60. ? 60. : seconds, 0.);
    ev_timer_start(steer->loop, &steer->end);
}

/* With the first override, not only when a successor asks for them: no file may be left then. */
static void make_boards(struct steer *steer)
{
    if (!steer->board)
        steer->board = board_new(OVERRIDES_MAX);
    if (!steer->over)
        steer->over = board_new(OVERRIDES_CLOSED_MAX);
}

/* The lists have changed. What is over is written first: it must not come back. */
static void changed(struct steer *steer)
{
    if (!steer->follows)
        closed_write(&steer->closed, steer->base->config);
    set_timer(steer);
    if (steer->follows)
        return;
    if (steer->count > 0 || steer->closed.count > 0)
        make_boards(steer);
    if (steer->over)
        board_write(steer->over, steer->closed.list, steer->closed.count);
    if (!steer->board)
        return;
    for (size_t i = 0; i < steer->count; i++)
        steer->list[i].posted = true;
    board_write(steer->board, steer->list, steer->count);
}

/* The runtime of the base and what is in force here. False with `why`: nothing has changed. */
static bool build(struct steer *steer, struct error *why)
{
    struct override *list = memory_take(OVERRIDES_MAX * sizeof(*list));
    const size_t count = override_in_force(steer->list, steer->count, list);
    struct runtime *runtime;

    if (count == 0)
        runtime = runtime_take(steer->base);
    else
        runtime = runtime_override(steer->base, list, count, steer->generation + 1, why);
    free(list);
    if (!runtime)
        return false;
    steer->generation += count > 0;
    runtime_drop(steer->current);
    steer->current = runtime;
    return true;
}

static void forget(struct steer *steer, size_t at)
{
    steer->count--;
    steer->told_full = false;
    memmove(&steer->list[at], &steer->list[at + 1], (steer->count - at) * sizeof(steer->list[0]));
}

/* It is over, whatever the upstream's table says. One that has opened something is marked there;
 * one that has blocked something is only remembered, because the clock may be wrong that has ended
 * it here. */
static void close_ended(struct steer *steer, const struct override *override)
{
    closed_add(&steer->closed, override, TEXT(""),
               override->upstream[0] && override_opens(override) ? OVERRIDE_PENDING
                                                                 : OVERRIDE_KNOWN);
}

static void on_end(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct steer *steer = timer->data;
    struct override ended[OVERRIDES_MAX];
    size_t count = 0;
    struct error why;

    (void)loop;
    (void)events;
    for (size_t i = steer->count; i-- > 0;) {
        if (override_left(&steer->list[i]) > 0)
            continue;
        ended[count++] = steer->list[i];
        close_ended(steer, &steer->list[i]);
        forget(steer, i);
    }
    if (count > 0 && build(steer, &why)) {
        steer->put(steer->context, steer->current);
        while (count-- > 0)
            tell(steer, "ended", &ended[count], TEXT("its end"));
    }
    changed(steer);
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
    board_free(steer->board);
    board_free(steer->over);
    steer->board = steer->over = NULL;
}

/* Overrides that open something leave room for those that block. What is in force may be undone
 * while the upstream cannot be told, and then must be remembered: there is room for that too. */
static bool has_room(const struct steer *steer, const struct override *override, struct error *why)
{
    const size_t most = override_opens(override) ? OVERRIDES_OPENING : OVERRIDES_MAX;
    const size_t kept = closed_kept(&steer->closed);

    if (steer->count >= most)
        return error_set(why, "%zu overrides are in force already; undo one", steer->count);
    if (kept + steer->count + OVERRIDES_MAX - most >= OVERRIDES_CLOSED_MAX)
        return error_set(why,
                         "%zu overrides were undone that the upstreams could not be told of; this "
                         "waits until they can be reached",
                         kept);
    return true;
}

bool steer_add(struct steer *steer, struct override *override, struct error *why)
{
    uint32_t number;

    if (!has_room(steer, override, why))
        return false;
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
    changed(steer);
    return true;
}

bool steer_undo(struct steer *steer, struct text id, struct text who, struct override *undone)
{
    struct error why;

    for (size_t i = 0; i < steer->count; i++) {
        if (!text_equal(text_of(steer->list[i].id), id))
            continue;
        *undone = steer->list[i];
        forget(steer, i);
        /* the other instances must be told */
        closed_add(&steer->closed, undone, who,
                   undone->upstream[0] ? OVERRIDE_PENDING : OVERRIDE_KNOWN);
        if (build(steer, &why))
            steer->put(steer->context, steer->current);
        tell(steer, "undone", undone, who);
        changed(steer);
        return true;
    }
    return false;
}

/* --- changes from other processes --- */

static bool is_over(struct steer *steer, const struct override *override)
{
    return closed_find(&steer->closed, override->id) || override_left(override) <= 0;
}

/* Is it valid with this process's file? */
static bool fits(const struct steer *steer, const struct override *override, struct error *why)
{
    struct runtime *made = runtime_override(steer->base, override, 1, steer->generation + 1, why);

    runtime_drop(made);
    return made != NULL;
}

/* --- generations --- */

bool steer_share(struct steer *steer, int *board, int *over)
{
    make_boards(steer);
    changed(steer);
    *board = steer->board ? board_fd(steer->board) : -1;
    *over = steer->over ? board_fd(steer->over) : -1;
    return (steer->board || steer->count == 0) && (steer->over || steer->closed.count == 0);
}

/* True: one in force is over, as the file of an earlier silogate says. */
static bool drop_closed(struct steer *steer)
{
    const size_t before = steer->count;

    for (size_t i = before; i-- > 0;) {
        if (closed_find(&steer->closed, steer->list[i].id))
            forget(steer, i);
    }
    return steer->count < before;
}

/* The file has made it meaningless here: it is in force for older generations only, if at all. */
static void leave_to_older(struct override *override, const char *why)
{
    override->older = true;
    log_warning("override %s does not fit the file that was read, and is not in force here: %s",
                override->id, why);
}

/* One that was in force. A process that follows takes it again if a later file makes it fit. */
static void leave(struct steer *steer, size_t at, const char *why)
{
    leave_to_older(&steer->list[at], why);
    if (steer->follows)
        forget(steer, at);
}

/* A new one on the board. False: it is not taken. */
static bool take_new(struct steer *steer, const struct override *override)
{
    struct override *own = &steer->list[steer->count];
    struct error why;

    *own = *override;
    own->posted = true;
    const bool fine = !own->older && fits(steer, own, &why);
    if (!fine && steer->follows) /* it is taken if a reload makes it fit */
        return false;
    if (!fine && !own->older)
        leave_to_older(own, why.text);
    steer->count++;
    return true;
}

/* An override that was on the board and is not any more was undone there, or has ended; a new one
 * has begun there. Who wrote the board has recorded it: the successor of a process that follows, or
 * the predecessor of one that leads from now on. False: nothing has changed. */
static bool take_board(struct steer *steer)
{
    struct override *list = memory_take(OVERRIDES_MAX * sizeof(*list));
    size_t count = 0;
    bool news = false;

    closed_take(&steer->closed, steer->over);
    if (steer->board && board_read(steer->board, list, &count)) {
        for (size_t i = steer->count; i-- > 0;) {
            const struct override old = steer->list[i];
            const bool ends = override_left(&old) < SOON;
            if (!old.posted || override_find(list, count, old.id) || (ends && steer->follows))
                continue;
            forget(steer, i);
            if (!ends)
                closed_add(&steer->closed, &old, TEXT("another generation of this silogate"),
                           OVERRIDE_KNOWN);
            note(ends ? "ended" : "undone", &old);
            news = true;
        }
        for (size_t i = 0; i < count; i++) {
            struct override *own = override_find(steer->list, steer->count, list[i].id);
            if (own) /* it may have been heard of at the upstream first */
                own->posted = true;
            else if (steer->count < OVERRIDES_MAX && !is_over(steer, &list[i]))
                news |= take_new(steer, &list[i]);
        }
    }
    free(list);
    return news;
}

bool steer_restore(struct steer *steer, int board, int over, struct error *error)
{
    const bool fine = board_inherit(board, OVERRIDES_MAX, &steer->board);
    struct error why;

    if (!board_inherit(over, OVERRIDES_CLOSED_MAX, &steer->over) || !fine)
        return error_set(error, "its overrides are unreadable here: another version's, or there is "
                                "no memory");
    if (take_board(steer) && build(steer, &why))
        log_notice("%zu overrides of the silogate that ran before go on", steer->count);
    set_timer(steer);
    return true;
}

void steer_lead(struct steer *steer)
{
    const bool taken = take_board(steer);
    struct error why;

    closed_read(&steer->closed, steer->base->config);
    if ((drop_closed(steer) || taken) && build(steer, &why))
        steer->put(steer->context, steer->current);
    changed(steer);
}

void steer_follow(struct steer *steer)
{
    struct error why;

    steer->follows = true;
    if (!take_board(steer))
        return;
    if (build(steer, &why))
        steer->put(steer->context, steer->current);
    log_notice("%zu overrides are in force, as a successor has changed them", steer->count);
    set_timer(steer);
}

void steer_base(struct steer *steer, struct runtime *base)
{
    struct error why;

    base->generation = ++steer->generation;
    runtime_drop(steer->base);
    steer->base = base;
    if (steer->follows && steer->board) { /* what did not fit the file of before may fit now */
        board_read_again(steer->board);
        take_board(steer);
    }
    while (!build(steer, &why)) {
        /* one of the overrides does not fit the new file: each is tried alone */
        const struct error together = why;
        bool left = false;
        for (int alone = 1; alone >= 0 && !left; alone--) {
            for (size_t i = steer->count; i-- > 0;) {
                if (steer->list[i].older || (alone && fits(steer, &steer->list[i], &why)))
                    continue;
                leave(steer, i, alone ? why.text : together.text);
                left = true;
            }
        }
    }
    steer->put(steer->context, steer->current);
    changed(steer);
}

void steer_end_older(struct steer *steer)
{
    const size_t before = steer->count;

    for (size_t i = before; i-- > 0;) {
        const struct override old = steer->list[i];
        if (!old.older)
            continue;
        forget(steer, i);
        if (old.upstream[0])
            closed_add(&steer->closed, &old, TEXT("a reload"), OVERRIDE_HERE);
        tell(steer, "ended", &old, TEXT("it does not fit the file of this silogate"));
    }
    if (steer->count < before)
        changed(steer);
}

/* --- other instances --- */

/* True: one was removed. */
static bool hear_undone(struct steer *steer, const struct override_news *news)
{
    for (size_t i = 0; i < steer->count; i++) {
        struct override old = steer->list[i];
        if (strcmp(old.id, news->override.id) != 0 || !old.upstream[0])
            continue;
        forget(steer, i);
        closed_add(&steer->closed, &old, text_of(news->by), OVERRIDE_KNOWN);
        tell(steer, "undone", &old, text_of(news->by));
        return true;
    }
    return false;
}

/* It is over, and the table that was read does not say so. */
static void close_again(struct steer *steer, struct override *closed, const char *upstream)
{
    if (closed->closed == OVERRIDE_HERE || (!closed->who[0] && !override_opens(closed)))
        return;
    closed->closed = OVERRIDE_PENDING;
    steer->closed.changed = true;
    snprintf(closed->upstream, sizeof(closed->upstream), "%s", upstream);
}

static void tell_full(struct steer *steer, const struct override *heard, const char *why)
{
    char words[700];

    override_words(heard, words, sizeof(words));
    if (!steer->told_full)
        log_error("override %s, begun at another instance, is not in force here: %s; it is: %s",
                  heard->id, why, words);
    steer->told_full = true;
}

/* True: one was added: it is new, is not over here, is valid, and there is room. A process that
 * follows takes what opens from its successor alone, which can list and end it. */
static bool hear_begun(struct steer *steer, const char *upstream, const struct override *heard)
{
    struct override *closed = closed_find(&steer->closed, heard->id);
    struct override override = *heard;
    struct error why;

    if (steer->follows && override_opens(heard))
        return false;
    if (closed)
        close_again(steer, closed, upstream);
    if (closed || override_find(steer->list, steer->count, heard->id) || override_left(heard) <= 0)
        return false;
    if (!has_room(steer, heard, &why)) {
        tell_full(steer, heard, why.text);
        return false;
    }
    if (!fits(steer, heard, &why))
        return false;
    snprintf(override.upstream, sizeof(override.upstream), "%s", upstream);
    steer->list[steer->count++] = override;
    tell(steer, "begun", &override, (struct text){0});
    return true;
}

void steer_hear(struct steer *steer, const char *upstream, const struct override_news *news,
                size_t count)
{
    struct error why;
    bool news_here = false;

    for (size_t i = 0; i < count; i++)
        news_here |= news[i].undone ? hear_undone(steer, &news[i])
                                    : hear_begun(steer, upstream, &news[i].override);
    if (news_here && build(steer, &why))
        steer->put(steer->context, steer->current);
    if (news_here || steer->closed.changed)
        changed(steer);
}

void steer_stored(struct steer *steer, const char (*ids)[OVERRIDE_ID], size_t count)
{
    for (size_t i = 0; i < count; i++)
        closed_stored(&steer->closed, ids[i]);
    changed(steer);
}
