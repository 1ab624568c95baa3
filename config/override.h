/* Changes of the policy that end by themselves, as `silogate ctl` asks for them: over the file, for
 * as long as they hold.
 */
#ifndef CONFIG_OVERRIDE_H
#define CONFIG_OVERRIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

enum override_kind {
    OVERRIDE_MODE,  /* `mode` for all that `service` does to others, its edges included */
    OVERRIDE_ALLOW, /* `service` gets `access` on `on` */
    OVERRIDE_HOLD,  /* statements that would write what `service` owns wait */
    OVERRIDE_KINDS
};

enum { OVERRIDES_MAX = 256, OVERRIDE_MONTH = 31 * 86400 };

/* Texts end with a NUL. */
struct override {
    char id[17];       /* 8 hex digits */
    uint8_t kind;      /* enum override_kind */
    uint8_t mode;      /* MODE: CONFIG_LOG or CONFIG_BLOCK */
    uint8_t access;    /* ALLOW: as config_grant's */
    char upstream[65]; /* it is all instances' before this one; empty: this instance's alone */
    char service[65];
    char on[200];         /* ALLOW: a pattern, as a grant's */
    int64_t since, until; /* microseconds since 1970, as the clock was when it began here */
    int64_t ends;         /* microseconds of the boot's clock, which nobody sets: override_left */
    char who[80];         /* "alice (uid 1000)" */
    char ticket[80];      /* empty: none */
    bool posted;          /* all generations of this silogate know of it (proxy/board.h) */
};

/* It began and ends so many microseconds from now. */
void override_set_times(struct override *override, int64_t begins, int64_t ends);
/* Microseconds until its end, whatever was made of the wall clock meanwhile; 0 or less: over. */
int64_t override_left(const struct override *override);
/* Its end in microseconds since 1970, as the clock is now. */
int64_t override_until(const struct override *override);

/* Another instance has begun it, or undone it. */
struct override_news {
    struct override override;
    bool undone;
    char by[80]; /* who has undone it */
};

/* "mode", "allow", "hold" */
const char *override_kind_name(enum override_kind kind);
/* The one of that name, OVERRIDE_KINDS where there is none. */
enum override_kind override_kind_of(struct text name);

/* "ctl mode billing block until 2026-11-28T10:00:00Z by alice (uid 1000), ticket NC-1". */
void override_words(const struct override *override, char *to, size_t size);

/* The configuration with the overrides over it; to be freed with config_free, as `base` is, which
 * it keeps alive. Unknown services are left for policy_build to tell. Services, upstreams and all
 * other indexes are the base's. */
struct config *config_override(struct config *base, const struct override *overrides, size_t count);

#endif
