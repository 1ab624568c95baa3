/* The state of the running silogate, owned by its main thread. Private to server.c, orders.c,
 * meeting.c, older.c and drain.c. */
#ifndef PROXY_RUNNING_H
#define PROXY_RUNNING_H

#include <ev.h>

#include "admin/admin.h"
#include "admin/control.h"
#include "config/instance.h"
#include "proxy/desk.h"
#include "proxy/ledger.h"
#include "proxy/listeners.h"
#include "proxy/moving.h"
#include "proxy/show.h"
#include "proxy/steer.h"
#include "proxy/successor.h"
#include "proxy/takeover.h"
#include "proxy/worker.h"

struct server {
    const char *path;
    struct ev_loop *loop;
    struct ev_signal hangup, terminate, interrupt, reopen, upgrade;
    struct successor successor;
    struct ev_timer probe;
    struct steer steer; /* the configuration in force, with overrides */
    struct desk desk;
    struct violations *violations;
    struct worker *workers;
    unsigned wanted, worker_count; /* wanted: by the configuration */
    bool young;                    /* it has taken over, less than a second ago */
    struct open_sockets sockets;
    struct inherited inherited;
    int ini_path;     /* ini_path.h; -1: there is none */
    int turn;         /* the lock of takeover_turn, while it starts; else -1 */
    uint32_t reloads; /* how many were passed on before what is in force here was read */
    double reloaded;  /* when older generations were told to reload, in monotonic seconds; 0: all of
                         them have followed, or the log says who has not */
    struct show *show;
    struct ledger *ledger; /* of all generations; NULL: this is the first */
    struct moving_door door;
    struct admin *admin;     /* NULL: off */
    struct control *control; /* NULL: off */
    bool lost_control;       /* its path has vanished */

    /* Used by drain.c: */
    struct ev_timer delay, drain;
    bool signalled;  /* SIGTERM has come: a second one ends all sessions at once */
    bool terminated; /* SIGTERM has come, or a successor */
    /* A successor has been sent the sockets, and has not said yet that it serves. It has read the
     * file, so no reload is accepted here: SIGHUP is left to whoever serves in the end. */
    bool giving, reload_due;
    bool handed_over; /* the sockets are a successor's too */
    double drained;   /* when it began, in monotonic seconds */
    double counted;   /* when its counts were written into the ledger last */
};

/* server.c: does what SIGHUP does. */
bool server_reload(struct server *server, struct error *why);

/* older.c: what older generations read.
 * At the beginning of its time as the newest: its file is theirs too, at the next reload. */
void older_lead(struct server *server);
/* Before this process reads its file: which of the reloads that are passed on is it? */
void older_begin(struct server *server);
/* After this process's own reload: passes on one that was accepted. */
void older_reload(struct server *server, bool accepted);
/* From time to time: ends overrides that hold for none of them any more, and warns once of those
 * that have not followed. */
void older_look(struct server *server);
/* The process IDs of those that judge by another configuration than this process. */
size_t older_behind(const struct server *server, uint32_t *processes, size_t room);

/* orders.c: the functions that the control socket calls. */
struct control_source orders_source(struct server *server);

/* meeting.c: communication with other instances. */
extern const struct server_meeting *meeting;
void meeting_place(const struct server *server, struct override *override);
void meeting_settle(const struct override *override, struct told *told);

/* Fills in the digests of running statements, if their upstreams can be asked. */
void meeting_digests(struct control_session *sessions, size_t count);

/* drain.c: the end of this process, by SIGTERM or by a successor. */
void drain_init(struct server *server);
/* The last thing that is counted: what this one leaves to its successor. */
void drain_counts(struct server *server, bool last);
void drain_on_signal(struct ev_loop *loop, struct ev_signal *signal, int events);
/* On the control socket's thread of a takeover. */
void drain_takeover(void *server, int channel);
/* The same, from one that finds this one without its successor. */
void drain_adoption(void *server, int channel);

#endif
