/* What instances of silogate before one upstream tell of each other, as it is shown. */
#ifndef CONFIG_INSTANCE_H
#define CONFIG_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/override.h"

enum {
    INSTANCES_MAX = 64,           /* that are shown of an upstream */
    INSTANCE_LEASE_MS = 5000,     /* alive: heard of within this time */
    INSTANCE_FORGOTTEN_MS = 60000 /* no longer shown */
};

/* Texts end with a NUL. */
struct instance {
    char upstream[65];
    char name[129]; /* "host:pid:start", one process */
    char version[33];
    char policy[17];     /* the hash of what its file says, overrides apart */
    unsigned number;     /* [proxy] instance */
    int64_t age;         /* ms since it was heard of, by the server's clock */
    uint64_t sessions;   /* all that it has open */
    uint64_t overrides;  /* which it has in force, in one number: equal where they are the same */
    bool draining, self; /* coming to its end; the one that tells */
};

static inline bool instance_is_alive(const struct instance *instance)
{
    return instance->age < INSTANCE_LEASE_MS;
}

/* Whether instances can be met at an upstream that has an `account`. */
struct meeting {
    char upstream[65];
    bool met;      /* at the last try */
    char why[512]; /* where not */
};

/* What this one has in force for those before one upstream, at one moment. */
struct instance_state {
    char policy[17];
    unsigned number;
    uint64_t sessions;
    bool draining;
    struct override overrides[OVERRIDES_MAX], undone[OVERRIDES_MAX]; /* `who`: has undone it */
    size_t count, undone_count;
};

/* A statement at work in a thread of an upstream. */
struct at_work {
    uint32_t thread;
    uint8_t mode;    /* union of enum sql_mode: how the text reads */
    uint64_t digest; /* as the violation log has it; 0: not known */
};

/* How far an override has come. */
struct told {
    bool met;             /* the others can hear of it; else: as soon as the upstream is reached */
    unsigned alive, same; /* instances, this one too; those that have the same overrides in force */
    char why[512];        /* where not met */
};

#endif
