/* One session: a client connection and its one upstream connection. All states of proxy/ use it. A
 * session belongs to one worker and is only touched by its thread.
 *
 * Data that a session has only in some states is in a struct of its own, behind a pointer that is
 * NULL in the other states. The request is a part of the session (proxy/request.h says why). Valid
 * in every state from the login on: the belief, the locks that are held, and the moves in which it
 * is inside.
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
struct renewal_due;
struct sought;
struct login_draft;
struct again;

/* One of the two sides. `gate` holds what this side has sent. */
struct side {
    struct stream stream;
    struct gate gate;
    struct ev_io io;
    uint8_t sequence; /* of the next packet to or from this side, while logging in */
    bool ended;       /* the other side has closed: it will send nothing more */
    bool broken;      /* it cannot be read or written any more */
    bool wants_write; /* not all bytes for it fitted into its socket */
    bool handshaking; /* during a TLS handshake: only mbedTLS reads and writes the socket */
    bool shut;        /* our sending side was shut down */
    bool is_unix;     /* a Unix socket */
    uint8_t compression, zstd_level; /* enum compression, valid from the end of the login on */
};

/* User and application, set at login; one block with its texts after the struct. */
struct identity {
    struct text user, client, program_name, client_name;
    union address source, destination; /* for the PROXY header to an upstream */
};

struct session {
    struct worker *worker;
    enum state state;
    enum close_reason close_reason;
    struct side client, upstream;
    struct list_link all; /* in worker->sessions, or worker->closed */
    /* in worker->log_waiting while the log has no room; in worker->handshaking */
    struct list_link waiting;
    struct list_link timed; /* in one of the worker's slots */
    /* in the worker's seconds: when the state's time is over, when this is checked next */
    uint32_t deadline, due;
    uint32_t began, entered; /* likewise: the start of the session, and of its state */
    uint32_t stays;          /* a drain does not end it before this second; 0: it may */
    uint64_t refused;        /* the record's id of its last refused statement; 0: none */

    uint32_t id;                 /* silogate's thread id: registry_id */
    uint32_t thread;             /* the upstream's thread id */
    capabilities_t capabilities; /* in force on both legs */
    uint32_t max_packet;
    uint16_t collation;
    bool judged : 1; /* false: an unknown user that is passed */
    bool logged_in : 1;
    bool registered : 1;
    bool has_attributes : 1; /* the upstream's leg has CLIENT_CONNECT_ATTRS */
    bool shut : 1;           /* LINGER: the last packet was sent */
    bool yield : 1;          /* continues by itself in the next turn of the loop */
    bool draining : 1;       /* continues when all passed bytes were sent to the upstream */
    bool leaving : 1;        /* it must end at its next boundary */

    struct login_draft *draft;     /* in phase SESSION_LOGIN only */
    struct renewal *renewal;       /* in STATE_RENEW only */
    struct renewal_due *unrenewed; /* see renew_due; NULL: none of SQL's PREPARE */
    struct again *again;           /* a command is in flight that may have to be sent again */
    struct sought *sought;         /* from STATE_SEEK until the command is over; else NULL */
    struct identity *identity;     /* from the first login on */
    struct transaction
        *transaction;        /* an open transaction in which a violation has written; NULL: none */
    struct binding *binding; /* its service, and the policy by which it is judged */
    struct owners used;      /* whose objects the open transaction uses, as `ctl sessions` shows */
    struct belief belief;    /* about the session inside the server */
    struct held held;
    struct moving_inside inside; /* in which open moves it is inside */
    struct request request;
};

/* Starts a session for a new connection from `from`, which is `client` as text. */
void session_start(struct worker *worker, int socket, const struct sockaddr_storage *from,
                   struct text client, bool expects_header);

/* Runs the states until they wait, writes the passed bytes, and sets which events are watched. */
void session_run(struct session *session);

/* The only way to end a session, at once: what its client is still owed is not sent. Its memory is
 * freed at the end of the loop turn. */
void session_close(struct session *session, enum close_reason reason);

/* Frees a closed session. Called by the worker at the end of the loop turn. */
void session_free(struct session *session);

/* For the states: */
enum step session_end(struct session *session, enum close_reason reason);
/* Sends the client an error packet with this sequence id; the session continues. */
void session_error(struct session *session, uint8_t sequence, uint16_t code, const char *sqlstate,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Before silogate or the server sends the client a last packet of its own accord, between two
 * commands: on a compressed leg `frame` becomes the number of the packet's frame; if the client's
 * next command has come it is the number of that command's answer, as which the packet is read.
 * False: the last answer must be sent first. */
bool session_speaks(struct session *session, uint8_t frame);
/* Are there bytes for the client that its socket has not taken yet? While there are, the session is
 * at no boundary and not idle, and it ends only if the client takes none of them for too long
 * (LIMIT_LINGER). False if none can be sent any more. */
bool session_owes(const struct session *session);
/* The last packets are in the gates: ends the upstream's connection, sends what the client is still
 * owed, then closes for `reason`. */
enum step session_linger(struct session *session, enum close_reason reason);
/* The answer to the forwarded command is complete. */
void session_answered(struct session *session);
/* The XA transactions that it has prepared may have ended without an answer that says so. */
void session_leave_branches(struct session *session);
/* Closes only the upstream's connection. */
void session_drop_upstream(struct session *session);
/* Watches a side whose stream has just been opened. */
void session_watch(struct session *session, struct side *side, int socket, bool is_unix);

#endif
