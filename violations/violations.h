/* The records: what was logged or blocked, once at first and then summed up each period, written by
 * one thread for all workers. Nothing is dropped: a worker whose queue is full is told so before it
 * judges, and the session waits.
 */
#ifndef VIOLATIONS_VIOLATIONS_H
#define VIOLATIONS_VIOLATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "policy/policy.h"
#include "policy/verdict.h"
#include "sql/facts.h"
#include "sql/state.h"
#include "violations/summary.h"

/* The writer: its thread, its outputs, and one queue a worker. */
struct violations;
/* One worker's end: its queue and the store of open repeats. Used by that worker alone. */
struct violations_worker;

struct violations_settings {
    const struct text *outputs; /* path | stdout | syslog */
    const unsigned *lines;      /* of proxy.ini that name them, for errors; NULL: none */
    size_t output_count;
    int statement;  /* enum config_statement */
    int64_t repeat; /* milliseconds; 0: each one is written */
};

/* Opens the outputs and starts the thread. `room` is called from the writer's thread when a queue
 * that was full has room again. NULL with `error` filled where an output cannot be opened. */
struct violations *violations_start(const struct violations_settings *settings, unsigned workers,
                                    void (*room)(void *context, unsigned worker), void *context,
                                    struct error *error);
struct violations_worker *violations_worker(struct violations *violations, unsigned worker);

/* A reload: opens the new outputs, or changes nothing and fills `error`. */
bool violations_change(struct violations *violations, const struct violations_settings *settings,
                       struct error *error);
/* SIGUSR1: reopens the files by their paths. Safe from any thread. */
void violations_reopen(struct violations *violations);
/* Writes all that is queued and open in the stores, syncs, stops the thread. Workers must be done.
 */
void violations_stop(struct violations *violations);

/* Who did it; the texts are only read during the call. */
struct violations_session {
    uint64_t session;                      /* its id */
    struct text user, client;              /* "10.0.0.7:41522" */
    struct text upstream;                  /* its name in the ini */
    struct text database;                  /* the current one; none where `at` is NULL */
    struct text program_name, client_name; /* connection attributes */
    struct text traceparent;               /* query attribute, where there is one */
    const int16_t *transaction_owners;     /* owners written in the open transaction, at most 16 */
    size_t transaction_owner_count;
};

/* The statement. */
struct violations_statement {
    struct text text; /* this statement alone, as the client sent it */
    const struct sql_state *state;
    const struct sql_facts *facts;
    const char *kind;
    const struct policy *policy;
    int service;
    bool fold;
    int32_t today;
    const struct verdict *verdict;
    bool blocked;    /* what was done: false is logged */
    uint32_t offset; /* of `text` in the command: facts' offsets count from the command */
};

/* Is there room for any one command's records? Where not, the caller parks the session until `room`
 * is called. */
bool violations_ready(const struct violations_worker *worker);

/* Adds one violation; returns the id of the record that tells of it (for a repeat, of the first).
 * `now` is the wall clock in microseconds. */
uint64_t violations_add(struct violations_worker *worker, const struct violations_session *session,
                        const struct violations_statement *statement, int64_t now);

/* The same for one that was counted elsewhere: a record of its own that tells of `count` of them.
 */
uint64_t violations_add_summed(struct violations_worker *worker,
                               const struct violations_session *session,
                               const struct violations_statement *statement, uint64_t count,
                               int64_t first, int64_t last);

/* Writes out the repeats whose period is over. To be called about once a second. */
void violations_tick(struct violations_worker *worker, int64_t now);
/* Writes out all repeats, as of `now`: for who has a clock of its own. */
void violations_flush(struct violations_worker *worker, int64_t now);

/* The next part of what this worker has seen since the start; on the worker's thread. */
void violations_seen(const struct violations_worker *worker, struct summary_slice *slice);

/* The other events; from any thread. */
void violations_event_login_refused(struct violations *violations, struct text user,
                                    struct text client, struct text reason);
void violations_event_reload(struct violations *violations, const char *policy_hash, bool accepted,
                             struct text message);
/* What would keep a move back: one statement of the service that cannot be mapped, or one
 * transaction that was too long. `digest`: of the statement, of one in the transaction. */
void violations_event_rehearsal(struct violations *violations, struct text service,
                                struct text reason, uint64_t digest);
/* An override of the policy: `action` begun, ended or undone. */
void violations_event_override(struct violations *violations, struct text action, struct text words,
                               struct text service, struct text who, const char *policy_hash);
/* A session held a table on the server that nothing explains. */
struct violations_unexplained {
    struct text session; /* "ID/INSTANCE" */
    struct text service, user, client, upstream, owner, schema, table, lock;
    const uint64_t *digests; /* of its last statements */
    size_t digest_count;
};
void violations_event_unexplained(struct violations *violations,
                                  const struct violations_unexplained *held);
void violations_event_upstream(struct violations *violations, struct text upstream,
                               struct text address, bool up, struct text reason);

/* The record with this id (16 hex digits), looked for from the end of the outputs that are files,
 * in the last 64 MiB of each: its line, malloc's; NULL: none. For a thread that may wait. */
char *violations_find(const struct text *outputs, size_t count, struct text id);

/* A transaction that is over and has written to what several services own, with violations among
 * its statements. `who` as above, its transaction_owners all that were written to. */
enum { VIOLATIONS_STEPS = 12 };
struct violations_step { /* a violation that wrote; one step for each owner */
    uint64_t digest;
    int16_t owner;
};
struct violations_transaction {
    const struct policy *policy;
    int service;
    const int16_t *read_again; /* owners that were read after they had been written to */
    size_t read_again_count;
    const struct violations_step *steps; /* in their order; none of them twice */
    size_t step_count;
    bool more; /* there were others */
};
/* Folded as violations are: the first of its kind is written at once, its repeats are summed up. */
void violations_add_transaction(struct violations_worker *worker,
                                const struct violations_session *who,
                                const struct violations_transaction *transaction, int64_t now);
/* Of the statement that this worker has added last. */
uint64_t violations_last_digest(const struct violations_worker *worker);

/* For the metrics: racy but whole reads. */
struct violations_counters {
    uint64_t added, written, queued_bytes, backlog_bytes, failures;
    uint64_t shortened; /* records, for syslog */
    uint64_t lost; /* only past 256 MiB in memory, all of one command, with the outputs stuck */
    bool failing;  /* an output cannot be written now */
};
void violations_counters(struct violations *violations, struct violations_counters *counters);

#endif
