/* How a new silogate takes over from the running one, so that no client is refused: the listening
 * sockets, admin's and the control socket are sent over the control socket (SCM_RIGHTS), and the
 * old one drains. Sessions stay in their process. Also the sockets from systemd at the start
 * (LISTEN_FDS).
 *
 *   new                                   old
 *   GET /control/takeover (upgrade)  -->
 *                                    <--  one record a socket, each with its descriptor; from the
 *                                         last one on it accepts no reload
 *   ... reads its file again, starts its workers ...
 *   'R'                              -->  stops accepting and begins to drain
 *                                    <--  'G'; or 'H': a SIGHUP has come meanwhile
 *
 * Until 'R' nothing else changes for the old one: a failed successor has no effect. One that takes
 * too long gets 'N' instead of 'G' and must end: otherwise two would serve at the same time. The
 * new one reads its file when the old one accepts no reload any more, so it never serves by an
 * older file than the one that was accepted last.
 */
#ifndef PROXY_TAKEOVER_H
#define PROXY_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum inherited_kind {
    INHERITED_LISTEN,
    INHERITED_ADMIN,
    INHERITED_CONTROL,
    INHERITED_OLDER,     /* a pidfd of a generation that still drains; its number is the pid */
    INHERITED_END,       /* no descriptor */
    INHERITED_OVERRIDES, /* a file in memory, as older builds send it: not taken */
    INHERITED_BOARD,     /* a file in memory: board.h */
    INHERITED_LEDGER,    /* another: ledger.h */
    INHERITED_OVER,      /* a second board.h: the overrides that are over */
    INHERITED_PATH,      /* another: ini_path.h */
};

struct inherited_socket {
    int fd; /* -1: it was taken */
    uint8_t kind;
    bool systemd;
    uint8_t ids;     /* of an older generation: registry_generation() + 1; 0: an older build */
    uint32_t number; /* 0: none, as older builds send it */
};

struct inherited {
    struct inherited_socket *items;
    size_t count;
    int channel;      /* to the old one; -1: there is none */
    uint32_t last_id; /* registry_count() of the old one */
    bool defers;      /* the old one accepts no reload meanwhile; older builds do */
    bool reload;      /* after takeover_ready: the file is to be read once more */
};

/* Adds the listening sockets that systemd has opened (LISTEN_FDS). Called before this process opens
 * any file, whose number could be one of those. False: one of them is no listening socket. */
bool takeover_systemd(struct inherited *inherited, struct error *error);
/* One start at a time by this control path: the next one waits until this one serves, and takes
 * over from it. Returns the descriptor of a lock on the path's folder; no file is made. A process
 * that holds it for longer than a start can take is not waited for. The caller closes it when
 * everything listens; -1: there is no lock. */
int takeover_turn(const char *path);
/* Asks the silogate that listens at `path` for its sockets. True also if nobody listens there, or
 * the process ends meanwhile. False: it has refused, or another program listens there. */
bool takeover_ask(const char *path, struct inherited *inherited, struct error *error);
/* Asks a process that drains, and whose successor has ended, for what it still has: see orphans.h.
 * False: it does not answer. */
bool takeover_adopt(const char *path, struct inherited *inherited, struct error *error);
/* A pidfd of this process, which will be an older generation; -1: the kernel has none. */
int takeover_self(void);
/* Takes the descriptor of that kind, which the caller then owns; -1: there is none. */
int takeover_take(struct inherited *inherited, enum inherited_kind kind);
/* Everything runs here: the old process begins to drain. Processes beyond GENERATIONS are ended.
 * False: the old one has waited for too long, and goes on serving. */
bool takeover_ready(struct inherited *inherited, struct error *error);
/* Closes what nobody has taken, except the older generations, which the next successor needs. */
void takeover_close(struct inherited *inherited);

/* The old one's side, on `channel`: sends one of them; its descriptor stays open here. */
bool takeover_send(int channel, const struct inherited_socket *what);
/* Waits for 'R', at most a minute. False: it did not come, and 'N' was sent. */
bool takeover_wait(int channel);
/* This process does not accept any more. `reload`: a reload was asked for, and is the successor's
 * to do. */
void takeover_gone(int channel, bool reload);

#endif
