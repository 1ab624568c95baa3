/* Reads server logs, digest tables and files of SQL, and writes the violation records that a
 * running silogate would have written for the same statements. Memory does not grow with the input.
 * Used by cmd/learn.c; the readers of the formats are learn/general.c, slow.c, digests.c and
 * statements.c.
 *
 * A source never shows everything that a running silogate sees. What is missing is counted and
 * printed.
 */
#ifndef LEARN_LEARN_H
#define LEARN_LEARN_H

#include <stdio.h>

#include "base/error.h"
#include "base/hash_table.h"
#include "learn/offline.h"
#include "violations/violations.h"

enum learn_format { LEARN_GENERAL, LEARN_SLOW, LEARN_DIGESTS, LEARN_EXPLAIN };

enum {
    /* sessions open at the same time; beyond that the oldest is forgotten */
    LEARN_SESSIONS = 65536,
    LEARN_USERS = 10000, /* distinct users in the summary */
    LEARN_TEXT_MOST =
        64 << 20,   /* bytes of a statement; silogate refuses a longer command as well */
    LEARN_TOLD = 5, /* lines not understood that are printed */
};

/* What was read, and what could not be read: for the summary. Numbers are numbers of statements
 * unless a comment says otherwise. */
struct learn_counts {
    uint64_t lines, bytes, files;
    /* executions: of prepared statements, contained in the number above */
    uint64_t statements, executions;
    uint64_t violations, blocked, undetermined;
    uint64_t lines_unknown;   /* lines that were not understood */
    uint64_t cut_off;         /* texts that were cut off in the source */
    uint64_t too_long;        /* left out because they are longer than LEARN_TEXT_MOST */
    uint64_t of_nobody;       /* of sessions whose login is not in the source */
    uint64_t without_service; /* of users without a service */
    uint64_t sessions, sessions_forgotten;
    uint64_t prepares;     /* PREPARE in SQL whose text the server has left out */
    uint64_t without_text; /* from rows of tables without a user */
    int64_t first, last;   /* microseconds; 0: no time was seen */
};

/* A user that was seen, with the number of its statements. */
struct learn_user {
    int service;
    uint64_t statements, violations;
};

struct learn {
    struct offline offline;
    struct sql_state start; /* the state of a new session, from the options */
    struct text user; /* the user of statements for which the source has none; `at` NULL: none */
    bool progress;
    bool version_given; /* if false, the first line of a log decides: version_seen */
    bool version_seen;
    struct learn_counts counts;
    struct hash_table user_names;
    struct learn_user users[LEARN_USERS];
    struct violations *violations;
    struct violations_worker *worker;
    struct sessions *sessions;
    struct learn_branches *branches; /* XA transactions; NULL until there is one */
    struct ruling *ruling;           /* of the present command */
};

/* `learn` is zeroed except for start, user, progress and offline, which is open. Records are
 * written to standard output. False with `error`. */
bool learn_start(struct learn *learn, struct error *error);
/* Reads files of one format; logs in the order of their first times. False if a file cannot be read
 * to its end: it is reported on standard error, and the others are read. */
bool learn_files(struct learn *learn, enum learn_format format, char **paths, size_t count);
/* Writes out all records; false where they could not be written. */
bool learn_finish(struct learn *learn);
/* Prints what was read and what the source does not show. */
void learn_tell(const struct learn *learn, enum learn_format format, FILE *to);
void learn_free(struct learn *learn);

#endif
