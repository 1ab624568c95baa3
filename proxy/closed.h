/* The overrides that are over and must not come back, though the tables of an upstream may still
 * list them as in force: they were undone while the upstream could not be written, their end has
 * come and the server's clock was set back, or a reload has ended them here. They go along to a
 * successor (board.h) and, those that matter until then, through a restart in a file.
 * Used by the main thread only, through struct steer.
 */
#ifndef PROXY_CLOSED_H
#define PROXY_CLOSED_H

#include "config/config.h"
#include "config/override.h"
#include "proxy/board.h"

struct closed {
    struct override list[OVERRIDES_CLOSED_MAX];
    size_t count;
    bool changed;    /* since closed_write */
    char path[4096]; /* of the file; empty: none */
    bool failed;     /* the last closed_write could not do it, and has told so */
};

/* How long until closed_write is called again if it has failed. */
enum { CLOSED_AGAIN_US = 2000000 };

/* Enters it; one that is listed already keeps the state that asks for more. `who`: has undone it;
 * nobody: its end has come. The longest known are forgotten first. */
void closed_add(struct closed *closed, const struct override *override, struct text who,
                enum override_closed why);
/* What is over on the board (NULL: there is none) is over here too. */
void closed_take(struct closed *closed, struct board *board);
struct override *closed_find(struct closed *closed, const char *id);
/* The upstream's table says it now. */
void closed_stored(struct closed *closed, const char *id);
/* How many were undone, or ended by a reload, and must not be forgotten. */
size_t closed_kept(const struct closed *closed);

/* Reads the file of a silogate that ran before with this control socket, also with another
 * [proxy] instance, or before [proxy] state was there, and adds what it says. */
void closed_read(struct closed *closed, const struct config *config);
/* Keeps those that must not be forgotten in the file: in [proxy] state, else beside the control
 * socket. Without any there is no file. Does nothing if nothing has changed since it was good. If
 * it fails, `failed` is set, and what the file said before stays. */
void closed_write(struct closed *closed, const struct config *config);

#endif
