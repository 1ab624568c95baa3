/* One session: a client connection and its one upstream connection. What every state of proxy/ may
 * look at. A session belongs to one worker and is only touched by its thread.
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
#include "protocol/answer.h"
#include "protocol/capabilities.h"
#include "proxy/address.h"
#include "proxy/gate.h"

struct worker;
struct binding;
struct change;
struct renewal;
struct sought;
struct login_draft;

enum state {
#define STATE(symbol, name, function, limit, phase) symbol,
#include "proxy/states.def"
#undef STATE
};

enum close_reason {
#define REASON(symbol, name, sentence) symbol,
#include "proxy/reasons.def"
#undef REASON
    CLOSE_REASONS
};

/* How long a state may last. */
enum limit {
    LIMIT_NONE,
    LIMIT_LOGIN,
    LIMIT_CONNECT,
    LIMIT_IDLE,
    LIMIT_LINGER,
    LIMIT_KEY,
    LIMIT_LOOK,
    LIMIT_DELAY
};

/* What holds in all states of a phase. */
enum session_phase {
    SESSION_LOGIN,    /* there is a draft; no command, and nothing that one would change */
    SESSION_BOUNDARY, /* between two commands: no draft, nothing in flight, no part of a packet */
    SESSION_COMMAND,  /* one is on its way or its answer is, or it is being discarded */
    SESSION_ASIDE,    /* silogate's own question, or its own work, before the next command */
    SESSION_END,
};

/* What a state's function says. */
enum step {
    STEP_AGAIN, /* the state has changed, or there is more to do with what is here */
    STEP_WAIT,  /* nothing more can be done before a socket or a timer has news */
    STEP_CLOSE, /* session->close_reason says why */
};

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

/* A command that may have to be sent once more: see proxy/again.h. */
struct again {
    struct gate kept; /* the packet, as it came, before its names were mapped; mostly nothing */
    uint64_t print;   /* where its tables stood: sql_moved_print */
    uint32_t ticket;  /* moving_look's */
    bool resent;      /* the command at hand is */
    bool late;        /* nobody has looked in time */
};

/* What silogate asks the server, in this order; only a session that may be traced is asked more
 * than the one question. */
enum asking {
    ASKING_STOP,
    ASKING,
    ASKING_START,
};

/* The command at hand and its answer, or the answer to silogate's own question. Between two
 * commands (SESSION_BOUNDARY) nothing of it is in force but `command`, `kind` and `failed`, which
 * tell of the last. */
struct request {
    struct answer answer;
    struct change *change; /* what the command makes of the belief; NULL: nothing */
    double forwarded_at;   /* by the loop's clock */
    uint32_t packet_left;  /* bytes of the client's packet that are still to come and may pass */
    uint8_t command;       /* the command byte */
    uint8_t locking;       /* enum ruling_locks */
    bool locks_alone;      /* by the command's only statement */
    uint8_t kind;          /* enum sql_kind of the statement that was passed last */
    uint8_t asking;        /* ASK: enum asking */
    bool in_flight : 1;    /* it was forwarded, its answer is not complete */
    bool discarding : 1;   /* PASS: too large a command is read and forgotten */
    bool packet_continues : 1; /* the client's packet is continued by the next one */
    bool answered : 1;         /* some of the answer has been passed on */
    bool failed : 1;           /* an ERR was seen in the answer */
    bool redefines : 1;        /* it may change what stands where: see proxy/moving.h */
    bool asks : 1;             /* a dump: the event at hand asks to be acknowledged */
    bool recounts : 1;         /* ... and has been passed: the next frame is the first */
};

/* What the session may still hold on the server when its transaction is over. */
struct session_held {
    bool tables : 1;    /* LOCK TABLES and its kin are in force */
    bool handler : 1;   /* a HANDLER was opened */
    bool branches : 1;  /* XA transactions were prepared: see proxy/branches.h */
    uint8_t user_locks; /* GET_LOCKs */
    uint16_t long_data; /* statements that some was sent for, and no execution yet */
};

/* The open moves that it is inside of: see proxy/moving.h. */
struct session_moves {
    uint64_t touched;
    uint64_t touched_by; /* the digest of the statement that keeps it inside; 0: not known */
    uint32_t since;      /* in the worker's seconds */
    bool only_begun;     /* its transaction has done nothing but begin */
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
    struct sought *sought;           /* from STATE_SEEK until the command is over; else NULL */
    struct identity *identity;       /* from the first login on */
    struct transaction *transaction; /* open, and a violation has written; NULL: none */
    struct binding *binding;         /* whose it is, and by which policy it is judged */
    struct belief belief;            /* of the server's side of it */
    struct request request;
    struct again again;
    struct session_held held;
    struct session_moves moves;
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

/* The worker's, when the second `due` has come. */
void session_due(struct session *session);

/* For the states: */
void session_enter(struct session *session, enum state state);
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

/* "command" */
const char *session_state_name(enum state state);
const char *close_reason_name(enum close_reason reason);
const char *close_reason_sentence(enum close_reason reason);

/* The states' functions: */
#define STATE(symbol, name, function, limit, phase) enum step function(struct session *session);
#include "proxy/states.def"
#undef STATE

#endif
