/* Applies overrides to a configuration: makes a copy that shares all unchanged data with the
 * original. */
#include "config/override.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MICROSECONDS INT64_C(1000000)

static const char *const kinds[OVERRIDE_KINDS] = {"mode", "allow", "hold"};

const char *override_kind_name(enum override_kind kind)
{
    return kinds[kind];
}

enum override_kind override_kind_of(struct text name)
{
    int kind = 0;

    while (kind < OVERRIDE_KINDS && !text_equal(text_of(kinds[kind]), name))
        kind++;
    return (enum override_kind)kind;
}

struct override *override_find(struct override *list, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].id, id) == 0)
            return &list[i];
    }
    return NULL;
}

size_t override_in_force(const struct override *list, size_t count, struct override *to)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (!list[i].older)
            to[found++] = list[i];
    }
    return found;
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

void override_set_times(struct override *override, int64_t begins, int64_t ends)
{
    const int64_t now = read_clock(CLOCK_REALTIME);

    override->since = now + begins;
    override->until = now + ends;
    override->ends = read_clock(CLOCK_BOOTTIME) + ends;
}

int64_t override_left(const struct override *override)
{
    return override->ends - read_clock(CLOCK_BOOTTIME);
}

int64_t override_until(const struct override *override)
{
    const int64_t until = read_clock(CLOCK_REALTIME) + override_left(override);
    const int64_t off = until - override->until;

    /* The end that was announced at the start, as long as nobody sets the clock. */
    return off > -MICROSECONDS && off < MICROSECONDS ? override->until : until;
}

bool override_opens(const struct override *override)
{
    return override->kind == OVERRIDE_ALLOW ||
           (override->kind == OVERRIDE_MODE && override->mode != CONFIG_BLOCK);
}

static const char *access_words(unsigned access, char *to, size_t size)
{
    static const char *const words[] = {"read", "write", "define", "execute"};
    size_t length = 0;

    *to = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (access & (1u << i) && length < size)
            length +=
                (size_t)snprintf(to + length, size - length, "%s%s", length ? "," : "", words[i]);
    }
    return to;
}

void override_words(const struct override *override, char *to, size_t size)
{
    time_t second = (time_t)(override_until(override) / MICROSECONDS);
    char until[32] = "", access[40], what[400] = "";
    struct tm parts;

    gmtime_r(&second, &parts);
    strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &parts);
    switch ((enum override_kind) override->kind) {
    case OVERRIDE_MODE:
        snprintf(what, sizeof(what), "%s %s", override->service,
                 override->mode == CONFIG_BLOCK ? "block" : "log");
        break;
    case OVERRIDE_ALLOW:
        snprintf(what, sizeof(what), "%s on %s access %s", override->service, override->on,
                 access_words(override->access, access, sizeof(access)));
        break;
    case OVERRIDE_HOLD:
        snprintf(what, sizeof(what), "%s --writes", override->service);
        break;
    case OVERRIDE_KINDS: /* no kind */
        to[0] = 0;
        return;
    }
    snprintf(to, size, "ctl %s %s until %s by %s%s%s", kinds[override->kind], what, until,
             override->who, override->ticket[0] ? ", ticket " : "", override->ticket);
}

static struct text words_in(struct arena *arena, const struct override *override)
{
    char words[700];

    override_words(override, words, sizeof(words));
    return arena_text(arena, text_of(words));
}

static void set_mode(struct config *config, const struct override *override)
{
    struct text name = text_of(override->service), words = words_in(&config->arena, override);

    for (size_t i = 0; i < config->service_count; i++) {
        if (!text_equal(config->services[i].name, name))
            continue;
        config->services[i].mode.value = override->mode;
        config->services[i].mode_by = words;
    }
    for (size_t i = 0; i < config->edge_count; i++) {
        if (!text_equal(config->edges[i].user, name))
            continue;
        config->edges[i].mode.value = override->mode;
        config->edges[i].mode_by = words;
    }
}

static void add_grant(struct config *config, const struct override *override)
{
    struct arena *arena = &config->arena;
    struct config_text *on = arena_take(arena, sizeof(*on));

    on->value = arena_text(arena, text_of(override->on));
    config->grants[config->grant_count++] = (struct config_grant){
        .name = arena_text(arena, text_of(override->id)),
        .service = {.value = arena_text(arena,   text_of(override->service))},
        .ticket = {.value = arena_text(arena,                           text_of(override->ticket))},
        .on = {on,1},
        .access = {.bits = override->access                         },
        .granted_by = words_in(arena, override),
    };
}

/* A copy in the arena, with room for `more`. */
static void *copy(struct arena *arena, const void *items, size_t count, size_t more, size_t size)
{
    void *kept = arena_take(arena, (count + more + 1) * size);

    if (count)
        memcpy(kept, items, count * size);
    return kept;
}

struct config *config_override(struct config *base, const struct override *overrides, size_t count)
{
    struct config *config = memory_take(sizeof(*config));

    memcpy(config, base, offsetof(struct config, shares));
    config->arena = (struct arena){0};
    atomic_init(&config->shares, 0);
    config->base = config_take(base);
    config->services =
        copy(&config->arena, base->services, base->service_count, 0, sizeof(*config->services));
    config->grants =
        copy(&config->arena, base->grants, base->grant_count, count, sizeof(*config->grants));
    config->edges = copy(&config->arena, base->edges, base->edge_count, 0, sizeof(*config->edges));
    for (size_t i = 0; i < count; i++) {
        if (overrides[i].kind == OVERRIDE_MODE)
            set_mode(config, &overrides[i]);
        else if (overrides[i].kind == OVERRIDE_ALLOW)
            add_grant(config, &overrides[i]);
    }
    return config;
}
