/* What instances of silogate before one upstream tell each other about themselves, for display. */
#ifndef CONFIG_INSTANCE_H
#define CONFIG_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/override.h"

enum {
    INSTANCES_MAX = 64,           /* of an upstream, at most so many are shown */
    INSTANCE_LEASE_MS = 5000,     /* alive: its last report is not older */
    INSTANCE_FORGOTTEN_MS = 60000 /* older ones are not shown */
};

/* Texts end with a NUL. */
struct instance {
    char upstream[65];
    char name[129]; /* "host:pid:start", one process */
    char version[33];
    char policy[17];     /* the hash of its configuration, without overrides */
    unsigned number;     /* [proxy] instance */
    int64_t age;         /* ms since its last report, by the server's clock */
    uint64_t sessions;   /* its open sessions */
    uint64_t overrides;  /* a hash of its overrides in force: equal if the overrides are the same */
    bool draining, self; /* draining: it ends soon; self: this process */
};

/* This process, under the name that it has in all tables of all upstreams: "host:pid:start". */
const char *instance_name(void);

static inline bool instance_is_alive(const struct instance *instance)
{
    return instance->age < INSTANCE_LEASE_MS;
}

/* Whether data can be exchanged with other instances at an upstream that has an `account`. */
struct meeting {
    char upstream[65];
    bool met;      /* at the last try */
    char why[512]; /* if not: the reason */
};

/* The overrides of this instance that hold for all instances before one upstream, at one moment. */
struct instance_state {
    char policy[17];
    unsigned number;
    uint64_t sessions;
    bool draining;
    struct override overrides[OVERRIDES_MAX];
    struct override closed[OVERRIDES_CLOSED_MAX]; /* those that are OVERRIDE_PENDING */
    size_t count, closed_count;
};

/* A statement that a thread of an upstream is running. */
struct at_work {
    uint32_t thread;
    uint8_t mode;    /* union of enum sql_mode: in which the text is to be read */
    uint64_t digest; /* as in the violation log; 0: not known */
};

/* At how many instances an override is in force. */
struct told {
    bool met; /* the upstream is reached, so the others can read it; else they will when it is */
    unsigned alive, same; /* instances, this one included; those of them that have the same
                             overrides in force */
    bool full;            /* more overrides are in the table than an instance can have in force */
    char why[512];        /* if not met: the reason */
};

#endif
