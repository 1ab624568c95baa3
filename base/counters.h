/* Numbers for the metrics. Each worker adds to its own without a lock, and copies them itself when
 * admin asks (proxy/observe.c): no other thread reads the originals.
 *
 *   forwarded == answered + failed          when no command is being answered
 *   sessions_accepted == sessions_open + the sum of closed
 *   statements of a service: the sum over reasons and actions is the number judged
 */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdint.h>

enum {
    COUNTERS_CLOSE_REASONS = 40,
    COUNTERS_EDGES = 64,
    COUNTERS_ACTIONS = 3,
    COUNTERS_REASONS = 16,
    COUNTERS_TLS_FAILURES = 24
};

/* The delay that silogate adds to a command: bounds in microseconds, each twice the one before. */
enum { COUNTERS_DELAYS = 16, COUNTERS_DELAY_LEAST = 4, COUNTERS_SAMPLED_ONE_IN = 64 };

/* Time from sending a command to the upstream until the end of its answer: the same kind of
 * bounds, for each service. */
enum { COUNTERS_LATENCIES = 18, COUNTERS_LATENCY_LEAST = 128 };

enum counters_leg { COUNTERS_CLIENT, COUNTERS_UPSTREAM, COUNTERS_LEGS };

/* What sessions are doing at the moment of the copy. */
#define COUNTERS_DOINGS(X)                                                                         \
    X(LOGIN, "login")                                                                              \
    X(IDLE, "idle")                                                                                \
    X(IDLE_IN_TRANSACTION, "idle_in_transaction")                                                  \
    X(ACTIVE, "active")                                                                            \
    X(WAITING, "waiting")                                                                          \
    X(CLOSING, "closing")
enum counters_doing {
#define X(name, word) DOING_##name,
    COUNTERS_DOINGS(X)
#undef X
        COUNTERS_DOING_COUNT
};

struct counters {
    uint64_t sessions_accepted, sessions_open, logins, logins_denied;
    uint64_t tls_handshakes, tls_resumed;
    uint64_t forwarded, refused; /* commands: each counts in one of the two */
    uint64_t answered, failed;   /* forwarded: answered to the end, or the session ended first */
    uint64_t unjudged;           /* commands of unknown users that are passed */
    uint64_t asked;              /* queries that silogate itself has sent to a server */
    uint64_t renewed;            /* statements that were prepared again at a server */
    uint64_t resent;             /* commands that were sent once more */
    uint64_t sought;    /* commands with a KILL whose session was sought at other instances */
    uint64_t log_waits; /* times that a session had to wait for the violation log */
    uint64_t held;      /* times that a command waited for the end of a hold */
    uint64_t abandoned; /* logins that were completed after their client had gone */
    uint64_t closed[COUNTERS_CLOSE_REASONS];
    uint64_t doing[COUNTERS_DOING_COUNT];                  /* of the open sessions */
    uint64_t received[COUNTERS_LEGS], sent[COUNTERS_LEGS]; /* bytes, before TLS and compression */
    uint64_t tls_failures[COUNTERS_LEGS][COUNTERS_TLS_FAILURES];
    /* One command in COUNTERS_SAMPLED_ONE_IN: time from when the event loop saw it until it was
     * written. */
    uint64_t delays[COUNTERS_DELAYS + 1]; /* by the bound; the last: longer */
    double delay_sum;                     /* seconds */
};

struct usage;

/* Statements in mode off that used another's silo, by owner: a statement counts once for each
 * owner. Logged and blocked ones are counted with their record (violations/seen.h). */
struct edge_counters {
    const struct usage *owner; /* NULL: not used; in the last element: all further owners */
    uint64_t allowed;
};

/* Statements of one service on one worker, by reason and enum verdict_action. */
struct service_counters {
    const struct usage *service; /* NULL: users without a service */
    uint64_t statements[COUNTERS_REASONS][COUNTERS_ACTIONS];
    struct edge_counters edges[COUNTERS_EDGES + 1];
    uint64_t latencies[COUNTERS_LATENCIES + 1]; /* by the bound; the last: longer */
    double latency_sum;                         /* seconds */
    /* On tables of moves: statements that could not be mapped (in a rehearsal: that could not have
     * been); and ended transactions that were longer than the hold. */
    uint64_t unmapped, overlong;
};

#endif
