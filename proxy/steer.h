/* What is in force: the runtime of the file, and the overrides of `silogate ctl` on top of it,
 * each with its end. Used by the main thread only.
 */
#ifndef PROXY_STEER_H
#define PROXY_STEER_H

#include <ev.h>

#include "config/override.h"
#include "proxy/board.h"
#include "proxy/closed.h"
#include "proxy/runtime.h"
#include "violations/violations.h"

struct steer {
    struct ev_loop *loop;
    struct ev_timer end; /* of the override that ends next */
    struct violations *violations;
    struct runtime *base, *current;      /* a reference to each */
    uint32_t generation;                 /* of the newest runtime */
    struct override list[OVERRIDES_MAX]; /* also those for older generations only */
    size_t count;
    struct closed closed;       /* those that are over */
    struct board *board, *over; /* shared with all generations: in force, over; NULL: none */
    bool follows;               /* a successor writes the boards */
    bool told_full;             /* that there is no room for what others have begun */
    /* Gives the runtime in force to everybody who uses it; takes no reference. */
    void (*put)(void *context, struct runtime *runtime);
    void *context;
};

/* Takes over a reference to `base`; does not call `put`. */
void steer_init(struct steer *steer, struct ev_loop *loop, struct runtime *base,
                void (*put)(void *context, struct runtime *runtime), void *context);
void steer_fini(struct steer *steer);

/* After a reload: takes over a reference. Overrides that are not valid any more are in force for
 * older generations only (override->older), if at all. */
void steer_base(struct steer *steer, struct runtime *base);
/* By whoever serves, when no older generation judges by another file: those end. */
void steer_end_older(struct steer *steer);

/* Fills in the id and puts the override into force. */
bool steer_add(struct steer *steer, struct override *override, struct error *why);
/* False: there is none with this id. `undone` gets the override. */
bool steer_undo(struct steer *steer, struct text id, struct text who, struct override *undone);
/* For a successor: the descriptors of the boards (board.h), which stay owned by steer: all
 * overrides, and those that are over; -1: there is none. False: there is none for what should be on
 * it, because no more files may be open. */
bool steer_share(struct steer *steer, int *board, int *over);
/* By the successor: takes over the descriptors, and the overrides there; those that are not valid
 * with its own file stay in force for older generations only. Does not call `put`. False: there are
 * some, and they cannot be read. */
bool steer_restore(struct steer *steer, int board, int over, struct error *error);
/* By whoever serves now: applies what a predecessor has changed since, or has left in its file, and
 * writes boards and file from now on. */
void steer_lead(struct steer *steer);
/* After a successor serves: applies its changes here too, at each call. */
void steer_follow(struct steer *steer);

/* Applies what other instances before `upstream` have begun or undone. Calls `put` only if
 * something has changed. */
void steer_hear(struct steer *steer, const char *upstream, const struct override_news *news,
                size_t count);
/* The upstream's table says now that these are over. */
void steer_stored(struct steer *steer, const char (*ids)[OVERRIDE_ID], size_t count);

#endif
