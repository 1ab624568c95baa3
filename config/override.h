/* Changes of the policy with an end, made by `silogate ctl`. While they are in force they come
 * before the file.
 */
#ifndef CONFIG_OVERRIDE_H
#define CONFIG_OVERRIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

enum override_kind {
    OVERRIDE_MODE,  /* `mode` for everything that `service` does with the data of others, its edges
                       included */
    OVERRIDE_ALLOW, /* `service` gets `access` on `on` */
    OVERRIDE_HOLD,  /* statements that would write data of `service` wait */
    OVERRIDE_KINDS
};

enum {
    OVERRIDES_MAX = 256,        /* in force at the same time */
    OVERRIDES_OPENING = 192,    /* of them, those that open something: the rest is for `block` */
    OVERRIDES_CLOSED_MAX = 512, /* that are over are remembered */
    OVERRIDE_MONTH = 31 * 86400,
    OVERRIDE_ID = 17 /* bytes of an id, with the NUL */
};

/* Why an override that is over is remembered: it must not be put into force again, whatever the
 * server's clock says and whatever other instances have not heard yet. */
enum override_closed {
    OVERRIDE_KNOWN = 1, /* nothing is left to be done; may be forgotten for lack of room */
    OVERRIDE_HERE,      /* a reload has ended it, at this instance only */
    OVERRIDE_PENDING    /* the upstream's table does not say it yet */
};

/* Texts end with a NUL. New fields are added at the end, where 0 means that there is none:
 * processes of several versions share lists of these (proxy/board.h). */
struct override {
    char id[OVERRIDE_ID]; /* 8 hex digits */
    uint8_t kind;         /* enum override_kind */
    uint8_t mode;         /* MODE: CONFIG_LOG or CONFIG_BLOCK */
    uint8_t access;       /* ALLOW: as config_grant's */
    char upstream[65];    /* it holds at all instances before this upstream; empty: at this instance
                             only */
    char service[65];
    char on[200];         /* ALLOW: a pattern, as a grant's */
    int64_t since, until; /* microseconds since 1970, by the clock at its start */
    int64_t ends;    /* microseconds of CLOCK_BOOTTIME, which nobody can set: see override_left */
    char who[80];    /* "alice (uid 1000)" */
    char ticket[80]; /* empty: none */
    bool posted;     /* it was published to all generations of this silogate (proxy/board.h) */
    uint8_t closed;  /* in a list of those that are over: enum override_closed. `who` is then the
                        user who has undone it; empty: its end has come */
    bool older;      /* it does not fit the file of the process that has the list, and is in force
                        for sessions of older generations only */
};

/* The one with this id; NULL: there is none. */
struct override *override_find(struct override *list, size_t count, const char *id);

/* Copies those that are in force in this process to `to`, which has room for all; how many. */
size_t override_in_force(const struct override *list, size_t count, struct override *to);

/* Sets its start and end, each so many microseconds from now. */
void override_set_times(struct override *override, int64_t begins, int64_t ends);
/* Microseconds until its end, even if the wall clock was set since; 0 or less: it has ended. */
int64_t override_left(const struct override *override);
/* Its end in microseconds since 1970, by the present clock. */
int64_t override_until(const struct override *override);

/* Does it let something pass that was blocked? The others only make the policy stricter. */
bool override_opens(const struct override *override);

/* An override that was begun or undone at another instance. */
struct override_news {
    struct override override;
    bool undone;
    char by[80]; /* the user who has undone it */
};

/* "mode", "allow", "hold" */
const char *override_kind_name(enum override_kind kind);
/* The kind of that name; OVERRIDE_KINDS: there is none. */
enum override_kind override_kind_of(struct text name);

/* "ctl mode billing block until 2026-11-28T10:00:00Z by alice (uid 1000), ticket NC-1". */
void override_words(const struct override *override, char *to, size_t size);

/* The configuration with the overrides applied; to be freed with config_free. It keeps `base`
 * alive, and all indexes (of services, upstreams and so on) are the same as in `base`. Unknown
 * services are reported later, by policy_build. */
struct config *config_override(struct config *base, const struct override *overrides, size_t count);

#endif
