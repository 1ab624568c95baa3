/* What is in force: the runtime that the file says, and the overrides that `silogate ctl` has laid
 * over it, each with its end. The main thread's alone.
 */
#ifndef PROXY_STEER_H
#define PROXY_STEER_H

#include <ev.h>

#include "config/override.h"
#include "proxy/board.h"
#include "proxy/runtime.h"
#include "violations/violations.h"

struct steer {
    struct ev_loop *loop;
    struct ev_timer end; /* of the override that ends next */
    struct violations *violations;
    struct runtime *base, *current; /* both with a reference */
    uint32_t generation;            /* of the youngest runtime there ever was */
    struct override list[OVERRIDES_MAX];
    size_t count;
    /* Those of several instances that were undone here before their end; `who`: by whom. */
    struct override undone[OVERRIDES_MAX];
    size_t undone_count;
    /* Ids of those that have ended: by the server's clock, which somebody may set, they may not
     * have. A ring. */
    char over[OVERRIDES_MAX][sizeof(((struct override *)NULL)->id)];
    size_t over_next;
    struct board *board; /* of all generations; NULL: there is none */
    bool follows;        /* a successor writes it */
    /* Hands what is in force from now on to everybody who uses it; takes no reference. */
    void (*put)(void *context, struct runtime *runtime);
    void *context;
};

/* Takes over a reference to `base`; puts nothing. */
void steer_init(struct steer *steer, struct ev_loop *loop, struct runtime *base,
                void (*put)(void *context, struct runtime *runtime), void *context);
void steer_fini(struct steer *steer);

/* After a reload: takes over a reference. Overrides that make no sense any more end. */
void steer_base(struct steer *steer, struct runtime *base);

/* Fills in the id and puts it in force. */
bool steer_add(struct steer *steer, struct override *override, struct error *why);
/* False where there is none of this id; what it was is in `undone`. */
bool steer_undo(struct steer *steer, struct text id, struct text who, struct override *undone);
/* For a successor: the descriptor of the board (board.h), on which everything stands; steer's own.
 * -1: there is none. */
int steer_share(struct steer *steer);
/* The successor's: takes the descriptor over, and goes on with what stands there and fits its own
 * file. Puts nothing. */
void steer_restore(struct steer *steer, int fd);
/* It serves from now on: what its predecessor has changed since, and from here on it writes. */
void steer_lead(struct steer *steer);
/* A successor serves: what it changes holds here too, at each call. */
void steer_follow(struct steer *steer);

/* What other instances before `upstream` have begun or undone. Puts something
 * in force only where that is news. */
void steer_hear(struct steer *steer, const char *upstream, const struct override_news *news,
                size_t count);

#endif
