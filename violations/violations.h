/* The records of what was logged or blocked: the first violation of a kind is written at once, its
 * repeats are summed up once in each period. One thread writes for all workers. No record is
 * dropped: if a worker's queue is full, the worker knows it before it judges, and the session
 * waits.
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

/* The writer: its thread, its outputs, and one queue for each worker. */
struct violations;
/* What one worker uses: its queue and its table of open violations. Used by that worker only. */
struct violations_worker;

struct violations_settings {
    const struct text *outputs; /* a path, stdout or syslog */
    const unsigned *lines;      /* where proxy.ini names them, for error messages; NULL: unknown */
    size_t output_count;
    int statement;  /* enum config_statement */
    int64_t repeat; /* milliseconds; 0: every violation is written */
};

/* Opens the outputs and starts the thread. `room` is called from the writer's thread when a queue
 * that was full has room again. NULL with `error` filled if an output cannot be opened. */
struct violations *violations_start(const struct violations_settings *settings, unsigned workers,
                                    void (*room)(void *context, unsigned worker), void *context,
                                    struct error *error);
struct violations_worker *violations_worker(struct violations *violations, unsigned worker);

/* A reload: opens the new outputs, or changes nothing and fills `error`. */
bool violations_change(struct violations *violations, const struct violations_settings *settings,
                       struct error *error);
/* SIGUSR1: opens the files again by their paths. Safe from any thread. */
void violations_reopen(struct violations *violations);
/* Writes everything that is queued or open, syncs, and stops the thread. The workers must have
 * ended.
 */
void violations_stop(struct violations *violations);

/* Who sent it; the texts are read only during the call. */
struct violations_session {
    uint64_t session;                      /* silogate's thread id */
    struct text user, client;              /* "10.0.0.7:41522" */
    struct text upstream;                  /* the upstream's name in proxy.ini */
    struct text database;                  /* the current database; `at` NULL: none */
    struct text program_name, client_name; /* connection attributes */
    struct text traceparent;               /* from a query attribute; `at` NULL: none */
    const int16_t *transaction_owners; /* owners written to in the open transaction, at most 16 */
    size_t transaction_owner_count;
};

/* The statement. */
struct violations_statement {
    struct text text; /* this statement only, as the client sent it */
    const struct sql_state *state;
    const struct sql_facts *facts;
    const char *kind;
    const struct policy *policy;
    int service;
    bool fold;
    int32_t today;
    const struct verdict *verdict;
    bool blocked; /* what was done: false means logged */
    /* the offset of `text` in the command: offsets in the facts count from the start of the
     * command */
    uint32_t offset;
};

/* Is there room for the records of any one command? If not, the caller lets the session wait until
 * `room` is called. */
bool violations_ready(const struct violations_worker *worker);

/* Adds one violation; returns the id of the record in which it is counted (for a repeat, of the
 * first). `now` is the wall clock in microseconds. */
uint64_t violations_add(struct violations_worker *worker, const struct violations_session *session,
                        const struct violations_statement *statement, int64_t now);

/* The same for violations that were counted elsewhere: writes a record of its own for `count` of
 * them.
 */
uint64_t violations_add_summed(struct violations_worker *worker,
                               const struct violations_session *session,
                               const struct violations_statement *statement, uint64_t count,
                               int64_t first, int64_t last);

/* Writes the repeats whose period is over. To be called about once a second. */
void violations_tick(struct violations_worker *worker, int64_t now);
/* Writes all repeats, as of `now`: for a caller that has a clock of its own. */
void violations_flush(struct violations_worker *worker, int64_t now);

/* Copies the next part of what this worker has seen since the start; on the worker's thread. */
void violations_seen(const struct violations_worker *worker, struct summary_slice *slice);

/* The other events; from any thread. `service`: of the user; {NULL, 0}: it belongs to none. */
void violations_event_login_refused(struct violations *violations, struct text service,
                                    struct text user, struct text client, struct text reason);
void violations_event_reload(struct violations *violations, const char *policy_hash, bool accepted,
                             struct text message);
/* A reason that would keep a move from succeeding: one statement of the service that cannot be
 * mapped, or one transaction that was too long. `digest`: of the statement, or of one in the
 * transaction. */
void violations_event_rehearsal(struct violations *violations, struct text service,
                                struct text reason, uint64_t digest);
/* An override of the policy: `action` begun, ended or undone. */
void violations_event_override(struct violations *violations, struct text action, struct text words,
                               struct text service, struct text who, const char *policy_hash);
/* A session on the server held a table, and no instance of silogate knows the session. */
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

/* The record with this id (16 hex digits): its line, allocated with malloc; NULL: none. Searches
 * the outputs that are files from their ends, the last 64 MiB of each. For a thread that may wait.
 */
char *violations_find(const struct text *outputs, size_t count, struct text id);

/* A transaction that has ended and wrote to data of several services, with violations among its
 * statements. `who` as above; its transaction_owners are all that were written to. */
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
    const struct violations_step *steps; /* in the order in which they ran, without repeats */
    size_t step_count;
    bool more; /* there were more */
};
/* Folded like violations: the first of its kind is written at once, its repeats are summed up. */
void violations_add_transaction(struct violations_worker *worker,
                                const struct violations_session *who,
                                const struct violations_transaction *transaction, int64_t now);
/* The digest of the statement that this worker added last. */
uint64_t violations_last_digest(const struct violations_worker *worker);

/* Numbers for the metrics: each one is correct, but they may be from different moments. */
struct violations_counters {
    uint64_t added, written, queued_bytes, backlog_bytes, failures;
    uint64_t shortened; /* records that were shortened for syslog */
    /* only if one command alone has filled 256 MiB while the outputs could not be written */
    uint64_t lost;
    bool failing; /* an output cannot be written now */
};
void violations_counters(struct violations *violations, struct violations_counters *counters);

#endif
