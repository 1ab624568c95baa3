/* What moving.c (the sessions' side) and moving_door.c (the watch's side) share. */
#ifndef PROXY_MOVING_INTERNAL_H
#define PROXY_MOVING_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/moving.h"

enum {
    MOVES = 64,
    UNMAPPED_KEPT = 64,
    BLOCKERS_SIZE = 4096,
};

struct unmapped {
    uint64_t digest, moves, count;
    const char *why;
};

struct moving {
    atomic_uint generation;      /* of `names`; 0: there never were any */
    atomic_uint_fast64_t held;   /* moves for which sessions at a boundary must wait */
    atomic_uint_fast64_t sealed; /* moves for which all sessions that are not inside must wait */
    atomic_int_fast64_t until;   /* from this time on the door is open */
    atomic_int_fast64_t
        unknown;         /* until this time the first names are waited for; 0: not any more */
    atomic_bool reached; /* the upstream was up since the start */
    atomic_uint_fast64_t asked; /* moves whose sessions inside are to be listed */
    atomic_uint inside[MOVES];
    atomic_uint misses; /* how often a statement failed because a table was not at its place */
    unsigned looking; /* the value of `misses` when the present read of the catalogue began; used by
                         the watch only */
    atomic_uint looked; /* the value of `misses` before the last complete read */
    /* when it was read for a table that was not known, and the number of that read */
    atomic_int_fast64_t searched;
    atomic_uint search;
    atomic_uint waiting;  /* sessions that wait for a read */
    pthread_mutex_t lock; /* for everything below */
    struct sql_moved *names;
    struct unmapped unmapped[UNMAPPED_KEPT];
    unsigned unmapped_count;
    char blockers[BLOCKERS_SIZE];
    size_t blockers_length;
};

#endif
