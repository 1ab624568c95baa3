/* One session: a client connection and its one upstream connection. What every state of proxy/ may
 * look at. A session belongs to one worker and is only touched by its thread.
 *
 * What a session has only in some states is a block of its own, behind a pointer that is NULL in
 * all others. The request is a part of it (proxy/request.h says why); what outlives a command is in
 * force in every state from the login on: the belief, what is held, which moves it is inside of.
 */
#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/stream.h"
#include "judge/belief.h"
#include "protocol/capabilities.h"
#include "proxy/address.h"
#include "proxy/gate.h"
#include "proxy/held.h"
#include "proxy/moving.h"
#include "proxy/request.h"
#include "proxy/states.h"

struct worker;
struct binding;
struct renewal;
struct sought;
struct login_draft;
struct again;

/* One of the two sides. `gate` holds what this side has sent. */
struct side {
    struct stream stream;
    struct gate gate;
    struct ev_io io;
    uint8_t sequence; /* of the next packet to or from this side, while logging in */
    bool ended;       /* it will send nothing more */
    bool broken;      /* it can be neither read nor written */
    bool wants_write; /* what it should get did not fit into its socket */
    bool handshaking; /* a TLS handshake goes on: the socket is not read or written here */
    bool shut;        /* it was told that nothing more will come */
    bool is_unix;     /* a Unix socket */
    uint8_t compression, zstd_level; /* enum compression, from the end of the login on */
};

/* Who it is, made once at login; one block with its texts behind it. */
struct identity {
    struct text user, client, program_name, client_name;
    union address source, destination; /* what a PROXY header to an upstream says */
};

struct session {
    struct worker *worker;
    enum state state;
    enum close_reason close_reason;
    struct side client, upstream;
    struct list_link all; /* in worker->sessions, or worker->closed */
    struct list_link
        waiting; /* in worker->log_waiting while the log has no room; in worker->handshaking */
    struct list_link timed;  /* in one of the worker's slots */
    uint32_t deadline, due;  /* in the worker's seconds: when it ends, when it is looked at */
    uint32_t began, entered; /* likewise: it, and its state */
    uint32_t stays;          /* until then it does not leave; 0: it may */
    uint64_t refused;        /* the record of the last statement that it was refused; 0: none */

    uint32_t id;                 /* silogate's thread id: registry_id */
    uint32_t thread;             /* the upstream's thread id */
    capabilities_t capabilities; /* in force on both legs */
    uint32_t max_packet;
    uint16_t collation;
    bool judged : 1; /* false: an unknown user that is passed */
    bool logged_in : 1;
    bool registered : 1;
    bool has_attributes : 1; /* the upstream's leg has CLIENT_CONNECT_ATTRS */
    bool shut : 1;           /* LINGER: the last words are said */
    bool yield : 1;          /* goes on by itself in the next turn of the loop */
    bool draining : 1;       /* goes on once all that may go to the upstream has gone */
    bool leaving : 1;        /* it is to end at its next boundary */

    struct login_draft *draft;       /* SESSION_LOGIN, and not otherwise */
    struct renewal *renewal;         /* STATE_RENEW, and not otherwise */
    struct again *again;             /* a command that may have to be sent again is under way */
    struct sought *sought;           /* from STATE_SEEK until the command is over; else NULL */
    struct identity *identity;       /* from the first login on */
    struct transaction *transaction; /* open, and a violation has written; NULL: none */
    struct binding *binding;         /* whose it is, and by which policy it is judged */
    struct belief belief;            /* of the server's side of it */
    struct held held;
    struct moving_inside inside; /* of which open moves */
    struct request request;
};

/* A new connection from `from`, which is `client` as text: starts its session. */
void session_start(struct worker *worker, int socket, const struct sockaddr_storage *from,
                   struct text client, bool expects_header);

/* Runs the states until they wait, flushes, and sets what the sockets are watched for. */
void session_run(struct session *session);

/* The one door out. The memory is taken back at the end of the loop turn. */
void session_close(struct session *session, enum close_reason reason);

/* Frees a closed session. The worker's, at the end of the loop turn. */
void session_free(struct session *session);

/* For the states: */
enum step session_end(struct session *session, enum close_reason reason);
/* Gives the client an error packet with this sequence id; the session goes on. */
void session_error(struct session *session, uint8_t sequence, uint16_t code, const char *sqlstate,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The last words have been put into the gates: says them, then closes for `reason`. */
enum step session_linger(struct session *session, enum close_reason reason);
/* The answer to the forwarded command is complete. */
void session_answered(struct session *session);
/* What it has prepared for XA may be over without a word. */
void session_leave_branches(struct session *session);
/* Closes the upstream's side alone. */
void session_drop_upstream(struct session *session);
/* Watches a side whose stream has just been opened. */
void session_watch(struct session *session, struct side *side, int socket, bool is_unix);

#endif
